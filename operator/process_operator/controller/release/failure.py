"""Why a release failed: from the step down to the pod's own words, and one plain sentence.

The decision that a release has failed knows the process and its pod. What the container wrote
last and what Kubernetes said of the pod has to be fetched: whoever does that adds it here, before
the record is written, because going back removes the pod.

What others have written may hold a value of a literal variable. Pods' own words go into records,
conditions and events alike, so they are masked where they come in (`masking.redact`), and what
is fetched is masked when it is added.
"""

from collections.abc import Iterable, Mapping

from process_operator.controller.observe import masking, quoting
from process_operator.controller.observe.child_status import TOO_LATE
from process_operator.controller.observe.records import Pod
from process_operator.controller.release.rollout import ProcessProgress
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.release import Failure, JobRecord, ReleaseStep
from process_operator.models.snapshot import Snapshot

LOG_LINES = 20
MAX_LINE = 500
MAX_EVENTS = 8
MAX_EVENT = 500
_WITH_SERVING = " with the image that serves"
_GAP = " ... "
_HALF = (MAX_LINE - len(_GAP)) // 2


def of_job(job: JobRecord, pod: Pod | None) -> Failure:
    """Return why a job that ran before the rollout made its release fail."""
    return _of_pod(pod).changed(
        step=ReleaseStep.BEFORE_JOBS,
        process=job.key,
        reason=job.reason,
        message=job.message,
        sentence=f'The rollout never started because job process "{job.key}", which runs before '
        f"the rollout{_WITH_SERVING if job.run_with else ''}, failed: {job.message}",
    )


def of_undoing(job: JobRecord, before: Failure | None, pod: Pod | None) -> Failure:
    """Return why a release did not go back: a job that was to run before that failed.

    Args:
        job: That job.
        before: Why the release failed; None for one that was cancelled, or that was to go back.
        pod: The pod that tells why the job failed.
    """
    told = (
        f'job process "{job.key}", which runs before going back, failed: {job.message}. What runs '
        "was left as it is"
    )
    if before is not None:
        return before.changed(sentence=f"{before.sentence}. It did not go back, because {told}")
    return _of_pod(pod).changed(
        step=ReleaseStep.BEFORE_ROLLBACK_JOBS,
        process=job.key,
        reason=job.reason,
        message=job.message,
        sentence=f"Nothing went back, because {told}",
    )


def of_rollout(process: ProcessProgress, probe_failures: Mapping[str, str]) -> Failure:
    """Return why a process that did not become ready made its release fail."""
    progress = process.progress
    problem, pod = progress.problem, progress.pod
    return _of_pod(pod).changed(
        step=ReleaseStep.ROLLOUT,
        process=process.key,
        # Where nothing is known to be wrong, no more can be said than that it is late.
        reason=problem.reason if problem else TOO_LATE,
        message=problem.message if problem else progress.message,
        probe=_probe(pod, probe_failures),
        sentence=f'The rollout failed because process "{process.key}" did not become ready in '
        f"time: {progress.message}",
    )


def after_success(job: JobRecord) -> str:
    """Return the warning that a job after the rollout failed; the release stands."""
    return (
        f'job process "{job.key}", which runs after the rollout, failed: {job.message}; '
        "the release stands"
    )


def _of_pod(pod: Pod | None) -> Failure:
    """Return what the pod that shows a failure says of it."""
    if pod is None:
        return Failure()
    problem = pod.problem
    if problem is None:
        return Failure(pod=pod.name)
    code = problem.exit_code
    return Failure(
        pod=pod.name,
        container_state=problem.state or None,
        exit_code=code,
        # The shells' way to say that a signal ended it.
        signal=code - 128 if code is not None and 128 < code < 256 else None,
    )


def _probe(pod: Pod | None, probe_failures: Mapping[str, str]) -> str | None:
    """Return what the kubelet said of a failing probe of this pod."""
    said = probe_failures.get(pod.uid) if pod is not None else None
    return None if said is None else quoting.printable(said)[:MAX_LINE]


def with_evidence(
    failure: Failure, *, log: str, events: Iterable[str], snapshot: Snapshot | None
) -> Failure:
    """Add the last lines of the container and what Kubernetes said of its pod."""
    values = masking.secret_values([snapshot], names.key_label(failure.process or ""))
    said = [quoting.printable(one[:MAX_EVENT])[:MAX_EVENT] for one in [*events][-MAX_EVENTS:]]
    told = tuple(quoting.masked(said, values))
    return failure.changed(log=tail(log, values) or None, events=told)


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
