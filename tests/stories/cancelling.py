"""Releases that are cancelled, at each step and while they wait."""

from stories.scenes import (
    ALARM,
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    IMAGE_4,
    MIGRATE,
    RELEASE,
    SIZE,
    SMALL,
    WARM,
    WEB,
    fails_with_a_slow_alarm,
    goes_back_slowly,
    new_image,
    served,
    told,
    waits_behind,
)
from storytelling import Story, application, request


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
