"""The corpus of hostile objects, `data/hostile.yaml`, read as the manifests that it stands for."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from process_operator.kube import names
from process_operator.kube.manifest import Manifest

_FILE = Path(__file__).parent / "data" / "hostile.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One object, and what must become of it."""

    name: str
    manifest: Manifest
    refused: str | None
    """The field that the API server refuses; None for what it takes."""


class _Loader(yaml.SafeLoader):
    """Reads the two tags that stand for long texts and long lists."""

    def text(self, node: yaml.Node) -> str:
        assert isinstance(node, yaml.SequenceNode)
        count, text = self.construct_sequence(node)
        return str(text * count)

    def items(self, node: yaml.Node) -> list[Any]:
        assert isinstance(node, yaml.SequenceNode)
        count, item = self.construct_sequence(node, deep=True)
        return [_numbered(item, index) for index in range(count)]


_Loader.add_constructor("!text", _Loader.text)
_Loader.add_constructor("!list", _Loader.items)


def _numbered(item: Any, index: int) -> Any:
    """Return an item with its index in place of a `%`, wherever one stands."""
    if isinstance(item, dict):
        return {name: _numbered(value, index) for name, value in item.items()}
    return item.replace("%", str(index)) if isinstance(item, str) else item


def cases() -> Iterator[Case]:
    """Yield every case of the corpus."""
    corpus = yaml.load(_FILE.read_text(), _Loader)  # noqa: S506 - a SafeLoader with two more tags
    for case in corpus["cases"]:
        plain = copy.deepcopy(corpus["objects"][case["object"]])
        yield Case(
            name=case["case"],
            manifest={
                "apiVersion": names.API_VERSION,
                "kind": plain["kind"],
                "metadata": {"name": case["object"]},
                "spec": {**plain["spec"], **case["set"]},
            },
            refused=case.get("refused"),
        )
