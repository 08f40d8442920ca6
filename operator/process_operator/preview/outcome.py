"""What the next releases would do, for all the manifests that were given: lines, and an exit code.

Manifests, and what a cluster holds where there is one, in; lines for people out. Nothing is
decided here: the manifests are laid over the objects that are there, as an apply would do it, and
then the operator's own plan is asked, again and again, with its answers put into an imagined state.
So it comes out what changes at once, what is staged, how a release starts and what it rolls out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from process_operator.controller import build
from process_operator.controller.observe import records, store
from process_operator.controller.observe.records import Child, ConfigurationObject, IngressClass
from process_operator.kube import names
from process_operator.kube.manifest import Manifest
from process_operator.models.configuration import CONFIG_MAP
from process_operator.preview import overlay
from process_operator.preview.overlay import Live
from process_operator.preview.text import Application
from process_operator.schema.documents import Document

NOTHING = 0
ERROR = 1
CHANGES = 2
IN_NAMESPACES = overlay.OWN[:3]
"""Those of them that a namespace holds."""
CHILDREN = tuple(sorted(build.KINDS))
"""The kinds of objects that a release is rolled out to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What is printed, and the exit code that goes with it."""

    lines: tuple[str, ...]
    code: int


def namespaces(given: Iterable[Document], default: str) -> set[str]:
    """Return the namespaces that a cluster has to be looked at for these manifests."""
    ours = [
        overlay.placed(one, default) for one in given if one.manifest.get("kind") in IN_NAMESPACES
    ]
    about = [one.manifest.get("metadata") for one in ours]
    found = {str(one["namespace"]) for one in about if isinstance(one, dict)}
    return found or {default}


def preview(
    given: Sequence[Document],
    live: Live | None,
    *,
    namespace: str,
    now: datetime,
    allowed_annotations: tuple[str, ...],
) -> Preview:
    """Return what the next releases would do if the manifests were applied.

    Args:
        given: All the manifests; those of other kinds are left out.
        live: The cluster to compare with; None to take everything as new.
        namespace: Of the objects that name none.
        now: The time.
        allowed_annotations: Names that annotations of routes may have, see `ObservedState`.
    """
    there = live or Live(own=(), children=(), ingress_classes=(), configuration=())
    placed = [overlay.placed(one, namespace) for one in given if one.is_ours]
    errors = list(overlay.refused(placed, there))
    ours = [one for one in placed if one.manifest.get("kind") in overlay.OWN]
    if not ours:
        sources = ", ".join(dict.fromkeys(one.source for one in given)) or "what was given"
        errors.append(
            f"there are no manifests of {names.GROUP} in {sources}; name files that hold some by -f"
        )
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    bodies = overlay.overlaid(ours, there.own, now)
    errors = list(overlay.dangling(ours, bodies, is_live=live is not None))
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    after = _store(bodies, there, now, allowed_annotations)
    before = _store(there.own, there, now, allowed_annotations)
    lines: list[str] = []
    changed = False
    for key in overlay.touched(ours, after):
        told = Application(
            before=before.gather(key), after=after.gather(key), given=ours, is_live=live is not None
        )
        errors += told.errors()
        if errors:
            continue
        found = list(told.lines())
        changed = changed or told.changed
        lines += [f"{key.namespace}/{key.name}", *(f"  {line}".rstrip() for line in found), ""]
    if errors:
        return Preview(lines=tuple(errors), code=ERROR)
    return Preview(lines=tuple(lines[:-1]), code=CHANGES if changed else NOTHING)


RecordT = TypeVar("RecordT", Child, IngressClass, records.Pod)


class _Fixed(Generic[RecordT]):
    """An informer that does not move."""

    def __init__(self, records: Iterable[RecordT]) -> None:
        self._records: tuple[RecordT, ...] = tuple(records)

    def of(self, namespace: str, application: str) -> Iterator[RecordT]:
        for one in self._records:
            if not isinstance(one, IngressClass) and (one.namespace, one.application) == (
                namespace,
                application,
            ):
                yield one

    def all(self) -> Iterator[RecordT]:
        yield from self._records


class _Configuration:
    """An informer of ConfigMaps that does not move."""

    def __init__(self, found: Iterable[ConfigurationObject]) -> None:
        self._found = {(one.namespace, one.name): one for one in found}

    def get(self, namespace: str, name: str) -> ConfigurationObject | None:
        return self._found.get((namespace, name))


def _store(
    bodies: Iterable[Manifest], live: Live, now: datetime, allowed_annotations: tuple[str, ...]
) -> store.ObjectCache:
    no_pods: tuple[records.Pod, ...] = ()
    made = store.ObjectCache(
        informers=store.Informers(
            children=(_Fixed(live.children),),
            pods=_Fixed(no_pods),
            ingress_classes=_Fixed(live.ingress_classes),
            configuration={CONFIG_MAP: _Configuration(live.configuration)},
        ),
        clock=lambda: now,
        allowed_annotations=allowed_annotations,
    )
    for body in bodies:
        made.observe(body)
    return made
