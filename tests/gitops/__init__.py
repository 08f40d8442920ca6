"""Real tools that follow Git: Argo CD and Flux as processes of this machine, and a Git server."""
