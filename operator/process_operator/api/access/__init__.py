"""Who asks: keys, and the ids by which objects are called."""
