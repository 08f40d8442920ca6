"""What Prometheus is told: counters and times, each with its meaning. Names are part of the API.

Where controller-runtime has a name for something, it is that one, so that dashboards and alerts for
other operators work here too. No label is the name of an application, of a namespace or of anything
else that users choose: the number of series does not grow with what runs, unless a platform asks
for series per application (`controller/tallies.py`).
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

INFO = Gauge(
    "process_operator_build_info",
    "Always 1; the label tells what was built",
    ["version"],
    registry=REGISTRY,
)
REQUESTS = Counter(
    "rest_client_requests_total",
    "Requests to the API server by verb, resource and status; 0 for no answer",
    ["verb", "resource", "code"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "rest_client_request_duration_seconds",
    "Seconds until the API server's answer began, watches included",
    ["verb"],
    buckets=_SHORT,
    registry=REGISTRY,
)
LEADER = Gauge(
    "leader_election_master_status",
    "1 on the replica that leads",
    ["name"],
    registry=REGISTRY,
)
RECONCILES = Counter(
    "controller_runtime_reconcile_total",
    "Looks at applications by how they ended",
    ["controller", "result"],
    registry=REGISTRY,
)
RECONCILE_SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Seconds that a look at an application took, its writes included",
    ["controller"],
    buckets=_SHORT,
    registry=REGISTRY,
)
QUEUE_ADDS = Counter(
    "workqueue_adds_total",
    "Applications that were put into the queue",
    ["name"],
    registry=REGISTRY,
)
QUEUE_RETRIES = Counter(
    "workqueue_retries_total",
    "Applications that were put back because a look at them failed",
    ["name"],
    registry=REGISTRY,
)
QUEUE_SECONDS = Histogram(
    "workqueue_queue_duration_seconds",
    "Seconds that an application waited for its turn",
    ["name"],
    buckets=_SHORT,
    registry=REGISTRY,
)
INFORMER_LISTS = Counter(
    "process_operator_informer_lists_total",
    "Lists of a kind, the first one included",
    ["kind"],
    registry=REGISTRY,
)
INFORMER_RESTARTS = Counter(
    "process_operator_informer_restarts_total",
    "Watches of a kind that were lost",
    ["kind"],
    registry=REGISTRY,
)
RELEASES = Counter(
    "process_operator_releases_total",
    "Releases that ended, by their outcome",
    ["outcome"],
    registry=REGISTRY,
)
RELEASE_SECONDS = Histogram(
    "process_operator_release_duration_seconds",
    "Seconds from the start of a release to its end, by its outcome",
    ["outcome"],
    buckets=_LONG,
    registry=REGISTRY,
)
STEP_SECONDS = Histogram(
    "process_operator_release_step_duration_seconds",
    "Seconds that a step of a release took, told when the release ends",
    ["step"],
    buckets=_LONG,
    registry=REGISTRY,
)
JOBS = Counter(
    "process_operator_release_jobs_total",
    "Jobs of releases that ended, by when they run and what became of them",
    ["policy", "result"],
    registry=REGISTRY,
)
CONTROLLER = "application"
"""The one controller and its queue, as the labels `controller` and `name` say it."""
