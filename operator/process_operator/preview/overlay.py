"""Manifests laid over the objects that are there, as an apply would do it."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from process_operator.controller.observe import store
from process_operator.controller.observe.records import (
    ApplicationKey,
    Child,
    ConfigurationObject,
    IngressClass,
)
from process_operator.kube import conditions, names
from process_operator.kube.manifest import Manifest
from process_operator.schema import validation
from process_operator.schema.documents import Document

OWN = (
    names.APPLICATION_KIND,
    names.PROCESS_KIND,
    names.RELEASE_KIND,
    names.RESOURCE_TYPE_KIND,
)
"""The kinds that a release depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a cluster holds now, of the namespaces that the manifests are about."""

    own: tuple[Manifest, ...]
    """Objects of our own kinds."""
    children: tuple[Child, ...]
    ingress_classes: tuple[IngressClass, ...]
    configuration: tuple[ConfigurationObject, ...]
    """ConfigMaps."""


# --- the manifests --------------------------------------------------------------------------


def placed(document: Document, namespace: str) -> Document:
    """Return a manifest in the namespace that it would be applied in."""
    about = document.manifest.get("metadata")
    namespaced = document.manifest.get("kind") != names.RESOURCE_TYPE_KIND
    if not isinstance(about, dict) or not namespaced or about.get("namespace"):
        return document
    manifest = {**document.manifest, "metadata": {**about, "namespace": namespace}}
    return dataclasses.replace(document, manifest=manifest)


Identity = tuple[str, str, str]


def identity_of(manifest: Manifest) -> Identity:
    """Return what identifies an object: kind, namespace and name."""
    about = manifest["metadata"]
    name = about.get("name") or f"{about['generateName']}planned"
    return manifest["kind"], about.get("namespace", ""), name


def refused(given: Sequence[Document], live: Live) -> Iterator[str]:
    """Yield what the API server would refuse, with its place."""
    known = {identity_of(body): body for body in live.own}
    first: dict[Identity, Document] = {}
    for one in given:
        found = validation.problems(one.manifest)
        if not found and one.manifest["kind"] in OWN:
            identity = identity_of(one.manifest)
            found = validation.problems(one.manifest, known.get(identity))
            same = first.setdefault(identity, one)
            if same is not one:
                yield (
                    f"{one.place}: stands a second time, after {same.source}, document "
                    f"{same.number}; remove one of them"
                )
        yield from validation.told(one, found)


def overlaid(
    ours: Sequence[Document], live: Sequence[Manifest], now: datetime
) -> tuple[Manifest, ...]:
    """Return the objects as they would be after an apply: its spec in the place of the old one."""
    bodies = {identity_of(body): body for body in live}
    for number, one in enumerate(ours):
        identity = identity_of(one.manifest)
        there = bodies.get(identity)
        spec = one.manifest["spec"]
        if there is None:
            about = {
                "uid": f"planned-{number:06}",
                "resourceVersion": "1",
                "generation": 1,
                "creationTimestamp": conditions.timestamp(now),
            }
            about |= {"name": identity[2]}
            bodies[identity] = {**one.manifest, "metadata": one.manifest["metadata"] | about}
            bodies[identity]["status"] = {}
        elif there.get("spec") != spec:
            about = {**there["metadata"], "generation": there["metadata"]["generation"] + 1}
            bodies[identity] = {**there, "metadata": about, "spec": spec}
    return tuple(bodies.values())


def dangling(
    ours: Sequence[Document], bodies: Sequence[Manifest], *, is_live: bool
) -> Iterator[str]:
    """Yield the manifests that name an application, or a release, that is nowhere."""
    known = {identity_of(body): body for body in bodies}
    elsewhere = "" if is_live else ", or compare with the cluster that has it by --live"
    for one in ours:
        spec, place = one.manifest["spec"], one.manifest["metadata"].get("namespace", "")
        application = (spec.get("applicationRef") or {}).get("name")
        if application and (names.APPLICATION_KIND, place, application) not in known:
            yield (
                f"{one.place}: spec.applicationRef.name: there is no ProcessApplication "
                f'"{application}" in namespace {place}; add its manifest{elsewhere}'
            )
        target = spec.get("rollbackTo")
        waits = "state" not in (known[identity_of(one.manifest)].get("status") or {})
        if target and waits and (names.RELEASE_KIND, place, target) not in known:
            yield (
                f'{one.place}: spec.rollbackTo: there is no ProcessRelease "{target}" in namespace '
                f"{place}; see `kubectl get processreleases`{elsewhere}"
            )


def touched(ours: Sequence[Document], store: store.ObjectCache) -> Sequence[ApplicationKey]:
    """Return the applications that the manifests are about; a size may be about any of them."""
    found: dict[ApplicationKey, None] = {}
    for one in ours:
        spec, about = one.manifest["spec"], one.manifest["metadata"]
        if one.manifest["kind"] == names.RESOURCE_TYPE_KIND:
            found |= dict.fromkeys(store.applications())
        elif one.manifest["kind"] == names.APPLICATION_KIND:
            found[ApplicationKey(about["namespace"], about["name"])] = None
        else:
            found[ApplicationKey(about["namespace"], spec["applicationRef"]["name"])] = None
    return sorted(found)
