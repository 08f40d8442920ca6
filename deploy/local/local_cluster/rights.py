"""Who may do what in a local cluster: rules, roles, and whom they are given to."""

from collections.abc import Mapping, Sequence
from typing import Any

_GROUP = "rbac.authorization.k8s.io"


def rule(group: str, verbs: Sequence[str], *resources: str) -> Mapping[str, Any]:
    """Return one rule of a role."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def cluster_role(name: str, rules: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return a role that holds in every namespace."""
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }


def binding(
    name: str, role: str, subject: Mapping[str, str], *, kind: str = "ClusterRole"
) -> Mapping[str, Any]:
    """Return what gives a role of a kind to a subject."""
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": role},
        "subjects": [subject],
    }


def user(name: str) -> Mapping[str, str]:
    """Return a user as the subject of a binding."""
    return {"apiGroup": _GROUP, "kind": "User", "name": name}


def account(name: str, role: str) -> list[Mapping[str, Any]]:
    """Return a namespace with a ServiceAccount of the same name, which has a ClusterRole."""
    place = {"name": name, "namespace": name}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place},
        binding(name, role, {"kind": "ServiceAccount", **place}),
    ]
