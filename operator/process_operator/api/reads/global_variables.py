"""Variables of all applications of a project, as its ConfigMap has them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from process_operator.api.reads import variable_ids
from process_operator.api.reads.cache import Record
from process_operator.api.reads.variable_ids import Ids
from process_operator.kube.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalVariables:
    """The variables of one project as they are."""

    project: Record
    values: Mapping[str, str]
    ids: Ids
    """See `variable_ids`."""
    created_at: str
    updated_at: str

    def with_values(self, values: Mapping[str, str], ids: Ids) -> "GlobalVariables":
        """Return other variables of the same project."""
        return replace(self, values=values, ids=ids)


def global_variables(project: Record, found: Manifest | None) -> GlobalVariables:
    """Return the variables of a project from its ConfigMap; none where that is not there."""
    if found is None:
        return GlobalVariables(
            project=project,
            values={},
            ids={},
            created_at=project.created_at,
            updated_at=project.updated_at,
        )
    about = found["metadata"]
    times = [one["time"] for one in about.get("managedFields") or () if "time" in one]
    return GlobalVariables(
        project=project,
        values=found.get("data") or {},
        ids=variable_ids.parsed((about.get("annotations") or {}).get(variable_ids.MARK)),
        created_at=about["creationTimestamp"],
        updated_at=max((about["creationTimestamp"], *times)),
    )
