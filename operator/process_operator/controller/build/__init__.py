"""From a resolved process to the manifests of its children.

One file per kind. A builder takes a Target and returns exactly the fields that are ours, as
server-side apply wants them, or None where there is nothing to build. It cannot fail: whatever
could be wrong was refused while the Target was made.
"""

from collections.abc import Callable, Mapping

from process_operator.controller.build import (
    autoscaler,
    cronjob,
    deployment,
    disruption_budget,
    httproute,
    ingress,
    service,
)
from process_operator.controller.resolve.target import Target
from process_operator.kube.manifest import Manifest

_BUILDERS: Mapping[str, Callable[[Target], Manifest | None]] = {
    service.KIND: service.service,
    deployment.KIND: deployment.deployment,
    cronjob.KIND: cronjob.cron_job,
    autoscaler.KIND: autoscaler.autoscaler,
    disruption_budget.KIND: disruption_budget.disruption_budget,
    ingress.KIND: ingress.ingress,
    httproute.KIND: httproute.http_route,
}
"""By kind, in the order in which the children are applied."""

KINDS = frozenset(_BUILDERS)
"""The kinds of children that a process is rendered to; Jobs are made once, by releases and runs."""


def children(target: Target) -> tuple[Manifest, ...]:
    """Return a process's children in the order in which they are applied.

    What is led to stands before what leads there: a route never names a Service that is not there.
    """
    made = (build(target) for build in _BUILDERS.values())
    return tuple(manifest for manifest in made if manifest is not None)
