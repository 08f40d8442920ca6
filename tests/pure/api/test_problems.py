"""What an answer of the API server is to a caller of the REST API: decided by its class."""

import pytest

from process_operator.api import problems
from process_operator.kube import errors
from process_operator.kube.errors import Cause

CAUSE = Cause(reason="FieldValueInvalid", field="spec.port", message="is too large")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (errors.NotFound("x"), 404, "the object was not found"),
        (errors.Conflict("x"), 422, "changed by somebody else"),
        (errors.AlreadyExists("x"), 422, "changed by somebody else"),
        (
            errors.NamespaceTerminating("unable to create new content"),
            422,
            "the namespace is being deleted: nothing can be made in it any more",
        ),
        (errors.Forbidden("exceeded quota"), 422, "the cluster does not allow it: exceeded quota"),
        (errors.Rejected("x", causes=(CAUSE,)), 422, "port: is too large"),
        (errors.Rejected("x"), 422, "x"),
        (errors.Unauthorized("x"), 503, "does not answer now"),
        (errors.Unavailable("x"), 503, "does not answer now"),
        (errors.Throttled("x", retry_after=1, status=429, reason=""), 503, "does not answer now"),
    ],
)
def test_each_class_of_errors_has_its_answer(
    error: errors.ApiError, status: int, message: str
) -> None:
    told = problems.of_cluster(error)
    assert told.status == status
    assert message in told.message


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("spec.resourceTypeRef.name", "resource_type_id"),
        ("spec.livenessProbe.httpGet.path", "liveness_probe.httpGet.path"),
        ("spec.ingress.hosts[3].host", "domain_name"),
        ("spec.ingress.hosts[www.example.com]", "domain_name"),
        ("spec.env[12].value", "value"),
        ("spec.env[LEVEL]", "key"),
        ("spec.image", "docker_image"),
        ("spec.ports[0].name", "spec.ports[0].name"),
        ("spec.portless", "spec.portless"),
    ],
)
def test_a_field_that_the_server_refuses_is_told_by_the_name_that_was_sent(
    field: str, sent: str
) -> None:
    cause = Cause(reason="FieldValueInvalid", field=field, message=f"{field} is odd")
    told = problems.of_cluster(errors.Rejected("x", causes=(cause,)))
    assert told.message == f"{sent}: {sent} is odd"
