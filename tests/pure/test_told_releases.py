"""Releases told from the first wish to the last word; a change of behaviour is a diff of prose.

Each story is told three times: as it is, with the operator started anew after every look, and
with the operator killed before and after every single write. However often it is killed, the
same releases end in the same way, and each Job is made once.
"""

from collections.abc import Callable
from typing import Any

import pytest

import storytelling
from process_operator import names
from storytelling import Story, application, request
from userside import process

Tell = Callable[[Story], None]
STORIES: dict[str, Tell] = {}

WEB = process("web", "web")
TICK = process("tick", "cron", schedule="0 4 * * *")


def job(key: str, moment: str, **spec: Any) -> storytelling.Body:
    return process(key, "job", jobStartPolicy=moment, **spec)


MIGRATE = job("migrate", "beforeDeployment")
WARM = job("warm", "afterSuccessDeployment")
ALARM = job("alarm", "afterFailedDeployment")
APPLICATION, PROCESS, RELEASE = names.APPLICATION_KIND, names.PROCESS_KIND, names.RELEASE_KIND
IMAGE_2 = "registry.example.com/shop:2"
IMAGE_3 = "registry.example.com/shop:3"


def told(tell: Tell) -> Tell:
    """Add a story; its title is the function's name."""
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


def served(story: Story, *processes: storytelling.Body) -> None:
    """Bring the application up, and begin to tell from there."""
    story.applies(application(), WEB, *processes)
    story.settles()
    del story.lines[2:]
    story.lines.append("(release shop-1 serves)")


def new_image(story: Story, image: str = IMAGE_2) -> None:
    story.changes(APPLICATION, "shop", image=image)


# The course.


@told
def the_first_release(story: Story) -> None:
    story.applies(application(), WEB, TICK)
    story.settles()


@told
def the_first_release_with_jobs(story: Story) -> None:
    story.applies(application(), WEB, MIGRATE, WARM, ALARM)
    story.settles()


@told
def objects_that_arrive_one_by_one(story: Story) -> None:
    story.applies(WEB)
    story.passes(10)
    story.applies(application())
    story.passes(1)
    story.applies(TICK)
    story.settles()


@told
def a_new_image(story: Story) -> None:
    served(story, TICK)
    new_image(story)
    story.settles()


@told
def a_new_image_with_all_jobs(story: Story) -> None:
    served(story, job("a", "beforeDeployment"), MIGRATE, WARM, ALARM)
    new_image(story)
    story.settles()


