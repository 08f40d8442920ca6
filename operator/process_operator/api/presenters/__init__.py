"""Records in, replies out, a module per noun; no input or output."""
