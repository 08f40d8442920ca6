"""The whole application: routes, error answers, documentation and probes behind the gate."""

import functools
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from process_operator.api import problems
from process_operator.api.access.keys import KeyStore
from process_operator.api.http import documentation, invalid, pages
from process_operator.api.http.gate import Gate
from process_operator.api.http.limits import Limiter
from process_operator.api.problems import Problem
from process_operator.api.reads.cache import Cache
from process_operator.api.routes import ROUTERS
from process_operator.api.routes.call import RequestContext
from process_operator.kube import errors


def application(
    *,
    parts: RequestContext,
    key_store: KeyStore,
    limiter: Limiter,
) -> Gate:
    """Return the ASGI application."""
    app = FastAPI(
        title=documentation.TITLE,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # As one list, and not as routers: each router would be asked twice for each request. The
        # routes are tried in order, what is asked most first.
        routes=[route for router in ROUTERS for route in router.routes],
        # The gate counts what is asked; nothing else tells of requests, nor costs them time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            Problem: _on_problem,
            errors.ApiError: _on_cluster_error,
            RequestValidationError: _on_invalid,
            HTTPException: _on_http_error,
            Exception: _on_defect,
        },
    )
    app.state.parts = parts
    _add_plain(app, cache=parts.cache, key_store=key_store)
    return Gate(app, key_store=key_store, cache=parts.cache, limiter=limiter)


def _add_plain(app: FastAPI, *, cache: Cache, key_store: KeyStore) -> None:
    """Add what needs no key; what is the same for everybody is made once."""
    document_text = functools.cache(lambda: documentation.text(app))
    page = functools.cache(lambda: pages.page(documentation.document(app)).encode())

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> PlainTextResponse:
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> PlainTextResponse:
        if cache.ready and key_store.trusted:
            return PlainTextResponse("ok\n")
        return PlainTextResponse(
            "not every kind is listed and watched yet\n", HTTPStatus.SERVICE_UNAVAILABLE
        )

    @app.get("/v3/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(document_text(), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(
            page(),
            headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
        )


def _answer(request: Request, problem: Problem) -> Response:
    request_id = request.scope["state"]["request_id"]
    return Response(
        problems.body(problem.status, problem.message, request_id),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type="application/json",
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _answer(request, error)


async def _on_cluster_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, errors.ApiError):
        raise error
    return _answer(request, problems.of_cluster(error))


async def _on_defect(request: Request, _: Exception) -> Response:
    """Answer; what it was is logged at the gate, which gets to see it too."""
    return _answer(request, Problem(HTTPStatus.INTERNAL_SERVER_ERROR, problems.DEFECT))


async def _on_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    return _answer(request, problems.invalid(invalid.told(error.errors(), error.body)))


async def _on_http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = "this path does not exist here; /docs lists every path"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "this path does not know that method; /docs lists every path"
    return _answer(request, Problem(error.status_code, message, headers=error.headers))
