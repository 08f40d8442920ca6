"""What the API counts of itself: answers by method, route and status; and connections.

A route is told as its template (`/v3/applications/{id}`), never as the path that was asked for: so
the number of series does not grow with what callers send.
"""

from prometheus_client import Counter, Gauge, Histogram

from process_operator import metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

CONNECTIONS = Gauge(
    "process_operator_api_connections",
    "Connections that are open",
    registry=metrics.REGISTRY,
)
REFUSED_CONNECTIONS = Counter(
    "process_operator_api_refused_connections_total",
    "Connections that were too many, in all or of their address",
    registry=metrics.REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "process_operator_api_request_duration_seconds",
    "Seconds until a request was answered, by its route without ids",
    ["method", "route", "status"],
    buckets=_BOUNDS,
    registry=metrics.REGISTRY,
)


def count(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer."""
    named = method if method in _METHODS else "other"
    REQUEST_SECONDS.labels(named, route, str(status)).observe(seconds)
