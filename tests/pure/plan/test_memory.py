"""Nothing depends on what is remembered: a look comes to the same with it and without it.

Each look of every told release, and of an application that is edited at random, is worked out
twice, once with an empty memory; what would be written, and what would be said, is the same. And
where nothing has changed, nothing is worked out at all.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import make
from process_operator.controller import build
from process_operator.controller.observe.child_status import DeploymentStatus
from process_operator.controller.observe.memory import RESULT_BYTES, Memories, Memory
from process_operator.controller.observe.records import (
    Difference,
    IngressClass,
    ObservedState,
    Process,
    RefusedWrite,
    TakenHost,
)
from process_operator.controller.plan import contests
from process_operator.controller.plan import plan as plan_module
from process_operator.controller.plan.model import Plan
from process_operator.controller.plan.plan import plan
from process_operator.controller.status import report as report_module
from process_operator.controller.status.model import Report
from process_operator.controller.status.report import report
from process_operator.models import staging
from stories import STORIES
from stories.scenes import APPLICATION, PROCESS, SIZE, TICK, WEB
from storytelling import Story, application
from userside import process

SECOND = timedelta(seconds=1)


def planned(observed: ObservedState, memory: Memory) -> Plan:
    made = plan(observed, memory)
    assert made == plan(observed)
    return made


def reported(observed: ObservedState, todo: Plan, memory: Memory) -> Report:
    made = report(observed, todo, memory)
    assert made == report(observed, todo)
    return made


@contextmanager
def compared() -> Iterator[None]:
    """Compare each look with one that remembers nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "plan", planned)
        patch.setattr(report_module, "report", reported)
        yield


@pytest.mark.parametrize("name", STORIES)
def test_a_told_release_is_the_same_without_it(name: str) -> None:
    with compared():
        STORIES[name](Story(name))


