"""`process-operator run`: one replica of the operator, with all its parts joined.

An `Operator` lives as long as it can watch all of its own kinds. What it knows by then may be wrong
for good (objects that went with their kind come back as others), so the next one begins with
nothing known, in the same process, when all kinds can be watched.
"""

import argparse
import asyncio
import functools
import sys

from process_operator import __version__, exposition, garbage, logs, loops, metrics, settings
from process_operator.cli import connect
from process_operator.cluster import client, scoped
from process_operator.controller import contact, health, lives
from process_operator.controller.execute.traces import MissingPackagesError, Tracer, Traces
from process_operator.controller.operator import Operator


def run(parsed: argparse.Namespace) -> int:
    """Run until told to stop; return the exit code."""
    given = settings.of(parsed)
    logs.configure(given.log_format, given.log_level)
    metrics.INFO.labels(__version__).set(1)
    # Before anything of the cluster is known: what one life knew is garbage in the next.
    garbage.spare_what_is_there()
    try:
        tracer = Tracer() if given.traces else None
    except MissingPackagesError as error:
        print(f"process-operator: {error}", file=sys.stderr)
        return 2
    try:
        with asyncio.Runner(loop_factory=loops.factory()) as runner:
            return runner.run(_operate(given, Traces(tracer)))
    finally:
        if tracer is not None:
            tracer.end()


async def _operate(given: settings.Settings, traces: Traces) -> int:
    connection = connect.connection(connect.credentials())
    scope = given.watch_namespaces
    reached = scoped.ScopedCluster(connection, scope) if scope else client.Cluster(connection)
    async with reached as api:
        told = asyncio.Event()
        make = functools.partial(Operator, api, given, traces)
        replica = lives.Lives(contact.Arrival(api), told, make)
        served = await exposition.serve(
            given.health_port, flag="--health-port", probes=health.probes(replica.unready)
        )
        try:
            return await replica.run()
        finally:
            await served.cleanup()
