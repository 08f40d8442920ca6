"""Releases that go well, however they are asked for."""

from stories.scenes import (
    ALARM,
    APPLICATION,
    MIGRATE,
    PROCESS,
    TICK,
    WARM,
    WEB,
    job,
    new_image,
    served,
    told,
)
from storytelling import Story, application, request


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


@told
def only_the_newest_releases_are_kept(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"historyLimit": 2})
    for number in range(2, 5):
        new_image(story, f"registry.example.com/shop:{number}")
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
