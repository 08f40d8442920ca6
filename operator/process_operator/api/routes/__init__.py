"""The paths of the API, one module per noun; each route reads, asks the writer, and presents."""

from fastapi import APIRouter

from process_operator.api.routes import (
    api_keys,
    applications,
    clones,
    commands,
    deployments,
    domains,
    hooks,
    logs,
    processes,
    projects,
    resources,
    runs,
    variables,
)

ROUTERS: tuple[APIRouter, ...] = (
    processes.router,
    runs.router,
    deployments.router,
    applications.router,
    variables.router,
    domains.router,
    logs.router,
    commands.router,
    clones.router,
    hooks.router,
    resources.router,
    projects.router,
    api_keys.router,
)
