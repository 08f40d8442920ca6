"""What the instances of a process use now, where the cluster measures it (metrics.k8s.io)."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from process_operator.api.reads.cache import Record
from process_operator.cluster.client import Cluster
from process_operator.kube import errors, names, quantities

MEASURED: Mapping[str, tuple[str, Callable[[Decimal], Decimal]]] = {
    "cpu-usage": ("cpu", lambda cores: cores * 1000),
    "memory-usage": ("memory", lambda octets: octets / 2**20),
}
"""Measurements by name: the resource, and how its amount becomes millicores or megabytes."""


class Usage:
    """Asks the cluster what pods use; nothing is kept, because nobody asks often."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def of(self, measurement: str, process: Record) -> float | None:
        """Return the mean of a process's instances; None where nothing is measured.

        Args:
            measurement: One of `MEASURED`.
            process: The process.
        """
        told = names.selecting(names.selector(process.application, process.spec["key"]))
        try:
            pods = await self._cluster.measure(process.namespace, told)
        except (errors.NotFound, errors.Unavailable):
            # No metrics in this cluster, or none at the moment: neither is a fault of the caller.
            return None
        resource, in_unit = MEASURED[measurement]
        return mean(pods, resource, in_unit)


def mean(
    pods: Iterable[Mapping[str, Any]], resource: str, in_unit: Callable[[Decimal], Decimal]
) -> float | None:
    """Return the mean of what pods use, each with all of its containers; None without pods."""
    used = [
        sum((quantities.value(one["usage"][resource]) for one in pod["containers"]), Decimal())
        for pod in pods
    ]
    return round(float(in_unit(sum(used, Decimal()) / len(used))), 3) if used else None
