"""What is asked for while a release is in progress, or while another one waits."""

from stories.scenes import (
    ALARM,
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    MIGRATE,
    PROCESS,
    RELEASE,
    WARM,
    fails_with_a_slow_alarm,
    goes_back_slowly,
    job,
    new_image,
    served,
    told,
)
from storytelling import Story, application, request
from userside import process


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


@told
def a_release_that_a_quota_refuses_is_told_and_made_when_there_is_room(story: Story) -> None:
    served(story)
    story.server.forbids.add(RELEASE)
    new_image(story)
    story.passes(90)
    story.server.forbids.clear()
    story.settles()


@told
def a_release_waits_for_processes_of_its_revision(story: Story) -> None:
    old, new = ({"revision": version} for version in ("1", "2"))
    old_job = job("migrate", "beforeDeployment", entrypoint="migrate 1", **old)
    story.begins_with(
        "release shop-1 serves", application(**old), process("web", "web", **old), old_job
    )
    story.changes(APPLICATION, "shop", image=IMAGE_2, **new)
    story.passes(90)
    story.changes(PROCESS, "web", **new)
    story.passes(10)
    story.changes(PROCESS, "migrate", entrypoint="migrate 2", **new)
    story.settles()


@told
def processes_of_a_revision_that_nobody_releases_are_staged(story: Story) -> None:
    old = {"revision": "1"}
    story.begins_with("release shop-1 serves", application(**old), process("web", "web", **old))
    story.changes(PROCESS, "web", revision="2", port=9000)
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()


PROXY = {"name": "proxy", "image": "proxy:1", "resources": {"cpu": "10m", "memory": "16Mi"}}


@told
def a_sidecar_that_a_policy_refuses_keeps_the_release_waiting_and_touches_nothing(
    story: Story,
) -> None:
    served(story, MIGRATE)
    story.server.judges = lambda body: "images of proxies are not allowed" * ("proxy" in str(body))
    story.changes(PROCESS, "web", pod={"sidecars": [PROXY]})
    new_image(story)
    story.passes(30)
    story.server.judges = lambda _: ""
    story.passes(60)
    story.settles()


@told
def a_sidecar_of_a_job_is_judged_before_anything_begins(story: Story) -> None:
    served(story, job("migrate", "beforeDeployment", pod={"sidecars": [PROXY]}))
    story.server.judges = lambda body: "no such thing" * ("proxy:2" in str(body))
    story.changes(PROCESS, "migrate", pod={"sidecars": [PROXY | {"image": "proxy:2"}]})
    new_image(story)
    story.passes(30)
    # What is mended is shown at once.
    story.changes(PROCESS, "migrate", pod={"sidecars": [PROXY | {"image": "proxy:3"}]})
    story.settles()
