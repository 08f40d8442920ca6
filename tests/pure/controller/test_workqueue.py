import asyncio
import itertools
from collections import Counter
from random import Random

import pytest

import virtual_time
from process_operator.controller.workqueue import Closed, Priority, WorkQueue


def now() -> float:
    return asyncio.get_running_loop().time()


def whole() -> float:
    return 1.0


async def taken(queue: WorkQueue[str]) -> str:
    key = await queue.get()
    queue.done(key)
    return key


@virtual_time.run
async def test_a_key_that_is_added_often_is_worked_on_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for _ in range(3):
        queue.add("a", Priority.USER)
    assert len(queue) == 1
    assert await taken(queue) == "a"
    assert len(queue) == 0


@virtual_time.run
async def test_within_a_priority_the_first_come_goes_first() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in "cab":
        queue.add(key, Priority.RESYNC)
    queue.add("c", Priority.RESYNC)
    assert [await taken(queue) for _ in range(3)] == ["c", "a", "b"]


@virtual_time.run
async def test_one_turn_answers_all_that_was_asked_of_a_key() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for priority in Priority:
        queue.add("a", priority)
        queue.add("a", priority, after=10)
    queue.add("b", Priority.RESYNC)
    assert sorted([await taken(queue) for _ in range(2)]) == ["a", "b"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), timeout=100)


@virtual_time.run
async def test_a_key_is_never_worked_on_twice_at_a_time_and_an_add_during_work_is_kept() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.USER)
    key = await queue.get()
    queue.add("a", Priority.USER)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), timeout=100)
    queue.done(key)
    assert await asyncio.wait_for(queue.get(), timeout=1) == "a"


@virtual_time.run
async def test_a_delayed_key_is_due_at_its_moment() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("late", Priority.USER, after=30)
    queue.add("early", Priority.RESYNC, after=10)
    assert len(queue) == 0
    assert (await taken(queue), now()) == ("early", 10)
    assert (await taken(queue), now()) == ("late", 30)


@pytest.mark.parametrize("delays", [(5, 30), (30, 5), (30, 5, 60)])
@virtual_time.run
async def test_of_several_delays_the_earliest_wins(delays: tuple[int, ...]) -> None:
    queue: WorkQueue[str] = WorkQueue()
    for delay in delays:
        queue.add("a", Priority.RESYNC, after=delay)
    assert (await taken(queue), now()) == ("a", 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), timeout=1000)


@virtual_time.run
async def test_a_delay_does_not_hold_back_a_key_that_is_due() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.RESYNC, after=30)
    queue.add("a", Priority.USER)
    queue.add("a", Priority.USER, after=30)
    assert (await taken(queue), now()) == ("a", 0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), timeout=1000)


@virtual_time.run
async def test_what_comes_later_for_another_reason_does_not_hold_a_key_back() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.RESYNC, after=10)
    queue.add("a", Priority.USER, after=20)
    assert (await taken(queue), now()) == ("a", 10)


@virtual_time.run
async def test_a_delay_that_is_added_during_work_counts_from_the_add() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.USER)
    key = await queue.get()
    queue.add("a", Priority.USER, after=10)
    await asyncio.sleep(4)
    queue.done(key)
    assert (await taken(queue), now()) == ("a", 10)


@virtual_time.run
async def test_a_delay_that_runs_out_during_work_is_due_as_soon_as_the_work_is_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.USER)
    key = await queue.get()
    queue.add("a", Priority.USER, after=10)
    await asyncio.sleep(15)
    queue.done(key)
    assert (await taken(queue), now()) == ("a", 15)


@virtual_time.run
async def test_each_failure_of_a_key_doubles_its_wait_up_to_five_minutes() -> None:
    queue: WorkQueue[str] = WorkQueue(chance=whole)
    waits = [queue.retry("a") for _ in range(14)]
    assert waits[:4] == [0.2, 0.4, 0.8, 1.6]
    assert waits[-2:] == [300.0, 300.0]
    assert queue.retry("b") == 0.2


@virtual_time.run
async def test_the_jitter_takes_away_at_most_half_of_a_wait() -> None:
    queue: WorkQueue[str] = WorkQueue(chance=lambda: 0.0)
    assert [queue.retry("a") for _ in range(3)] == [0.1, 0.2, 0.4]


@virtual_time.run
async def test_a_forgotten_failure_does_not_count() -> None:
    queue: WorkQueue[str] = WorkQueue(chance=whole)
    queue.retry("a")
    queue.retry("a")
    queue.forget("a")
    assert queue.retry("a") == 0.2


@virtual_time.run
async def test_a_thousand_failures_still_have_a_wait() -> None:
    queue: WorkQueue[str] = WorkQueue(chance=whole)
    assert [queue.retry("a") for _ in range(3000)][-1] == 300.0


