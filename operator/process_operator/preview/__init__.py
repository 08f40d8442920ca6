"""What the next release would do, told before anything is applied."""
