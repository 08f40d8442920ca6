"""The Deployment and the Job controller of a story, and what their pods do.

A rollout takes no time: a Deployment has all its instances as soon as it is looked at, unless its
image fails in this story; then one new pod says why, and the rest happens when its deadline has
passed. A Job ends at once, as the story says, or runs until somebody stops it or its time is up.
There is one pod for each of them, and only where what it says counts. CronJobs never fire.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from process_operator.kube import conditions, names
from storytelling import words
from storytelling.cast import NAMESPACE, Body, place_of
from storytelling.server import Server


class Controllers:
    """Do one thing at a time, so that the operator sees each."""

    def __init__(
        self,
        server: Server,
        tell: Callable[[str], None],
        *,
        failing_images: Mapping[str, str],
        jobs: Mapping[str, str],
    ) -> None:
        self._server = server
        self._tell = tell
        self._failing_images = failing_images
        self._jobs = jobs
        self._began: dict[str, datetime] = {}
        """By uid and image of a Deployment: when that image began to fail."""

    def step(self) -> bool:
        """Do one thing that a controller would do now; return whether there was any."""
        for body in self._server.find("Deployment"):
            if self._deployment(body):
                return True
        return any(self._job(body) for body in self._server.find("Job"))

    def _deployment(self, body: Body) -> bool:
        about, spec, status = body["metadata"], body["spec"], body.get("status") or {}
        if status.get("observedGeneration") == about["generation"] and not status.get("late"):
            return False
        image = spec["template"]["spec"]["containers"][0]["image"]
        size = spec.get("replicas", 1)
        counted = {
            "observedGeneration": about["generation"],
            "replicas": size,
            "updatedReplicas": size,
            "readyReplicas": size,
            "availableReplicas": size,
        }
        problem = self._failing_images.get(image) if size else None
        began = self._began.setdefault(f"{about['uid']} {image}", self._server.now)
        late = began + timedelta(seconds=spec["progressDeadlineSeconds"])
        if problem is None:
            self._began.pop(f"{about['uid']} {image}", None)
            self._remove_pods(body)
            self._server.put({**body, "status": counted})
            return True
        counted |= {"updatedReplicas": 1, "readyReplicas": size, "availableReplicas": size}
        counted["replicas"] = size + 1
        if self._server.now >= late:
            failed = {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
            }
            self._server.put({**body, "status": {**counted, "conditions": [failed]}})
            return True
        if status.get("late"):
            return False
        self._pod(body, problem)
        self._server.put({**body, "status": {**counted, "late": True}})
        return True

    def next_timer(self) -> datetime | None:
        """Return when the next Deployment is late, or the next Job runs out of time."""
        timers = []
        for body in self._server.find("Deployment"):
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
            began = self._began.get(f"{body['metadata']['uid']} {image}")
            if began is not None and (body.get("status") or {}).get("late"):
                timers.append(began + timedelta(seconds=body["spec"]["progressDeadlineSeconds"]))
        for body in self._server.find("Job"):
            if not (body.get("status") or {}).get("conditions"):
                made = conditions.parse_time(body["metadata"]["creationTimestamp"])
                timers.append(made + timedelta(seconds=body["spec"]["activeDeadlineSeconds"]))
        return min((at for at in timers if at > self._server.now), default=None)

    def _job(self, body: Body) -> bool:
        about, status = body["metadata"], body.get("status") or {}
        if "deletionTimestamp" in about:
            self._tell(f"Job {words.shown(about['name'], body)} and its pods are gone")
            self._server.remove(place_of("Job", about["name"]))
            return True
        if status.get("conditions"):
            return False
        does = self._jobs.get(about["labels"][names.PROCESS], "succeeds")
        made = conditions.parse_time(about["creationTimestamp"])
        deadline = made + timedelta(seconds=body["spec"]["activeDeadlineSeconds"])
        moment = conditions.timestamp(self._server.now)
        if self._server.now >= deadline:
            ending = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
        elif does == "fails once" and body["spec"]["backoffLimit"] and not status:
            self._pod(body, "exits")
            self._tell(f"Job {words.shown(about['name'], body)} fails, and is tried again")
            self._server.put({**body, "status": {"failed": 1, "startTime": moment}})
            return True
        elif does in {"succeeds", "fails once"}:
            ending = {"type": "Complete", "status": "True", "reason": "CompletionsReached"}
        elif does in _FAILING:
            self._pod(body, _FAILING[does])
            ending = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
        else:
            if not status:
                self._pod(body, "hangs" if does == "cannot be pulled" else "runs")
                self._server.put({**body, "status": {"active": 1, "startTime": moment}})
                return True
            return False
        self._tell(f"Job {words.shown(about['name'], body)} {_ENDS[ending['reason']]}")
        ended = {"startTime": moment, "conditions": [{**ending, "lastTransitionTime": moment}]}
        self._server.put({**body, "status": ended})
        return True

    def _pod(self, owner: Body, does: str) -> None:
        about = owner["metadata"]
        name = f"{about['name']}-pod"
        state, phase, restarts = _STATES[does]
        self._server.put(
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "labels": about["labels"],
                    "ownerReferences": [
                        {
                            "apiVersion": owner["apiVersion"],
                            "kind": owner["kind"],
                            "name": about["name"],
                            "uid": about["uid"],
                            "controller": True,
                        }
                    ],
                },
                "spec": {},
                "status": {
                    "phase": phase,
                    **_NODES_WORDS.get(does, {}),
                    "containerStatuses": [
                        {"name": "process", "restartCount": restarts, "state": state}
                    ],
                },
            }
        )

    def _remove_pods(self, owner: Body) -> None:
        self._server.remove(("Pod", NAMESPACE, f"{owner['metadata']['name']}-pod"))


_FAILING = {"fails": "exits", "is evicted": "evicted", "finds no room": "no room"}
"""What the pod of a Job that fails does."""
_NODES_WORDS = {
    "evicted": {"reason": "Evicted", "message": "The node was low on resource: memory"},
    "no room": {
        "reason": "OutOfephemeral-storage",
        "message": "Pod was rejected: Node didn't have enough resource: ephemeral-storage",
    },
}
_ENDS = {
    "DeadlineExceeded": "is stopped by its deadline",
    "CompletionsReached": "ends well",
    "BackoffLimitExceeded": "fails",
}
_STATES: Mapping[str, tuple[Body, str, int]] = {
    "hangs": (
        {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
        "Pending",
        0,
    ),
    "crashes": (
        {"terminated": {"exitCode": 1, "reason": "Error"}},
        "Running",
        3,
    ),
    "exits": ({"terminated": {"exitCode": 3, "reason": "Error"}}, "Failed", 0),
    "evicted": ({"terminated": {"exitCode": 137, "reason": "Error"}}, "Failed", 0),
    "no room": ({}, "Failed", 0),
    "runs": ({"running": {"startedAt": "2026-01-05T12:00:00Z"}}, "Running", 0),
}
