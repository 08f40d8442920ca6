"""What the operator does, from manifests to children, on a real API server with controllers."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from userside import IMAGE, Namespace, application, process

AUTOSCALED = {"type": "horizontal", "horizontal": {"minInstanceCount": 2, "maxInstanceCount": 4}}


def test_an_application_comes_up_with_as_few_writes_as_there_can_be(
    here: Namespace, writes: Callable[[], list[str]]
) -> None:
    by_itself = {"type": "horizontal", "horizontal": {"minInstanceCount": 1, "maxInstanceCount": 4}}
    cron = process("tick", "cron", schedule="0 4 * * *", timeZone="Europe/Berlin")
    here.release(
        application(), here.web(scalingStrategy=by_itself), process("worker", "worker"), cron
    )
    for key in ("web", "worker", "tick"):
        here.wait(f"pproc/{key}", "condition=Ready")
    expected = Counter(
        [
            # The release, its status at the start and at the end, the application's status.
            "create processreleases/shop-1",
            "update processreleases/status/shop-1",
            "update processreleases/status/shop-1",
            "update processapplications/status/shop",
            # Once in its life: the mark by which a copy of it is known.
            "patch processapplications/shop",
            # Five for a web process with an autoscaler and a host.
            "patch services/shop-web",
            "patch deployments/shop-web",
            "patch horizontalpodautoscalers/shop-web",
            "patch ingresses/shop-web",
            "update processes/status/web",
            # Two for a worker, two for a cron process.
            "patch deployments/shop-worker",
            "update processes/status/worker",
            "patch cronjobs/shop-tick",
            "update processes/status/tick",
        ]
    )
    found = Counter(writes())
    assert expected - found == Counter()
    assert found - expected <= progress_of(here, "web", "worker")


def progress_of(here: Namespace, *keys: str) -> Counter[str]:
    """Return the statuses that may be written on the way: none, if it took no two seconds."""
    status = here.get("prel", "shop-1")["status"]
    start, end = (datetime.fromisoformat(status[at]) for at in ("startedAt", "finishedAt"))
    if end - start < timedelta(seconds=2):
        return Counter()
    statuses = [f"update processes/status/{key}" for key in keys]
    return Counter([*statuses, "update processapplications/status/shop"])


def test_a_staged_change_waits_visibly_and_comes_with_the_next_image(here: Namespace) -> None:
    here.release(application(), here.web(readinessProbe=None))
    before = here.get("deployment", "shop-web")
    here.patch(
        "pproc",
        "web",
        {
            "spec": {
                "resourceTypeRef": {"name": "s2"},
                "scalingStrategy": {"type": "manual", "manual": {"instanceCount": 3}},
                "readinessProbe": {"httpGet": {"path": "/readyz"}},
            }
        },
    )
    assert here.wait_reason("pproc/web", "Staged").startswith("3 changes wait for the next")
    pending = here.get("pproc", "web")["status"]["pending"]
    assert [(one["field"], one.get("from"), one["to"]) for one in pending] == [
        ("readinessProbe", None, '{"httpGet":{"path":"/readyz"}}'),
        ("resourceTypeRef.name", "s1", "s2"),
        ("scalingStrategy.manual.instanceCount", "1", "3"),
    ]
    assert here.get("deployment", "shop-web")["spec"] == before["spec"]

    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    here.wait_reason("pproc/web", "Available")
    after = here.get("deployment", "shop-web")["spec"]
    container = after["template"]["spec"]["containers"][0]
    assert (after["replicas"], container["image"]) == (3, f"{IMAGE}:v2")
    assert container["resources"]["limits"]["cpu"] == "1"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert "pending" not in here.get("pproc", "web")["status"]


def test_one_commit_of_image_and_processes_is_one_release(here: Namespace) -> None:
    here.release(application(), here.web())
    here.apply(application(image=f"{IMAGE}:v2"), here.web(), process("worker", "worker"))
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    here.wait("pproc/worker", "condition=Available")
    assert here.kubectl("get", "prel", "-o", "name").count("\n") == 2


def test_a_revision_restarts_everything_and_an_image_does_not_go_twice(here: Namespace) -> None:
    here.release(application(), process("worker", "worker"))
    here.patch("papp", "shop", {"spec": {"revision": "2"}})
    here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    template = here.get("deployment", "shop-worker")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"process-operator.dev/restart": "2"}
    assert here.get("prel", "shop-2")["status"]["trigger"] == "revision"


def test_a_release_by_hand_applies_what_is_staged(here: Namespace) -> None:
    here.release(application(), process("worker", "worker"))
    here.patch("pproc", "worker", {"spec": {"terminationGracePeriodSeconds": 7}})
    here.wait_reason("pproc/worker", "Staged")
    by_hand = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRelease",
        "metadata": {"name": "by-hand"},
        "spec": {"applicationRef": {"name": "shop"}},
    }
    here.apply(by_hand)
    status = here.wait("prel/by-hand", "jsonpath={.status.state}=success")["status"]
    assert (status["trigger"], status["number"]) == ("manual", 2)
    pod = here.get("deployment", "shop-worker")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 7


def test_an_automatic_application_releases_every_staged_change(here: Namespace) -> None:
    here.release(application(releasePolicy="automatic"), process("worker", "worker"))
    here.patch("pproc", "worker", {"spec": {"terminationGracePeriodSeconds": 7}})
    made = here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert made["status"]["trigger"] == "automatic"


def test_routing_changes_apply_at_once(here: Namespace) -> None:
    here.release(application(), here.web())
    hosts = [{"host": here.host("shop")}, {"host": here.host("www")}]
    here.patch("pproc", "web", {"spec": {"ingress": {"hosts": hosts}}})
    here.wait("ingress/shop-web", f"jsonpath={{.spec.rules[1].host}}={here.host('www')}")
    here.patch("pproc", "web", {"spec": {"ingress": {"protocol": "grpc"}}})
    here.wait("service/shop-web", "jsonpath={.spec.ports[0].appProtocol}=kubernetes.io/h2c")
    here.patch("pproc", "web", {"spec": {"ingress": {"enabled": False}}})
    here.wait_gone("ingress/shop-web")
    here.patch("pproc", "web", {"spec": {"ingress": {"enabled": True, "protocol": "http"}}})
    here.wait("ingress/shop-web", "create")
    here.wait("service/shop-web", "jsonpath={.spec.ports[0].appProtocol}=http")
    assert here.kubectl("get", "prel", "-o", "name").split() == [
        "processrelease.process-operator.dev/shop-1"
    ]


def test_schedule_zone_and_suspension_apply_at_once(here: Namespace) -> None:
    here.release(application(), process("tick", "cron", schedule="0 4 * * *"))
    change = {"schedule": "30 5 * * *", "timeZone": "Europe/Berlin", "suspend": True}
    here.patch("pproc", "tick", {"spec": change})
    live = here.wait("cronjob/shop-tick", "jsonpath={.spec.schedule}=30 5 * * *")["spec"]
    assert (live["timeZone"], live["suspend"]) == ("Europe/Berlin", True)


@pytest.mark.fault("F21")
def test_what_is_deleted_or_edited_by_hand_comes_back(here: Namespace) -> None:
    here.release(application(), here.web(), process("worker", "worker"))
    here.kubectl("delete", "service", "shop-web")
    here.wait("service/shop-web", "create")
    here.patch("deployment", "shop-worker", {"spec": {"replicas": 5}})
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=1")
    here.patch(
        "ingress", "shop-web", [{"op": "remove", "path": "/metadata/ownerReferences"}], "json"
    )
    here.wait("ingress/shop-web", "jsonpath={.metadata.ownerReferences[0].name}=web")
    here.kubectl("label", "deployment", "shop-worker", "app.kubernetes.io/managed-by-")
    label = "jsonpath={.metadata.labels.app\\.kubernetes\\.io/managed-by}=process-operator"
    here.wait("deployment/shop-worker", label)
    here.kubectl("set", "env", "deployment/shop-worker", "FOREIGN=1")
    here.wait("deployment/shop-worker", "jsonpath={.status.observedGeneration}")
    here.kubectl("rollout", "status", "deployment/shop-worker", "--timeout=60s")
    here.wait_reason("pproc/worker", "Available")
    pod = here.get("deployment", "shop-worker")["spec"]["template"]["spec"]
    assert "env" not in pod["containers"][0]


@pytest.mark.fault("F3")
def test_a_foreign_object_of_the_same_name_is_left_alone_and_told(here: Namespace) -> None:
    here.kubectl("create", "service", "clusterip", "shop-web", "--tcp=81")
    here.apply(application(), here.web())
    message = here.wait_reason("pproc/web", "NameConflict")
    assert message == (
        'Service "shop-web" exists and was not made for this Process; it is left alone. Rename or '
        "delete it, and the operator makes its own"
    )
    foreign = here.get("service", "shop-web")
    assert foreign["spec"]["ports"][0]["port"] == 81
    assert "ownerReferences" not in foreign["metadata"]


def test_a_gateway_that_is_not_installed_holds_nothing_but_the_route_up(here: Namespace) -> None:
    gateway = {"backend": "gateway", "gatewayRef": {"name": "public"}}
    here.apply(application(routing=gateway), here.web(), process("worker", "worker"))
    assert here.wait_reason("pproc/web", "KindNotInstalled") == (
        "kind HTTPRoute is not installed in this cluster: install the Gateway API, or set "
        "spec.routing.backend of the application to ingress"
    )
    here.wait("pproc/worker", "condition=Ready")
    here.wait("prel/shop-1", "jsonpath={.status.state}=success")
    here.wait("pproc/web", "condition=Available")
    here.patch("papp", "shop", {"spec": {"routing": {"backend": "ingress", "gatewayRef": None}}})
    here.wait("pproc/web", "condition=Ready")
    here.wait("ingress/shop-web", "create")


@pytest.mark.fault("F23")
def test_a_process_that_goes_takes_its_children_with_it(here: Namespace) -> None:
    here.release(application(), here.web(), process("worker", "worker"))
    here.kubectl("delete", "pproc", "web")
    for child in ("deployment/shop-web", "service/shop-web", "ingress/shop-web"):
        here.wait_gone(child)
    here.wait("deployment/shop-worker", "condition=Available")


@pytest.mark.fault("F22")
def test_a_foreign_label_or_annotation_causes_no_write(
    here: Namespace, writes: Callable[[], list[str]]
) -> None:
    here.release(application(), here.web())
    here.wait("pproc/web", "condition=Ready")
    before = writes()
    here.kubectl("label", "pproc", "web", "team=blue")
    here.kubectl("annotate", "deployment", "shop-web", "somebody.example/else=cares")
    # A change that does cause one, behind which the others would have shown.
    here.patch("pproc", "web", {"spec": {"ingress": {"hosts": [{"host": here.host("b")}]}}})
    here.wait("ingress/shop-web", f"jsonpath={{.spec.rules[0].host}}={here.host('b')}")
    here.wait("pproc/web", f"jsonpath={{.status.urls[0]}}=http://{here.host('b')}")
    assert set(writes()[len(before) :]) <= {
        "patch ingresses/shop-web",
        "update processes/status/web",
    }


@pytest.mark.fault("F22")
def test_scaling_is_handed_to_the_autoscaler_and_back_without_a_dip(here: Namespace) -> None:
    three = {"type": "manual", "manual": {"instanceCount": 3}}
    worker = process("worker", "worker", scalingStrategy=three)
    here.release(application(scalingPolicy="immediate"), worker)
    here.patch("pproc", "worker", {"spec": {"scalingStrategy": {**AUTOSCALED, "manual": None}}})
    here.wait("hpa/shop-worker", "create")
    assert here.get("deployment", "shop-worker")["spec"]["replicas"] == 3
    four = {"type": "manual", "manual": {"instanceCount": 4}, "horizontal": None}
    here.patch("pproc", "worker", {"spec": {"scalingStrategy": four}})
    here.wait_gone("hpa/shop-worker")
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=4")


def test_kubectl_scale_works_on_a_process_whose_scaling_is_immediate(here: Namespace) -> None:
    one = {"type": "manual", "manual": {"instanceCount": 1}}
    here.release(
        application(scalingPolicy="immediate"), process("worker", "worker", scalingStrategy=one)
    )
    here.kubectl("scale", "pproc", "worker", "--replicas=3")
    here.wait("pproc/worker", "jsonpath={.status.instances}=3/3")


def test_a_suspended_application_stands_still_and_comes_back_as_it_was(here: Namespace) -> None:
    two = {"type": "manual", "manual": {"instanceCount": 2}}
    cron = process("tick", "cron", schedule="0 4 * * *")
    here.release(application(), process("worker", "worker", scalingStrategy=two), cron)
    here.patch("papp", "shop", {"spec": {"suspend": True}})
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=0")
    here.wait("cronjob/shop-tick", "jsonpath={.spec.suspend}=true")
    here.wait_reason("papp/shop", "Suspended")
    here.patch("papp", "shop", {"spec": {"suspend": False}})
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=2")
    here.wait_reason("papp/shop", "Released")


def test_a_suspended_autoscaled_process_comes_back_at_the_size_that_was_found(
    here: Namespace,
) -> None:
    here.release(application(), process("worker", "worker", scalingStrategy=AUTOSCALED))
    here.wait("pproc/worker", "condition=Ready")
    # As an autoscaler does it, which has nothing to go by here.
    here.kubectl("scale", "deployment", "shop-worker", "--replicas=3")
    here.wait("pproc/worker", "jsonpath={.status.instances}=3/3")
    here.patch("papp", "shop", {"spec": {"suspend": True}})
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=0")
    here.wait_reason("pproc/worker", "Suspended")
    here.wait_reason("papp/shop", "Suspended")
    assert here.get("pproc", "worker")["status"]["replicasBeforeSuspend"] == 3
    here.patch("papp", "shop", {"spec": {"suspend": False}})
    here.wait("deployment/shop-worker", "jsonpath={.spec.replicas}=3")
    here.wait("pproc/worker", "jsonpath={.status.instances}=3/3")
    assert here.get("deployment", "shop-worker")["spec"]["replicas"] == 3


def test_an_unknown_application_is_told(here: Namespace) -> None:
    here.apply(process("web", "web", of="nowhere"))
    assert here.wait_reason("pproc/web", "ApplicationNotFound") == (
        'spec.applicationRef.name: there is no ProcessApplication "nowhere" in this namespace; '
        "create it. What runs is left as it is"
    )


def test_an_unknown_resource_type_keeps_the_release_waiting(here: Namespace) -> None:
    here.apply(application(), process("web", "web", resourceTypeRef={"name": "huge"}))
    message = here.wait_reason("papp/shop", "ResourceTypeNotFound")
    assert message.startswith('Process "web": spec.resourceTypeRef.name: there is no')
    here.patch("pproc", "web", {"spec": {"resourceTypeRef": {"name": "s1"}}})
    here.wait_reason("papp/shop", "Released")


def test_a_schedule_that_only_the_controller_would_refuse_is_stalled(here: Namespace) -> None:
    here.apply(application(), process("tick", "cron", schedule="0 0 * * 7"))
    message = here.wait_reason("pproc/tick", "InvalidSchedule")
    assert 'day of week "7" is out of range; write 0 to 6' in message
    here.wait("pproc/tick", "condition=Stalled")


def test_a_process_of_root_under_restricted_is_refused_until_it_is_no_contradiction(
    here: Namespace,
) -> None:
    here.apply(application(), process("worker", "worker", securityContext={"runAsUser": 0}))
    message = here.wait_reason("pproc/worker", "PodSecurityRefused")
    assert message.startswith("spec.securityContext.runAsUser must not be 0")
    assert "set podSecurity to baseline" in message
    here.wait("pproc/worker", "condition=Stalled")
    here.patch("papp", "shop", {"spec": {"podSecurity": "baseline"}})
    here.wait_reason("papp/shop", "Released")


def test_the_older_process_keeps_a_key_that_two_want(here: Namespace) -> None:
    here.release(application(), process("web", "web"))
    second = process("web", "worker")
    second["metadata"]["name"] = "web-too"
    here.apply(second)
    message = here.wait_reason("pproc/web-too", "KeyTaken")
    assert 'is taken by the older Process "web"' in message
    here.wait("pproc/web", "condition=Ready")


@pytest.mark.fault("F9")
def test_a_quota_that_leaves_no_room_is_told_in_its_own_words(here: Namespace) -> None:
    here.kubectl("create", "quota", "none", "--hard=pods=0")
    here.wait("quota/none", "jsonpath={.status.hard.pods}=0")
    here.apply(application(), process("worker", "worker"))
    assert "exceeded quota: none" in here.wait_reason("pproc/worker", "QuotaExceeded")


@pytest.mark.fault("F9")
def test_a_pod_that_pod_security_refuses_is_told_in_its_own_words(here: Namespace) -> None:
    here.kubectl("label", "ns", here.name, "pod-security.kubernetes.io/enforce=restricted")
    here.apply(application(podSecurity="baseline"), process("worker", "worker"))
    assert "violates PodSecurity" in here.wait_reason("pproc/worker", "PodSecurityRefused")


@pytest.mark.fault("F25")
def test_a_rollout_that_misses_its_deadline_fails_and_the_old_version_serves(
    here: Namespace,
) -> None:
    here.release(application(), here.web())
    here.wait("pproc/web", "condition=Ready")
    here.deadline(3)
    # Room for what runs, none for one more: the new version cannot come up.
    here.kubectl("create", "quota", "full", "--hard=pods=1")
    here.wait("quota/full", "jsonpath={.status.used.pods}=1")
    here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2"}})
    failure = here.wait("prel/shop-2", "jsonpath={.status.state}=failed")["status"]["failure"]
    assert (failure["process"], failure["reason"]) == ("web", "QuotaExceeded")
    assert "exceeded quota: full" in failure["message"]
    message = here.wait_reason("papp/shop", "ReleaseFailed")
    assert 'release "shop-1" serves again' in message
    live = here.get("deployment", "shop-web")["spec"]["template"]["spec"]
    assert live["containers"][0]["image"] == f"{IMAGE}:v1"
    here.wait("pproc/web", "condition=Available")
