"""Releases told from the first wish to the last word; a change of behaviour is a diff of prose.

Each story is told three times: as it is, with the operator started anew after every look, and
with the operator killed before and after every single write of the course. However often it is
killed, the same releases end in the same way for the same reasons, each Job is made once, and none
is left behind.
"""

from collections.abc import Callable
from typing import Any

import pytest

import storytelling
from process_operator.kube import names
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
SIZE = names.RESOURCE_TYPE_KIND
SMALL = storytelling.SMALL
IMAGE_1 = "registry.example.com/shop:1"
IMAGE_2 = "registry.example.com/shop:2"
IMAGE_3 = "registry.example.com/shop:3"
IMAGE_4 = "registry.example.com/shop:4"


def told(tell: Tell) -> Tell:
    """Add a story; its title is the function's name."""
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


def served(story: Story, *processes: storytelling.Body) -> None:
    """Bring the application up, and begin to tell from there."""
    story.begins_with("release shop-1 serves", application(), WEB, *processes)


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
    story.failing_images[IMAGE_1] = "hangs"
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
    new_image(story, IMAGE_1)
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
def suspended_at_the_size_that_an_autoscaler_had_found(story: Story) -> None:
    horizontal = {"minInstanceCount": 2, "maxInstanceCount": 5}
    scaling = {"type": "horizontal", "horizontal": horizontal}
    web = process("web", "web", scalingStrategy=scaling)
    story.begins_with("release shop-1 serves", application(), web)
    story.autoscales("shop-web", 4)
    story.settles()
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


# What the cluster does not have.


@told
def a_gateway_that_is_not_installed_holds_only_the_route_up(story: Story) -> None:
    story.server.absent.add("HTTPRoute")
    routing = {"backend": "gateway", "gatewayRef": {"name": "public"}}
    hosts = {"hosts": [{"host": "shop.example.com"}]}
    story.applies(application(routing=routing), process("web", "web", ingress=hosts), TICK)
    story.passes(90)
    story.server.absent.clear()
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
def the_newest_of_two_records_is_deleted(story: Story) -> None:
    served(story)
    new_image(story)
    story.settles()
    # What runs is left alone: the older record is no reason to release the same again.
    story.deletes(RELEASE, "shop-2")
    story.settles()
    new_image(story, IMAGE_3)
    story.settles()


@told
def a_schedule_that_is_wrong_leaves_the_last_good_one(story: Story) -> None:
    served(story, process("tick", "cron", schedule="0 4 * * *"))
    # Sunday is 0 here, as it is for the CronJob controller.
    story.changes(PROCESS, "tick", schedule="0 4 * * 7")
    story.settles()
    assert story.server.objects[("CronJob", "demo", "shop-tick")]["spec"]["schedule"] == "0 4 * * *"
    story.changes(PROCESS, "tick", schedule="0 4 * * 0")
    story.settles()


@told
def an_application_that_is_made_anew(story: Story) -> None:
    served(story)
    # Without an application its processes keep what runs.
    story.deletes(APPLICATION, "shop")
    story.settles()
    story.applies(application(image=IMAGE_2))
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


# Cancelling at every other step.


def goes_back_slowly(story: Story) -> None:
    """Let the release of image 2 fail, and the way back to image 1 take its time."""
    story.failing_images.update({IMAGE_1: "hangs", IMAGE_2: "hangs"})
    new_image(story)
    story.passes(620)


def fails_with_a_slow_alarm(story: Story) -> None:
    """Let the release of image 2 fail, and its job after failure take its time."""
    story.jobs.update(migrate="fails", alarm="hangs")
    new_image(story)
    story.passes(30)


@told
def cancelled_during_the_way_back(story: Story) -> None:
    served(story, ALARM)
    goes_back_slowly(story)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(10)
    del story.failing_images[IMAGE_1]
    story.settles()


