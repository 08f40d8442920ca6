"""Our own OpenAPI document against the API: requests drawn from it meet no undocumented answer."""

import uuid
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok, Result
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import restside
from restside import Client, Served
from userside import IMAGE

Operation = schemathesis.APIOperation[Any, Any, Any, Any]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ENDLESS = {"/v3/applications/{id}/runtime-logs/follow"}
"""Not asked here: its answer goes on for minutes. `tests/e2e/test_api.py` follows it."""
REMOVES = {"/v3/applications/{id}", "/v3/applications/{id}/processes/{process_id}"}


@pytest.mark.first
def test_no_request_meets_a_defect_or_an_undocumented_answer(
    rest: Served, kubeconfig: Path, namespace: str
) -> None:
    me = restside.user(rest, kubeconfig, namespace)
    known = _made(me)
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{rest.port}/v3/openapi.json")
    operations = [_valid(result) for result in schema.get_all_operations()]
    assert len(operations) > 30
    assert {one.path for one in operations} >= ENDLESS
    for operation in operations:
        if operation.path in ENDLESS:
            continue
        for mode in GenerationMode:
            _fuzz(operation, mode, known, me)


def _valid(result: Result[Operation, InvalidSchema]) -> Operation:
    assert isinstance(result, Ok), result
    return result.ok()


def _fuzz(
    operation: Operation,
    mode: GenerationMode,
    known: dict[str, str],
    me: Client,
) -> None:
    kept = operation.method.upper() == "DELETE" and operation.path in REMOVES
    ids = known | ({"id": known["project"]} if "projects" in operation.path else {})

    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.integers(0, 3))
    def check(case: schemathesis.Case[Any], real: int) -> None:
        if real and not kept:
            # Most requests are about what is there: what is not is answered before its body.
            for name in case.path_parameters or {}:
                case.path_parameters[name] = ids.get(name, case.path_parameters[name])
        case.call_and_validate(
            headers={"Authorization": f"Bearer {me.key}"}, checks=CHECKS, timeout=30
        )

    check()


def _made(me: Client) -> dict[str, str]:
    """Return the ids of things that are there."""
    cluster = me.done("GET", "/v3/resources/clusters")[0]["id"]
    body = {
        "display_name": "Shop",
        "cluster_id": cluster,
        "source": "dockerImage",
        "docker_image": f"{IMAGE}:v1",
    }
    application = me.done("POST", "/v3/applications", body)["id"]
    path = f"/v3/applications/{application}"
    web = me.done("GET", f"{path}/processes")["data"][0]["id"]
    deployment = me.done("POST", f"{path}/deployments", {})["id"]
    variable = me.done("POST", f"{path}/env-vars", {"key": "A", "value": "1"})["id"]
    domain = me.done("POST", f"{path}/domains", {"domain_name": f"{uuid.uuid4()}.example.com"})[
        "id"
    ]
    project = me.done("GET", "/v3/projects")["data"][0]["id"]
    return {
        "id": application,
        "process_id": web,
        "deployment_id": deployment,
        "env_var_id": variable,
        "domain_id": domain,
        "project": project,
    }
