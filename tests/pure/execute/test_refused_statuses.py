"""A status that the server refuses costs its own object, once a minute, and nothing else."""

import logging
from datetime import timedelta
from itertools import pairwise

import pytest

import storytelling
from process_operator.kube import names
from storytelling import Story, application
from userside import process

WEB = process("web", "web")
WORKER = process("worker", "worker")
MIGRATE = process("migrate", "job", jobStartPolicy="beforeDeployment")
APPLICATION, PROCESS, RELEASE = names.APPLICATION_KIND, names.PROCESS_KIND, names.RELEASE_KIND
TOLD = "status was refused by the server"


def refusing(kind: str, name: str, *manifests: storytelling.Body) -> Story:
    """Return a story after ten minutes in which the server refused every status of an object."""
    story = Story("a status that is refused")
    story.server.refuses = lambda body: (body["kind"], body["metadata"]["name"]) == (kind, name)
    story.applies(application(), *manifests)
    story.passes(600)
    return story


def status(story: Story, kind: str, name: str) -> storytelling.Body:
    found: storytelling.Body = story.server.objects[(kind, storytelling.NAMESPACE, name)]
    return dict(found.get("status") or {})


def ready(story: Story, kind: str, name: str) -> str | None:
    found = status(story, kind, name).get("conditions", ())
    return next((one["reason"] for one in found if one["type"] == "Ready"), None)


def test_the_others_are_published_and_the_release_goes_on() -> None:
    story = refusing(PROCESS, "web", WEB, WORKER)
    assert status(story, PROCESS, "web") == {}
    assert ready(story, PROCESS, "worker") == "Available"
    assert status(story, RELEASE, "shop-1")["state"] == "success"
    assert ready(story, APPLICATION, "shop") == "Released"
    story.changes(APPLICATION, "shop", image="registry.example.com/shop:2")
    story.passes(60)
    assert status(story, RELEASE, "shop-2")["state"] == "success"


def test_it_is_told_once_in_the_words_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    refusing(PROCESS, "web", WEB)
    (told,) = (one for one in caplog.records if one.message == TOLD)
    assert (told.levelname, vars(told)["object"]) == ("ERROR", "web")
    assert vars(told)["detail"] == "status: is not liked"


def test_it_is_tried_again_ever_later_and_at_last_once_a_minute() -> None:
    tried = refusing(PROCESS, "web", WEB).server.refused
    waits = [later - sooner for sooner, later in pairwise(tried)]
    assert timedelta(seconds=2) <= waits[0] <= timedelta(seconds=4)
    assert all(timedelta(seconds=30) <= wait <= timedelta(seconds=60) for wait in waits[6:])
    assert 12 <= len(tried) <= 30


def test_it_is_written_as_soon_as_the_server_takes_it_again() -> None:
    story = refusing(PROCESS, "web", WEB)
    story.server.refuses = lambda _: False
    story.passes(60)
    assert ready(story, PROCESS, "web") == "Available"
    before = story.server.version
    story.passes(600)
    assert story.server.version == before


def test_a_change_of_the_object_is_published_at_once() -> None:
    story = refusing(PROCESS, "web", WEB)
    story.server.refuses = lambda _: False
    story.changes(PROCESS, "web", displayName="another")
    story.passes(3)
    assert ready(story, PROCESS, "web") == "Available"


def test_a_record_that_is_refused_holds_its_release_and_not_the_application() -> None:
    story = refusing(RELEASE, "shop-1", WEB, MIGRATE)
    assert "state" not in status(story, RELEASE, "shop-1")
    assert ready(story, APPLICATION, "shop") is not None
    assert ready(story, PROCESS, "web") is not None
    assert not story.server.find("Job")
    assert 12 <= len(story.server.refused) <= 40
    story.server.refuses = lambda _: False
    story.passes(120)
    assert status(story, RELEASE, "shop-1")["state"] == "success"
    assert len(story.server.find("Job")) == 1


def test_a_job_whose_uid_cannot_be_recorded_is_made_once() -> None:
    story = Story("a record that is refused")
    story.server.refuses = lambda body: "jobUID" in str(body["status"])
    story.applies(application(), WEB, MIGRATE)
    story.passes(600)
    assert len([line for line in story.lines if "creates Job" in line]) == 1
    assert 12 <= len(story.server.refused) <= 40
    story.server.refuses = lambda _: False
    story.passes(120)
    assert status(story, RELEASE, "shop-1")["state"] == "success"
    assert len([line for line in story.lines if "creates Job" in line]) == 1


def test_a_run_whose_uid_cannot_be_recorded_is_made_once() -> None:
    story = Story("a record that is refused")
    story.begins_with("release shop-1 serves", application(), WEB, MIGRATE)
    story.server.refuses = lambda body: body["kind"] == names.RUN_KIND
    run = {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {"name": "now"},
        "spec": {"processRef": {"name": "migrate"}},
    }
    story.applies(run)
    story.passes(600)
    assert len([line for line in story.lines if "creates Job" in line]) == 1
    assert 12 <= len(story.server.refused) <= 40
    story.server.refuses = lambda _: False
    story.passes(120)
    assert status(story, names.RUN_KIND, "now")["outcome"] == "success"


def test_a_job_that_finds_no_room_on_its_node_ends_its_release() -> None:
    story = Story("a job that finds no room")
    story.jobs["migrate"] = "finds no room"
    story.applies(application(), WEB, MIGRATE)
    story.settles()
    record = status(story, RELEASE, "shop-1")
    assert (record["state"], record["failure"]["reason"]) == ("failed", "OutOfephemeral_storage")
    assert ready(story, RELEASE, "shop-1") == "OutOfephemeral_storage"
    assert story.server.refused == []


def test_values_of_variables_in_a_snapshot_are_not_told() -> None:
    from process_operator.controller.execute import refused_statuses as refusals
    from process_operator.kube import errors

    cause = errors.Cause(
        reason="FieldValueInvalid", field="status.snapshot", message="Invalid value: secret"
    )
    refused = errors.Rejected("is invalid: secret", status=422, causes=(cause,))
    assert refusals.words(refused) == "status.snapshot: FieldValueInvalid"
