"""Applications that are suspended, at each step of a release."""

from stories.scenes import (
    ALARM,
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    MIGRATE,
    PROCESS,
    TICK,
    WARM,
    fails_with_a_slow_alarm,
    goes_back_slowly,
    is_suspended_for_an_hour,
    new_image,
    served,
    told,
    waits_behind,
)
from storytelling import Story, application
from userside import process

HOUR = 3600


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
def asleep_at_night_and_awake_in_the_morning(story: Story) -> None:
    night = {"name": "night", "schedule": "0 22 * * *", "maxInstanceCount": 0}
    morning = {"name": "morning", "schedule": "0 6 * * *"}
    horizontal = {"minInstanceCount": 2, "maxInstanceCount": 5}
    scaling = {"type": "horizontal", "horizontal": horizontal}
    web = process("web", "web", scalingStrategy=scaling)
    story.begins_with("release shop-1 serves", application(), web)
    story.autoscales("shop-web", 4)
    story.settles()
    story.changes(PROCESS, "web", scalingSchedules=[night, morning])
    story.settles()
    new_image(story)
    story.settles()
    story.passes(12 * HOUR)
    new_image(story, "registry.example.com/shop:3")
    story.settles()
    story.passes(12 * HOUR)


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
