"""Turns the models into CRDs, with all that a CRD has beside its schema.

`crds/*.yaml` is made here, checked in and never edited.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from process_operator.kube import names
from process_operator.schema import structural
from process_operator.schema.kinds import KINDS, Kind

BANNER = (
    "# Generated from operator/process_operator/models; do not edit, run `process-operator crds`.\n"
)

_RULES = "x-kubernetes-validations"


def _root(kind: Kind) -> structural.Schema:
    """Return the schema of a whole object."""
    spec = structural.structural(kind.spec) | {"description": kind.spec_description}
    status = structural.structural(kind.status) | {
        "description": "What the operator found and did; written by nobody else.",
        "default": {"observedGeneration": -1},
    }
    made: structural.Schema = {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": f"Version of the schema, `{names.API_VERSION}`.",
            },
            "kind": {"type": "string", "description": f"Kind of the object, `{kind.kind}`."},
            # The API server puts its own description here and refuses any other.
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    return made | {_RULES: [dict(rule) for rule in kind.rules]} if kind.rules else made


def manifest(kind: Kind) -> dict[str, Any]:
    """Return the CRD of a kind."""
    version: dict[str, Any] = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [column.render() for column in kind.columns],
        "schema": {"openAPIV3Schema": _root(kind)},
        "subresources": {"status": {}} | ({"scale": dict(kind.scale)} if kind.scale else {}),
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{names.GROUP}",
            # Flux would otherwise replace what looks like a variable in a description.
            "annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"},
        },
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": [kind.short],
                "categories": [names.OPERATOR],
            },
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }


def render() -> dict[str, str]:
    """Return the text of every file of `crds/`, by file name."""
    return {f"{kind.plural}.yaml": BANNER + _yaml(manifest(kind)) for kind in KINDS}


def _yaml(value: dict[str, Any]) -> str:
    """Return the value as YAML without anchors: the way over JSON leaves no object shared."""
    return yaml.safe_dump(
        json.loads(json.dumps(value)), sort_keys=False, width=100, allow_unicode=True
    )


def stale(folder: Path) -> list[str]:
    """Return the names of files in the folder that are missing, outdated or no longer made."""
    wanted = render()
    found = {path.name: path.read_text() for path in folder.glob("*.yaml")}
    return sorted(
        name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
    )


def write(folder: Path) -> list[str]:
    """Bring the folder up to date and return the names of the files that changed."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in changed:
        (folder / name).unlink(missing_ok=True)
    for name, text in render().items():
        if name in changed:
            (folder / name).write_text(text)
    return changed
