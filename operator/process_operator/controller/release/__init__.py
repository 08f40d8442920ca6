"""The release state machine: what is seen, and now, in; the next step, with its reason, out."""