@told
def a_revision_restarts_everything(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", revision="2026-01-05")
    story.settles()


@told
def a_staged_change_waits_for_the_next_image(story: Story) -> None:
    served(story)
    story.changes(PROCESS, "web", port=9000)
    story.settles()
    new_image(story)
    story.settles()


@told
def an_automatic_application_releases_a_staged_change(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", releasePolicy="automatic")
    story.settles()
    story.changes(PROCESS, "web", port=9000)
    story.settles()


@told
def a_release_by_hand(story: Story) -> None:
    served(story)
    story.changes(PROCESS, "web", port=9000)
    story.settles()
    story.applies(request("by-hand"))
    story.settles()


@told
def a_release_by_hand_that_skips_its_jobs(story: Story) -> None:
    served(story, MIGRATE)
    story.applies(request("quick", jobs="skip"))
    story.settles()


@told
def an_application_whose_first_release_is_by_hand(story: Story) -> None:
    story.applies(application(release={"initial": "manual"}), WEB)
    story.settles()
    story.applies(request("go"))
    story.settles()


# Failures before the rollout.


@told
def a_before_job_that_fails(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()


@told
def a_before_job_that_runs_too_long(story: Story) -> None:
    served(story, job("migrate", "beforeDeployment", run={"timeoutSeconds": 60}))
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.settles()


@told
def a_before_job_that_is_deleted_by_hand(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes_job("migrate")
    story.settles()


@told
def a_before_job_whose_image_cannot_be_pulled(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "cannot be pulled"
    new_image(story)
    story.settles()


@told
def the_first_of_two_before_jobs_fails(story: Story) -> None:
    served(story, job("a", "beforeDeployment"), job("b", "beforeDeployment"))
    story.jobs["a"] = "fails"
    new_image(story)
    story.settles()


@told
def a_failed_release_is_put_right(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()
    story.jobs["migrate"] = "succeeds"
    new_image(story, IMAGE_3)
    story.settles()


@told
def the_job_after_failure_fails_too(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    story.jobs.update(migrate="fails", alarm="fails")
    new_image(story)
    story.settles()


# Failures of the rollout, and after it.


@told
def a_rollout_that_hangs_goes_back(story: Story) -> None:
    served(story, ALARM)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()


@told
def a_rollout_that_crashes_goes_back(story: Story) -> None:
    served(story)
    story.server.log_text = "no such table: prices\n"
    story.failing_images[IMAGE_2] = "crashes"
    new_image(story)
    story.settles()


@told
def a_rollout_that_fails_and_may_not_go_back(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.settles()
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()


@told
def the_first_release_has_nothing_to_go_back_to(story: Story) -> None:
    story.failing_images["registry.example.com/shop:1"] = "hangs"
    story.applies(application(), WEB, ALARM)
    story.settles()


@told
def a_process_that_came_with_a_failed_release(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    story.applies(application("2"), process("new", "worker"))
    story.settles()


@told
def the_image_is_set_back_after_a_failure(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
    new_image(story, "registry.example.com/shop:1")
    story.settles()


@told
def a_job_after_success_that_fails(story: Story) -> None:
    served(story, WARM)
    story.jobs["warm"] = "fails"
    new_image(story)
    story.settles()


# Cancelling, waiting, suspending.


@told
def cancelled_before_it_starts(story: Story) -> None:
    served(story)
    story.applies(request("by-hand"))
    story.changes(RELEASE, "by-hand", cancel=True)
    story.settles()


@told
def cancelled_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.settles()


@told
def cancelled_during_the_rollout(story: Story) -> None:
    served(story, ALARM)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.settles()


@told
def cancelled_too_late(story: Story) -> None:
    served(story, WARM)
    story.jobs["warm"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(30)
    story.jobs["warm"] = "succeeds"
    story.settles()


@told
def a_newer_image_during_a_job_waits(story: Story) -> None:
    served(story, job("migrate", "beforeDeployment", run={"timeoutSeconds": 60}))
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.passes(10)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def of_two_that_wait_the_newest_is_taken(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.applies(request("one"))
    story.passes(5)
    story.applies(request("two"))
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def a_newer_image_that_is_taken_back_while_it_waits(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.passes(5)
    new_image(story, IMAGE_2)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def an_edit_during_a_release_waits_for_the_next(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(PROCESS, "web", port=9000)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def suspended_and_resumed(story: Story) -> None:
    served(story, TICK)
    story.changes(APPLICATION, "shop", suspend=True)
    story.settles()
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def suspended_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.jobs["migrate"] = "succeeds"
    story.passes(600)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def suspended_during_the_rollout(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(3600)
    del story.failing_images[IMAGE_2]
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


# What goes meanwhile, and going back by hand.


@told
def a_job_process_that_is_deleted_before_its_turn(story: Story) -> None:
    served(story, job("a", "beforeDeployment"), job("b", "beforeDeployment"))
    story.jobs["a"] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(PROCESS, "b")
    story.jobs["a"] = "succeeds"
    story.settles()


@told
def a_process_that_is_deleted_during_the_rollout(story: Story) -> None:
    served(story, TICK, process("worker", "worker"))
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(PROCESS, "worker")
    del story.failing_images[IMAGE_2]
    story.settles()


@told
def the_application_is_deleted_during_a_release_by_hand(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    story.applies(request("by-hand"))
    story.passes(30)
    story.deletes(APPLICATION, "shop")
    story.settles()


@told
def the_active_release_is_deleted_by_hand(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(RELEASE, "shop-2")
    del story.failing_images[IMAGE_2]
    story.settles()


@told
def the_record_of_what_serves_is_deleted(story: Story) -> None:
    served(story)
    story.deletes(RELEASE, "shop-1")
    story.settles()
    story.changes(APPLICATION, "shop", revision="again")
    story.settles()


@told
def rolled_back_by_hand(story: Story) -> None:
    served(story, MIGRATE)
    new_image(story)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()


@told
def rolled_back_to_a_release_that_is_not_there(story: Story) -> None:
    served(story)
    story.applies(request("back", rollbackTo="shop-9"))
    story.passes(120)
    story.changes(RELEASE, "back", cancel=True)
    story.settles()


@told
def a_size_that_vanishes_holds_the_next_release_up(story: Story) -> None:
    served(story)
    story.changes(PROCESS, "web", resourceTypeRef={"name": "gone"})
    new_image(story)
    story.passes(120)
    story.changes(PROCESS, "web", resourceTypeRef={"name": "s1"})
    story.settles()


@told
def only_the_newest_releases_are_kept(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"historyLimit": 2})
    for number in range(2, 5):
        new_image(story, f"registry.example.com/shop:{number}")
        story.settles()


@pytest.mark.parametrize("name", STORIES)
def test_a_release_is_told(name: str, golden: Callable[[str, str], None]) -> None:
    story = Story(name.replace("-", " "))
    STORIES[name](story)
    golden(f"releases/{name}.txt", story.text)


@pytest.mark.parametrize("name", STORIES)
def test_a_restart_between_any_two_looks_changes_nothing(name: str) -> None:
    plain, restarted = Story(name), Story(name, restarts=True)
    STORIES[name](plain)
    STORIES[name](restarted)
    assert ending(restarted) == ending(plain)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", STORIES)
def test_being_killed_at_any_write_changes_nothing(name: str, when: str) -> None:
    plain = Story(name)
    STORIES[name](plain)
    for number in range(1, sum("operator " in line for line in plain.lines) + 1):
        story = Story(name)
        story.server.strike = _killed_at(number, when)
        STORIES[name](story)
        assert ending(story) == ending(plain), f"killed {when} write {number}:\n{story.text}"


def _killed_at(number: int, when: str) -> Callable[[str], None]:
    count = 0

    def strike(now: str) -> None:
        nonlocal count
        count += now == when
        if now == when and count == number:
            raise storytelling.Killed

    return strike


def ending(story: Story) -> dict[str, Any]:
    """Return how everything ended, and how often each Job was made."""
    ends: dict[str, Any] = {}
    for (kind, _, name), body in story.server.objects.items():
        status = body.get("status") or {}
        ready = [one for one in status.get("conditions", ()) if one["type"] == "Ready"]
        if kind == RELEASE:
            jobs = [(one["key"], one.get("result")) for one in status.get("jobs", ())]
            ends[name] = (status.get("state"), status.get("number"), jobs)
        elif kind in {APPLICATION, PROCESS}:
            ends[f"{kind} {name}"] = [(one["status"], one["reason"]) for one in ready]
        elif kind == "Deployment":
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
            ends[f"{kind} {name}"] = (image, body["spec"]["replicas"])
        elif kind not in {"Pod", "Job"}:
            ends[f"{kind} {name}"] = True
    made = [line for line in story.lines if "operator creates Job" in line]
    ends["jobs"] = sorted(line.rpartition(" ")[2] for line in made)
    return ends
