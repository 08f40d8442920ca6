"""The API server of a story: objects, versions, a clock, and the requests of the operator's client.

It does what the real one does as far as the operator can tell, and no more: it keeps whole objects
(no field has an owner, an apply replaces all but the status), adds no defaults, and removes what an
object owned together with it. Admission is a function that a story may set. Every write of the
operator is a line of the story.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson

import checked
from process_operator.kube import conditions, errors, names
from storytelling import words
from storytelling.cast import START, Body, Place, copied, place_of


class Saved(NamedTuple):
    """What a server held at one moment."""

    objects: bytes
    now: datetime
    version: int
    uids: int


class Killed(Exception):  # noqa: N818 - it happens to the operator
    """The operator was killed in the middle of a pass."""


class Server:
    """The API server as the operator's client sees it: objects, versions and a clock."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.now = START
        self.objects: dict[Place, Body] = {}
        self.absent: set[str] = set()
        """Kinds that are not installed."""
        self.forbids: set[str] = set()
        """Kinds of which a quota allows no more."""
        self.admits: Callable[[Body], Body] = lambda body: body
        """What admission makes of a child that the operator writes."""
        self.judges: Callable[[Body], str] = lambda _: ""
        """Why a policy would refuse a child, "" where it would not."""
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
        self.objects = {place_of(body["kind"], body["metadata"]["name"]): body for body in found}
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
        dry_run: bool = False,
    ) -> Body:
        if dry_run:
            return self._judged(manifest)
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
        if old is not None and manifest["kind"] in names.OWN_KINDS:
            return self._mark(old, manifest)
        status = {"status": old["status"]} if old is not None and "status" in old else {}
        said = f"applies {manifest['kind']} {about['name']}{words.size(manifest)}"
        body = _with_size({**copied(manifest), **status}, old)
        return self._write(said, lambda: self.put(self.admits(body)))

    def _mark(self, old: Body, manifest: Body) -> Body:
        """Add annotations; all other fields are somebody else's."""
        about = old["metadata"]
        annotations = {**about.get("annotations", {}), **manifest["metadata"]["annotations"]}
        said = f"marks {manifest['kind']} {about['name']}"
        metadata = {**about, "annotations": annotations}
        return self._write(said, lambda: self.put({**old, "metadata": metadata}))

    async def json_patch(
        self, kind: str, namespace: str | None, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Body:
        body = copied(self.objects[kind, namespace or "", name])
        test, *removals = operations
        if test["value"] != body["metadata"]["resourceVersion"]:
            raise errors.Rejected("the test failed")
        for removal in removals:
            *above, last = [
                int(step) if step.isdecimal() else step for step in removal["path"].split("/")[1:]
            ]
            del functools.reduce(lambda found, step: found[step], above, cast("Any", body))[last]
        return self._write(f"cleans {kind} {name}", lambda: self.put(self.admits(body)))

    def _judged(self, manifest: Body) -> Body:
        """Say what would become of a write, and let nothing become of it."""
        self._tell(f"operator shows {manifest['kind']} {manifest['metadata']['name']}")
        if why := self.judges(manifest):
            raise errors.Forbidden(why, status=403)
        return manifest

    async def create(self, manifest: Body, *, dry_run: bool = False) -> Body:
        if dry_run:
            return self._judged(manifest)
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
        if manifest["kind"] in self.forbids:
            raise errors.Forbidden("exceeded quota: small, used: 3, limited: 3", status=403)
        if place in self.objects:
            raise errors.AlreadyExists("there is one already")
        shown = words.shown(about["name"], manifest)
        said = f"creates {manifest['kind']} {shown}{words.size(manifest)}"
        return self._write(said, lambda: self.put(copied(manifest)))

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
        said = words.told(kind, name, old.get("status") or {}, plain)
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
        said = f"deletes {kind} {words.shown(name, found)}{how}"
        if propagation == "Foreground":
            about = {**found["metadata"], "deletionTimestamp": conditions.timestamp(self.now)}
            return self._write(said, lambda: self.put({**found, "metadata": about}))
        return self._write(said, lambda: self._removed(place))

    def _removed(self, place: Place) -> Body:
        self.remove(place)
        return {"kind": "Status"}

    async def stream(
        self, _path: str, _asked: Mapping[str, str], *, seconds: float
    ) -> AsyncGenerator[bytes, None]:
        del seconds
        yield self.log_text.encode()

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


def _with_size(body: Body, old: Body | None) -> Body:
    """Leave a size that is not declared to whoever owns it."""
    if old is None or body["kind"] != "Deployment" or "replicas" in body["spec"]:
        return body
    owners = {"managedFields": old["metadata"].get("managedFields", [])}
    size = {"replicas": old["spec"]["replicas"]}
    return {**body, "metadata": body["metadata"] | owners, "spec": body["spec"] | size}
