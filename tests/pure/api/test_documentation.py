"""The page for API users and the OpenAPI document tell of the same paths."""

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from process_operator.api.http import documentation, pages
from process_operator.api.routes import ROUTERS

README = Path(__file__).parents[3] / "docs/reference/api.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    return documentation.document(app)


def test_the_page_for_users_has_every_path_and_no_other(document: dict[str, Any]) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /v3/[^`]+)` \|", README.read_text(), re.MULTILINE))
    there = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert told == there


def test_every_operation_documents_its_answers_and_asks_for_a_key(
    document: dict[str, Any],
) -> None:
    assert document["security"] == [{"ApiKey": []}]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            answers = operation["responses"]
            assert {"400", "401", "404", "429", "503"} <= answers.keys(), place
            assert ("403" in answers) is (method != "get"), place
            assert len({"200", "201"} & answers.keys()) == 1, place
            asked = {one["name"].lower() for one in operation.get("parameters", ())}
            assert ("412" in answers) is ("if-match" in asked), place


def test_every_schema_that_is_named_is_there(document: dict[str, Any]) -> None:
    named = set(re.findall(r"#/components/schemas/([A-Za-z_]+)", str(document)))
    assert named <= document["components"]["schemas"].keys()


def test_bounds_and_null_rules_are_documented_as_they_are_checked(
    document: dict[str, Any],
) -> None:
    fields = document["components"]["schemas"]["UpdateProcess"]["properties"]
    assert (fields["port"]["minimum"], fields["port"]["maximum"]) == (1, 65_535)
    assert fields["ingress_protocol"]["enum"] == ["http", "grpc"]
    assert fields["entrypoint"]["maxLength"] == 1024
    null = {"type": "null"}
    nullable = {name for name, field in fields.items() if null in field.get("anyOf", ())}
    assert nullable == {"schedule", "time_zone", "liveness_probe", "readiness_probe"}
    assert "required" not in document["components"]["schemas"]["UpdateProcess"]
    assert document["components"]["schemas"]["UpdateProcess"]["examples"]


def test_the_page_needs_nothing_from_elsewhere(document: dict[str, Any]) -> None:
    page = pages.page(document)
    for foreign in ("http://", "https://", "<script", "<link", "<img", "@import"):
        assert foreign not in page
    for path in document["paths"]:
        assert path in page


def test_what_generated_clients_stumble_over_is_not_there(document: dict[str, Any]) -> None:
    """`make test-generated-clients` shows that nothing else is; each of these ended one."""
    ids = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", one)] == []
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
    ]
    assert [one for one in bodies if "$ref" not in one] == []
    fields = [
        (name, field)
        for name, schema in document["components"]["schemas"].items()
        for field, told in schema.get("properties", {}).items()
        if told.get("type") == "null"
    ]
    assert fields == []
