"""Environment variables of all applications of a project."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.variables import (
    CreateGlobalVariable,
    GlobalVariable,
    UpdateVariable,
)
from process_operator.api.presenters.variables import global_variable
from process_operator.api.reads import variable_ids
from process_operator.api.reads.cache import Record
from process_operator.api.reads.global_variables import GlobalVariables
from process_operator.api.routes import groups, projects, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Alter, CreateForced, Limit, Offset, Read, Uid
from process_operator.api.routes.variables import check_times
from process_operator.api.writes import global_variables

router = groups.router("Environment variables")

_PATH = "/v3/applications/global-env-vars"


def _id_of(variables: GlobalVariables, name: str) -> str:
    return variable_ids.id_of(variables.project.uid, variables.ids, name)


def _named(variables: GlobalVariables, identifier: str) -> str | None:
    """Return the name of the variable of an id."""
    wanted = identifier.lower()
    return next((name for name in variables.values if _id_of(variables, name) == wanted), None)


def _present(variables: GlobalVariables, name: str) -> Mapping[str, object]:
    return global_variable(variables, name, _id_of(variables, name))


def _check_name(name: str) -> None:
    if len(name) > global_variables.MAX_KEY or name == "." or name.startswith(".."):
        raise problems.refused(
            f"key: a global variable is a key of a ConfigMap: at most {global_variables.MAX_KEY} "
            "characters, not a dot alone, and no two dots at the beginning"
        )


def _taken(name: str) -> problems.Problem:
    return problems.refused(
        f"key: there is a global variable {name} already in this project; update that one"
    )


async def _holding(call: Call, identifier: str) -> tuple[Record, str]:
    """Return the project that has a variable, and the variable's name."""
    for project in projects.of(call):
        name = _named(await call.parts.global_variables.read(project), identifier)
        if name is not None:
            return project, name
    raise problems.missing("the environment variable")


@router.get(
    _PATH,
    summary="List global environment variables",
    responses=replies.documented(200, base.Page[GlobalVariable], "A page of variables."),
)
async def list_global_variables(call: Read, limit: Limit = 100, offset: Offset = 0) -> Response:
    """Return the variables that all applications of a project have, of the key's projects."""
    found = [await call.parts.global_variables.read(one) for one in projects.of(call)]
    items = [(one, name) for one in found for name in sorted(one.values)]
    return replies.paged(items, lambda item: _present(*item), limit=limit, offset=offset)


@router.post(
    _PATH,
    summary="Create a global environment variable",
    responses=replies.documented(201, GlobalVariable, "The new variable.", writes=True),
)
async def create_global_variable(call: CreateForced, payload: CreateGlobalVariable) -> Response:
    """Add a variable to all applications of a project; it waits for their next deployments.

    A variable of the same name of an application or a process wins.
    """
    given = payload.given()
    check_times(given)
    name, value = given["key"], given["value"]
    _check_name(name)

    def added(now: GlobalVariables) -> GlobalVariables:
        if name not in now.values:
            ids = variable_ids.created(now.project.uid, now.ids, name)
            return now.with_values({**now.values, name: value}, ids)
        if call.options.idempotency_key is not None and now.values[name] == value:
            return now
        raise _taken(name)

    project = projects.chosen(call, given.get("project_id"))
    written = await call.parts.global_variables.change(project, added, call.options)
    return replies.reply(_present(written, name), HTTPStatus.CREATED)


@router.put(
    f"{_PATH}/{{env_var_id}}",
    summary="Update a global environment variable",
    responses=replies.documented(200, GlobalVariable, "The variable.", writes=True),
)
async def update_global_variable(call: Alter, env_var_id: Uid, payload: UpdateVariable) -> Response:
    """Change the name or the value of a variable; it waits for the next deployments."""
    given = payload.given()
    check_times(given)
    project, before = await _holding(call, env_var_id)
    name = given.get("key", before)
    _check_name(name)

    def changed(now: GlobalVariables) -> GlobalVariables:
        there = _named(now, env_var_id)
        if there is None:
            raise problems.missing("the environment variable")
        if name != there and name in now.values:
            raise _taken(name)
        value = given.get("value", now.values[there])
        others = {key: one for key, one in now.values.items() if key != there}
        ids = now.ids
        if name != there:
            ids = variable_ids.renamed(now.project.uid, ids, there, name)
        return now.with_values({**others, name: value}, ids)

    written = await call.parts.global_variables.change(project, changed, call.options)
    return replies.reply(_present(written, name))


@router.delete(
    f"{_PATH}/{{env_var_id}}",
    summary="Delete a global environment variable",
    responses=replies.documented(200, base.Message, "It is deleted.", writes=True),
)
async def delete_global_variable(call: Alter, env_var_id: Uid) -> Response:
    """Delete a variable; this waits for the next deployments."""
    project, name = await _holding(call, env_var_id)

    def removed(now: GlobalVariables) -> GlobalVariables:
        return now.with_values(
            {key: one for key, one in now.values.items() if key != name},
            variable_ids.removed(now.ids, name),
        )

    await call.parts.global_variables.change(project, removed, call.options)
    return replies.reply({"message": "Environment variable is deleted"})
