"""What is said of a route by the Gateway API, in the gateway's own words."""

from typing import Any

import pytest

import make
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.models.process import ProcessStatus

ROUTING: dict[str, Any] = {"routing": {"backend": "gateway", "gatewayRef": {"name": "public"}}}
HOSTS: dict[str, Any] = {"hosts": [{"host": "shop.example.com"}]}


def parent(*conditions: tuple[str, str, str, str], **of: str) -> dict[str, Any]:
    names = ("type", "status", "reason", "message")
    return {
        "parentRef": {"name": "public", **of},
        "conditions": [dict(zip(names, one, strict=True)) for one in conditions],
    }


ACCEPTED = ("Accepted", "True", "Accepted", "")


SILENT = (
    'no controller has said anything of the HTTPRoute yet: see whether Gateway "public" is in this '
    "namespace, and of a GatewayClass whose controller runs"
)
REFUSED = 'Gateway "public" does not serve the HTTPRoute: '


@pytest.mark.parametrize(
    ("parents", "status", "message"),
    [
        ([], "Unknown", SILENT),
        ([parent(ACCEPTED)], "True", 'Gateway "public" has accepted the HTTPRoute'),
        (
            [parent(("Accepted", "False", "NotAllowedByListeners", "no listener takes it"))],
            "False",
            f"{REFUSED}NotAllowedByListeners: no listener takes it",
        ),
        (
            [parent(ACCEPTED, ("ResolvedRefs", "False", "BackendNotFound", "no Service"))],
            "False",
            f"{REFUSED}BackendNotFound: no Service",
        ),
    ],
)
def test_what_the_gateway_says_is_told(parents: list[Any], status: str, message: str) -> None:
    assert said(ROUTING, parents) == (status, message)


BOTH: dict[str, Any] = {
    "routing": {
        "backend": "gateway",
        "gatewayRefs": [
            {"name": "public", "sectionName": "web"},
            {"name": "shared", "namespace": "infra"},
        ],
    }
}
LISTENER, SHARED = 'Gateway "public", listener "web"', 'Gateway "infra/shared"'
LET = "let allowedRoutes of its listener admit namespace demo"
NOT_ADMITTED = ("Accepted", "False", "NotAllowedByListeners", "no listener takes it")


@pytest.mark.parametrize(
    ("parents", "status", "message"),
    [
        (
            [parent(ACCEPTED, sectionName="web")],
            "Unknown",
            SILENT.replace('"public" is in this namespace', '"infra/shared" is there'),
        ),
        (
            [
                parent(ACCEPTED, sectionName="web", namespace="demo"),
                parent(ACCEPTED, name="shared", namespace="infra"),
            ],
            "True",
            f"{LISTENER} and {SHARED} have accepted the HTTPRoute",
        ),
        (
            [
                parent(ACCEPTED, sectionName="web"),
                parent(NOT_ADMITTED, name="shared", namespace="infra"),
            ],
            "False",
            f"{SHARED} does not serve the HTTPRoute: NotAllowedByListeners: no listener takes it; "
            + LET,
        ),
    ],
)
def test_each_of_several_gateways_has_its_say(
    parents: list[Any], status: str, message: str
) -> None:
    assert said(BOTH, parents) == (status, message)


def said(routing: dict[str, Any], parents: list[Any]) -> tuple[str, str]:
    seen = make.observed(
        application=make.application(**routing), processes=[make.process(ingress=HOSTS)]
    )
    served = make.served(seen)
    (made,) = (one for one in make.applies(make.released(seen)) if one.key.kind == "HTTPRoute")
    told = make.changed(served, make.child_of(made.manifest, parents=parents))
    answers = report.report(told, plan.plan(told)).answers
    (found,) = (
        condition
        for answer in answers
        if answer.of.name == "web"
        for condition in answer.said
        if condition.type == "RouteProgrammed"
    )
    return found.status, found.message


TIMEOUT: dict[str, Any] = {"ingress": {**HOSTS, "requestTimeoutSeconds": 90}}
LEFT_OUT = (
    "spec.ingress.requestTimeoutSeconds left out: {} is not known to have it for single routes; "
    "set it for all of them there, or route by the Gateway API"
)


@pytest.mark.parametrize(
    ("routing", "warnings"),
    [
        (ROUTING, ()),
        ({"routing": {"ingressClassName": "contour"}}, ()),
        ({"routing": {"ingressClassName": "gce"}}, (LEFT_OUT.format("GKE Ingress"),)),
        ({}, (LEFT_OUT.format("the ingress controller of the class"),)),
    ],
)
def test_a_time_out_that_a_controller_cannot_be_told_is_a_warning(
    routing: dict[str, Any], warnings: tuple[str, ...]
) -> None:
    seen = make.served(
        make.observed(application=make.application(**routing), processes=[make.process(**TIMEOUT)])
    )
    answers = report.report(seen, plan.plan(seen)).answers
    (web,) = (one for one in answers if one.of.name == "web")
    assert isinstance(web.status, ProcessStatus)
    assert web.status.warnings == warnings
