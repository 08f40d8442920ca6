"""Every kind that we read or write, and where the API server keeps it.

One table instead of discovery: the operator speaks to kinds it was written for, and a start that
needs no discovery has one way less to fail.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from process_operator.kube import names


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind as the API server knows it."""

    kind: str
    api_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """Return the path of one object, or of all objects of a namespace or of the cluster."""
        parts = ["/apis" if "/" in self.api_version else "/api", self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


_ALL = (
    Resource(kind="Namespace", api_version="v1", plural="namespaces", namespaced=False),
    Resource(kind="ConfigMap", api_version="v1", plural="configmaps"),
    Resource(kind="Secret", api_version="v1", plural="secrets"),
    Resource(kind="Pod", api_version="v1", plural="pods"),
    Resource(kind="PodMetrics", api_version="metrics.k8s.io/v1beta1", plural="pods"),
    Resource(kind="Service", api_version="v1", plural="services"),
    Resource(kind="Deployment", api_version="apps/v1", plural="deployments"),
    Resource(kind="CronJob", api_version="batch/v1", plural="cronjobs"),
    Resource(kind="Job", api_version="batch/v1", plural="jobs"),
    Resource(
        kind="HorizontalPodAutoscaler",
        api_version="autoscaling/v2",
        plural="horizontalpodautoscalers",
    ),
    Resource(kind="PodDisruptionBudget", api_version="policy/v1", plural="poddisruptionbudgets"),
    Resource(kind="Ingress", api_version="networking.k8s.io/v1", plural="ingresses"),
    Resource(
        kind="IngressClass",
        api_version="networking.k8s.io/v1",
        plural="ingressclasses",
        namespaced=False,
    ),
    Resource(kind="HTTPRoute", api_version="gateway.networking.k8s.io/v1", plural="httproutes"),
    Resource(kind="Lease", api_version="coordination.k8s.io/v1", plural="leases"),
    Resource(kind="Event", api_version="events.k8s.io/v1", plural="events"),
    Resource(
        kind=names.APPLICATION_KIND, api_version=names.API_VERSION, plural="processapplications"
    ),
    Resource(kind=names.PROCESS_KIND, api_version=names.API_VERSION, plural="processes"),
    Resource(kind=names.RELEASE_KIND, api_version=names.API_VERSION, plural="processreleases"),
    Resource(kind=names.RUN_KIND, api_version=names.API_VERSION, plural="processruns"),
    Resource(
        kind=names.RESOURCE_TYPE_KIND,
        api_version=names.API_VERSION,
        plural="processresourcetypes",
        namespaced=False,
    ),
)

KINDS: Mapping[str, Resource] = {resource.kind: resource for resource in _ALL}

_PLURALS = frozenset(resource.plural for resource in _ALL)


def resource_of(path: str) -> str:
    """Return which resource a path is about, as `plural` or `plural/subresource`; "" for none."""
    parts = path.split("/")
    at = next((place for place, part in enumerate(parts) if part in _PLURALS), None)
    if at is None:
        return ""
    if len(parts) > at + 2 and parts[at] == "namespaces" and parts[at + 2] in _PLURALS:
        at += 2
    return f"{parts[at]}/{parts[at + 2]}" if len(parts) > at + 2 else parts[at]
