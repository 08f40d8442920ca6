"""Why a release failed: from the step down to the pod's own words, and one plain sentence.

The decision that a release has failed knows the process and its pod. What the container wrote
last and what Kubernetes said of the pod has to be fetched: whoever does that adds it here, before
the record is written, because going back removes the pod.

What others have written may hold a value of a literal variable. Pods' own words go into records,
conditions and events alike, so they are masked where they come in (`masking.redact`), and what
is fetched is masked when it is added.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from process_operator.controller.observe import masking, quoting
from process_operator.controller.observe.child_status import TOO_LATE
from process_operator.controller.observe.records import Pod
from process_operator.controller.release.rollout import Progress
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import ReleaseStep
from process_operator.models.snapshot import Snapshot

LOG_LINES = 20
MAX_LINE = 500
MAX_EVENTS = 8
MAX_EVENT = 500
_GAP = " ... "
_HALF = (MAX_LINE - len(_GAP)) // 2

_WHEN = {
    JobStartPolicy.BEFORE_DEPLOYMENT: "before the rollout",
    JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT: "after the rollout",
    JobStartPolicy.AFTER_FAILED_DEPLOYMENT: "after the failure",
}


def of_job(entry: Mapping[str, Any], pod: Pod | None) -> dict[str, Any]:
    """Return why a job that ran before the rollout made its release fail."""
    sentence = (
        f'The rollout never started because job process "{entry["key"]}", which runs '
        f"{_WHEN[JobStartPolicy(entry['policy'])]}, failed: {entry['message']}"
    )
    return _failure(
        ReleaseStep.BEFORE_JOBS, entry["key"], entry["reason"], entry["message"], sentence, pod=pod
    )


def of_rollout(key: str, progress: Progress, probe_failures: Mapping[str, str]) -> dict[str, Any]:
    """Return why a process that did not become ready made its release fail."""
    problem = progress.problem
    sentence = (
        f'The rollout failed because process "{key}" did not become ready in time: '
        f"{progress.message}"
    )
    return _failure(
        ReleaseStep.ROLLOUT,
        key,
        # Where nothing is known to be wrong, no more can be said than that it is late.
        problem.reason if problem else TOO_LATE,
        problem.message if problem else progress.message,
        sentence,
        pod=progress.pod,
    ) | _probe(progress.pod, probe_failures)


def after_success(entry: Mapping[str, Any]) -> str:
    """Return the warning that a job after the rollout failed; the release stands."""
    return (
        f'job process "{entry["key"]}", which runs after the rollout, failed: {entry["message"]}; '
        "the release stands"
    )


def _failure(
    step: ReleaseStep, key: str, reason: str, message: str, sentence: str, *, pod: Pod | None
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "step": str(step),
        "process": key,
        "reason": reason,
        "message": message,
        "sentence": sentence,
    }
    if pod is None:
        return made
    made["pod"] = pod.name
    problem = pod.problem
    if problem is None:
        return made
    if problem.state:
        made["containerState"] = problem.state
    if problem.exit_code is not None:
        made["exitCode"] = problem.exit_code
        if 128 < problem.exit_code < 256:
            # The shells' way to say that a signal ended it.
            made["signal"] = problem.exit_code - 128
    return made


def _probe(pod: Pod | None, probe_failures: Mapping[str, str]) -> dict[str, str]:
    """Return what the kubelet said of a failing probe of this pod."""
    said = probe_failures.get(pod.uid) if pod is not None else None
    return {} if said is None else {"probe": quoting.printable(said)[:MAX_LINE]}


def with_evidence(
    failure: Mapping[str, Any], *, log: str, events: Iterable[str], snapshot: Snapshot | None
) -> dict[str, Any]:
    """Add the last lines of the container and what Kubernetes said of its pod."""
    values = masking.secret_values([snapshot], names.key_label(failure["process"]))
    lines = tail(log, values)
    said = [quoting.printable(one[:MAX_EVENT])[:MAX_EVENT] for one in [*events][-MAX_EVENTS:]]
    told = [*quoting.masked(said, values)]
    return {
        **failure,
        **({"log": lines} if lines else {}),
        **({"events": told} if told else {}),
    }


def tail(log: str, values: frozenset[str]) -> str:
    """Return the last lines of a container's log, bounded, escaped and masked.

    They are bounded first: what is left out need not be masked. Where something was left out, and
    at either end of the log, which is an excerpt itself, a value may have been cut.
    """
    told = quoting.masked(_excerpts(log.splitlines()[-LOG_LINES:]), values, cut_before=True)
    lines = _GAP.join(told).split("\n")
    return "\n".join(_shortened(quoting.printable(one)) for one in lines)


def _excerpts(lines: Iterable[str]) -> list[str]:
    """Return lines as one text, in pieces: without the middles of those that are too long."""
    pieces: list[list[str]] = [[]]
    for line in lines:
        if len(line) <= MAX_LINE:
            pieces[-1].append(line)
        else:
            pieces[-1].append(line[:_HALF])
            pieces.append([line[-_HALF:]])
    return ["\n".join(piece) for piece in pieces]


def _shortened(line: str) -> str:
    """Return a line without its middle if it is too long: errors stand at either end."""
    return line if len(line) <= MAX_LINE else line[:_HALF] + _GAP + line[-_HALF:]


def events_told(events: Iterable[Manifest]) -> list[str]:
    """Return what Kubernetes' warnings say, oldest first, each once."""
    warnings = sorted(
        (one for one in events if one.get("type") == "Warning"),
        key=lambda one: one["metadata"]["creationTimestamp"],
    )
    return list(dict.fromkeys(f"{one.get('reason')}: {one.get('note')}" for one in warnings))
