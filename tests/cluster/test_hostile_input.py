"""What a real API server does with hostile objects, and that our own check says the same of them.

Everything is sent as a dry run: what counts is the answer, and how long the server takes for it.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import hostile
import plain
import schema_strategies
from process_operator.kube import names, quantities
from process_operator.kube.manifest import Manifest
from process_operator.schema import kinds, validation

_CRDS = Path(__file__).parents[2] / "crds"
_KINDS = {kind.kind: kind for kind in kinds.KINDS}
_LARGEST = 1_400_000
"""Bytes of JSON: etcd takes no more than 1.5 MiB."""
_PATIENCE_SECONDS = 2.0
"""Far above what any answer takes, and far below what an endless number takes."""
_DRAWN = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module", autouse=True)
def _installed(kubectl: Callable[..., str]) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(_CRDS))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(_CRDS))


def _fields_refused(api: plain.ApiServer, namespace: str, manifest: Manifest) -> set[str]:
    """Return the fields for which the server refuses an object; none if it takes it."""
    kind = _KINDS[manifest["kind"]]
    scope = f"/namespaces/{namespace}" if kind.namespaced else ""
    path = f"/apis/{names.API_VERSION}{scope}/{kind.plural}"
    begin = time.monotonic()
    status, answer = api.send("POST", path, manifest, dryRun="All", fieldValidation="Strict")
    assert time.monotonic() - begin < _PATIENCE_SECONDS
    assert status in {201, 422}, answer
    causes = answer["details"]["causes"] if status == 422 else ()
    fields = {cause["field"] for cause in causes}
    # Beside the field that is wrong, the server says of the whole that its rules were not checked.
    return fields - {"<nil>"} or fields


@pytest.mark.parametrize("case", [pytest.param(one, id=one.name) for one in hostile.cases()])
def test_a_hostile_object_is_taken_or_refused_without_delay(
    api: plain.ApiServer, namespace: str, case: hostile.Case
) -> None:
    refused = _fields_refused(api, namespace, case.manifest)
    assert refused == ({case.refused} if case.refused else set())


@pytest.mark.parametrize("kind", names.OWN_KINDS)
@_DRAWN
@given(data=st.data())
def test_our_own_check_takes_what_the_server_takes(
    api: plain.ApiServer, namespace: str, kind: str, data: st.DataObject
) -> None:
    manifest = data.draw(schema_strategies.hostile(kind))
    assume(len(json.dumps(manifest)) < _LARGEST)
    ours = {found.field for found in validation.problems(manifest)}
    assert bool(ours) == bool(_fields_refused(api, namespace, manifest)), (ours, manifest)


@_DRAWN
@given(data=st.data())
def test_the_server_keeps_every_quantity_that_the_crds_take_as_the_operator_writes_it(
    api: plain.ApiServer, namespace: str, data: st.DataObject
) -> None:
    number = data.draw(st.from_regex(quantities.FORM, fullmatch=True))
    spec = {"volumes": [{"name": "a", "mountPath": "/a", "emptyDir": {"sizeLimit": number}}]}
    web = {"applicationRef": {"name": "shop"}, "key": "web", "type": "web", **spec}
    made = {
        "apiVersion": names.API_VERSION,
        "kind": names.PROCESS_KIND,
        "metadata": {"name": "web"},
        "spec": web,
    }
    if validation.problems(made):
        return
    written = quantities.canonical(number)
    assert _kept(api, namespace, written) == written


def _kept(api: plain.ApiServer, namespace: str, size: str) -> Any:
    """Return the size of a volume as the server answers it."""
    pod = {
        "containers": [{"name": "main", "image": "shop:1"}],
        "volumes": [{"name": "a", "emptyDir": {"sizeLimit": size}}],
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sized"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", **pod}}},
    }
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    status, answer = api.send("POST", path, job, dryRun="All")
    assert status == 201, answer
    return answer["spec"]["template"]["spec"]["volumes"][0]["emptyDir"]["sizeLimit"]
