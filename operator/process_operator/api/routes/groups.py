"""The groups that operations stand in, and what generated clients call each operation."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.routing import APIRoute

GROUPS: Mapping[str, str] = {
    "Processes": "What an application is made of: web, worker, cron and job processes.",
    "Runs and metrics": "Runs of cron processes, and what can be measured of a process now.",
    "Deployments": "Releases of what is saved, their course, and the way back.",
    "Applications": "Processes that share an image and are deployed together.",
    "Environment variables": "Variables with a literal value, for all processes of an application.",
    "Webhooks": "Where the deployments of a project are told.",
    "Domains": "Hosts that lead to the web process.",
    "Logs": "What instances have written lately.",
    "Resources": "Machine sizes and clusters.",
    "API keys": "What the key of a request is.",
    "Projects": "The namespaces of the key.",
}
"""What each is about, in their order on the page."""


def router(group: str) -> APIRouter:
    """Return a router for the operations of one group.

    Args:
        group: One of `GROUPS`.
    """
    return APIRouter(tags=[group], generate_unique_id_function=_operation_id)


def _operation_id(route: APIRoute) -> str:
    first, *others = route.name.split("_")
    return first + "".join(word.capitalize() for word in others)
