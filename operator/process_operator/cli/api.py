"""`process-operator api`: the REST API, as a process of its own."""

import argparse
import importlib.util
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from process_operator import garbage
from process_operator.api.http import settings

if TYPE_CHECKING:
    from process_operator.api.reads.cache import Cache
    from process_operator.api.webhooks.dispatcher import Webhooks
    from process_operator.cluster.client import Cluster


def add_to(commands: Any) -> None:
    """Add this command to the subparsers of the command line."""
    parser = commands.add_parser(
        "api",
        help="serve the REST API",
        description="Serve the REST API before the current cluster. It writes applications, "
        "processes, releases and runs, and never what the operator makes of them.",
    )
    settings.add_arguments(parser, os.environ)
    parser.set_defaults(command=_run)


def _run(parsed: argparse.Namespace) -> int:
    if importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("uvicorn") is None:
        print(
            "process-operator api: its packages are missing; install process-operator[api]",
            file=sys.stderr,
        )
        return 1
    import asyncio

    from process_operator import __version__, logs, loops, metrics

    metrics.INFO.labels(__version__).set(1)
    given = settings.of(parsed)
    logs.configure(given.log_format, given.log_level)
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        return runner.run(_serve(given))


async def _serve(given: settings.Settings) -> int:
    import time

    from process_operator import exposition
    from process_operator.api.access.keys import KeyStore
    from process_operator.api.http import asgi, server
    from process_operator.api.http.connections import Connections
    from process_operator.api.http.limits import Limiter
    from process_operator.api.reads import ownership
    from process_operator.api.reads.cache import Cache
    from process_operator.api.reads.followed_logs import FollowedLogs
    from process_operator.api.reads.kept import ResponseCache
    from process_operator.api.reads.runtime_logs import RuntimeLogs
    from process_operator.api.reads.usage import Usage
    from process_operator.api.routes.call import RequestContext
    from process_operator.api.writes.commands import Commands
    from process_operator.api.writes.global_variables import GlobalVariablesWriter
    from process_operator.api.writes.writer import Writer
    from process_operator.cli import connect
    from process_operator.cluster import client

    connection = connect.connection(connect.credentials())
    async with client.Cluster(connection, manager=ownership.MANAGER) as api:
        known = Cache(api)
        key_store = KeyStore(api, given.keys_namespace)
        connections = Connections(
            most=settings.MAX_CONNECTIONS, per_address=given.connections_per_address
        )
        webhooks = _webhooks(api, known, given)
        app = asgi.application(
            parts=RequestContext(
                key_store=key_store,
                cache=known,
                writer=Writer(api, known),
                usage=Usage(api),
                logs=RuntimeLogs(api),
                followed=FollowedLogs(api),
                commands=Commands(api),
                global_variables=GlobalVariablesWriter(api),
                kept=ResponseCache(),
                webhooks=webhooks,
                makes_projects=given.projects,
                cluster_name=given.cluster_name,
            ),
            key_store=key_store,
            limiter=Limiter(time.monotonic, scale=given.rate_scale),
        )
        scraped = await exposition.serve(given.metrics_port, flag="--metrics-port")
        try:
            return await server.serve(
                app,
                given,
                connections,
                lambda: [
                    *known.tasks(),
                    key_store.run(),
                    _spare_what_is_listed(known),
                    *([webhooks.dispatcher.run()] if webhooks is not None else []),
                ],
            )
        finally:
            await scraped.cleanup()


def _webhooks(api: "Cluster", known: "Cache", given: settings.Settings) -> "Webhooks | None":
    """Return what tells deployments to others, where the platform wants that."""
    from process_operator.api.webhooks.addresses import AllowedAddresses
    from process_operator.api.webhooks.dispatcher import Dispatcher, Webhooks
    from process_operator.api.webhooks.store import WebhookStore

    if not given.webhooks:
        return None
    store = WebhookStore(api, given.keys_namespace)
    allowed = AllowedAddresses(given.webhook_networks)
    dispatcher = Dispatcher(store, known, allowed, lambda: datetime.now(UTC))
    known.on_release = dispatcher.observe
    return Webhooks(store=store, dispatcher=dispatcher, allowed=allowed)


async def _spare_what_is_listed(known: "Cache") -> None:
    """Keep what was listed out of further garbage collections, whose pauses callers would feel."""
    await known.complete()
    garbage.spare_what_is_there()
