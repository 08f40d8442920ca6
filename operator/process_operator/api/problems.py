"""What callers are told when a request cannot be done: one shape, and a status for each reason."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson

from process_operator.api import field_names
from process_operator.kube import errors

MEDIA_TYPE = b"application/json"
DEFECT = "the request failed; its code finds it in the log of the API"


class Problem(Exception):  # noqa: N818 - it is an answer, not a defect
    """A request that is answered with a no."""

    def __init__(
        self, status: int, message: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def invalid(message: str) -> Problem:
    """Return the answer to a request that breaks the form of the contract."""
    return Problem(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str) -> Problem:
    """Return the answer to a request without a valid key."""
    return Problem(
        HTTPStatus.UNAUTHORIZED, message, headers={"www-authenticate": 'Bearer realm="api"'}
    )


def forbidden(message: str) -> Problem:
    """Return the answer to a key that may not do this."""
    return Problem(HTTPStatus.FORBIDDEN, message)


def missing(what: str) -> Problem:
    """Return the answer for what is not there, or not there for this key: both look the same."""
    return Problem(HTTPStatus.NOT_FOUND, f"{what} was not found")


def stale() -> Problem:
    """Return the answer to an If-Match that names another version."""
    return Problem(
        HTTPStatus.PRECONDITION_FAILED,
        "If-Match names another version than the one that is saved; read it again",
    )


def refused(message: str) -> Problem:
    """Return the answer to a well-formed request that breaks a rule."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, message)


def busy(message: str) -> Problem:
    """Return the answer to what is done as often as it may be already."""
    return Problem(HTTPStatus.TOO_MANY_REQUESTS, message, headers={"retry-after": "1"})


def unavailable(message: str) -> Problem:
    """Return the answer when the cluster cannot be asked now."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, message, headers={"retry-after": "5"})


def of_cluster(error: errors.ApiError) -> Problem:
    """Return the answer that an answer of the API server stands for."""
    match error:
        case errors.NotFound():
            return missing("the object")
        case errors.Conflict() | errors.AlreadyExists():
            return refused("the object was changed by somebody else at the same time; try again")
        case errors.NamespaceTerminating():
            return refused("the namespace is being deleted: nothing can be made in it any more")
        case errors.Forbidden():
            return refused(f"the cluster does not allow it: {error.message}")
        case errors.Rejected():
            # What was left unchecked because of the others names no field.
            causes = [one for one in error.causes if one.field != "<nil>"]
            said = "; ".join(f"{one.field}: {one.message}" for one in causes)
            return refused(field_names.sent(said or error.message))
        case _:
            return unavailable("the cluster does not answer now; try again")


def body(status: int, message: str, request_id: str) -> bytes:
    """Return an error in the contract's shape; its code finds the request in the log."""
    told: dict[str, Any] = {
        "message": message,
        "status": status,
        "data": {"code": request_id, "message": message},
    }
    return orjson.dumps(told)
