"""The paths of the API, one module per noun; each route reads, asks the writer, and presents."""

from fastapi import APIRouter

from process_operator.api.routes import (
    api_keys,
    applications,
    clones,
    commands,
    deployments,
    domains,
    global_variables,
    hooks,
    logs,
    processes,
    projects,
    resources,
    runs,
    variables,
    webhooks,
)

ROUTERS: tuple[APIRouter, ...] = (
    processes.router,
    runs.router,
    deployments.router,
    # Before the applications: its path looks like the one of an application.
    global_variables.router,
    applications.router,
    variables.router,
    domains.router,
    logs.router,
    commands.router,
    clones.router,
    hooks.router,
    webhooks.router,
    resources.router,
    projects.router,
    api_keys.router,
)
