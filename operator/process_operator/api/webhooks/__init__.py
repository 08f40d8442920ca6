"""Webhooks: what becomes of deployments, sent to addresses that the platform allows."""
