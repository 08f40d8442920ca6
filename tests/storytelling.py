"""Releases told as text: the operator's own loop against a small model of a cluster.

What decides and writes is the real thing (world, plan, execute, status); the API server, its
clock and its Deployment and Job controllers are a model here, so that a story takes milliseconds
and any two steps of it can have a crash between them. As the real one, it refuses a status that
does not fit the schema of its CRD. That the real server does what the model
does is for `tests/cluster/` to show.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

import orjson

import checked
import userside
from process_operator.controller import reconcile
from process_operator.controller.build import KINDS as CHILD_KINDS
from process_operator.controller.execute.executor import Executor
from process_operator.controller.observe import child, pod
from process_operator.controller.observe.records import ApplicationKey, Child, IngressClass
from process_operator.controller.observe.store import Informers, ObjectCache
from process_operator.kube import conditions, errors, names

Body = dict[str, Any]
Place = tuple[str, str, str]
NAMESPACE = "demo"
KEY = ApplicationKey(NAMESPACE, "shop")
START = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
SMALL: Body = {
    "apiVersion": names.API_VERSION,
    "kind": names.RESOURCE_TYPE_KIND,
    "metadata": {"name": "s1"},
    "spec": {"cpu": "500m", "memory": "1Gi", "category": "standard", "default": True},
}
LONGEST = timedelta(hours=3)
"""No story takes longer: what has not settled by then never will."""
_MOST_PASSES = 200


def _copied(body: Body) -> Body:
    """Return an object as it comes over the wire: nobody else's changes show in it."""
    copy: Body = orjson.loads(orjson.dumps(body))
    return copy


class Saved(NamedTuple):
    """What a server held at one moment."""

    objects: bytes
    now: datetime
    version: int
    uids: int


_BEGINNINGS: dict[bytes, Saved] = {}
"""How the beginnings of stories ended, by what was applied in them."""


class Killed(Exception):  # noqa: N818 - it happens to the operator
    """The operator was killed in the middle of a pass."""


class _Records:
    """An informer of one kind, always up to date with what was written through it."""

    def __init__(self, kind: str, absent: Collection[str]) -> None:
        self._kind = kind
        self._absent = absent
        self._found: dict[tuple[str, str], Any] = {}

    @property
    def available(self) -> bool:
        return self._kind not in self._absent

    def observe(self, body: Body) -> None:
        about = body["metadata"]
        make = pod.pod if self._kind == "Pod" else self._child
        self._found[(about["namespace"], about["name"])] = make(body)

    def evict(self, namespace: str, name: str, uid: str) -> None:
        found = self._found.get((namespace, name))
        if found is not None and found.uid == uid:
            del self._found[(namespace, name)]

    def of(self, namespace: str, application: str) -> Iterator[Any]:
        return iter(
            [
                one
                for one in self._found.values()
                if (one.namespace, one.application) == (namespace, application)
            ]
        )

    def all(self) -> Iterator[Any]:
        return iter(self._found.values())

    def _child(self, body: Body) -> Child:
        return child.child(self._kind, body)


class _Classes:
    def of(self, _namespace: str, _application: str) -> Iterator[IngressClass]:
        return iter(())

    def all(self) -> Iterator[IngressClass]:
        return iter(())


class Operator:
    """One life of the operator: what it knows is lost with it."""

    _loop = asyncio.new_event_loop()
    """One for all: to make it anew takes as long as a look at a small application."""

    def __init__(self, server: "Server") -> None:
        kinds = (*sorted(CHILD_KINDS), "Job")
        self.children = {kind: _Records(kind, server.absent) for kind in kinds}
        self.pods = _Records("Pod", server.absent)
        self.store = ObjectCache(
            informers=Informers(
                children=tuple(self.children.values()),
                pods=cast("Any", self.pods),
                ingress_classes=_Classes(),
            ),
            clock=lambda: server.now,
            allowed_annotations=(),
        )
        api = cast("Any", server)
        self._reconciler = reconcile.Reconciler(
            cluster=api,
            store=self.store,
            executor=Executor(
                cluster=api,
                store=self.store,
                children=self.children,
                clock=lambda: server.now,
            ),
            clock=lambda: server.now,
        )
        for place, body in server.objects.items():
            self.observe(place, body)

    def observe(self, place: Place, body: Body | None, uid: str = "") -> None:
        """Take in what a watch would tell."""
        kind, namespace, name = place
        body = _copied(body) if body is not None else None
        records = self.pods if kind == "Pod" else self.children.get(kind)
        if records is not None:
            if body is None:
                records.evict(namespace, name, uid)
            else:
                records.observe(body)
        elif kind in names.OWN_KINDS:
            if body is None:
                self.store.evict(kind, namespace, name, uid)
            else:
                self.store.observe(body)

    def reconcile(self) -> reconcile.Result:
        """Look at the application once."""
        return self._loop.run_until_complete(self._reconciler.reconcile(KEY))


