"""The chart's values, its schema and its version say the same."""

import json
from typing import Any

import yaml

import reference
from process_operator import __version__

VALUES = yaml.safe_load((reference.CHART / "values.yaml").read_text())
SCHEMA = json.loads((reference.CHART / "values.schema.json").read_text())


def leaves(schema: dict[str, Any], values: Any) -> None:
    """See that two trees have the same names, down to what has no names of its own."""
    assert set(schema["properties"]) == set(values)
    assert schema["additionalProperties"] is False
    for name, one in schema["properties"].items():
        if "properties" in one:
            leaves(one, values[name])
        else:
            assert one["description"].endswith("."), name


def test_every_value_is_in_the_schema_and_nothing_else_is() -> None:
    leaves(SCHEMA, VALUES)


def test_the_chart_has_the_version_of_the_operator() -> None:
    chart = yaml.safe_load((reference.CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
