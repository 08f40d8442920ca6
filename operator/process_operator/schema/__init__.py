"""From models to CRDs and their rules, and checks of documents without a server."""
