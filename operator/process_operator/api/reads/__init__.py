"""What the API knows of the cluster, and what it keeps of its own answers."""
