"""Manifests as they stand in files: read, placed, and checked as the API server will check them.

`process-operator plan` refuses what the server would refuse, and says in which file, document and
field. What is checked comes from the CRDs, so there is no second opinion: types, bounds, unknown
fields, and the CEL rules with their own messages.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

from process_operator.kube import names
from process_operator.kube.manifest import Manifest


class _Loader(yaml.SafeLoader):
    """Reads scalars as kubectl does: a date and `12:30` are texts."""


_NUMBER = re.compile(r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$")
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, _NUMBER if tag == "tag:yaml.org,2002:int" else expression)
        for tag, expression in known
        if tag != "tag:yaml.org,2002:timestamp"
    ]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One manifest, and where it stands."""

    source: str
    """Name of the file."""
    number: int
    """Which document of the file it is, from 1 on."""
    manifest: Manifest

    @property
    def place(self) -> str:
        """Where it stands, and what it is, for people."""
        about = self.manifest.get("metadata")
        name = about.get("name") or about.get("generateName") if isinstance(about, dict) else None
        named = f'{self.manifest.get("kind")} "{name}"' if name else str(self.manifest.get("kind"))
        return f"{self.source}, document {self.number}, {named}"

    @property
    def is_ours(self) -> bool:
        """Whether it is of our group, in whatever version and kind."""
        return str(self.manifest.get("apiVersion")).startswith(f"{names.GROUP}/")


class Unreadable(ValueError):  # noqa: N818 - it is the file that is unreadable
    """A file holds no manifests."""


def read(text: str, source: str) -> list[Document]:
    """Return the manifests of one file of YAML or JSON, those inside of Lists included."""
    try:
        found = [_json(one) for one in yaml.load_all(text, _Loader)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or "it cannot be read"
        raise Unreadable(f"{source}{where}: not YAML: {said}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a deep nest
        raise Unreadable(f"{source}: it holds what no manifest has: {error}") from None
    documents = []
    for number, manifest in enumerate(found, 1):
        if manifest is None:
            continue
        if not isinstance(manifest, dict):
            raise Unreadable(
                f"{source}, document {number}: not a manifest; it needs apiVersion, kind, "
                "metadata and spec"
            )
        is_list = manifest.get("kind") == "List"
        items = manifest.get("items") or () if is_list else (manifest,)
        documents += [
            Document(source=source, number=number, manifest=item)
            for item in items
            if isinstance(item, dict)
        ]
    return documents


def _json(value: Any) -> Any:
    """Return what YAML holds as JSON has it: with texts as the names of all fields."""
    if isinstance(value, dict):
        return {
            name if isinstance(name, str) else json.dumps(name, default=str): _json(inner)
            for name, inner in value.items()
        }
    return [_json(item) for item in value] if isinstance(value, list) else value
