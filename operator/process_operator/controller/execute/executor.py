"""Carries out the actions of a plan, in the plan's order, and publishes reports.

Nothing is decided here. What waits for what stands in the plan: the actions of an application come
one after the other, then the processes side by side, each by its stages. Every answer is put into
the observed state at once, so that the next look is never behind.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import assert_never

from process_operator.cluster.client import Cluster
from process_operator.controller.execute import events
from process_operator.controller.execute.children import ChildInformer, Children
from process_operator.controller.execute.jobs import Jobs
from process_operator.controller.execute.outcome import Outcome
from process_operator.controller.execute.own_objects import OwnObjects
from process_operator.controller.execute.traces import Traces
from process_operator.controller.observe.records import ApplicationKey, ObservedState
from process_operator.controller.observe.store import ObjectCache
from process_operator.controller.plan.model import (
    Action,
    Apply,
    CleanForeignItems,
    Concede,
    CreateJob,
    CreateRelease,
    Delete,
    Plan,
    Prune,
    RecordStatus,
    Show,
    Stages,
    TakeUp,
)
from process_operator.controller.status.model import Report, Write

_AT_ONCE = 8
"""How many processes of one application are written at the same time, so that others have room."""


class Executor:
    """Writes to one cluster, and remembers the answers in one cache."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        store: ObjectCache,
        children: Mapping[str, ChildInformer],
        traces: Traces,
        clock: Callable[[], datetime],
        lead: Callable[[], float | None],
    ) -> None:
        """Make an executor; `lead` says for how many seconds it may make Jobs, None for ever."""
        self._cluster = cluster
        self._clock = clock
        self._children = Children(cluster=cluster, store=store, informers=children)
        self._traces = traces
        self._own_objects = OwnObjects(cluster=cluster, store=store, traces=traces, clock=clock)
        self._jobs = Jobs(
            cluster=cluster,
            store=store,
            informers=children,
            own_objects=self._own_objects,
            lead=lead,
        )

    async def carry_out(self, observed: ObservedState, plan: Plan) -> bool:
        """Do what the plan wants; return whether the next look would see anything else.

        Raises:
            ApiError: a write met something that another look, or time, will put right.
        """
        outcomes = [await self._carry_out(observed, action) for action in plan.actions]
        room = asyncio.Semaphore(_AT_ONCE)
        results = await asyncio.gather(
            *(
                self._process(observed, process_plan.stages, room)
                for process_plan in plan.processes
            ),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
            outcomes += result
        return any(outcome.calls_for_a_look for outcome in outcomes)

    async def publish(self, key: ApplicationKey, report: Report) -> None:
        """Write statuses, each by itself, and send the events of the transitions they tell."""
        for write in report.writes:
            await self.publish_one(key, write)

    async def publish_one(self, key: ApplicationKey, write: Write) -> None:
        """Write one status at the version it was computed from, then send its events."""
        if await self._own_objects.publish(key, write):
            for event in write.events:
                await events.send(self._cluster, event, self._clock())

    def retry_at(self, key: ApplicationKey) -> datetime | None:
        """Return when a status of an application that was refused is to be tried again."""
        return self._own_objects.retry_at(key)

    async def _process(
        self, observed: ObservedState, stages: Stages, room: asyncio.Semaphore
    ) -> list[Outcome]:
        async with room:
            return await self._in_stages(observed, stages)

    async def _in_stages(self, observed: ObservedState, stages: Stages) -> list[Outcome]:
        """Carry out stage after stage, as long as all of one is taken."""
        outcomes: list[Outcome] = []
        for stage in stages:
            outcomes += [await self._carry_out(observed, action) for action in stage]
            if any(outcome is not Outcome.TAKEN for outcome in outcomes):
                break
        return outcomes

    async def _carry_out(self, observed: ObservedState, action: Action) -> Outcome:
        with self._traces.write(observed, action):
            return await self._do(observed, action)

    async def _do(self, observed: ObservedState, action: Action) -> Outcome:
        match action:
            case RecordStatus():
                return await self._own_objects.record(observed.key, action)
            case CreateJob():
                return await self._jobs.create(observed, action)
            case TakeUp():
                return await self._own_objects.take_up(action)
            case CreateRelease():
                return await self._own_objects.create(observed.key, action)
            case Prune():
                return await self._own_objects.prune(action)
            case Apply():
                return await self._children.apply(observed, action)
            case Show():
                return await self._children.show(observed, action)
            case CleanForeignItems():
                return await self._children.clean(observed, action)
            case Concede():
                return await self._children.concede(observed, action)
            case Delete():
                return await self._children.delete(action)
            case _:
                assert_never(action)
