"""The CRDs as files: generated, complete and bounded."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import Field

from process_operator.models import base
from process_operator.schema import crds, kinds, structural

ROOT = Path(__file__).parents[3]
BAD_INPUT = ROOT / "tests/cluster/bad_input.yaml"
EVERY_FIELD = ROOT / "tests/cluster/every_field.yaml"


def _schema(kind: kinds.Kind) -> dict[str, Any]:
    made: dict[str, Any] = crds.manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return made


def _nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, part in node.get("properties", {}).items():
        yield from _nodes(part, f"{path}.{name}")
    if "items" in node:
        yield from _nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _nodes(node["additionalProperties"], f"{path}{{}}")


NODES = [
    (f"{kind.kind}.{part}{path}", node)
    for kind in kinds.KINDS
    for part in ("spec", "status")
    for path, node in _nodes(_schema(kind)["properties"][part], "")
]


def test_the_checked_in_files_are_what_the_models_say() -> None:
    assert crds.stale(ROOT / "crds") == []


def test_writing_makes_what_is_missing_and_removes_what_is_no_longer_made(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").write_text("kind: Gone\n")
    assert crds.write(tmp_path) == sorted(["gone.yaml", *crds.render()])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == crds.render()
    assert crds.write(tmp_path) == []


@pytest.mark.parametrize("text", crds.render().values(), ids=crds.render())
def test_a_generated_file_says_so_first_and_holds_one_kind(text: str) -> None:
    assert text.splitlines()[0].startswith("# Generated from ")
    [found] = yaml.safe_load_all(text)
    assert found["kind"] == "CustomResourceDefinition"
    assert found["metadata"]["annotations"] == {
        "kustomize.toolkit.fluxcd.io/substitute": "disabled"
    }


def test_every_field_has_a_sentence() -> None:
    fields = {path: node for path, node in NODES if not path.endswith(("[]", "{}"))}
    sentences = {path: node.get("description", "") for path, node in fields.items()}
    assert [path for path, text in sentences.items() if not text.endswith(".")] == []
    assert [path for path, text in sentences.items() if "\n" in text] == []


def test_every_value_has_a_bound() -> None:
    assert [path for path, node in NODES if not _is_bounded(node)] == []


def _is_bounded(node: dict[str, Any]) -> bool:
    if node.get("x-kubernetes-int-or-string"):
        return "maxLength" in node
    match node["type"]:
        case "string":
            return bool(node.keys() & {"maxLength", "enum"}) or node.get("format") == "date-time"
        case "integer":
            return {"minimum", "maximum", "format"} <= node.keys()
        case "array":
            return {"maxItems", "x-kubernetes-list-type"} <= node.keys()
        case "object":
            return bool(node.keys() & {"properties", "maxProperties"})
        case other:
            return bool(other == "boolean")


def test_nothing_is_filled_in_but_the_unobserved_generation() -> None:
    assert {path: node["default"] for path, node in NODES if "default" in node} == {
        f"{kind.kind}.status": {"observedGeneration": -1} for kind in kinds.KINDS
    }


def test_the_example_sets_every_field_a_user_can_set() -> None:
    documents = [*yaml.safe_load_all(EVERY_FIELD.read_text())]
    for kind in kinds.KINDS:
        known = {path for path, _ in _nodes(_schema(kind)["properties"]["spec"], "")}
        values = {path for path in known if path.endswith("{}")}
        used = {
            path
            for one in documents
            # Both have variables, volumes and pods, in one shape: once is enough.
            for path in _used(one["spec"], "")
            if one["kind"] == kind.kind or path.startswith(_SHARED)
        }
        assert _folded(known - values) - _folded(used) == set(), kind.kind


_SHARED = (".env", ".volumes", ".pod.", ".livenessProbe", ".readinessProbe", ".startupProbe")
_SAME = {
    r"^\.pod\.(initContainers|sidecars)\[\]": ".container",
    r"^\.container\.env": ".env",
    r"^(\.container)?\.(liveness|readiness|startup)Probe\.": ".probe.",
    r"\.pod(Anti)?Affinity\.": ".neighbours.",
    r"\.neighbours\.required\w+\[\]": ".term",
    r"\.neighbours\.preferred\w+\[\]\.podAffinityTerm": ".term",
}
"""What has one shape in several places."""


def _folded(paths: set[str]) -> set[str]:
    """Return the paths with those of one shape as one."""
    folded: set[str] = set()
    for path in paths:
        told = path
        for pattern, same in _SAME.items():
            told = re.sub(pattern, same, told)
        folded.add(told)
    return folded


def test_every_rule_is_broken_by_a_case_of_bad_input() -> None:
    sections = yaml.safe_load(BAD_INPUT.read_text())
    told = {case["message"] for section in sections.values() for case in section}
    rules = [rule for _, node in NODES for rule in node.get("x-kubernetes-validations", ())]
    rules += [rule for kind in kinds.KINDS for rule in kind.rules]
    assert {rule["message"] for rule in rules} - told == set()


def _used(value: Any, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _used(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from _used(part, f"{path}[]")


def test_a_model_that_is_no_structural_schema_is_refused() -> None:
    class Float(base.Model):
        share: Annotated[float, Field(gt=0)]
        """Refused: floats do not survive the way through YAML and back."""

    class Union(base.Model):
        either: int | bool
        """Refused: the API server knows one union only."""

    with pytest.raises(ValueError, match="exclusiveMinimum"):
        structural.structural(Float)
    with pytest.raises(ValueError, match=r"int \| str"):
        structural.structural(Union)
