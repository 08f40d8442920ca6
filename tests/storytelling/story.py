"""A story: what its user does, how time passes, and the lines that come of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import orjson

from process_operator.controller.build import KINDS as CHILD_KINDS
from process_operator.kube import errors, names
from storytelling import words
from storytelling.cast import NAMESPACE, SMALL, START, Body, Place, copied, place_of
from storytelling.controllers import Controllers
from storytelling.life import Operator
from storytelling.server import Killed, Saved, Server

LONGEST = timedelta(hours=3)
"""No story takes longer: what has not settled by then never will."""
_MOST_PASSES = 200
_RESTORED = ("namespace", "name", "labels", "annotations")
"""What is left of metadata when it comes from a backup."""

_BEGINNINGS: dict[bytes, Saved] = {}
"""How the beginnings of stories ended, by what was applied in them."""


class Story:
    """A user, the operator, the model's controllers, and what happens among them as lines."""

    def __init__(
        self,
        title: str,
        *,
        restarts: bool = False,
        strike: Callable[[str], None] | None = None,
        skew: timedelta = timedelta(),
    ) -> None:
        """Begin a story.

        Args:
            title: Its first line.
            restarts: Whether the operator is started anew after every look.
            strike: Called before and after each of its writes; may kill it.
            skew: How far the operator's clock is ahead of the cluster's.
        """
        self.lines = [title, ""]
        self.server = Server(self._tell)
        self.server.seen = self._seen
        self.failing_images: dict[str, str] = {}
        """By image: what the pods of a Deployment with it do, `hangs` or `crashes`."""
        self.jobs: dict[str, str] = {}
        """By key: what a Job does; it succeeds unless it `fails`, `fails once` (and is tried again
        if it may), `hangs`, `is evicted`, `finds no room` on its node or `cannot be pulled`."""
        self._restarts = restarts
        self._skew = skew
        self._strike = self.server.strike = strike
        self._controllers = Controllers(
            self.server, self._tell, failing_images=self.failing_images, jobs=self.jobs
        )
        self._last_told = START - timedelta(days=1)
        self.operator = Operator(self.server, skew=self._skew)
        self.server.put(SMALL)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    # What the user does.

    def applies(self, *manifests: Body) -> None:
        """The user applies manifests."""
        for manifest in manifests:
            about = manifest["metadata"]
            place = place_of(manifest["kind"], about["name"])
            old = self.server.objects.get(place) or {}
            self._tell(
                f"user applies {manifest['kind']} {about['name']}{words.difference(old, manifest)}"
            )
            status = {"status": old["status"]} if "status" in old else {}
            about = {**(old.get("metadata") or {}), **about, "namespace": place[1]}
            self.server.put({**manifest, "metadata": about, **status})

    def changes(self, kind: str, name: str, **spec: Any) -> None:
        """The user changes fields of a spec; None removes one."""
        old = self.server.objects[place_of(kind, name)]
        merged = {k: v for k, v in (old["spec"] | spec).items() if v is not None}
        self.applies({**old, "spec": merged})

    def deletes(self, kind: str, name: str) -> None:
        """The user deletes an object."""
        shown = words.shown(name, {"kind": kind})
        self._tell(f"user deletes {kind} {shown}")
        self.server.remove(place_of(kind, name))

    def deletes_job(self, key: str) -> None:
        """The user deletes the Job of a job process."""
        for job in self.server.find("Job"):
            if job["metadata"]["labels"][names.PROCESS] == key:
                self.deletes("Job", job["metadata"]["name"])

    def is_restored(self, *, statuses: bool, children: bool) -> None:
        """The namespace is deleted, and comes back from a backup.

        What a backup tool brings back has no owner, no uid and no generateName; statuses only if
        that is asked for. It leaves out what bears a label of its own, which Jobs do.
        """
        own = [kind for kind in names.OWN_KINDS if kind != names.RESOURCE_TYPE_KIND]
        kinds = [*sorted(CHILD_KINDS), *own] if children else own
        kinds += ["ConfigMap", "Secret"]
        saved = [copied(body) for kind in kinds for body in self.server.find(kind)]
        for place in [*self.server.objects]:
            if place[1]:
                self.server.remove(place)
        what = "all of it" if children else "what users made"
        how = "with" if statuses else "without"
        self._tell(f"a backup brings back {what}, {how} statuses, in a new namespace")
        for body in saved:
            about = body["metadata"]
            metadata = {name: about[name] for name in _RESTORED if name in about}
            if not statuses:
                body.pop("status", None)
            self.server.put({**body, "metadata": metadata})

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
        key = orjson.dumps([manifests, self._skew.total_seconds()])
        if key not in _BEGINNINGS:
            self.server.strike = None
            self.applies(*manifests)
            self.settles()
            _BEGINNINGS[key] = self.server.saved()
        self.server.restore(_BEGINNINGS[key])
        self.operator = Operator(self.server, skew=self._skew)
        self._last_told = self.server.now
        self.lines[2:] = [f"({said})"]
        self.server.strike = self._strike

    # What happens then.

    def restarts(self) -> None:
        """The operator is started again."""
        self.operator = Operator(self.server, skew=self._skew)

    def settles(self, *, within: timedelta = LONGEST) -> None:
        """Let everything happen that will, until nothing would without somebody else."""
        until = self.server.now + within
        for _ in range(_MOST_PASSES):
            wake = self._works()
            if self._controllers.step():
                continue
            timers = [at for at in (wake, self._controllers.next_timer()) if at is not None]
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
                self.operator = Operator(self.server, skew=self._skew)
                continue
            except (errors.Conflict, errors.NotFound, errors.AlreadyExists):
                continue
            if not result.again:
                return result.at - self._skew if result.at is not None else None
            # One that is started anew would ask again for what was answered with a no.
            if self._restarts and self.server.version != version:
                self.operator = Operator(self.server, skew=self._skew)
        raise AssertionError(f"the operator does not come to rest:\n{self.text}")

    # How it is told.

    def _seen(self, place: Place, body: Body | None, uid: str) -> None:
        if hasattr(self, "operator"):
            self.operator.observe(place, body, uid)

    def _tell(self, line: str) -> None:
        now = self.server.now if hasattr(self, "server") else START
        stamp = now.strftime("%H:%M:%S") if now != self._last_told else " " * 8
        self._last_told = now
        self.lines.append(f"{stamp}  {line}")
