"""What is kept of each object of the cluster: the only room of the pipeline with a state."""
