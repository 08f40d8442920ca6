"""Jobs and rollouts that fail: what served comes back, and the record says why."""

from stories.scenes import (
    ALARM,
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    MIGRATE,
    PROCESS,
    WARM,
    WEB,
    goes_back_slowly,
    job,
    new_image,
    served,
    told,
)
from storytelling import Story, application
from userside import process


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


# What comes after a failure.


@told
def a_failed_release_is_asked_for_again_when_its_job_is_mended(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()
    story.jobs["migrate"] = "succeeds"
    story.changes(PROCESS, "migrate", entrypoint="bin/migrate --fixed")
    story.settles()


@told
def what_does_not_mend_a_failed_release_is_tried_once(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()
    story.changes(PROCESS, "migrate", entrypoint="bin/migrate --fixed")
    story.settles()
    story.passes(3600)


@told
def a_restart_that_failed_is_mended_and_restarts(story: Story) -> None:
    served(story, MIGRATE)
    story.jobs["migrate"] = "fails"
    story.changes(APPLICATION, "shop", revision="2026-01-05")
    story.settles()
    story.jobs["migrate"] = "succeeds"
    story.changes(PROCESS, "migrate", entrypoint="bin/migrate --fixed")
    story.settles()


@told
def the_image_is_set_back_while_the_release_goes_back(story: Story) -> None:
    served(story, ALARM)
    goes_back_slowly(story)
    new_image(story, IMAGE_1)
    story.passes(5)
    del story.failing_images[IMAGE_1]
    story.settles()


@told
def the_image_is_set_back_where_the_failed_one_stays(story: Story) -> None:
    served(story)
    story.changes(APPLICATION, "shop", release={"rollback": False})
    story.settles()
    story.failing_images[IMAGE_2] = "hangs"
    new_image(story)
    story.settles()
    new_image(story, IMAGE_1)
    story.settles()
