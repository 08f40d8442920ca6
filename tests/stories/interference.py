"""What somebody deletes or spoils meanwhile, and what the cluster does not have."""

from stories.scenes import (
    APPLICATION,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    MIGRATE,
    PROCESS,
    RELEASE,
    SIZE,
    TICK,
    WARM,
    goes_back_slowly,
    job,
    new_image,
    served,
    told,
)
from storytelling import Story, application, request
from userside import process


@told
def a_gateway_that_is_not_installed_holds_only_the_route_up(story: Story) -> None:
    story.server.absent.add("HTTPRoute")
    routing = {"backend": "gateway", "gatewayRef": {"name": "public"}}
    hosts = {"hosts": [{"host": "shop.example.com"}]}
    story.applies(application(routing=routing), process("web", "web", ingress=hosts), TICK)
    story.passes(90)
    story.server.absent.clear()
    story.settles()


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
def a_size_that_vanishes_holds_the_next_release_up(story: Story) -> None:
    served(story)
    story.changes(PROCESS, "web", resourceTypeRef={"name": "gone"})
    new_image(story)
    story.passes(120)
    story.changes(PROCESS, "web", resourceTypeRef={"name": "s1"})
    story.settles()


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
def the_size_of_what_somebody_else_sizes_is_left_alone(story: Story) -> None:
    served(story)
    story.changes(PROCESS, "web", scalingStrategy={"type": "external"})
    story.applies(request("handed-over"))
    story.settles()
    story.autoscales("shop-web", 3)
    story.settles()
    new_image(story)
    story.settles()
    story.autoscales("shop-web", 0)
    story.settles()
    story.autoscales("shop-web", 2)
    story.settles()
    story.changes(APPLICATION, "shop", suspend=True)
    story.settles()
    story.changes(APPLICATION, "shop", suspend=None)
    story.settles()
