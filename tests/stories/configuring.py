"""What becomes of a change in a ConfigMap or a Secret that processes use."""

from typing import Any

from stories.scenes import IMAGE_2, MIGRATE, WEB, job, new_image, told
from storytelling import Body, Story, application, request
from userside import process

SETTINGS: Body = {"envFrom": [{"configMapRef": {"name": "settings"}}]}
DATABASE: Body = {"envFrom": [{"secretRef": {"name": "database"}}]}
WORKER = process("mail", "worker", **DATABASE)


def holds(kind: str, name: str, text: str) -> Body:
    """Return a ConfigMap or Secret with one key."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": {"text": text}}


def configured(story: Story, *processes: Body, **spec: Any) -> None:
    """Let an application serve whose worker uses a Secret, and a ConfigMap all of it."""
    kept = (holds("ConfigMap", "settings", "old"), holds("Secret", "database", "old"))
    story.begins_with(
        "release shop-1 serves",
        *kept,
        application(**SETTINGS, **spec),
        WEB,
        WORKER,
        *processes,
    )


@told
def a_changed_secret_waits_for_the_next_release_and_restarts_who_uses_it(story: Story) -> None:
    configured(story)
    story.applies(holds("Secret", "database", "new"))
    story.passes(60)
    story.applies(request("now"))
    story.settles()
    # And the release after it restarts nothing.
    story.changes("Process", "web", terminationGracePeriodSeconds=40)
    story.applies(request("later"))
    story.settles()


@told
def a_changed_config_map_of_the_application_restarts_all_that_last(story: Story) -> None:
    configured(story, MIGRATE)
    story.applies(holds("ConfigMap", "settings", "new"))
    story.passes(60)
    story.applies(request("now"))
    story.settles()


@told
def a_changed_secret_asks_for_a_release_where_that_is_wanted(story: Story) -> None:
    configured(story, release={"onConfigChange": True})
    story.applies(holds("Secret", "database", "new"))
    story.settles()


@told
def a_changed_secret_asks_for_a_release_of_an_automatic_application(story: Story) -> None:
    configured(story, releasePolicy="automatic")
    story.applies(holds("Secret", "database", "new"))
    story.settles()


@told
def a_secret_that_is_mended_after_a_failure_is_tried_again(story: Story) -> None:
    configured(story, MIGRATE)
    story.jobs["migrate"] = "fails"
    new_image(story)
    story.settles()
    story.jobs["migrate"] = "succeeds"
    story.applies(holds("Secret", "database", "mended"))
    story.settles()


@told
def an_image_is_taken_back_after_a_failure_and_a_changed_secret_asks_for_nothing(
    story: Story,
) -> None:
    configured(story, job("migrate", "beforeDeployment"))
    story.jobs["migrate"] = "fails"
    new_image(story, IMAGE_2)
    story.settles()
    story.applies(holds("Secret", "database", "new"), application(**SETTINGS))
    story.settles()


@told
def a_way_back_tells_which_secret_is_newer(story: Story) -> None:
    configured(story)
    new_image(story)
    story.settles()
    story.applies(holds("Secret", "database", "new"))
    story.settles()
    story.applies(request("back", rollbackTo="shop-1"))
    story.settles()


@told
def a_secret_that_goes_is_told_and_its_return_too(story: Story) -> None:
    configured(story)
    story.deletes("Secret", "database")
    story.passes(10)
    story.applies(holds("Secret", "database", "again"))
    story.settles()


GLOBAL = holds("ConfigMap", "process-operator-global-env", "old")


@told
def global_variables_come_change_and_go_with_releases(story: Story) -> None:
    story.begins_with("release shop-1 serves", application(), WEB, MIGRATE)
    story.applies(GLOBAL)
    story.passes(60)
    story.applies(request("with"))
    story.settles()
    story.applies(holds("ConfigMap", "process-operator-global-env", "new"))
    story.settles()
    story.applies(request("again"))
    story.settles()
    story.deletes("ConfigMap", "process-operator-global-env")
    story.passes(60)
    story.applies(request("without"))
    story.settles()


@told
def global_variables_ask_once_for_a_release_where_that_is_wanted(story: Story) -> None:
    story.begins_with("release shop-1 serves", application(release={"onConfigChange": True}), WEB)
    story.applies(GLOBAL)
    story.settles()
    story.deletes("ConfigMap", "process-operator-global-env")
    story.settles()
    # Going back is no change of them.
    story.applies(request("back", rollbackTo="shop-2"))
    story.settles()
