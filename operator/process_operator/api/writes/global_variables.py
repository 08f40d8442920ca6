"""Variables of all applications of a project: the keys of one ConfigMap of its namespace.

Whoever works with manifests keeps the same ConfigMap, and the operator takes it into releases. Of
all ConfigMaps the API may touch only those of this one name.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from process_operator.api import problems
from process_operator.api.reads import ownership, variable_ids
from process_operator.api.reads.cache import Record
from process_operator.api.reads.global_variables import GlobalVariables, global_variables
from process_operator.api.writes import writer
from process_operator.api.writes.writer import WriteOptions
from process_operator.cluster.client import Cluster
from process_operator.kube import errors
from process_operator.kube.manifest import Manifest
from process_operator.models.configuration import CONFIG_MAP, GLOBAL

_log = logging.getLogger(__name__)

_TRIES = 6
_MAX_BYTES = 1024 * 1024
"""Of all keys and values together: what a ConfigMap holds."""
MAX_KEY = 253


Change = Callable[[GlobalVariables], GlobalVariables]
"""From the variables as they are to those that shall be."""


class GlobalVariablesWriter:
    """Reads and changes them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read(self, project: Record) -> GlobalVariables:
        """Return the variables of a project; there may be none."""
        return global_variables(project, await self._get(project))

    async def change(
        self, project: Record, change: Change, options: WriteOptions
    ) -> GlobalVariables:
        """Bring the variables of a project to what a function says; write only what differs."""
        for _ in range(_TRIES):
            found = await self._get(project)
            before = global_variables(project, found)
            after = change(before)
            if (after.values, after.ids) == (before.values, before.ids):
                return before
            _check_size(after)
            _admit(found, before, after, options)
            if options.dry_run:
                return after
            with suppress(errors.Conflict, errors.NotFound):
                written = await self._write(found, before, after)
                self._tell(project, options)
                return global_variables(project, written)
        raise problems.refused("the variables are changed by others all the time; try again")

    async def _get(self, project: Record) -> Manifest | None:
        try:
            return await self._cluster.get(CONFIG_MAP, project.name, GLOBAL.name)
        except errors.NotFound:
            return None

    async def _write(
        self, found: Manifest | None, before: GlobalVariables, after: GlobalVariables
    ) -> Manifest:
        if found is None:
            # An apply, and not a POST: only of a request with a name the name can be a right.
            about = {"namespace": after.project.name, "name": GLOBAL.name}
            return await self._cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": CONFIG_MAP,
                    "metadata": about,
                    "data": dict(after.values),
                },
                force=False,
            )
        patch: dict[str, Any] = {
            "metadata": {
                "uid": found["metadata"]["uid"],
                "resourceVersion": found["metadata"]["resourceVersion"],
            },
            "data": ownership.merge_patch(before.values, after.values),
        }
        if after.ids != before.ids:
            patch["metadata"]["annotations"] = {variable_ids.MARK: variable_ids.text(after.ids)}
        return await self._cluster.merge_patch(
            CONFIG_MAP, after.project.name, GLOBAL.name, patch, dry_run=False
        )

    def _tell(self, project: Record, options: WriteOptions) -> None:
        _log.info(
            "changed for an API key",
            extra={
                "kind": CONFIG_MAP,
                "namespace": project.name,
                "object": GLOBAL.name,
                "key": options.asker,
            },
        )


def _check_size(wanted: GlobalVariables) -> None:
    size = sum(len(text.encode()) for item in wanted.values.items() for text in item)
    if size > _MAX_BYTES:
        raise problems.refused(
            f"value: all global variables of a project may have {_MAX_BYTES} bytes together, and "
            f"would have {size}; make it shorter, or remove another variable"
        )


def _admit(
    found: Manifest | None, before: GlobalVariables, after: GlobalVariables, options: WriteOptions
) -> None:
    """Refuse to change what a manifest declares, unless that is wanted."""
    if found is None or options.force:
        return
    managers = ownership.appliers(found["metadata"].get("managedFields") or (), "data")
    conflicts = ownership.conflicts(managers, before.values, after.values, "data")
    if conflicts:
        raise writer.claimed(conflicts)
