"""From requests to specs, and the one writer of them."""
