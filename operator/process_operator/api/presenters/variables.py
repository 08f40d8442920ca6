"""Environment variables as replies tell them."""

from process_operator.api.presenters import times
from process_operator.api.presenters.views import Reply
from process_operator.api.reads.cache import Record
from process_operator.api.reads.global_variables import GlobalVariables


def variable(record: Record, name: str, value: str, identifier: str) -> Reply:
    """Return an environment variable of an application."""
    told = _variable(name, value, identifier, (record.created_at, record.updated_at))
    return {**told, "app_id": record.uid}


def global_variable(variables: GlobalVariables, name: str, identifier: str) -> Reply:
    """Return an environment variable of all applications of a project."""
    written = (variables.created_at, variables.updated_at)
    told = _variable(name, variables.values[name], identifier, written)
    return {**told, "project_id": variables.project.uid}


def _variable(name: str, value: str, identifier: str, written: tuple[str, str]) -> Reply:
    """Return what both have; the times are those of what holds the variable."""
    return {
        "id": identifier,
        "key": name,
        "value": value,
        "is_runtime": True,
        "is_buildtime": False,
        "created_at": times.time(written[0]),
        "updated_at": times.time(written[1]),
    }