class Server:
    """The API server as the operator's client sees it: objects, versions and a clock."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.now = START
        self.objects: dict[Place, Body] = {}
        self.absent: set[str] = set()
        """Kinds that are not installed."""
        self.admits: Callable[[Body], Body] = lambda body: body
        """What admission makes of a child that the operator writes."""
        self.log_text = ""
        self.strike: Callable[[str], None] | None = None
        """Called before and after each write of the operator with `before` or `after`."""
        self.refuses: Callable[[Body], bool] = lambda _: False
        """Whether it refuses this status of an object, beyond those that do not fit."""
        self.refused: list[datetime] = []
        """When it refused one."""
        self.killed = False
        """Nothing more comes from an operator that was killed."""
        self._tell = tell
        self.version = 100
        self._uids = 0
        self.seen: Callable[[Place, Body | None, str], None] = lambda *_: None

    # What the model and the user do.

    def put(self, body: Body) -> Body:
        """Create or replace an object, whoever does it; the operator's watches see it."""
        about = body["metadata"]
        place = (body["kind"], about.get("namespace", ""), about["name"])
        old = self.objects.get(place)
        self.version += 1
        if old is None:
            self._uids += 1
            about = {
                "uid": f"uid-{self._uids}",
                "generation": 1,
                "creationTimestamp": conditions.timestamp(self.now),
                **about,
            }
        else:
            kept = ("uid", "generation", "creationTimestamp")
            about = {**{name: old["metadata"][name] for name in kept}, **about}
            if old.get("spec") != body.get("spec"):
                about["generation"] = old["metadata"]["generation"] + 1
        about["resourceVersion"] = str(self.version)
        body = {**body, "metadata": about}
        self.objects[place] = body
        self.seen(place, body, about["uid"])
        return body

    def remove(self, place: Place) -> None:
        """Take an object away, and all that it owns."""
        body = self.objects.pop(place, None)
        if body is None:
            return
        uid = body["metadata"]["uid"]
        self.seen(place, None, uid)
        for other, owned in list(self.objects.items()):
            owners = owned["metadata"].get("ownerReferences", ())
            if any(owner["uid"] == uid for owner in owners):
                self.remove(other)

    def saved(self) -> Saved:
        """Return all that it holds."""
        return Saved(orjson.dumps([*self.objects.values()]), self.now, self.version, self._uids)

    def restore(self, saved: Saved) -> None:
        """Become what another one was."""
        found = orjson.loads(saved.objects)
        self.objects = {_place(body["kind"], body["metadata"]["name"]): body for body in found}
        _, self.now, self.version, self._uids = saved

    def find(self, kind: str) -> list[Body]:
        return [body for (found, _, _), body in self.objects.items() if found == kind]

    # What the operator's client does.

    async def apply(
        self,
        manifest: Body,
        *,
        force: bool,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> Body:
        about = manifest["metadata"]
        place = (manifest["kind"], about["namespace"], about["name"])
        if manifest["kind"] in self.absent:
            raise errors.NotFound("the server could not find the requested resource")
        old = self.objects.get(place)
        if not force and old is not None:
            raise errors.Conflict("there is one already")
        if force and (old is None or old["metadata"]["uid"] != uid):
            raise errors.Conflict("it is another one")
        if force and old is not None and old["metadata"]["resourceVersion"] != resource_version:
            raise errors.Conflict("it has changed")
        status = {"status": old["status"]} if old is not None and "status" in old else {}
        said = f"applies {manifest['kind']} {about['name']}{_size(manifest)}"
        return self._write(said, lambda: self.put(self.admits({**_copied(manifest), **status})))

    async def json_patch(
        self, kind: str, namespace: str | None, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Body:
        body = _copied(self.objects[kind, namespace or "", name])
        test, *removals = operations
        if test["value"] != body["metadata"]["resourceVersion"]:
            raise errors.Rejected("the test failed")
        for removal in removals:
            *above, last = [
                int(step) if step.isdecimal() else step for step in removal["path"].split("/")[1:]
            ]
            del functools.reduce(lambda found, step: found[step], above, cast("Any", body))[last]
        return self._write(f"cleans {kind} {name}", lambda: self.put(self.admits(body)))

    async def create(self, manifest: Body) -> Body:
        about = dict(manifest["metadata"])
        if manifest["kind"] == "Event":
            regarding = manifest["regarding"]
            if wrong := checked.refused_event(manifest):
                raise errors.Rejected("; ".join(wrong), status=422)
            self._tell(
                f"event on {regarding['kind']} {regarding['name']}: {manifest['type']} "
                f"{manifest['reason']}"
            )
            return manifest
        place = (manifest["kind"], about["namespace"], about["name"])
        if place in self.objects:
            raise errors.AlreadyExists("there is one already")
        said = f"creates {manifest['kind']} {_shown(about['name'], manifest)}"
        return self._write(said, lambda: self.put(_copied(manifest)))

    async def replace_status(
        self,
        kind: str,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str,
        status: Mapping[str, Any],
    ) -> Body:
        old = self.objects.get((kind, namespace or "", name))
        if old is None:
            raise errors.NotFound("it is gone")
        about = old["metadata"]
        if (about["uid"], about["resourceVersion"]) != (uid, resource_version):
            raise errors.Conflict("it has changed")
        plain = orjson.loads(orjson.dumps(status))
        self._check({**old, "status": plain})
        said = _told(kind, name, old.get("status") or {}, plain)
        return self._write(said, lambda: self.put({**old, "status": plain}))

    def _check(self, body: Body) -> None:
        """Refuse a status as the real server does."""
        wrong = checked.refused(body["kind"], body["status"])
        if self.refuses(body):
            wrong.append("status: is not liked")
        if wrong:
            self.refused.append(self.now)
            self._tell(f"server refuses the status of {body['kind']} {body['metadata']['name']}")
            raise errors.Rejected("; ".join(wrong), status=422, reason="Invalid")

    async def get(self, kind: str, namespace: str | None, name: str) -> Body:
        found = self.objects.get((kind, namespace or "", name))
        if found is None:
            raise errors.NotFound("there is none")
        return found

    async def delete(
        self, kind: str, namespace: str | None, name: str, *, uid: str, propagation: str
    ) -> Body:
        place = (kind, namespace or "", name)
        found = self.objects.get(place)
        if found is None or found["metadata"]["uid"] != uid:
            raise errors.NotFound("there is none")
        how = " and waits for its pods to end" if propagation == "Foreground" else ""
        said = f"deletes {kind} {_shown(name, found)}{how}"
        if propagation == "Foreground":
            about = {**found["metadata"], "deletionTimestamp": conditions.timestamp(self.now)}
            return self._write(said, lambda: self.put({**found, "metadata": about}))
        return self._write(said, lambda: self._removed(place))

    def _removed(self, place: Place) -> Body:
        self.remove(place)
        return {"kind": "Status"}

    async def log(self, _namespace: str, _pod: str, *, lines: int, previous: bool) -> str:
        del lines, previous
        return self.log_text

    async def list(self, _kind: str, **_: Any) -> AsyncGenerator[tuple[Sequence[Body], str], None]:
        yield [], str(self.version)

    def _write(self, said: str, commit: Callable[[], Body]) -> Body:
        self._struck("before")
        body = commit()
        self._tell(f"operator {said}")
        self._struck("after")
        return body

    def _struck(self, when: str) -> None:
        if self.killed:
            raise Killed
        if self.strike is not None:
            try:
                self.strike(when)
            except Killed:
                self.killed = True
                raise


class Story:
    """A user, the operator, the model's controllers, and what happens among them as lines."""

    def __init__(
        self,
        title: str,
        *,
        restarts: bool = False,
        strike: Callable[[str], None] | None = None,
    ) -> None:
        self.lines = [title, ""]
        self.server = Server(self._tell)
        self.server.seen = self._seen
        self.failing_images: dict[str, str] = {}
        """By image: what the pods of a Deployment with it do, `hangs` or `crashes`."""
        self.jobs: dict[str, str] = {}
        """By key: what a Job does; it succeeds unless it `fails`, `fails once` (and is tried again
        if it may), `hangs`, `is evicted`, `finds no room` on its node or `cannot be pulled`."""
        self._restarts = restarts
        self._strike = self.server.strike = strike
        self._began: dict[str, datetime] = {}
        self._last_told = START - timedelta(days=1)
        self.operator = Operator(self.server)
        self.server.put(SMALL)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    # What the user does.

    def applies(self, *manifests: Body) -> None:
        """The user applies manifests."""
        for manifest in manifests:
            about = manifest["metadata"]
            place = _place(manifest["kind"], about["name"])
            old = self.server.objects.get(place) or {}
            self._tell(
                f"user applies {manifest['kind']} {about['name']}{_difference(old, manifest)}"
            )
            status = {"status": old["status"]} if "status" in old else {}
            about = {**(old.get("metadata") or {}), **about, "namespace": place[1]}
            self.server.put({**manifest, "metadata": about, **status})

    def changes(self, kind: str, name: str, **spec: Any) -> None:
        """The user changes fields of a spec; None removes one."""
        old = self.server.objects[_place(kind, name)]
        merged = {k: v for k, v in (old["spec"] | spec).items() if v is not None}
        self.applies({**old, "spec": merged})

    def deletes(self, kind: str, name: str) -> None:
        """The user deletes an object."""
        shown = _shown(name, {"kind": kind})
        self._tell(f"user deletes {kind} {shown}")
        self.server.remove(_place(kind, name))

    def deletes_job(self, key: str) -> None:
        """The user deletes the Job of a job process."""
        for job in self.server.find("Job"):
            if job["metadata"]["labels"][names.PROCESS] == key:
                self.deletes("Job", job["metadata"]["name"])

    def autoscales(self, deployment: str, size: int) -> None:
        """An autoscaler finds another size for a Deployment."""
        self._tell(f"autoscaler scales {deployment} to {size}")
        old = self.server.objects[("Deployment", NAMESPACE, deployment)]
        owned = {"manager": "autoscaler", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        about = {**old["metadata"], "managedFields": [owned]}
        self.server.put({**old, "metadata": about, "spec": {**old["spec"], "replicas": size}})

    def begins_with(self, said: str, *manifests: Body) -> None:
        """Apply manifests and let all settle; tell, and strike, only what comes after that.

        The same beginning is played once, and each story goes on from a copy of how it ended.
        """
        key = orjson.dumps(manifests)
        if key not in _BEGINNINGS:
            self.server.strike = None
            self.applies(*manifests)
            self.settles()
            _BEGINNINGS[key] = self.server.saved()
        self.server.restore(_BEGINNINGS[key])
        self.operator = Operator(self.server)
        self._last_told = self.server.now
        self.lines[2:] = [f"({said})"]
        self.server.strike = self._strike

    # What happens then.

    def restarts(self) -> None:
        """The operator is started again."""
        self.operator = Operator(self.server)

    def settles(self, *, within: timedelta = LONGEST) -> None:
        """Let everything happen that will, until nothing would without somebody else."""
        until = self.server.now + within
        for _ in range(_MOST_PASSES):
            wake = self._works()
            if self._controllers():
                continue
            timers = [at for at in (wake, self._next_timer()) if at is not None]
            if not timers or min(timers) > until:
                self.server.now = min(until, self.server.now) if timers else self.server.now
                return
            self.server.now = max(min(timers), self.server.now)
        raise AssertionError(f"it does not settle:\n{self.text}")

    def passes(self, seconds: float) -> None:
        """Let so much time pass, and whatever happens in it."""
        until = self.server.now + timedelta(seconds=seconds)
        self.settles(within=timedelta(seconds=seconds))
        self.server.now = until

    def _works(self) -> datetime | None:
        """Let the operator work until it has nothing to do; return when it wants to look again."""
        for _ in range(_MOST_PASSES):
            version = self.server.version
            try:
                result = self.operator.reconcile()
            except Killed:
                self._tell("the operator is killed, and started again")
                self.server.killed = False
                self.operator = Operator(self.server)
                continue
            except (errors.Conflict, errors.NotFound, errors.AlreadyExists):
                continue
            if not result.again:
                return result.at
            # One that is started anew would ask again for what was answered with a no.
            if self._restarts and self.server.version != version:
                self.operator = Operator(self.server)
        raise AssertionError(f"the operator does not come to rest:\n{self.text}")

    # The controllers of the model.

    def _controllers(self) -> bool:
        """Do one thing that a controller would do now; return whether there was any."""
        for body in self.server.find("Deployment"):
            if self._deployment(body):
                return True
        return any(self._job(body) for body in self.server.find("Job"))

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
        problem = self.failing_images.get(image) if size else None
        began = self._began.setdefault(f"{about['uid']} {image}", self.server.now)
        late = began + timedelta(seconds=spec["progressDeadlineSeconds"])
        if problem is None:
            self._began.pop(f"{about['uid']} {image}", None)
            self._remove_pods(body)
            self.server.put({**body, "status": counted})
            return True
        counted |= {"updatedReplicas": 1, "readyReplicas": size, "availableReplicas": size}
        counted["replicas"] = size + 1
        if self.server.now >= late:
            failed = {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
            }
            self.server.put({**body, "status": {**counted, "conditions": [failed]}})
            return True
        if status.get("late"):
            return False
        self._pod(body, problem)
        self.server.put({**body, "status": {**counted, "late": True}})
        return True

    def _next_timer(self) -> datetime | None:
        """Return when the next Deployment is late, or the next Job runs out of time."""
        timers = []
        for body in self.server.find("Deployment"):
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
            began = self._began.get(f"{body['metadata']['uid']} {image}")
            if began is not None and (body.get("status") or {}).get("late"):
                timers.append(began + timedelta(seconds=body["spec"]["progressDeadlineSeconds"]))
        for body in self.server.find("Job"):
            if not (body.get("status") or {}).get("conditions"):
                made = conditions.parse_time(body["metadata"]["creationTimestamp"])
                timers.append(made + timedelta(seconds=body["spec"]["activeDeadlineSeconds"]))
        return min((at for at in timers if at > self.server.now), default=None)

    def _job(self, body: Body) -> bool:
        about, status = body["metadata"], body.get("status") or {}
        if "deletionTimestamp" in about:
            self._tell(f"Job {_shown(about['name'], body)} and its pods are gone")
            self.server.remove(_place("Job", about["name"]))
            return True
        if status.get("conditions"):
            return False
        does = self.jobs.get(about["labels"][names.PROCESS], "succeeds")
        made = conditions.parse_time(about["creationTimestamp"])
        deadline = made + timedelta(seconds=body["spec"]["activeDeadlineSeconds"])
        moment = conditions.timestamp(self.server.now)
        if self.server.now >= deadline:
            ending = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
        elif does == "fails once" and body["spec"]["backoffLimit"] and not status:
            self._pod(body, "exits")
            self._tell(f"Job {_shown(about['name'], body)} fails, and is tried again")
            self.server.put({**body, "status": {"failed": 1, "startTime": moment}})
            return True
        elif does in {"succeeds", "fails once"}:
            ending = {"type": "Complete", "status": "True", "reason": "CompletionsReached"}
        elif does in _FAILING:
            self._pod(body, _FAILING[does])
            ending = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
        else:
            if not status:
                self._pod(body, "hangs" if does == "cannot be pulled" else "runs")
                self.server.put({**body, "status": {"active": 1, "startTime": moment}})
                return True
            return False
        self._tell(f"Job {_shown(about['name'], body)} {_ENDS[ending['reason']]}")
        ended = {"startTime": moment, "conditions": [{**ending, "lastTransitionTime": moment}]}
        self.server.put({**body, "status": ended})
        return True

    def _pod(self, owner: Body, does: str) -> None:
        about = owner["metadata"]
        name = f"{about['name']}-pod"
        state, phase, restarts = _STATES[does]
        self.server.put(
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
        self.server.remove(("Pod", NAMESPACE, f"{owner['metadata']['name']}-pod"))

    # How it is told.

    def _seen(self, place: Place, body: Body | None, uid: str) -> None:
        if hasattr(self, "operator"):
            self.operator.observe(place, body, uid)

    def _tell(self, line: str) -> None:
        now = self.server.now if hasattr(self, "server") else START
        stamp = now.strftime("%H:%M:%S") if now != self._last_told else " " * 8
        self._last_told = now
        self.lines.append(f"{stamp}  {line}")


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


def _place(kind: str, name: str) -> Place:
    return (kind, "" if kind == names.RESOURCE_TYPE_KIND else NAMESPACE, name)


def _shown(name: str, body: Body) -> str:
    """Return the name of a Job without its hash, which no reader can check."""
    return name.rpartition("-")[0] if body.get("kind") == "Job" else name


def _size(manifest: Body) -> str:
    if manifest["kind"] == "Deployment":
        image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        return f" with {image.rpartition(':')[2]}, {manifest['spec'].get('replicas')} instances"
    if manifest["kind"] == "CronJob":
        job = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        image = job["containers"][0]["image"]
        held = ", suspended" if manifest["spec"]["suspend"] else ""
        return f" with {image.rpartition(':')[2]}{held}"
    return ""


def _difference(old: Body, new: Body) -> str:
    if not old:
        return ""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    return ": " + ", ".join(f"{name}={orjson.dumps(after.get(name)).decode()}" for name in changed)


def _told(kind: str, name: str, old: Body, new: Body) -> str:
    """Say what a new status says that the old one did not."""
    said = []
    if kind == names.RELEASE_KIND:
        before = (old.get("state"), old.get("step"))
        after = (new.get("state"), new.get("step"))
        if before != after:
            said.append(" ".join(part for part in after if part))
        known = {one["key"]: one for one in old.get("jobs", ())}
        said += [_job_told(one) for one in new.get("jobs", ()) if known.get(one["key"]) != one]
        if "failure" in new and "failure" not in old:
            said.append(f"because {new['failure']['sentence']}")
        if "pausedAt" in new and "pausedAt" not in old:
            said.append("paused")
        if "resumedAt" in new and old.get("resumedAt") != new["resumedAt"]:
            said.append("goes on")
    ready = conditions.find(new, conditions.READY) or {}
    was = conditions.find(old, conditions.READY) or {}
    if (ready.get("reason"), ready.get("status")) != (was.get("reason"), was.get("status")):
        said.append(f"Ready={ready['status']} {ready['reason']}")
    size = new.get("replicasBeforeSuspend")
    if size is not None and size != old.get("replicasBeforeSuspend"):
        said.append(f"remembers {size} instances")
    pending, waited = new.get("pending", ()), old.get("pending", ())
    if [one["field"] for one in pending] != [one["field"] for one in waited]:
        said.append("pending: " + (", ".join(one["field"] for one in pending) or "nothing"))
    return f"says of {kind} {name}: " + ("; ".join(said) or _in_other_words(old, new))


_LONGEST = 180
_NUMBERS = {"observedGeneration", "conditions", "pendingCount"}


def _in_other_words(old: Body, new: Body) -> str:
    """Say what differs where neither state nor reason does: sentences first, else the fields."""
    said = []
    for one in new.get("conditions", ()):
        was = conditions.find(old, one["type"]) or {}
        words = f'{one["type"]}={one["status"]} {one["reason"]}, "{one["message"]}"'
        twin = one["type"] in {conditions.RECONCILING, conditions.STALLED}
        if twin and not was:
            said.append(one["type"])
        elif not twin and any(one[field] != was.get(field) for field in ("reason", "message")):
            said.append(_cut(words))
    known = old.get("warnings", ())
    said += [_cut(f'warns "{text}"') for text in new.get("warnings", ()) if text not in known]
    if not said:
        fields = sorted((old.keys() | new.keys()) - _NUMBERS)
        changed = [name for name in fields if old.get(name) != new.get(name)]
        said = [_cut(f"{name} {orjson.dumps(new.get(name)).decode()}") for name in changed]
    return "; ".join(said) or "that this generation is seen"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _job_told(one: Body) -> str:
    if "result" in one:
        return f"job {one['key']} {one['result']} ({one['reason']})"
    return f"job {one['key']} is made" if "jobUID" in one else f"job {one['key']} is to run"


def application(image: str = "1", **spec: Any) -> Body:
    """Return the application `shop`."""
    plain = userside.application(**spec)
    plain["spec"] |= {"image": f"registry.example.com/shop:{image}", "release": {}} | spec
    return plain


def request(name: str, **spec: Any) -> Body:
    """Return a release made by hand."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RELEASE_KIND,
        "metadata": {"name": name},
        "spec": {"applicationRef": {"name": "shop"}, **spec},
    }
