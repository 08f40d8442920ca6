"""The pages of docs/reference/ that are made from code: values, metrics, flags, fields."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.registry import Collector

from process_operator import metrics, settings
from process_operator.api.http import meters
from process_operator.api.http import settings as api_settings
from process_operator.controller.tallies import Tallies
from process_operator.schema import crds
from process_operator.schema.kinds import KINDS, Kind

CHECKOUT = Path(__file__).resolve().parents[2]
CHART = CHECKOUT / "deploy" / "chart" / "process-operator"
_LARGEST = 2**31 - 1
"""The bound of every number that has no other: what 32 bits hold."""
_METRICS = """\
<!-- Generated from process_operator/metrics.py by `make generate`; do not edit. -->
# Metrics

The operator serves them at `/metrics` of its port of probes (`--health-port`), the REST API of a
port of its own (`--metrics-port`). Beside these are those of every Python process.

## Of the operator

No label is the name of an application or of a namespace.

{operator}

## Of each application

Only with `metrics.perApplication` of the chart (`--metrics-per-application`): each has the labels
`namespace` and `application`, and there are as many series as applications.

{named}

## Of the REST API

Beside these: `process_operator_build_info` and `rest_client_*`, as above.

{api}
"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page."""
    yield "chart.md", _values()
    yield "metrics.md", _metrics()
    yield "flags.md", _flags()
    yield "kinds.md", _kinds()


def _values() -> str:
    """Return the page with every value: name, default, meaning."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = [
        "<!-- Generated from the chart's values.schema.json by `make generate`; do not edit. -->",
        "# Values of the chart",
        "",
        "| value | default | meaning |",
        "|---|---|---|",
    ]
    for path, description in _described(schema):
        default = json.dumps(_at(defaults, path))
        lines.append(f"| `{'.'.join(path)}` | `{default}` | {description} |")
    return "\n".join(lines) + "\n"


def _metrics() -> str:
    """Return the page with every metric of the operator and of the API."""
    now = datetime.now(UTC)
    live = Tallies(informers=(), waiting=lambda: 0, clock=lambda: now, per_application=True)
    of_api = set(_told(meters.CONNECTIONS, meters.REFUSED_CONNECTIONS, meters.REQUEST_SECONDS))
    told = set(_told(metrics.REGISTRY, live)) - of_api
    named = {one for one in told if one[0].startswith("process_operator_application_")}
    return _METRICS.format(
        operator=_table_of(told - named), named=_table_of(named), api=_table_of(of_api)
    )


def _told(*collectors: Collector) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and meaning of each metric that is ours."""
    for one in (family for collector in collectors for family in collector.collect()):
        if not one.name.startswith(("process_", "python_")) or "_operator_" in one.name:
            name = f"{one.name}_total" if one.type == "counter" else one.name
            yield name, one.type, one.documentation


def _table_of(told: Iterable[tuple[str, str, str]]) -> str:
    rows = (f"| `{name}` | {kind} | {text} |" for name, kind, text in sorted(told))
    return "\n".join(("| metric | type | meaning |", "|---|---|---|", *rows))


def _flags() -> str:
    """Return the page with every flag of operator and API."""
    lines = [
        "<!-- Generated from the settings of operator and API by `make generate`; do not edit. -->",
        "# Flags",
        "",
        "Every flag has a variable; the flag wins.",
    ]
    for command, add in (("run", settings.add_arguments), ("api", api_settings.add_arguments)):
        parser = argparse.ArgumentParser(add_help=False)
        add(parser, {})
        lines += ["", f"## process-operator {command}", "", "| flag | meaning |", "|---|---|"]
        # argparse has no public way to its flags.
        actions = parser._actions  # noqa: SLF001
        lines += [f"| `{one.option_strings[0]}` | {one.help} |" for one in actions]
    return "\n".join(lines) + "\n"


def _kinds() -> str:
    """Return the page with every field of every kind."""
    lines = [
        "<!-- Generated from the CRDs by `make generate`; do not edit. -->",
        "# Fields of each kind",
        "",
        "A field that has to be there is marked with *; `[]` is an element of a list, `.*` a value",
        "of a map. Whether a change waits for a release tells [another table](fields.md); see also",
        "[manifests with every field](manifests.md).",
    ]
    for kind in KINDS:
        lines += ["", f"## {kind.kind}", "", kind.description, *_fields_of(kind)]
    return "\n".join(lines) + "\n"


def _fields_of(kind: Kind) -> Iterator[str]:
    root = crds.manifest(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        schema = root["properties"][part]
        yield from ("", f"### {part} of {kind.kind}", "")
        yield from ("| field | type | meaning |", "|---|---|---|")
        for path, inner, required in _below(schema, ""):
            mark = "\\*" if required else ""
            text = inner.get("description", "").replace("|", "\\|").replace("\n", " ")
            yield f"| `{path}`{mark} | {_type(inner)} | {text} |"
    every = [root, *(inner for _, inner, _ in _below(root, ""))]
    rules = [rule["message"] for one in every for rule in one.get("x-kubernetes-validations", ())]
    if rules:
        yield from ("", f"### Rules of {kind.kind}", "")
        yield from ("What the API server says of what it refuses:", "")
        yield from (f"- {one}" for one in dict.fromkeys(rules))


def _below(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Yield path, schema and whether it has to be there for each field, in the CRD's order."""
    for name, inner in schema.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        yield place, inner, name in schema.get("required", ())
        yield from _below(inner, place)
    if "items" in schema:
        yield from _below(schema["items"], f"{path}[]")
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        yield from _below(values, f"{path}.*")


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a field with its bounds, for people."""
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "enum" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema["enum"])
    if schema["type"] == "array":
        return f"list{_bounds(schema, 'Items', '')}: {_type(schema['items'])}"
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        return f"map{_bounds(schema, 'Properties', '')}: {_type(values)}"
    if schema["type"] == "string":
        return f"{schema.get('format', 'string')}{_bounds(schema, 'Length', ' characters')}"
    return f"{schema['type']}{_bounds(schema, 'imum', '')}"


def _bounds(schema: Mapping[str, Any], what: str, unit: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    most = None if most == _LARGEST else most
    if least is not None and most is not None:
        return f", {least} to {most}{unit}"
    if most is not None:
        return f", at most {most}{unit}"
    return f", at least {least}{unit}" if least is not None else ""


def _described(
    schema: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path and the description of each value that is no group of others."""
    for name, one in schema["properties"].items():
        if "properties" in one:
            yield from _described(one, (*above, name))
        else:
            yield (*above, name), one["description"]


def _at(values: Any, path: Sequence[str]) -> Any:
    for name in path:
        values = values[name]
    return values
