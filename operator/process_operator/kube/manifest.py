"""A Kubernetes object as JSON."""

from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: what server-side apply takes."""
