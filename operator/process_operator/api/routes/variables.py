"""Environment variables of an application: those with a literal value."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.payloads import base
from process_operator.api.payloads.variables import CreateVariable, UpdateVariable, Variable
from process_operator.api.presenters.variables import variable
from process_operator.api.reads import variable_ids
from process_operator.api.reads.cache import Record
from process_operator.api.reads.variable_ids import Ids
from process_operator.api.routes import groups, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Change, CreateForced, Limit, Offset, Read, Uid

router = groups.router("Environment variables")

Item = dict[str, Any]


def _is_literal(item: Item) -> bool:
    return "valueFrom" not in item


def _ids(record: Record) -> Ids:
    return variable_ids.parsed(record.marks.get(variable_ids.MARK))


def _id_of(record: Record, name: str) -> str:
    return variable_ids.id_of(record.uid, _ids(record), name)


def _present(record: Record, item: Item) -> Item:
    name = item["name"]
    return variable(record, name, item.get("value", ""), _id_of(record, name))


def _find(record: Record, identifier: str) -> Item:
    for item in record.spec.get("env") or ():
        if _is_literal(item) and _id_of(record, item["name"]) == identifier.lower():
            found: Item = item
            return found
    raise problems.missing("the environment variable")


def check_times(given: Mapping[str, Any]) -> None:
    """Refuse a variable for builds, or for builds alone."""
    if given.get("is_buildtime"):
        raise problems.refused("is_buildtime: there are no builds here; leave it out")
    if not given.get("is_runtime", True):
        raise problems.refused("is_runtime: there is only the run time here; leave it out")


@router.get(
    "/v3/applications/{id}/env-vars",
    summary="List environment variables",
    responses=replies.documented(200, base.Page[Variable], "A page of variables."),
)
async def list_variables(call: Read, id: Uid, limit: Limit = 100, offset: Offset = 0) -> Response:  # noqa: A002
    """Return the variables that have a literal value; those from Secrets are not shown."""
    record = call.application(id)
    items = [one for one in record.spec.get("env") or () if _is_literal(one)]
    return replies.paged(items, lambda one: _present(record, one), limit=limit, offset=offset)


@router.post(
    "/v3/applications/{id}/env-vars",
    summary="Create an environment variable",
    responses=replies.documented(201, Variable, "The new variable.", writes=True),
)
async def create_variable(
    call: CreateForced,
    id: Uid,  # noqa: A002
    payload: CreateVariable,
) -> Response:
    """Add a variable to all processes; it waits for the next deployment."""
    given = payload.given()
    check_times(given)
    name, value = given["key"], given["value"]

    def added(one: Record) -> dict[str, Any]:
        spec = one.spec
        items = spec.get("env") or []
        there = next((item for item in items if item["name"] == name), None)
        if there is not None and _is_repeated(call, there, value):
            return spec
        if there is not None:
            raise problems.refused(f"key: there is a variable {name} already; update that one")
        return {**spec, "env": [*items, {"name": name, "value": value}]}

    record = call.application(id)
    ids = variable_ids.created(record.uid, _ids(record), name)
    marks = {variable_ids.MARK: variable_ids.text(ids)}
    written = await call.writer.change(record, added, call.options, marks=marks)
    item = {"name": name, "value": value}
    return replies.reply(_present(written.record, item), HTTPStatus.CREATED)


def _is_repeated(call: Call, there: Item, value: str) -> bool:
    """Whether a variable is what an earlier request with an Idempotency-Key has made."""
    return call.options.idempotency_key is not None and there.get("value", "") == value


@router.put(
    "/v3/applications/{id}/env-vars/{env_var_id}",
    summary="Update an environment variable",
    responses=replies.documented(200, Variable, "The variable.", writes=True, conditional=True),
)
async def update_variable(
    call: Change,
    id: Uid,  # noqa: A002
    env_var_id: Uid,
    payload: UpdateVariable,
) -> Response:
    """Change the name or the value of a variable; it waits for the next deployment."""
    given = payload.given()
    check_times(given)
    record = call.application(id)
    found = _find(record, env_var_id)
    name = str(given.get("key", found["name"]))

    def changed(one: Record) -> dict[str, Any]:
        spec = one.spec
        before = _find(one, env_var_id)
        items = spec["env"]
        if name != before["name"] and any(item["name"] == name for item in items):
            raise problems.refused(f"key: there is a variable {name} already; update that one")
        after = {"name": name, "value": given.get("value", before.get("value", ""))}
        return {**spec, "env": [after if item == before else item for item in items]}

    ids = _ids(record)
    if name != found["name"]:
        ids = variable_ids.renamed(record.uid, ids, found["name"], name)
    marks = {variable_ids.MARK: variable_ids.text(ids)}
    written = await call.writer.change(record, changed, call.options, marks=marks)
    return replies.reply(_present(written.record, _find(written.record, env_var_id)))


@router.delete(
    "/v3/applications/{id}/env-vars/{env_var_id}",
    summary="Delete an environment variable",
    responses=replies.documented(
        200, base.Message, "It is deleted.", writes=True, conditional=True
    ),
)
async def delete_variable(call: Change, id: Uid, env_var_id: Uid) -> Response:  # noqa: A002
    """Delete a variable; this waits for the next deployment."""
    record = call.application(id)
    found = _find(record, env_var_id)

    def removed(one: Record) -> dict[str, Any]:
        spec = one.spec
        items = [item for item in spec.get("env") or () if item["name"] != found["name"]]
        return {**spec, "env": items}

    ids = variable_ids.removed(_ids(record), found["name"])
    marks = {variable_ids.MARK: variable_ids.text(ids)}
    await call.writer.change(record, removed, call.options, marks=marks)
    return replies.reply({"message": "Environment variable is deleted"})
