"""Going back by hand, and what `release.rollback` makes of a failure that stays."""

from stories.scenes import (
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    MIGRATE,
    RELEASE,
    new_image,
    served,
    told,
)
from storytelling import Story, request


@told
def rolled_back_by_hand(story: Story) -> None:
    served(story, MIGRATE)
    new_image(story)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()


@told
def after_the_way_back_by_hand_the_manifest_follows(story: Story) -> None:
    served(story, MIGRATE)
    new_image(story)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()
    new_image(story, IMAGE_1)
    story.settles()


@told
def rolled_back_to_a_release_that_is_not_there(story: Story) -> None:
    served(story)
    story.applies(request("back", rollbackTo="shop-9"))
    story.passes(120)
    story.changes(RELEASE, "back", cancel=True)
    story.settles()


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