@told
def cancelled_during_the_job_after_failure(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    fails_with_a_slow_alarm(story)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(10)
    story.jobs["alarm"] = "succeeds"
    story.settles()


@told
def cancelled_during_the_first_rollout(story: Story) -> None:
    story.failing_images[IMAGE_1] = "hangs"
    story.applies(application(), WEB)
    story.passes(30)
    story.changes(RELEASE, "shop-1", cancel=True)
    story.settles()


@told
def cancelled_during_the_rollout_where_failures_stay(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.settles()
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.settles()


@told
def cancelled_while_suspended_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def cancelled_while_suspended_during_the_rollout(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


def waits_behind(story: Story) -> None:
    """Let the release of image 2 be at its before-job, and that of image 3 wait for it."""
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.passes(5)


@told
def cancelled_while_another_one_is_active(story: Story) -> None:
    waits_behind(story)
    story.changes(RELEASE, "shop-3", cancel=True)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()
    new_image(story, IMAGE_4)
    story.settles()


@told
def cancelled_while_it_waits_and_then_taken_back(story: Story) -> None:
    waits_behind(story)
    story.changes(RELEASE, "shop-3", cancel=True)
    story.passes(5)
    new_image(story)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def cancelled_while_the_active_one_fails(story: Story) -> None:
    waits_behind(story)
    story.changes(RELEASE, "shop-3", cancel=True)
    story.passes(5)
    story.jobs["migrate"] = "fails"
    story.settles()


@told
def cancelled_while_the_application_is_suspended(story: Story) -> None:
    served(story)
    new_image(story)
    story.passes(1)
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(30)
    story.changes(RELEASE, "shop-2", cancel=True)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def cancelled_before_the_first_release_can_start(story: Story) -> None:
    story.applies(application(), WEB)
    story.passes(1)
    story.deletes(SIZE, "s1")
    story.passes(10)
    story.changes(RELEASE, "shop-1", cancel=True)
    story.passes(10)
    story.applies(SMALL)
    story.settles()
    new_image(story)
    story.settles()


@told
def a_release_by_hand_takes_its_image_along_when_it_is_cancelled(story: Story) -> None:
    served(story)
    story.applies(request("by-hand"))
    new_image(story)
    story.passes(1)
    story.changes(RELEASE, "by-hand", cancel=True)
    story.settles()


@told
def of_two_that_wait_the_newest_is_cancelled(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.applies(request("one"))
    story.passes(5)
    story.applies(request("two"))
    story.passes(5)
    story.changes(RELEASE, "two", cancel=True)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def of_two_that_wait_the_older_is_cancelled(story: Story) -> None:
    waits_behind(story)
    story.applies(request("two"))
    story.passes(5)
    story.changes(RELEASE, "shop-3", cancel=True)
    story.passes(5)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def cancelled_without_its_application(story: Story) -> None:
    story.applies(request("by-hand"))
    story.passes(30)
    story.changes(RELEASE, "by-hand", cancel=True)
    story.settles()


# Suspended at every other step.


def is_suspended_for_an_hour(story: Story) -> None:
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(3600)
    story.changes(APPLICATION, "shop", suspend=False)


@told
def suspended_during_the_job_after_success(story: Story) -> None:
    served(story, WARM)
    story.jobs["warm"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.jobs["warm"] = "succeeds"
    story.passes(600)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def suspended_during_the_way_back(story: Story) -> None:
    served(story, ALARM)
    goes_back_slowly(story)
    is_suspended_for_an_hour(story)
    story.passes(30)
    del story.failing_images[IMAGE_1]
    story.settles()


@told
def suspended_during_the_job_after_failure(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    fails_with_a_slow_alarm(story)
    story.changes(APPLICATION, "shop", suspend=True)
    story.jobs["alarm"] = "succeeds"
    story.passes(600)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def suspended_while_a_release_waits(story: Story) -> None:
    waits_behind(story)
    story.changes(APPLICATION, "shop", suspend=True)
    story.jobs["migrate"] = "succeeds"
    story.passes(600)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()


@told
def suspended_while_a_job_has_not_started(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "cannot be pulled"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(1200)
    story.changes(APPLICATION, "shop", suspend=False)
    story.passes(30)
    story.jobs["migrate"] = "succeeds"
    story.settles()


# A newer image at every other step.


@told
def a_newer_image_during_the_rollout_waits(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.settles()


@told
def a_newer_image_during_the_way_back_waits(story: Story) -> None:
    served(story, ALARM)
    goes_back_slowly(story)
    new_image(story, IMAGE_3)
    story.passes(10)
    del story.failing_images[IMAGE_1]
    story.settles()


@told
def a_newer_image_during_the_job_after_success_waits(story: Story) -> None:
    served(story, WARM)
    story.jobs["warm"] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.passes(10)
    story.jobs["warm"] = "succeeds"
    story.settles()


@told
def a_newer_image_during_the_job_after_failure_waits(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    fails_with_a_slow_alarm(story)
    story.jobs["migrate"] = "succeeds"
    new_image(story, IMAGE_3)
    story.passes(10)
    story.jobs["alarm"] = "succeeds"
    story.settles()


# What is deleted or edited meanwhile, and Jobs that do not go the straight way.


@told
def the_process_of_a_job_that_runs_is_deleted(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(PROCESS, "migrate")
    story.passes(30)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def the_process_of_a_job_that_then_fails_is_deleted(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(PROCESS, "migrate")
    story.passes(30)
    story.jobs["migrate"] = "fails"
    story.settles()


@told
def a_process_that_is_deleted_during_the_way_back(story: Story) -> None:
    served(story, process("worker", "worker"))
    goes_back_slowly(story)
    story.deletes(PROCESS, "worker")
    story.passes(10)
    del story.failing_images[IMAGE_1]
    story.settles()


@told
def a_new_process_that_is_deleted_during_its_rollout(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    story.applies(application("2"), process("new", "worker"))
    story.passes(30)
    story.deletes(PROCESS, "new")
    del story.failing_images[IMAGE_2]
    story.settles()


@told
def the_application_is_deleted_during_its_rollout(story: Story) -> None:
    served(story, MIGRATE)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(APPLICATION, "shop")
    story.settles()


@told
def the_application_is_deleted_during_the_job_after_success_by_hand(story: Story) -> None:
    served(story, WARM)
    story.jobs["warm"] = "hangs"
    story.applies(request("by-hand"))
    story.passes(30)
    story.deletes(APPLICATION, "shop")
    story.settles()


@told
def an_application_that_cannot_be_read_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(APPLICATION, "shop", release={"settleSeconds": "soon"})
    story.passes(30)
    story.changes(APPLICATION, "shop", release={})
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def a_size_that_is_deleted_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.deletes(SIZE, "s1")
    story.passes(30)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def a_size_that_is_edited_during_a_before_job(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes(SIZE, "s1", memory="2Gi")
    story.passes(30)
    story.jobs["migrate"] = "succeeds"
    story.settles()


@told
def a_before_job_that_is_evicted(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "is evicted"
    new_image(story)
    story.settles()


@told
def a_before_job_that_succeeds_when_it_is_tried_again(story: Story) -> None:
    served(story, job("migrate", "beforeDeployment", run={"retries": 1}))
    story.jobs["migrate"] = "fails once"
    new_image(story)
    story.settles()


# What is set while nothing is released.


@told
def rollback_is_switched_off_after_a_way_back(story: Story) -> None:
    served(story)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.settles()


@told
def rollback_is_switched_on_after_a_failure_that_stays(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.settles()
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
    story.changes(APPLICATION, "shop", release={"rollback": True})
    story.settles()


@told
def a_failure_that_stays_is_kept_by_the_history(story: Story) -> None:
    served(story, MIGRATE)
    story.changes(APPLICATION, "shop", release={"rollback": False, "historyLimit": 1})
    story.settles()
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
    story.jobs["migrate"] = "fails"
    new_image(story, IMAGE_3)
    story.settles()


@told
def scaling_at_once_is_no_reason_for_an_automatic_release(story: Story) -> None:
    served(story, MIGRATE)
    story.changes(APPLICATION, "shop", releasePolicy="automatic")
    story.settles()
    story.changes(APPLICATION, "shop", scalingPolicy="immediate")
    story.settles()
    story.changes(
        PROCESS, "web", scalingStrategy={"type": "manual", "manual": {"instanceCount": 3}}
    )
    story.settles()


@told
def a_wrong_way_back_holds_nobody_up(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", suspend=True)
    story.settles()
    story.applies(request("one"))
    story.passes(5)
    story.applies(request("back", rollbackTo="shop-9"))
    story.passes(5)
    story.changes(APPLICATION, "shop", suspend=False)
    story.settles()
    new_image(story)
    story.settles()


@told
def rolled_back_by_hand_to_before_a_restart(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", revision="2026-01-05")
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
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
    writes = _Writes()
    plain = Story(name, strike=writes.count)
    writes.server = plain.server
    STORIES[name](plain)
    # Before a write that follows another one at once is after that one.
    for number in writes.first if when == "before" else range(1, writes.counted + 1):
        story = Story(name, strike=_Writes(kill_at=number, when=when).count)
        STORIES[name](story)
        assert ending(story) == ending(plain), f"killed {when} write {number}:\n{story.text}"


class _Writes:
    """Counts the operator's writes, and kills it at one of them."""

    def __init__(self, kill_at: int = 0, when: str = "before") -> None:
        self.counted = 0
        self.first: list[int] = []
        """Those before which something else had happened since the one before."""
        self.server: storytelling.Server | None = None
        self._kill_at = kill_at
        self._when = when
        self._left: object = None

    def count(self, now: str) -> None:
        self.counted += now == "before"
        if self.server is not None:
            found = (self.server.version, self.server.now)
            if now == "before" and found != self._left:
                self.first.append(self.counted)
            self._left = found
        if now == self._when and self.counted == self._kill_at:
            self._kill_at = 0
            raise storytelling.Killed


def ending(story: Story) -> dict[str, Any]:
    """Return how everything ended, and how often each Job was made."""
    ends: dict[str, Any] = {}
    for (kind, _, name), body in story.server.objects.items():
        status = body.get("status") or {}
        ready = [
            (one["status"], one["reason"])
            for one in status.get("conditions", ())
            if one["type"] == "Ready"
        ]
        if kind == RELEASE:
            jobs = [(one["key"], one.get("result")) for one in status.get("jobs", ())]
            why = (status.get("failure") or {}).get("reason")
            ends[name] = (status.get("state"), status.get("number"), jobs, why, ready)
        elif kind in {APPLICATION, PROCESS}:
            ends[f"{kind} {name}"] = ready
        elif kind == "Deployment":
            image = body["spec"]["template"]["spec"]["containers"][0]["image"]
            ends[f"{kind} {name}"] = (image, body["spec"]["replicas"])
        elif kind == "Job":
            left = [(one["type"], one["reason"]) for one in status.get("conditions", ())]
            ends[f"{kind} {name}"] = left
        elif kind != "Pod":
            ends[f"{kind} {name}"] = True
    made = [line for line in story.lines if "operator creates Job" in line]
    ends["jobs"] = sorted(line.rpartition(" ")[2] for line in made)
    return ends
