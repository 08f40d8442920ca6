"""What the API counts of itself, in the text format of Prometheus."""

from collections import Counter
from collections.abc import Iterator

from process_operator.api.http.connections import Connections

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Labels = tuple[str, str, str]
"""Method, route and status."""


class Meters:
    """Answers by method, route and status, where the route has no ids; and connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._count: Counter[Labels] = Counter()
        self._seconds: Counter[Labels] = Counter()
        self._buckets: dict[Labels, list[int]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        labels = (method if method in _METHODS else "other", route, str(status))
        self._count[labels] += 1
        self._seconds[labels] += seconds  # type: ignore[assignment] # a counter of any number
        buckets = self._buckets.setdefault(labels, [0] * len(_BOUNDS))
        for place, bound in enumerate(_BOUNDS):
            if seconds <= bound:
                buckets[place] += 1

    def text(self) -> str:
        """Return all counters."""
        return "\n".join((*self._of_connections(), *self._of_answers(), ""))

    def _of_connections(self) -> Iterator[str]:
        name = "process_operator_api_connections"
        yield f"# HELP {name} Connections that are open."
        yield f"# TYPE {name} gauge"
        yield f"{name} {self._connections.open}"
        name = "process_operator_api_refused_connections_total"
        yield f"# HELP {name} Connections that were too many, in all or of their address."
        yield f"# TYPE {name} counter"
        yield f"{name} {self._connections.refused}"

    def _of_answers(self) -> Iterator[str]:
        name = "process_operator_api_request_duration_seconds"
        yield f"# HELP {name} Time to answer a request."
        yield f"# TYPE {name} histogram"
        for labels, count in sorted(self._count.items()):
            method, route, status = labels
            told = f'method="{method}",route="{route}",status="{status}"'
            for bound, below in zip(_BOUNDS, self._buckets[labels], strict=True):
                yield f'{name}_bucket{{{told},le="{bound}"}} {below}'
            yield f'{name}_bucket{{{told},le="+Inf"}} {count}'
            yield f"{name}_sum{{{told}}} {self._seconds[labels]:.6f}"
            yield f"{name}_count{{{told}}} {count}"
