"""The OpenAPI document, made once from the routes and their payloads."""

from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from process_operator import __version__
from process_operator.api.routes.groups import GROUPS

TITLE = "process-operator"

_DESCRIPTION = """\
Applications made of processes (web, worker, cron, job) on Kubernetes.

The same objects can be read and changed with kubectl and GitOps. A change of machine size,
scaling, probes, start command or port is saved now and takes effect with the next deployment;
`pending` in the replies says what waits. A field that a manifest declares is refused with 422,
unless `?force=true` is given.

Every answer has `x-request-id`, and every answer to a valid key `x-ratelimit-limit`,
`x-ratelimit-remaining` and `x-ratelimit-reset`. Errors are `{message, status, data}`.
"""
_SCHEME = "ApiKey"
_LICENSE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
_CONTACT = {"name": "The platform engineers who run this API"}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    return app.openapi_schema


def text(app: FastAPI) -> bytes:
    """Return the OpenAPI document as JSON."""
    return orjson.dumps(document(app))


def _made(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title=TITLE,
        version=__version__,
        openapi_version="3.1.0",
        description=_DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/"}],
        tags=[{"name": name, "description": text} for name, text in GROUPS.items()],
        license_info=_LICENSE,
        contact=_CONTACT,
    )
    parts = made["components"]
    parts["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "API key authentication. Pass your API key as a Bearer token in the "
            "Authorization header.",
        }
    }
    made["security"] = [{_SCHEME: []}]
    for operations in made["paths"].values():
        for operation in operations.values():
            # What breaks the form is answered with 400; and 200 is not what creating answers.
            answers = operation["responses"]
            if answers.get("422", {}).get("description") == "Validation Error":
                del answers["422"]
            if "201" in answers and "200" in answers:
                del answers["200"]
            _tell_optional_body(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)
    return made


def _tell_optional_body(operation: dict[str, Any]) -> None:
    """Say of a body that may be missing that it may: not that it may be null, which is a body."""
    body = operation.get("requestBody")
    if body is None:
        return
    content = body["content"]["application/json"]
    options = [one for one in content["schema"].get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        content["schema"] = options[0]
        body["required"] = False
