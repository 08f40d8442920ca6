"""How applications and processes come to their names, whichever route makes them."""

import secrets
import string
from collections.abc import Mapping
from typing import Any

from process_operator.api import problems
from process_operator.api.reads import cache
from process_operator.api.reads.cache import Record
from process_operator.api.routes.call import Call
from process_operator.api.writes import changes, writer
from process_operator.kube import errors, names

_TRIES = 20
_MAX_PROJECT_NAME = 40
_LETTERS = string.ascii_lowercase + string.digits
_ENDING = 5


async def application(
    call: Call, namespace: str, spec: Mapping[str, Any], project: str | None
) -> Record:
    """Create an application under a free name that is made of its display name.

    Args:
        call: The request; what one with its Idempotency-Key has made is returned.
        namespace: Where.
        spec: Its spec, with a displayName.
        project: The id of the project that the caller named.
    """
    marks = {cache.PROJECT: project, cache.IDEMPOTENCY: call.ticket}
    limit = changes.MAX_APPLICATION_NAME
    wanted = changes.slug(spec["displayName"], limit=limit, instead="app")
    taken: set[str] = set()
    for _ in range(_TRIES):
        known = call.cache.all(names.APPLICATION_KIND)
        taken |= {one.name for one in known if one.namespace == namespace}
        name = changes.numbered(wanted, taken, limit=limit)
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": names.APPLICATION_KIND,
            "metadata": {
                "namespace": namespace,
                "name": name,
                "annotations": {field: value for field, value in marks.items() if value},
            },
            "spec": spec,
        }
        try:
            return await call.writer.create(manifest, call.options)
        except errors.AlreadyExists:
            found = await call.writer.read(names.APPLICATION_KIND, namespace, name)
            if found is not None and writer.repeated(call.ticket, [found]) is not None:
                return found
            taken.add(name)
    raise problems.refused("display_name: no free name can be made of it; choose another")


async def process(
    call: Call, owner: Record, spec: Mapping[str, Any], marks: Mapping[str, str]
) -> None:
    """Create a process of a new application, unless somebody was faster.

    Args:
        call: The request.
        owner: The application.
        spec: The spec of the process.
        marks: Annotations.
    """
    key = spec["key"]
    # The second where something else bears the first: a process of another application.
    for name in (names.child(owner.name, key), names.job(owner.name, key, owner.uid)):
        manifest = {
            "apiVersion": names.API_VERSION,
            "kind": names.PROCESS_KIND,
            "metadata": {
                "namespace": owner.namespace,
                "name": name,
                "annotations": dict(marks),
            },
            "spec": spec,
        }
        try:
            await call.writer.create(manifest, call.options)
        except errors.AlreadyExists:
            found = await call.writer.read(names.PROCESS_KIND, owner.namespace, name)
            if found is not None and found.application != owner.name:
                continue
        return


async def project(call: Call, display_name: str) -> Record:
    """Create a namespace whose name is made of its display name, with an ending of its own.

    Its pods may be no more than any application here may be.
    """
    name = changes.slug(display_name, limit=_MAX_PROJECT_NAME, instead="project")
    ending = "".join(secrets.choice(_LETTERS) for _ in range(_ENDING))
    marks = {cache.DISPLAY_NAME: display_name, cache.IDEMPOTENCY: call.ticket}
    manifest = {
        "apiVersion": "v1",
        "kind": cache.NAMESPACE_KIND,
        "metadata": {
            "name": f"{name}-{ending}",
            "labels": {names.PROJECT: "true", "pod-security.kubernetes.io/enforce": "baseline"},
            "annotations": {field: value for field, value in marks.items() if value},
        },
    }
    return await call.writer.create(manifest, call.options)
