"""Domains, as far as hosts go: those of the one web process of an application."""

import contextlib
from http import HTTPStatus
from typing import Any

from fastapi import Response

from process_operator.api import problems
from process_operator.api.access import identity
from process_operator.api.payloads import base
from process_operator.api.payloads.domains import AddDomain, Domain
from process_operator.api.presenters.domains import domain
from process_operator.api.reads.cache import Record
from process_operator.api.routes import groups, replies
from process_operator.api.routes.call import Call
from process_operator.api.routes.parameters import Change, CreateForced, Limit, Offset, Read, Uid
from process_operator.kube import errors

router = groups.router("Domains")

_MAX_HOSTS = 16


def _web(call: Call, application: Record) -> Record | None:
    """Return the web process that domains belong to; of several the oldest."""
    return next((one for one in call.processes(application) if one.spec["type"] == "web"), None)


def _hosts(record: Record) -> list[dict[str, Any]]:
    return list((record.spec.get("ingress") or {}).get("hosts") or ())


def _with_hosts(record: Record, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    spec = record.spec
    return {**spec, "ingress": {**(spec.get("ingress") or {}), "hosts": hosts}}


def _find(call: Call, application_id: str, domain_id: str) -> tuple[Record, str]:
    record = _web(call, call.application(application_id))
    for item in _hosts(record) if record is not None else ():
        if record is not None and identity.domain(record.uid, item["host"]) == domain_id.lower():
            return record, item["host"]
    raise problems.missing("the domain")


def _present(record: Record, host: str) -> dict[str, Any]:
    hosts = _hosts(record)
    return domain(record, host, is_primary=bool(hosts) and hosts[0]["host"] == host)


@router.get(
    "/v3/applications/{id}/domains",
    summary="List domains",
    responses=replies.documented(200, base.Page[Domain], "A page of domains."),
)
async def list_domains(call: Read, id: Uid, limit: Limit = 100, offset: Offset = 0) -> Response:  # noqa: A002
    """Return the hosts of the web process; the first one is the primary."""
    record = _web(call, call.application(id))
    found = [(record, item["host"]) for item in _hosts(record)] if record is not None else []
    return replies.paged(found, lambda one: _present(*one), limit=limit, offset=offset)


@router.post(
    "/v3/applications/{id}/domains",
    summary="Add a domain",
    responses=replies.documented(201, Domain, "The new domain.", writes=True),
)
async def add_domain(call: CreateForced, id: Uid, payload: AddDomain) -> Response:  # noqa: A002
    """Add a host to the web process; it acts at once."""
    given = payload.given()
    if given.get("custom_ssl_cert") or given.get("custom_ssl_key"):
        raise problems.refused(
            "custom_ssl_cert: certificates come from an issuer or a Secret here; leave it out"
        )
    record = _web(call, call.application(id))
    if record is None:
        raise problems.refused("the application has no web process; create one first")
    host = given["domain_name"].lower()
    if given.get("is_wildcard") and not host.startswith("*."):
        host = f"*.{host}"
    if call.cache.has_host(host, besides=record.uid):
        raise problems.refused(
            f"domain_name: {host} belongs to another process, and a host to the one that had it "
            "first; choose another, or remove it there"
        )

    def added(one: Record) -> dict[str, Any]:
        hosts = _hosts(one)
        if any(item["host"] == host for item in hosts):
            if call.options.idempotency_key is not None:
                return one.spec
            raise problems.refused(f"domain_name: {host} is there already")
        if len(hosts) >= _MAX_HOSTS:
            raise problems.refused(
                f"domain_name: a process has at most {_MAX_HOSTS} domains; remove one first"
            )
        return _with_hosts(one, [*hosts, {"host": host}])

    written = await call.writer.change(record, added, call.options)
    return replies.reply(_present(written.record, host), HTTPStatus.CREATED)


@router.get(
    "/v3/applications/{id}/domains/{domain_id}",
    summary="Get a domain",
    responses=replies.documented(200, Domain, "The domain."),
)
async def get_domain(call: Read, id: Uid, domain_id: Uid) -> Response:  # noqa: A002
    """Return one host of the web process."""
    return replies.reply(_present(*_find(call, id, domain_id)))


@router.delete(
    "/v3/applications/{id}/domains/{domain_id}",
    summary="Remove a domain",
    responses=replies.documented(
        200, base.Message, "It is removed.", writes=True, conditional=True
    ),
)
async def remove_domain(call: Change, id: Uid, domain_id: Uid) -> Response:  # noqa: A002
    """Remove a host of the web process; it acts at once."""
    if _web(call, call.application(id)) is None:
        return _removed()
    record, host = _find(call, id, domain_id)

    def left(one: Record) -> dict[str, Any]:
        return _with_hosts(one, [item for item in _hosts(one) if item["host"] != host])

    with contextlib.suppress(errors.NotFound):
        await call.writer.change(record, left, call.options)
    return _removed()


def _removed() -> Response:
    """Answer so also when the process is gone: clients remove both at once, in any order."""
    return replies.reply({"message": "Domain is removed"})
