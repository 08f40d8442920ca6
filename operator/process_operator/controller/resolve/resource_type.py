"""Which resource type a process gets."""

from collections.abc import Mapping

from process_operator.controller.observe.records import (
    CustomResource,
    InvalidObject,
    ResourceTypeObject,
)
from process_operator.controller.resolve.refusal import Refusal
from process_operator.kube import names
from process_operator.kube.reasons import Reason
from process_operator.models.process import ProcessSpec


def resource_type_of(
    spec: ProcessSpec, types: Mapping[str, ResourceTypeObject | InvalidObject]
) -> ResourceTypeObject | Refusal:
    """Return the resource type of a process, or why it has none."""
    if spec.resource_type_ref is None:
        defaults = sorted(
            name
            for name, one in types.items()
            if isinstance(one, CustomResource) and one.spec.default
        )
        if not defaults:
            return Refusal(
                reason=Reason.RESOURCE_TYPE_NOT_FOUND,
                message="no ProcessResourceType has default: true; set spec.resourceTypeRef.name "
                "or make one of them the default",
                transient=True,
                missing=names.RESOURCE_TYPE_KIND,
            )
        if len(defaults) > 1:
            return Refusal(
                reason=Reason.AMBIGUOUS_DEFAULT,
                message=f"the ProcessResourceTypes {', '.join(defaults)} all have default: true; "
                "leave it on one of them or set spec.resourceTypeRef.name",
                transient=True,
            )
        name = defaults[0]
    else:
        name = spec.resource_type_ref.name
    found = types.get(name)
    if found is None or found.deleting:
        return Refusal(
            reason=Reason.RESOURCE_TYPE_NOT_FOUND,
            message=f'spec.resourceTypeRef.name: there is no ProcessResourceType "{name}"; see '
            "`kubectl get processresourcetypes` for those there are, or create it",
            transient=True,
            missing=names.RESOURCE_TYPE_KIND,
        )
    if isinstance(found, InvalidObject):
        return Refusal(
            reason=Reason.RESOURCE_TYPE_INVALID,
            message=f'ProcessResourceType "{name}" cannot be read: {found.message}',
        )
    return found
