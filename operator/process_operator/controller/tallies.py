"""How many applications and processes say what, for Prometheus: a sum of what each look told.

A look leaves the tally of its application here; what is scraped adds them up. So a scrape reads no
object, and costs what there are of applications. Where a platform asks for it, each application is
told by its name too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from process_operator.cluster.informer import Informer
from process_operator.controller.observe.records import ApplicationKey, InvalidObject
from process_operator.controller.status.model import Answer
from process_operator.kube import conditions, names
from process_operator.models.process import ProcessStatus, ProcessType

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was told of one application and of what belongs to it."""

    application: str | None
    """The reason of its `Ready`; None where there is none."""
    ready: bool
    """Whether its `Ready` is true."""
    processes: dict[tuple[str, str], int]
    """How many, by type and reason."""
    pending: int
    """Staged changes that wait for a release."""
    waiting_since: datetime | None
    """Since when its oldest release waits to start."""
    scheduled_success: datetime | None
    """When the one of its cron processes that succeeded longest ago did so last."""


def tally(answers: Sequence[Answer]) -> Tally:
    """Return the tally of the answers of one look."""
    application: str | None = None
    ready = False
    processes: Counter[tuple[str, str]] = Counter()
    pending, waiting, succeeded = 0, [], []
    for answer in answers:
        one = answer.of
        is_ready, reason = _said(answer)
        if one.kind == names.APPLICATION_KIND:
            application, ready = reason, is_ready
        elif one.kind == names.RELEASE_KIND:
            waiting.append(one.created_at)
        elif one.kind == names.PROCESS_KIND:
            processes[_type(answer), reason] += 1
            status = answer.status
            if isinstance(status, ProcessStatus):
                pending += status.pending_count or 0
                if status.last_successful_time is not None:
                    succeeded.append(status.last_successful_time)
    return Tally(
        application=application,
        ready=ready,
        processes=dict(processes),
        pending=pending,
        waiting_since=min(waiting, default=None),
        scheduled_success=min(succeeded, default=None),
    )


def _type(answer: Answer) -> str:
    one = answer.of
    if isinstance(one, InvalidObject):
        return _UNKNOWN
    found: ProcessType = one.spec.type
    return found.value


def _said(answer: Answer) -> tuple[bool, str]:
    for one in answer.said:
        if one.type == conditions.READY:
            return one.status == "True", str(one.reason)
    return False, _UNKNOWN


class Tallies(Collector):
    """The tallies of all applications, and what else is read when Prometheus asks."""

    def __init__(
        self,
        *,
        informers: Sequence[Informer[object]],
        waiting: Callable[[], int],
        clock: Callable[[], datetime],
        per_application: bool = False,
    ) -> None:
        self._informers = informers
        self._waiting = waiting
        self._clock = clock
        self._per_application = per_application
        self._of: dict[ApplicationKey, Tally] = {}

    def note(self, key: ApplicationKey, answers: Sequence[Answer]) -> None:
        """Take in what a look told; an application of which nothing is left is forgotten."""
        if answers:
            self._of[key] = tally(answers)
        else:
            self._of.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the sums."""
        yield self._applications()
        yield self._processes()
        yield _single(
            "process_operator_pending_changes",
            "Staged changes that wait for a release",
            sum(one.pending for one in self._of.values()),
        )
        yield _single(
            "process_operator_waiting_release_age_seconds",
            "Seconds that the oldest release which has not started waits; 0 without one",
            self._age(one.waiting_since for one in self._of.values()),
        )
        yield _single(
            "process_operator_scheduled_success_age_seconds",
            "Seconds since the last success of the cron process that waits longest for one; 0 "
            "without one",
            self._age(one.scheduled_success for one in self._of.values()),
        )
        yield _by(
            "workqueue_depth",
            "Applications that wait for their turn",
            "name",
            {"application": self._waiting()},
        )
        yield _by(
            "process_operator_informer_objects",
            "Objects of a kind that are known",
            "kind",
            self._per_kind(len),
        )
        yield _by(
            "process_operator_informer_silence_seconds",
            "Seconds since the server was last heard of a kind",
            "kind",
            self._per_kind(lambda informer: informer.silence),
        )
        if self._per_application:
            yield from self._each()

    def _applications(self) -> GaugeMetricFamily:
        reasons = Counter(one.application for one in self._of.values() if one.application)
        text = "Applications by the reason of their Ready"
        return _by("process_operator_applications", text, "reason", reasons)

    def _processes(self) -> GaugeMetricFamily:
        found: Counter[tuple[str, str]] = Counter()
        for one in self._of.values():
            found.update(one.processes)
        family = GaugeMetricFamily(
            "process_operator_processes",
            "Processes by type and by the reason of their Ready",
            labels=["type", "reason"],
        )
        for labels, count in sorted(found.items()):
            family.add_metric(labels, count)
        return family

    def _each(self) -> Iterator[GaugeMetricFamily]:
        """Yield what is told of each application by its name, for platforms that ask for it."""
        ready = _of_each("ready", "1 where Ready is true, by its reason", "reason")
        pending = _of_each("pending_changes", "Staged changes that wait for a release")
        waiting = _of_each(
            "waiting_release_age_seconds",
            "Seconds that its oldest release which has not started waits",
        )
        succeeded = _of_each(
            "scheduled_success_age_seconds",
            "Seconds since the last success of its cron process that waits longest for one",
        )
        for key, one in sorted(self._of.items()):
            labels = (key.namespace, key.name)
            if one.application is not None:
                ready.add_metric((*labels, one.application), float(one.ready))
                pending.add_metric(labels, one.pending)
            if one.waiting_since is not None:
                waiting.add_metric(labels, self._age([one.waiting_since]))
            if one.scheduled_success is not None:
                succeeded.add_metric(labels, self._age([one.scheduled_success]))
        yield from (ready, pending, waiting, succeeded)

    def _age(self, times: Iterable[datetime | None]) -> float:
        oldest = min((time for time in times if time is not None), default=None)
        return max(0.0, (self._clock() - oldest).total_seconds()) if oldest is not None else 0.0

    def _per_kind(self, value: Callable[[Informer[object]], float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for informer in self._informers:
            # There are two of events: the one that tells more of trouble counts.
            found[informer.kind] = max(value(informer), found.get(informer.kind, 0.0))
        return found


def _single(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)


def _of_each(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    of = ("namespace", "application", *labels)
    return GaugeMetricFamily(f"process_operator_application_{name}", text, labels=of)


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family
