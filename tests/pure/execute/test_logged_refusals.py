"""What the API server says to a write may quote what was written: no value reaches a log."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import storytelling
from process_operator.controller import reconcile
from process_operator.controller.execute.executor import Executor
from process_operator.controller.execute.traces import Traces
from process_operator.controller.tallies import Tallies
from process_operator.controller.worker import Worker
from process_operator.controller.workqueue import WorkQueue
from process_operator.kube import errors, names
from storytelling import Story, application
from userside import process

SECRET = "tr0ub4dor"  # noqa: S105 - made up
ENV = [{"name": "PASSWORD", "value": SECRET}]
SAID = f'admission webhook "policy" denied the request: env PASSWORD={SECRET} is weak, {SECRET[:6]}'
TOLD = 'admission webhook "policy" denied the request: env PASSWORD=*** is weak, ***'


def denied(error: Callable[[str], errors.ApiError]) -> Callable[[Any], Any]:
    def no(_: Any) -> Any:
        raise error(SAID)

    return no


def told(caplog: pytest.LogCaptureFixture, message: str) -> set[str]:
    assert SECRET[:6] not in "".join(str(vars(one)) for one in caplog.records)
    return {vars(one)["detail"] for one in caplog.records if one.message == message}


def test_a_child_that_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    story = Story("a child that is refused")
    story.server.admits = denied(errors.Rejected)
    story.applies(application(env=ENV), process("web", "web"))
    story.passes(60)
    (said,) = {one.partition(": ")[2] for one in told(caplog, "was refused")}
    assert said == TOLD


def test_a_status_that_is_refused_by_somebody_else_than_the_schema(
    caplog: pytest.LogCaptureFixture,
) -> None:
    story = Story("a status that is refused")
    story.begins_with("release shop-1 serves", application(env=ENV), process("web", "web"))
    story.server.refuses = denied(errors.Rejected)
    story.changes(names.PROCESS_KIND, "web", displayName="another")
    story.passes(60)
    assert told(caplog, "status was refused by the server") == {TOLD}


@pytest.mark.parametrize("error", [errors.Unavailable, errors.Unauthorized])
def test_a_look_that_failed(
    error: Callable[[str], errors.ApiError], caplog: pytest.LogCaptureFixture
) -> None:
    story = Story("a look that fails")
    story.begins_with("release shop-1 serves", application(env=ENV), process("web", "web"))
    deployment = next(story.operator.children["Deployment"].all())
    story.operator.children["Deployment"].evict("demo", deployment.name, deployment.uid)
    story.server.admits = denied(error)
    asyncio.run(look(story))
    assert told(caplog, "could not reach the server") | told(caplog, "could not be reconciled") == {
        TOLD
    }


async def look(story: Story) -> None:
    """Let a worker look at the application once."""
    server, operator = story.server, story.operator
    api: dict[str, Any] = {"cluster": server, "store": operator.store, "clock": lambda: server.now}
    executor = Executor(**api, children=operator.children, traces=Traces(None), lead=lambda: None)
    tallies = Tallies(informers=(), waiting=lambda: 0, clock=lambda: server.now)
    reconciler = reconcile.Reconciler(**api, executor=executor, tallies=tallies, waiting=lambda: 0)
    queue: WorkQueue[Any] = WorkQueue()
    worker = Worker(
        queue=queue, reconcile=reconciler.reconcile, told=reconciler.told, clock=api["clock"]
    )
    await worker._one(storytelling.KEY)
