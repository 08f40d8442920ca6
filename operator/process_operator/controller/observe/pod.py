"""What is kept of pods and of the events about them: why they do not serve, in their own words."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from sys import intern
from typing import Any

from process_operator.controller.observe.records import JobRefusal, Pod, PodProblem, ProbeFailure
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.kube.reasons import Reason
from process_operator.schema import bounds

_MAX_MESSAGE = 500


def probe_failure(found: Manifest) -> ProbeFailure:
    """Return the record of an event of a failing probe."""
    about, pod_about = found["metadata"], found.get("regarding") or {}
    return ProbeFailure(
        namespace=about["namespace"],
        pod_uid=pod_about.get("uid") or "",
        resource_version=about["resourceVersion"],
        message=_printable(_without_times(found.get("note") or ""))[:_MAX_MESSAGE],
    )


def job_refusal(found: Manifest) -> JobRefusal:
    """Return the record of an event of a Job that cannot have a pod."""
    about = found["metadata"]
    return JobRefusal(
        namespace=about["namespace"],
        job_uid=(found.get("regarding") or {}).get("uid") or "",
        resource_version=about["resourceVersion"],
        message=_printable(found.get("note") or "")[:_MAX_MESSAGE],
    )


def pod(found: Manifest) -> Pod:
    """Return the record of a pod, with what it says is wrong with it."""
    about = found["metadata"]
    labels = about.get("labels") or {}
    status = found.get("status") or {}
    states = tuple(_containers(status))
    owner = next((o for o in about.get("ownerReferences") or () if o.get("controller")), None)
    return Pod(
        namespace=intern(about["namespace"]),
        name=about["name"],
        uid=about["uid"],
        resource_version=about["resourceVersion"],
        application=intern(labels.get(names.APPLICATION) or ""),
        process=intern(labels.get(names.PROCESS) or ""),
        created_at=datetime.fromisoformat(about["creationTimestamp"]),
        deleting="deletionTimestamp" in about,
        ready=_condition(status, "Ready").get("status") == "True",
        phase=intern(status.get("phase") or ""),
        restarts=sum(state.get("restartCount") or 0 for state in states),
        problem=_problem(about["name"], status, states),
        owner_uid=owner["uid"] if owner else None,
        started=any(_has_run(state) for state in states),
    )


def _has_run(state: Mapping[str, Any]) -> bool:
    return any(
        when.get("running") or when.get("terminated")
        for when in (state.get("state") or {}, state.get("lastState") or {})
    )


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or () if c.get("type") == name), {})


_WAITING: Mapping[str, str] = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": Reason.CONTAINER_CONFIG_INVALID,
    "CreateContainerError": Reason.CONTAINER_CONFIG_INVALID,
    "RunContainerError": Reason.CONTAINER_CONFIG_INVALID,
}


def _problem(
    name: str, status: Mapping[str, Any], states: Iterable[Mapping[str, Any]]
) -> PodProblem | None:
    if status.get("phase") == "Failed" and status.get("reason"):
        # The kubelet ended it: Evicted, NodeShutdown, DeadlineExceeded, ...
        reason = bounds.word(status["reason"])
        return _said(reason, name, status.get("message") or "was ended by its node")
    for state in states:
        if found := _container_problem(name, state, is_over=status.get("phase") == "Failed"):
            return found
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("reason") == "Unschedulable":
        return _said(Reason.UNSCHEDULABLE, name, scheduled.get("message") or "no node takes it")
    return None


def _container_problem(
    pod_name: str, state: Mapping[str, Any], *, is_over: bool
) -> PodProblem | None:
    now, last = state.get("state") or {}, state.get("lastState") or {}
    waiting = now.get("waiting") or {}
    reason = waiting.get("reason") or ""
    if reason in _WAITING:
        said = _without_times(waiting.get("message") or reason)
        text = f"container {state['name']}: {said}"
        # A pull that fails is tried and waits in turn: that is one state.
        word = "ImagePullBackOff" if reason == "ErrImagePull" else reason
        return _said(_WAITING[reason], pod_name, text, state=f"Waiting: {word}")
    ended = now.get("terminated") or (last.get("terminated") if waiting else None)
    if ended and ended["exitCode"] and is_over:
        # A run is over with its container; whether it is tried again is for its Job to say.
        word = Reason.OOM_KILLED if ended.get("reason") == "OOMKilled" else Reason.NON_ZERO_EXIT
        return _over(word, pod_name, state, ended)
    failed_again = ended and ended["exitCode"] and state.get("restartCount")
    # A process that ends well, and should not end at all, is a crash loop too.
    if ended and (failed_again or reason == "CrashLoopBackOff"):
        return _over(Reason.CRASH_LOOP, pod_name, state, ended)
    if reason == "CrashLoopBackOff":
        said = _without_times(waiting.get("message") or reason)
        text = f"container {state['name']}: {said}"
        return _said(Reason.CRASH_LOOP, pod_name, text, state=f"Waiting: {reason}")
    return None


def _over(
    word: str, pod_name: str, state: Mapping[str, Any], ended: Mapping[str, Any]
) -> PodProblem:
    return _said(
        word,
        pod_name,
        _ending(state["name"], ended),
        exit_code=ended["exitCode"],
        state=f"Terminated: {ended.get('reason') or 'Error'}",
    )


def _ending(container: str, ended: Mapping[str, Any]) -> str:
    if ended.get("reason") == "OOMKilled":
        text = f"container {container} was killed for want of memory (OOMKilled)"
    else:
        text = f"container {container} exited with code {ended['exitCode']}"
    last_words = _last_words(ended.get("message") or "")
    return f"{text}: {last_words}" if last_words else text


_CUT_BYTES = 2048
"""From so many bytes on a kubelet keeps the end of a container's last words only, 4096 of a file:
k8s.io/kubernetes, pkg/kubelet/container/runtime.go."""


def _last_words(message: str) -> str:
    """Return whole lines: a value of which an end alone is left could not be known again."""
    if len(message.encode(errors="replace")) >= _CUT_BYTES:
        message = message.partition("\n")[2]
    return message.strip()


_BACK_OFF = re.compile(r"^Back-off pulling image \"[^\"]*\": (?:ErrImagePull: )?")
_BACK_OFF_TIME = re.compile(r"\bback-off (?:\d+[hms])+ ")


def _without_times(message: str) -> str:
    """Return a message that stays the same while a kubelet tries again, waits, and tries again."""
    return _BACK_OFF_TIME.sub("back-off ", _BACK_OFF.sub("", message))


def _said(
    reason: str, pod_name: str, message: str, *, exit_code: int | None = None, state: str = ""
) -> PodProblem:
    text = _printable(f"pod {pod_name}: {message}")
    return PodProblem(reason=reason, message=text[:_MAX_MESSAGE], exit_code=exit_code, state=state)


def _printable(text: str) -> str:
    """Escape control characters: what a container wrote must not drive a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
