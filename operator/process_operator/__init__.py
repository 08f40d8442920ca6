"""Keeps applications, made of processes that share one image, in step with their manifests.

The layout of this package is its architecture; docs/architecture.md draws the flow.
"""

__version__ = "0.2.0"
