"""Nothing is written into a namespace that is being deleted, once the server has said so."""

from typing import Any

import pytest

from process_operator.kube import errors, names
from storytelling import Story, application
from userside import process


def terminating(_: Any) -> Any:
    raise errors.NamespaceTerminating("unable to create new content in namespace demo")


def without_its_deployment() -> Story:
    """Return a story whose Deployment is gone, where nothing can be made any more."""
    story = Story("a namespace that goes")
    story.begins_with("release shop-1 serves", application(), process("web", "web"))
    deployment = next(story.operator.children["Deployment"].all())
    story.operator.children["Deployment"].evict("demo", deployment.name, deployment.uid)
    story.server.admits = terminating
    return story


def writes(story: Story) -> list[str]:
    """Return what the operator does when the process is edited."""
    before = len(story.lines)
    story.changes(names.PROCESS_KIND, "web", displayName="another")
    story.passes(60)
    return [line for line in story.lines[before + 1 :] if "operator" in line]


def test_nothing_more_is_tried_and_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    story = without_its_deployment()
    with caplog.at_level("INFO"):
        story.passes(60)
        assert writes(story) == []
    said = [one.message for one in caplog.records if "being deleted" in one.message]
    assert said == ["left alone what is in a namespace that is being deleted"]


def test_a_namespace_is_forgotten_with_the_last_of_what_was_in_it() -> None:
    story = without_its_deployment()
    story.passes(60)
    for kind, name in ((names.PROCESS_KIND, "web"), (names.RELEASE_KIND, "shop-1")):
        story.deletes(kind, name)
    assert story.operator.store.is_leaving("demo")
    story.deletes(names.APPLICATION_KIND, "shop")
    assert not story.operator.store.is_leaving("demo")


def test_what_is_made_later_shows_that_the_namespace_is_another_one() -> None:
    story = without_its_deployment()
    story.passes(60)
    assert story.operator.store.is_leaving("demo")
    story.server.admits = lambda body: body
    story.applies(process("mail", "worker"))
    story.passes(60)
    assert not story.operator.store.is_leaving("demo")
    assert next(story.operator.children["Deployment"].all())
