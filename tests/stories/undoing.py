"""Gates before a rollout, and migrations that can go back."""

from stories.scenes import ALARM, APPLICATION, IMAGE_2, IMAGE_3, WEB, job, new_image, served, told
from storytelling import Story, application, request

MIGRATE = job("migrate", "beforeDeployment")
DOWN = job("down", "beforeRollback")
# Its key comes before the migration's, and it runs after it all the same.
GATE = job("check", "beforeDeployment", runWith="serving")


@told
def what_serves_is_tried_with_what_a_migration_has_done(story: Story) -> None:
    served(story, MIGRATE, GATE)
    new_image(story)
    story.settles()


@told
def a_gate_that_fails_ends_the_release_and_the_migration_is_undone(story: Story) -> None:
    served(story, MIGRATE, GATE, DOWN, ALARM)
    story.jobs["check"] = "fails"
    new_image(story)
    story.settles()


@told
def the_first_release_has_no_gate(story: Story) -> None:
    story.applies(application(), WEB, MIGRATE, GATE)
    story.settles()


@told
def a_rollout_that_fails_is_undone_by_the_newer_image(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()


@told
def a_rollout_that_fails_and_cannot_be_undone_stays(story: Story) -> None:
    served(story, MIGRATE, DOWN, ALARM)
    story.failing_images[IMAGE_2] = "hangs"
    story.jobs["down"] = "fails"
    new_image(story)
    story.settles()


@told
def a_migration_that_fails_itself_is_not_undone(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()


@told
def a_release_that_is_cancelled_in_its_rollout_is_undone(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.passes(30)
    story.changes("ProcessRelease", "shop-2", cancel=True)
    story.settles()


@told
def who_goes_back_by_hand_undoes_with_the_newer_image_and_once(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    new_image(story)
    story.settles()
    story.failing_images["registry.example.com/shop:1"] = "hangs"
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()
    story.failing_images.clear()
    story.applies(request("again", rollbackTo="shop-1"))
    story.settles()


@told
def who_goes_back_by_hand_stays_where_it_cannot_be_undone(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    new_image(story)
    story.settles()
    story.jobs["down"] = "fails"
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()


@told
def who_goes_back_without_jobs_undoes_nothing(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    new_image(story)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1", jobs="skip"))
    story.settles()


@told
def what_was_undone_is_done_again_by_the_next_release(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    new_image(story)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()
    new_image(story, IMAGE_3)
    story.settles()


@told
def who_goes_back_twice_undoes_once(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    new_image(story)
    story.settles()
    for name in ("back", "again"):
        story.applies(request(name, rollbackTo="shop-1"))
        story.settles()


@told
def a_rollout_that_stays_is_not_undone(story: Story) -> None:
    served(story, MIGRATE, DOWN)
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
