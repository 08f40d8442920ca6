"""Whoever changes what we write is told of, and does not keep us writing."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest

import storytelling
from process_operator.controller.observe.records import ChildKey, Contest, Difference, Standing
from process_operator.controller.plan import compare, contests
from process_operator.kube import errors, names
from storytelling import NAMESPACE, Story, application
from userside import process

Body = dict[str, Any]
Admits = Callable[[Body], Body]
DEPLOYMENT = ("Deployment", NAMESPACE, "shop-web")
WEB = ("Process", NAMESPACE, "web")
IMAGE = "registry.example.com/shop:1"
SECOND = timedelta(seconds=1)
ADMISSION = "an admission webhook or policy"
CONTAINER = "spec.template.spec.containers[process]"


def _changed(change: Callable[[Body], None]) -> Admits:
    """Return an admission that changes Deployments."""

    def admits(body: Body) -> Body:
        if body["kind"] == "Deployment":
            change(body)
        return body

    return admits


def _owned(manager: str, fields: Body) -> Body:
    return {"manager": manager, "fieldsV1": fields}


def _in_container(fields: Body) -> Body:
    containers = {"f:containers": {'k:{"name":"process"}': fields}}
    return {"f:spec": {"f:template": {"f:spec": containers}}}


def _container(body: Body) -> Body:
    found: Body = body["spec"]["template"]["spec"]["containers"][0]
    return found


def _begun(admits: Admits = lambda body: body) -> Story:
    """Return a story in which an application was released while admission does this."""
    story = Story("contest")
    story.server.admits = admits
    story.applies(application(), process("web", "web"))
    story.settles(within=timedelta(seconds=30))
    return story


def _writes(story: Story) -> int:
    """Return how often the Deployment has been written."""
    ours = ("operator applies Deployment", "operator cleans Deployment")
    return sum(any(one in line for one in ours) for line in story.lines)


def _looks(story: Story, count: int) -> int:
    """Look once a second; return how many of the writes that this took were of the Deployment."""
    before = _writes(story)
    for _ in range(count):
        story.server.now += SECOND
        story.passes(0)
    return _writes(story) - before


def _warnings(story: Story) -> list[str]:
    return list(story.server.objects[WEB]["status"].get("warnings", ()))


def _ready(story: Story) -> str:
    (found,) = (
        one for one in story.server.objects[WEB]["status"]["conditions"] if one["type"] == "Ready"
    )
    return str(found["status"])


def _edits(story: Story, change: Callable[[Body], None], owned: Body | None = None) -> None:
    """Let somebody change the Deployment as it is live, and own these fields from then on."""
    body: Body = orjson.loads(orjson.dumps(story.server.objects[DEPLOYMENT]))
    change(body)
    body["metadata"]["managedFields"] = [_owned("rewriter", owned or {})]
    story.server.put(body)


def _image(body: Body) -> None:
    _container(body)["image"] = "mirror.example.com/shop"


def _variable(body: Body) -> None:
    _container(body).setdefault("env", []).append({"name": "PROXY", "value": "http://proxy"})


def _sidecar(body: Body) -> None:
    containers = body["spec"]["template"]["spec"]["containers"]
    containers.append({"name": "mesh", "image": "mesh:1"})


def _init_container(body: Body) -> None:
    body["spec"]["template"]["spec"]["initContainers"] = [{"name": "prepare", "image": "mesh:1"}]


def _volume(body: Body) -> None:
    body["spec"]["template"]["spec"].setdefault("volumes", []).append({"name": "certificates"})


def _no_annotations(body: Body) -> None:
    del body["metadata"]["annotations"]


def _another_hash(body: Body) -> None:
    body["metadata"]["annotations"][names.DESIRED_HASH] = "mine"


def _label(body: Body) -> None:
    body["metadata"]["labels"][names.PART_OF] = "somebody-else"


def _no_owner(body: Body) -> None:
    del body["metadata"]["ownerReferences"]


def _nobodys(body: Body) -> None:
    _no_annotations(body)
    _no_owner(body)


def _size(body: Body) -> None:
    body["spec"]["replicas"] = 4


def _another_application(body: Body) -> None:
    body["metadata"]["labels"][names.APPLICATION] = "nobody"


def _image_and_sidecar(body: Body) -> None:
    _image(body)
    _sidecar(body)


CHANGES: dict[str, tuple[Callable[[Body], None], str]] = {
    "an image": (_image, f"{CONTAINER}.image"),
    "a variable": (_variable, f"{CONTAINER}.env[PROXY]"),
    "a container": (_sidecar, "spec.template.spec.containers[mesh]"),
    "an init container": (_init_container, "spec.template.spec.initContainers[prepare]"),
    "a volume": (_volume, "spec.template.spec.volumes[certificates]"),
    "all annotations": (_no_annotations, f"metadata.annotations[{names.DESIRED_HASH}]"),
    "the hash": (_another_hash, f"metadata.annotations[{names.DESIRED_HASH}]"),
    "a label": (_label, f"metadata.labels[{names.PART_OF}]"),
    "the owner": (_no_owner, "metadata.ownerReferences"),
    "owner and hash": (
        _nobodys,
        f"metadata.ownerReferences, metadata.annotations[{names.DESIRED_HASH}]",
    ),
    "the size": (_size, "spec.replicas"),
    "two things": (
        _image_and_sidecar,
        f"{CONTAINER}.image, spec.template.spec.containers[mesh]",
    ),
}


def _said(paths: str, by: str = ADMISSION) -> str:
    verb = "are" if ", " in paths else "is"
    return (
        f'ChangedByAdmission: Deployment "shop-web": {paths} {verb} changed by {by} whenever it is '
        "written, and left so; exempt the object from that, or declare the value that is set"
    )


@pytest.mark.parametrize("name", CHANGES)
def test_what_admission_changes_is_told_and_in_place(name: str) -> None:
    change, paths = CHANGES[name]
    story = _begun(_changed(change))
    assert (_warnings(story), _ready(story)) == ([_said(paths)], "True")
    assert story.text.count("Warning ChangedByAdmission") == 1


@pytest.mark.parametrize("name", CHANGES)
def test_what_admission_changes_is_written_ever_more_rarely(name: str) -> None:
    story = _begun(_changed(CHANGES[name][0]))
    first = _writes(story)
    assert first + _looks(story, 29) <= 3
    assert _looks(story, 60) <= 2
    assert _looks(story, 211) <= 4
    assert _warnings(story) == [_said(CHANGES[name][1])]


def test_a_child_that_admission_takes_out_of_sight_is_not_made_again_and_again() -> None:
    story = _begun(_changed(_another_application))
    assert _writes(story) + _looks(story, 29) <= 3
    assert _looks(story, 60) <= 2
    assert _warnings(story) == [_said(f"metadata.labels[{names.APPLICATION}]")]


def test_a_value_that_differs_in_each_answer_is_written_three_times_a_minute_at_most() -> None:
    numbers = itertools.count()

    def change(body: Body) -> None:
        _container(body)["image"] = f"mirror:{next(numbers)}"

    story = _begun(_changed(change))
    assert _writes(story) + _looks(story, 59) <= 3
    assert _looks(story, 240) <= 3


def test_admission_that_also_changes_what_others_write_is_not_fought() -> None:
    numbers = itertools.count()

    def change(body: Body) -> None:
        _container(body)["image"] = f"mirror:{next(numbers)}"

    story = _begun(_changed(change))
    for _ in range(60):
        _edits(story, change)
        _looks(story, 1)
    assert _writes(story) <= 4  # of a minute and a half
    assert len(_warnings(story)) == 1


def test_what_is_added_and_taken_away_in_turn_is_left_alone() -> None:
    turns = itertools.count()

    def change(body: Body) -> None:
        if next(turns) % 2 == 0:
            _variable(body)
            _image(body)

    story = _begun(_changed(change))
    assert _writes(story) + _looks(story, 59) <= 3


def test_admission_that_ends_is_forgotten_at_the_next_look() -> None:
    story = _begun(_changed(_image))
    story.server.admits = lambda body: body
    assert _looks(story, 61) == 1
    assert _warnings(story) == []
    assert _container(story.server.objects[DEPLOYMENT])["image"] == IMAGE
    assert _looks(story, 600) == 0


def test_a_new_wish_is_written_at_once() -> None:
    story = _begun(_changed(_image))
    before = _writes(story)
    story.applies(application(image="2"))
    story.passes(5)
    assert _writes(story) - before == 1
    assert _warnings(story) == [_said(f"{CONTAINER}.image")]


@pytest.mark.parametrize("change", [_label, _sidecar, _size, _no_owner])
def test_what_somebody_edits_beside_it_is_put_right_at_once(change: Callable[[Body], None]) -> None:
    story = _begun(_changed(_image))
    _edits(story, change)
    assert _looks(story, 2) == 1
    assert _warnings(story) == [_said(f"{CONTAINER}.image")]


def test_another_value_of_what_admission_changes_is_put_right_too() -> None:
    story = _begun(_changed(_image))

    def other(body: Body) -> None:
        _container(body)["image"] = "mine"

    _edits(story, other)
    assert _looks(story, 2) == 1
    assert _container(story.server.objects[DEPLOYMENT])["image"] == "mirror.example.com/shop"


def test_what_is_edited_an_hour_later_is_put_right_at_once() -> None:
    story = _begun(_changed(_image))
    story.passes(4 * 3600)
    _edits(story, _label)
    assert _looks(story, 2) == 1


def test_a_restart_costs_one_write() -> None:
    story = _begun(_changed(_image))
    story.restarts()
    assert _looks(story, 30) == 1
    assert _warnings(story) == [_said(f"{CONTAINER}.image")]


def test_a_child_that_is_deleted_is_made_again_at_once() -> None:
    story = _begun(_changed(_image))
    story.deletes("Deployment", "shop-web")
    assert _looks(story, 2) == 1
    assert _warnings(story) == [_said(f"{CONTAINER}.image")]


def test_an_edit_by_hand_is_put_right_and_not_worth_a_warning() -> None:
    story = _begun()
    for change in (_image, _label, _size):
        _edits(story, change)
        assert _looks(story, 1) == 1
    assert _warnings(story) == []


def _fight(story: Story, seconds: int) -> int:
    """Let another client set its image once a second; return our writes."""
    before = _writes(story)
    for _ in range(seconds):
        if _container(story.server.objects[DEPLOYMENT])["image"] == IMAGE:
            _edits(story, _image, _in_container({"f:image": {}}))
        _looks(story, 1)
    return _writes(story) - before


def test_a_client_that_undoes_each_write_is_told_by_name_and_not_fought() -> None:
    story = _begun()
    assert _fight(story, 59) <= contests.BUDGET
    assert _warnings(story) == [_said(f"{CONTAINER}.image", "rewriter")]
    assert _ready(story) == "True"
    assert _fight(story, 300) <= 3
    assert story.text.count("Warning ChangedByAdmission") == 1


def test_a_fight_is_over_when_a_write_has_held_for_a_minute() -> None:
    story = _begun()
    _fight(story, 59)
    _looks(story, 10)
    assert _warnings(story) == [_said(f"{CONTAINER}.image", "rewriter")]
    assert _container(story.server.objects[DEPLOYMENT])["image"] == IMAGE
    _looks(story, 61)
    assert _warnings(story) == []
    assert _looks(story, 600) == 0


def test_scaling_again_and_again_is_no_fight() -> None:
    story = _begun()
    story.changes("ProcessApplication", "shop", scalingPolicy="immediate")
    for count in (2, 3, 2, 3, 4, 5):
        manual = {"type": "manual", "manual": {"instanceCount": count}}
        story.changes("Process", "web", scalingStrategy=manual)
        assert _looks(story, 1) == 1
        assert story.server.objects[DEPLOYMENT]["spec"]["replicas"] == count
    assert _warnings(story) == []


def test_what_is_known_goes_with_the_application() -> None:
    story = _begun(_changed(_image))
    story.deletes("ProcessApplication", "shop")
    story.deletes("Process", "web")
    story.settles()
    assert not story.operator.store.gather(storytelling.KEY).contests


def test_items_that_the_server_does_not_let_go_are_left_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    story = Story("refusal")
    story.server.admits = _changed(_variable)
    monkeypatch.setattr(story.server, "json_patch", _refused)
    story.applies(application(), process("web", "web"))
    story.settles(within=timedelta(seconds=30))
    assert _warnings(story) == [_said(f"{CONTAINER}.env[PROXY]")]
    assert _ready(story) == "True"


async def _refused(*_: Any) -> Body:
    raise errors.Rejected("a policy wants it")


# What is told.


def _contest(*paths: str, by: str = ADMISSION) -> Contest:
    return Contest(
        key=ChildKey("Deployment", "demo", "shop-web"),
        uid="1",
        desired="a/1",
        standing=Standing.CHANGED,
        recent=(storytelling.START,),
        retry_at=storytelling.START,
        differences=tuple(Difference(path, "", ()) for path in paths),
        by=by,
    )


def test_of_many_paths_five_are_told() -> None:
    told = contests.told(_contest(*(f"spec.f{number}" for number in range(7))))
    assert "spec.f0, spec.f1, spec.f2, spec.f3, spec.f4 and 2 more are changed by" in told


def test_whatever_others_call_things_a_warning_keeps_its_remedy() -> None:
    told = contests.told(_contest(*("x" * 300 for _ in range(9)), by="y" * 300))
    assert len(told) <= 1024
    assert told.endswith("or declare the value that is set")


# Whose it is.


def _live() -> Body:
    container = {
        "name": "process",
        "image": "a",
        "ports": [{"containerPort": 1, "protocol": "TCP"}],
        "env": [{"name": "A", "value": "1"}],
    }
    return {
        "metadata": {},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }


PLACE = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("place", "fields", "owns"),
    [
        ((*PLACE, "image"), _in_container({"f:image": {}}), True),
        ((*PLACE, "image"), _in_container({"f:name": {}}), False),
        ((*PLACE, "env", 0), _in_container({"f:env": {'k:{"name":"A"}': {".": {}}}}), True),
        ((*PLACE, "env", 0), _in_container({"f:env": {'k:{"name":"B"}': {".": {}}}}), False),
        (
            (*PLACE, "ports", 0),
            _in_container({"f:ports": {'k:{"containerPort":1,"protocol":"TCP"}': {}}}),
            True,
        ),
        (("spec", "replicas"), {"f:spec": {"f:replicas": {}}}, True),
        ((*PLACE, "image"), {"f:spec": {"f:template": {"f:spec": {"f:containers": {}}}}}, True),
        (("metadata", "labels", "a"), {"f:metadata": {"f:annotations": {}}}, False),
        (("spec", "replicas"), {}, False),
    ],
)
def test_who_owns_a_place_is_read_from_its_managers(
    place: tuple[str | int, ...], fields: Body, owns: bool
) -> None:
    live = _live()
    live["metadata"]["managedFields"] = [
        _owned("somebody", fields),
        _owned(names.OPERATOR, fields),
    ]
    found = compare.managers(live, [Difference("told", "", place)])
    assert found == (("somebody",) if owns else ())


def test_a_child_is_written_three_times_in_its_window_and_then_left_longer_and_longer() -> None:
    assert contests.BUDGET == 3
    contest, pauses = _contest("spec.f"), []
    for _ in range(12):
        contest = contests.conceded(contest, contest.differences, (), storytelling.START)
        pauses.append(contest.retry_at - storytelling.START)
    first = contests.FIRST_PAUSE
    assert pauses[:4] == [first, 2 * first, 4 * first, 8 * first]
    assert pauses[-1] == contests.LONGEST_PAUSE