@virtual_time.run
async def test_a_failed_key_comes_again_and_a_change_by_its_user_comes_first() -> None:
    queue: WorkQueue[str] = WorkQueue(chance=whole)
    queue.add("a", Priority.USER)
    key = await queue.get()
    for _ in range(10):
        queue.retry(key)
    queue.done(key)
    assert (await taken(queue), now()) == ("a", 0.2)
    queue.add("a", Priority.USER)
    assert (await taken(queue), now()) == ("a", 0.2)


@virtual_time.run
async def test_closing_sends_every_waiting_worker_home_and_takes_nothing_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.close()
    assert [type(e) for e in await asyncio.gather(*workers, return_exceptions=True)] == [Closed] * 3
    queue.add("a", Priority.USER)
    with pytest.raises(Closed):
        await queue.get()


@virtual_time.run
async def test_draining_waits_for_the_work_that_has_begun() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a", Priority.USER)
    queue.add("b", Priority.USER)
    key = await queue.get()
    draining = asyncio.create_task(queue.drain())
    await asyncio.sleep(5)
    assert not draining.done()
    queue.add("a", Priority.USER)
    queue.done(key)
    await draining
    with pytest.raises(Closed):
        await queue.get()


@virtual_time.run
async def test_a_worker_that_is_cancelled_as_it_is_called_passes_the_call_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a", Priority.USER)
    first.cancel()
    assert await asyncio.wait_for(second, timeout=1) == "a"
    assert first.cancelled()


