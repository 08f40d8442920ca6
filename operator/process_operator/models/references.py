"""References by name to other objects, always in the own namespace or cluster-scoped."""

from process_operator.models.base import ApplicationName, Model, ObjectName


class Reference(Model):
    """The name of another object."""

    name: ObjectName
    """Name of the object that is meant, for example `s1`."""


class ApplicationReference(Model):
    """The name of a ProcessApplication in the same namespace."""

    name: ApplicationName
    """Name of a ProcessApplication in the same namespace, for example `shop`."""
