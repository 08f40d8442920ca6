"""Kubernetes' words: names, kinds, conditions, quantities, errors and manifests."""
