"""Applications that come back from a backup: what has run does not run again."""

from stories.configuring import configured, holds
from stories.scenes import ALARM, IMAGE_2, MIGRATE, PROCESS, TICK, WARM, new_image, served, told
from storytelling import Story, request


def with_a_history(story: Story) -> None:
    """Serve the second release, have one by hand behind it, and let a size wait."""
    served(story, MIGRATE, WARM, TICK)
    new_image(story)
    story.settles()
    story.applies(request("by-hand"))
    story.settles()
    manual = {"type": "manual", "manual": {"instanceCount": 3}}
    story.changes(PROCESS, "web", scalingStrategy=manual)
    story.settles()


@told
def restored_without_statuses(story: Story) -> None:
    with_a_history(story)
    story.is_restored(statuses=False, children=False)
    story.settles()


@told
def restored_without_statuses_with_its_children(story: Story) -> None:
    with_a_history(story)
    story.is_restored(statuses=False, children=True)
    story.settles()


@told
def restored_with_statuses(story: Story) -> None:
    with_a_history(story)
    story.is_restored(statuses=True, children=False)
    story.settles()


@told
def restored_with_statuses_and_its_children(story: Story) -> None:
    with_a_history(story)
    story.is_restored(statuses=True, children=True)
    story.settles()


@told
def restored_after_a_release_that_failed(story: Story) -> None:
    served(story, MIGRATE, ALARM)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()
    story.is_restored(statuses=True, children=False)
    story.settles()


@told
def restored_during_the_job_before(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    story.is_restored(statuses=True, children=True)
    story.settles()


@told
def released_again_after_it_was_restored(story: Story) -> None:
    served(story, MIGRATE)
    story.is_restored(statuses=True, children=True)
    story.settles()
    new_image(story)
    story.settles()
    story.is_restored(statuses=False, children=False)
    story.settles()
    new_image(story, IMAGE_2)
    story.settles()


@told
def restored_with_what_configures_it_asks_for_nothing(story: Story) -> None:
    configured(story, release={"onConfigChange": True})
    story.is_restored(statuses=True, children=True)
    story.passes(300)
    new_image(story)
    story.settles()
    story.applies(holds("ConfigMap", "settings", "new"))
    story.settles()