WORKER = process("worker", "worker", env=[{"name": "SECRET", "value": "swordfish"}])
SEED = process("seed", "job", jobStartPolicy="beforeDeployment")
SIZES = ("250m", "500m", "1")
EDITS = st.one_of(
    st.tuples(st.just("image"), st.sampled_from("1234")),
    st.tuples(st.just("scale"), st.integers(0, 3)),
    st.tuples(st.just("variable"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("policy"), st.sampled_from(["staged", "automatic"])),
    st.tuples(st.just("size"), st.sampled_from(SIZES)),
    st.tuples(st.just("schedule"), st.sampled_from(["*/5 * * * *", "0 4 * * *", "never"])),
    st.tuples(st.just("process"), st.sampled_from(["worker", "seed"])),
    st.tuples(st.just("without"), st.sampled_from(["worker", "seed", "web"])),
    st.tuples(st.just("image fails"), st.sampled_from(["hangs", "crashes"])),
    st.tuples(st.just("job fails"), st.sampled_from(["fails", "hangs", "is evicted"])),
    st.tuples(st.just("time"), st.sampled_from([1, 59, 61, 700, 7200, 64_800])),
)


def edit(story: Story, what: str, to: Any) -> None:
    """Let the user, or fate, do one thing."""
    match what:
        case "image":
            story.changes(APPLICATION, "shop", image=f"registry.example.com/shop:{to}")
        case "suspend":
            story.changes(APPLICATION, "shop", suspend=to)
        case "policy":
            story.changes(APPLICATION, "shop", releasePolicy=to)
        case "size":
            story.changes(SIZE, "s1", cpu=to)
        case "schedule":
            story.changes(PROCESS, "tick", schedule=to)
        case "process":
            story.applies({"worker": WORKER, "seed": SEED}[to])
        case "without" if (PROCESS, "demo", to) in story.server.objects:
            story.deletes(PROCESS, to)
        case "image fails":
            story.failing_images["registry.example.com/shop:4"] = to
        case "job fails":
            story.jobs["seed"] = to
        case "time":
            story.passes(to)
        case "scale" | "variable" if (PROCESS, "demo", "web") in story.server.objects:
            manual = {"type": "manual", "manual": {"instanceCount": to}}
            env = [{"name": "LEVEL", "value": str(to)}]
            changed = {"scalingStrategy": manual} if what == "scale" else {"env": env}
            story.changes(PROCESS, "web", **changed)


@settings(max_examples=25, deadline=None)
@given(edits=st.lists(EDITS, min_size=1, max_size=12), waits=st.booleans())
def test_an_application_that_is_edited_at_random_is_the_same_without_it(
    edits: list[tuple[str, Any]], *, waits: bool
) -> None:
    story = Story("edited at random")
    with compared():
        story.begins_with("it serves", application(), WEB, TICK)
        for what, to in edits:
            edit(story, what, to)
            if waits:
                story.passes(3)
        story.passes(120)


def shop(size: int) -> ObservedState:
    """Return an application of so many processes, all of which run."""
    types = ("web", "worker", "cron")
    mixed = (types[number % len(types)] for number in range(size))
    schedule = {"schedule": "*/5 * * * *"}
    return make.served(
        make.observed(
            processes=[
                make.process(key=f"{one}{number}", type=one, **(schedule if one == "cron" else {}))
                for number, one in enumerate(mixed)
            ]
        )
    )


def look(seen: ObservedState, memory: Memory) -> tuple[Plan, Report]:
    todo = plan(seen, memory)
    return todo, report(seen, todo, memory)


def _later(seconds: float) -> Callable[[ObservedState], ObservedState]:
    return lambda seen: make.observed(seen, now=seen.now + timedelta(seconds=seconds))


def _missing(seen: ObservedState) -> ObservedState:
    child = make.child(seen, "Deployment")
    others = {key: one for key, one in seen.children.items() if key != child.key}
    return make.observed(seen, children=others)


def _refused(seen: ObservedState) -> ObservedState:
    """The Deployment is gone, and the server did not take another one."""
    child = make.child(seen, "Deployment")
    no = RefusedWrite(
        desired_hash=str(child.desired_hash),
        reason="QuotaExceeded",
        message="no",
        retry_at=seen.now + timedelta(seconds=60),
    )
    return make.observed(_missing(seen), refused={child.key: no})


def _foreign(seen: ObservedState) -> ObservedState:
    child = make.child(seen, "Deployment")
    return make.changed(seen, make.edited(child, owner_uid="somebody", owner_kind="v1/Pod"))


def _contested(seen: ObservedState) -> ObservedState:
    child = make.child(seen, "Deployment")
    known = contests.written(
        None,
        key=child.key,
        uid=child.uid,
        desired=f"{child.desired_hash}/1",
        is_repair=False,
        differences=(Difference("spec.paused", "digest", ("spec", "paused")),),
        by=("policy",),
        now=seen.now,
    )
    assert known is not None
    return make.observed(seen, contests={child.key: known})


def _failing(seen: ObservedState) -> ObservedState:
    child = make.child(seen, "Deployment")
    status = DeploymentStatus(observed_generation=child.generation)
    return make.observed(make.changed(seen, make.edited(child, status=status)), pods=[make.pod()])


def _probed(seen: ObservedState) -> ObservedState:
    pod = make.pod(problem=None)
    return make.observed(_failing(seen), pods=[pod], probe_failures={pod.uid: "not ready: 500"})


def _taken(seen: ObservedState) -> ObservedState:
    taken = (TakenHost(host="shop.example.com", holder=None),)
    return make.observed(seen, taken_hosts={one.uid: taken for one in seen.processes})


def _of_class(seen: ObservedState) -> ObservedState:
    one = IngressClass(name="public", controller="traefik.io/ingress-controller", default=True)
    return make.observed(seen, ingress_classes=[one])


def _without_size(seen: ObservedState) -> ObservedState:
    return make.observed(seen, resource_types={})


def _larger(seen: ObservedState) -> ObservedState:
    return make.observed(seen, resource_types=[make.resource_type(cpu="1")])


def _suspended(seen: ObservedState) -> ObservedState:
    return make.observed(seen, application=make.application(suspend=True))


def _gone(seen: ObservedState) -> ObservedState:
    return make.observed(seen, application=None)


def _unreadable(seen: ObservedState) -> ObservedState:
    first, *others = seen.processes
    return make.observed(seen, processes=[make.broken(first), *others])


def _released_again(seen: ObservedState) -> ObservedState:
    return make.released(make.observed(seen, application=make.application(image="shop:2")))


def _unchanged(seen: ObservedState) -> ObservedState:
    return seen


Turn = Callable[[ObservedState], ObservedState]
OF_ANY: tuple[Turn, ...] = (
    *(_unchanged, _later(61), _later(86_400), _later(-600), _of_class, _without_size, _larger),
    *(_suspended, _gone, _unreadable, _released_again),
)
OF_WEB: tuple[Turn, ...] = (_missing, _refused, _foreign, _contested, _failing, _probed, _taken)
WEB_PROCESS = make.process(ingress={"hosts": [{"host": "shop.example.com"}]})
CRON = make.process(key="tick", type="cron", schedule="*/5 * * * *")


@pytest.mark.parametrize(
    ("only", "turns"), [(WEB_PROCESS, OF_ANY + OF_WEB), (CRON, OF_ANY)], ids=["web", "cron"]
)
def test_whatever_turns_into_whatever_is_the_same_without_it(
    only: Process, turns: Sequence[Turn]
) -> None:
    seen = make.served(make.observed(processes=[only]))
    for one, other in itertools.product(turns, repeat=2):
        memory, then = Memory(), other(seen)
        for turned in (one(seen), then, _later(70)(then), seen):
            assert look(turned, memory) == look(turned, Memory())


@pytest.fixture
def worked() -> Iterator[Counter[str]]:
    """Count what is worked out: the children that are built, the differences that are sought."""
    count: Counter[str] = Counter()

    def counted(of: Any, name: str) -> Any:
        real = getattr(of, name)

        def call(*given: Any, **named: Any) -> Any:
            count[name] += 1
            return real(*given, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for of, name in (
            (build, "children"),
            (staging, "process_differences"),
            (staging, "application_differences"),
        ):
            patch.setattr(of, name, counted(of, name))
        yield count


def test_a_look_at_what_has_not_changed_works_nothing_out(worked: Counter[str]) -> None:
    seen, memory = shop(30), Memory()
    look(seen, memory)
    worked.clear()
    look(make.observed(seen, now=seen.now + timedelta(seconds=1)), memory)
    assert not worked


def test_a_changed_process_is_the_only_one_that_is_worked_out(worked: Counter[str]) -> None:
    seen, memory = shop(30), Memory()
    look(seen, memory)
    worked.clear()
    first, *others = seen.processes
    hosts = {"hosts": [{"host": "shop.example.com"}]}
    changed = make.process(key=first.name, type="web", ingress=hosts)
    look(make.observed(seen, processes=[changed, *others]), memory)
    assert worked == Counter(children=1, process_differences=1, application_differences=1)


def test_the_first_look_builds_each_process_once(worked: Counter[str]) -> None:
    seen = shop(30)
    worked.clear()
    look(seen, Memory())
    assert worked["children"] == 30


def test_a_result_is_made_anew_when_any_input_is_another_object() -> None:
    memory, one, other = Memory(), [1], [1]
    made = [memory.recall("uid", "step", (one, None), object) for _ in range(2)]
    assert made[0] is made[1]
    assert memory.recall("uid", "step", (other, None), object) is not made[0]
    assert memory.recall("uid", "step", (other,), object) is not made[0]


def test_a_result_that_depends_on_the_time_holds_until_it_says() -> None:
    memory, end = Memory(), make.NOW + timedelta(seconds=10)

    def recalled(seconds: int) -> object:
        now = make.NOW + timedelta(seconds=seconds)
        return memory.recall("uid", "step", (), object, now=now, until=lambda _: end)

    first = recalled(0)
    assert recalled(9) is first
    later = recalled(10)
    assert later is not first
    # The clock was put back: what was made then may not hold yet.
    assert recalled(5) is not later


def test_what_is_remembered_has_a_bound_in_bytes_and_goes_with_what_was_looked_at_longest_ago() -> (
    None
):
    memories = Memories(most_bytes=3 * (RESULT_BYTES + 1000))
    for name in "abcd":
        memories.of(name).recall("uid", "text", (), lambda: "x" * 1000, weight=len)
        memories.weigh(name)
    assert memories.bytes == 3 * (RESULT_BYTES + 1000)
    assert [memories.of(name).bytes > 0 for name in "abcd"] == [False, True, True, True]


def test_what_is_about_a_process_that_is_gone_is_forgotten() -> None:
    memory = Memory()
    for uid in ("one", "other"):
        memory.recall(uid, "text", (), lambda: "x" * 10, weight=len)
    memory.retain({"one"})
    assert memory.bytes == RESULT_BYTES + 10


def test_what_holds_until_a_moment_is_not_worked_out_twice_at_the_moment_of_its_making() -> None:
    memory, made = Memory(), 0

    def work() -> int:
        nonlocal made
        made += 1
        return made

    for _ in range(2):
        memory.recall("uid", "what", (), work, now=make.NOW, until=lambda _: make.NOW + SECOND)
    assert made == 1


def test_a_settled_process_is_not_planned_anew_as_time_passes() -> None:
    seen, memory = make.served(), Memory()
    first = plan(seen, memory)
    later = plan(make.observed(seen, now=make.NOW + timedelta(minutes=1)), memory)
    assert later.processes[0] is first.processes[0]


def test_a_child_of_somebody_else_is_looked_at_again_as_time_passes() -> None:
    seen, memory = make.served(), Memory()
    foreign = make.edited(make.child(seen, "Service"), owner_uid="somebody")
    seen = make.changed(seen, foreign)
    first = plan(seen, memory)
    later = plan(make.observed(seen, now=make.NOW + timedelta(minutes=1)), memory)
    assert later.processes[0] is not first.processes[0]