@pytest.mark.parametrize("seed", range(20))
@virtual_time.run
async def test_no_add_is_lost_and_no_key_has_two_workers_whatever_the_order(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a seed is to be repeated
    queue: WorkQueue[int] = WorkQueue()
    at_work: Counter[int] = Counter()
    asked: dict[int, float] = {}
    begun: dict[int, float] = {}

    async def worker() -> None:
        while True:
            key = await queue.get()
            at_work[key] += 1
            assert at_work[key] == 1
            begun[key] = now()
            await asyncio.sleep(random.choice([0, 0.1, 3]))
            at_work[key] -= 1
            queue.done(key)

    workers = [asyncio.create_task(worker()) for _ in range(3)]
    for _ in range(3000):
        key, after = random.randrange(40), random.choice([0, 0, 1, 5])
        queue.add(key, random.choice(list(Priority)), after=after)
        asked[key] = now()
        if random.random() < 0.3:
            await asyncio.sleep(random.choice([0, 0.05, 1]))
    await asyncio.sleep(1000)
    assert all(begun[key] >= moment for key, moment in asked.items())
    assert len(queue) == 0
    assert not any(task.done() for task in workers)
    assert len(queue._heap) == 0
    queue.close()
    await asyncio.gather(*workers, return_exceptions=True)


@virtual_time.run
async def test_overtaken_delays_do_not_pile_up() -> None:
    queue: WorkQueue[int] = WorkQueue()
    for _ in range(20_000):
        queue.add(1, Priority.RESYNC, after=1800)
        queue.add(1, Priority.USER)
        queue.done(await queue.get())
    assert len(queue._heap) < 2000


# Whose turn it is. A key is a group (a namespace) and a name in it.

Member = tuple[str, str]


def queue_of_groups() -> WorkQueue[Member]:
    return WorkQueue(group_of=lambda key: key[0])


async def turns(queue: WorkQueue[Member], count: int) -> list[Member]:
    keys = []
    for _ in range(count):
        keys.append(await queue.get())
        queue.done(keys[-1])
    return keys


@pytest.mark.parametrize("victim", list(Priority))
@virtual_time.run
async def test_no_priority_starves_and_begun_work_has_most_of_the_turns(victim: Priority) -> None:
    queue = queue_of_groups()
    for priority in Priority:
        for number in range(1000):
            queue.add((priority.name, str(number)), priority)
    groups = [group for group, _ in await turns(queue, 280)]
    assert groups.count(Priority.UNFINISHED.name) > 280 * 2 / 3
    at = [number for number, group in enumerate(groups) if group == victim.name]
    assert max(later - earlier for earlier, later in itertools.pairwise([-1, *at, 280])) <= 28


@virtual_time.run
async def test_a_priority_that_waits_alone_has_every_turn() -> None:
    queue = queue_of_groups()
    for number in range(50):
        queue.add(("a", str(number)), Priority.RESYNC)
    assert len(await turns(queue, 50)) == 50


@virtual_time.run
async def test_the_groups_of_a_priority_take_turns() -> None:
    queue = queue_of_groups()
    for key in [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("b", "2"), ("c", "1")]:
        queue.add(key, Priority.USER)
    assert sorted((await turns(queue, 4))[:3]) == [("a", "1"), ("b", "1"), ("c", "1")]


@virtual_time.run
async def test_a_group_that_comes_anew_does_not_wait_for_a_round_of_all_others() -> None:
    queue = queue_of_groups()
    for busy, number in itertools.product(range(50), range(20)):
        queue.add((f"busy {busy}", str(number)), Priority.USER)
    await turns(queue, 70)
    queue.add(("quiet", ""), Priority.USER)
    # One turn in so many is that of whoever has waited longest.
    assert ("quiet", "") in await turns(queue, 2)


@virtual_time.run
async def test_whoever_asks_for_little_waits_for_no_round_however_often_it_asks() -> None:
    queue = queue_of_groups()
    looks: Counter[Member] = Counter()
    asked, waited = 0.0, []

    async def worker() -> None:
        while True:
            key = await queue.get()
            if key[0] == "quiet":
                waited.append(now() - asked)
                await asyncio.sleep(0.1)
            else:
                await asyncio.sleep(0.7)
                looks[key] += 1
                if looks[key] < 8:
                    queue.add(key, Priority.UNFINISHED)
            queue.done(key)

    for group, number in itertools.product(range(50), range(40)):
        queue.add((f"busy {group}", str(number)), Priority.USER)
    workers = [asyncio.create_task(worker()) for _ in range(20)]
    for _ in range(60):
        await asyncio.sleep(3)
        asked = now()
        queue.add(("quiet", ""), Priority.USER)
    # At the very beginning all others are new as well.
    assert max(waited[1:]) < 1.0
    assert len(waited) >= 59
    queue.close()
    await asyncio.gather(*workers, return_exceptions=True)


@virtual_time.run
async def test_whoever_asks_for_much_gets_no_more_by_coming_and_going() -> None:
    queue = queue_of_groups()
    worked: Counter[str] = Counter()

    async def worker() -> None:
        while True:
            group, name = await queue.get()
            await asyncio.sleep(0.5)
            worked[group] += 1
            queue.add((group, name), Priority.USER)
            queue.done((group, name))

    for busy, number in itertools.product(range(5), range(100)):
        queue.add((f"busy {busy}", str(number)), Priority.USER)
    queue.add(("restless", ""), Priority.USER)
    workers = [asyncio.create_task(worker()) for _ in range(2)]
    await asyncio.sleep(300)
    assert worked["restless"] <= worked.total() / 6 * 1.1
    queue.close()
    await asyncio.gather(*workers, return_exceptions=True)


@virtual_time.run
async def test_to_come_and_go_brings_no_more_turns_than_to_stay() -> None:
    queue = queue_of_groups()
    for busy, number in itertools.product(range(5), range(100)):
        queue.add((f"busy {busy}", str(number)), Priority.USER)
    queue.add(("restless", ""), Priority.USER)
    served: Counter[str] = Counter()
    for _ in range(120):
        ((group, name),) = await turns(queue, 1)
        served[group] += 1
        if group == "restless":
            queue.add((group, name), Priority.USER)
    assert served["restless"] <= 120 / 6 + 2


@virtual_time.run
async def test_work_that_has_begun_ends_before_other_work_begins() -> None:
    queue: WorkQueue[int] = WorkQueue()
    looks: Counter[int] = Counter()
    begun_and_not_ended: list[int] = []

    async def worker() -> None:
        while True:
            key = await queue.get()
            await asyncio.sleep(0.01)
            looks[key] += 1
            if looks[key] < 4:
                queue.add(key, Priority.UNFINISHED)
            begun_and_not_ended.append(sum(count < 4 for count in looks.values()))
            queue.done(key)

    for key in range(300):
        queue.add(key, Priority.USER)
    workers = [asyncio.create_task(worker()) for _ in range(4)]
    await asyncio.sleep(100)
    assert set(looks.values()) == {4}
    assert max(begun_and_not_ended) < 40
    queue.close()
    await asyncio.gather(*workers, return_exceptions=True)


@pytest.mark.parametrize("group", ["noisy", "quiet"])
@pytest.mark.parametrize("priority", list(Priority))
@virtual_time.run
async def test_a_turn_comes_within_a_second_while_100_others_are_edited_without_pause(
    priority: Priority, group: str
) -> None:
    queue = queue_of_groups()
    victim = (group, "victim")
    came: list[float] = []

    async def worker() -> None:
        while True:
            key = await queue.get()
            if key == victim:
                came.append(now())
            else:
                queue.add(key, Priority.UNFINISHED)
                queue.add(key, Priority.USER)
            await asyncio.sleep(0.02)
            queue.done(key)

    for number in range(100):
        queue.add(("noisy", str(number)), Priority.USER)
    workers = [asyncio.create_task(worker()) for _ in range(4)]
    await asyncio.sleep(5)
    asked = now()
    queue.add(victim, priority)
    await asyncio.sleep(10)
    assert [moment - asked < 1.0 for moment in came] == [True]
    queue.close()
    await asyncio.gather(*workers, return_exceptions=True)


@virtual_time.run
async def test_whoever_waits_longest_has_turns_however_many_groups_there_are() -> None:
    queue = queue_of_groups()
    for number in range(500):
        queue.add(("large", str(number)), Priority.USER)
    for number in range(500):
        queue.add((f"small {number}", ""), Priority.USER)
    for _ in range(5000):
        (key,) = await turns(queue, 1)
        if key == ("large", "499"):
            return
        if key[0] != "large":
            queue.add(key, Priority.USER)
    # By turns of groups alone it would be the 250,000th.
    pytest.fail("it still waits")
