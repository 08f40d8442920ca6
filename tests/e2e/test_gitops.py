"""Argo CD and Flux keep real pods in step with Git: what each says, and how soon.

Each story is told of every tool that has it, and ends in a table: tool, story, what was seen, after
how many seconds.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gitops.argocd import Application, ArgoCD
from gitops.flux import Flux
from gitops.repository import Repository, Server
from gitops.tool import Followed, Seen, Tool, Verdict
from local_cluster import Cluster
from running import until
from userside import IMAGE, Body, Namespace, application, process

pytestmark = pytest.mark.gitops

SMALL: dict[str, Any] = {"resourceTypeRef": {"name": "tiny"}}
TOOLS: dict[str, Callable[[Cluster], Tool]] = {
    "argocd": lambda cluster: ArgoCD(cluster, "Argo CD"),
    "argocd-server-side": lambda cluster: ArgoCD(
        cluster, "Argo CD, server-side apply", "ServerSideApply=true"
    ),
    "flux": Flux,
}
Files = Mapping[str, Sequence[Body] | None]
"""The manifests of each file; None takes it away."""
QUIET_SECONDS = 10
"""How long a tool that has nothing to do is watched."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    root = tmp_path_factory.mktemp("git")
    serving = Server(root)
    yield serving, root
    serving.stop()


@pytest.fixture(scope="session", params=TOOLS)
def tool(request: pytest.FixtureRequest, cluster: Cluster) -> Tool:
    made = TOOLS[request.param](cluster)
    made.start()
    return made


@pytest.fixture(scope="session")
def argocd(cluster: Cluster) -> ArgoCD:
    made = ArgoCD(cluster, "Argo CD")
    made.start()
    return made


class Story:
    """A repository of the test's own, the tool that follows it, and what it was seen to say."""

    def __init__(
        self, here: Namespace, repository: Repository, url: str, record: Callable[..., None]
    ) -> None:
        self.here = here
        self.repository = repository
        self.url = url
        self._record = record
        self.tool_name = ""
        self.followed: Followed | None = None

    def begin(self, tool: Tool, files: Files, **how: Any) -> None:
        """Commit, and let the tool follow until it is ready."""
        revision = self.repository.commit(files, "begin")
        self.tool_name = tool.name
        self.followed = tool.follow(self.here, self.url, **how)
        self.wait("a first sync", revision, Verdict.READY)

    def commit(self, told: str, files: Files, verdict: Verdict) -> Seen:
        """Commit, and wait for what the tool says of it."""
        return self.wait(told, self.repository.commit(files, told), verdict)

    def wait(self, told: str, revision: str, verdict: Verdict) -> Seen:
        """Wait for what the tool says of a commit, and put it into the table."""
        assert self.followed is not None
        begun = time.monotonic()
        found = self.followed.wait(revision, verdict)
        self._record(self.tool_name, told, found.words, time.monotonic() - begun)
        return found

    def end(self) -> None:
        """Have everything deleted, and put that into the table."""
        assert self.followed is not None
        begun = time.monotonic()
        self.followed.end()
        left = "papp,pproc,prel,prun,deployment,service,job,cronjob"
        until(lambda: self.here.kubectl("get", left, "-o", "name") == "")
        self._record(self.tool_name, "deletion of all", "nothing is left", time.monotonic() - begun)


@pytest.fixture
def story(
    here: Namespace,
    server: tuple[Server, Path],
    tiny: None,
    told: Callable[..., None],
) -> Story:
    del tiny
    serving, root = server
    repository = Repository(root, here.name)
    return Story(here, repository, serving.url(repository), told)


def shop(version: str = "v1", **spec: Any) -> Body:
    return application(image=f"{IMAGE}:{version}", **spec)


def web(**spec: Any) -> Body:
    return process("web", "web", **SMALL, **spec)


def migration(entrypoint: str) -> Body:
    return process(
        "migrate", "job", jobStartPolicy="beforeDeployment", entrypoint=entrypoint, **SMALL
    )


def cron() -> Body:
    """Return a process that nobody starts but by hand."""
    yearly = "0 4 1 1 *"
    return process("task", "cron", schedule=yearly, entrypoint="sample job --print done", **SMALL)


def releases(here: Namespace) -> int:
    return len(here.kubectl("get", "prel", "-o", "name").split())


def test_from_the_first_sync_over_a_release_to_the_end(story: Story, tool: Tool) -> None:
    here = story.here
    worker = process("mail", "worker", **SMALL)
    story.begin(tool, {"shop": [shop(), web()], "mail": [worker]})
    staged = web(terminationGracePeriodSeconds=40)
    story.commit("a staged change", {"shop": [shop(), staged]}, Verdict.READY)
    assert here.get("pproc", "web")["status"]["pendingCount"] == 1
    assert releases(here) == 1
    story.commit("a new image", {"shop": [shop("v2"), staged]}, Verdict.READY)
    assert here.get("papp", "shop")["status"]["servingRelease"]["name"] == "shop-2"
    story.commit("a process goes", {"mail": None}, Verdict.READY)
    here.wait_gone("deployment/shop-mail")
    assert releases(here) == 2
    story.end()


def test_a_failing_migration_is_told_in_its_words_and_mended_by_itself(
    story: Story, tool: Tool
) -> None:
    story.begin(tool, {"shop": [shop(), web()], "jobs": [migration("sample job --print fine")]})
    broken = migration("sample job --exit 3 --print no-such-column")
    failed = story.commit(
        "a failing migration", {"shop": [shop("v2"), web()], "jobs": [broken]}, Verdict.FAILED
    )
    message = story.here.wait_reason("papp/shop", "ReleaseFailed")
    assert "exited with code 3" in message
    # Flux names the object that is stalled, and leaves what it says to whoever looks there.
    assert message in failed.words or isinstance(tool, Flux)
    mended = [migration("sample job --print mended")]
    story.commit("only the migration mended", {"jobs": mended}, Verdict.READY)
    status = story.here.get("papp", "shop")["status"]
    assert (status["servingRelease"]["name"], status["image"]) == ("shop-3", f"{IMAGE}:v2")


def test_a_failed_commit_that_is_reverted_asks_for_nothing(story: Story, tool: Tool) -> None:
    good = migration("sample job --print fine")
    story.begin(tool, {"shop": [shop(), web()], "jobs": [good]})
    broken = migration("sample job --exit 3 --print no-such-column")
    files = {"shop": [shop("v2"), web()], "jobs": [broken]}
    story.commit("a failing migration", files, Verdict.FAILED)
    until(lambda: story.here.get("prel", "shop-2")["status"].get("state") == "failed")
    story.wait("the failed commit reverted", story.repository.revert(), Verdict.READY)
    serving = story.here.get("papp", "shop")["status"]["servingRelease"]
    assert serving["name"] == "shop-1"
    assert len(story.here.kubectl("get", "jobs", "-o", "name").split()) == 2


def test_a_run_in_git_runs_once_and_a_release_in_git_harms_nothing(
    story: Story, tool: Tool
) -> None:
    here = story.here
    task = cron()
    story.begin(tool, {"shop": [shop(), web(), task]})
    run: Body = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRun",
        "metadata": {"name": "once"},
        "spec": {"processRef": {"name": "task"}},
    }
    story.commit("a run in Git", {"run": [run]}, Verdict.READY)
    here.wait("prun/once", "jsonpath={.status.outcome}=success")
    asked: Body = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRelease",
        "metadata": {"name": "asked"},
        "spec": {"applicationRef": {"name": "shop"}},
    }
    story.commit("a release in Git", {"asked": [asked]}, Verdict.READY)
    count = releases(here)
    time.sleep(QUIET_SECONDS)
    assert releases(here) == count
    assert len(here.kubectl("get", "jobs", "-o", "name").split()) == 1


def test_a_namespace_that_was_emptied_comes_back_from_git(story: Story, tool: Tool) -> None:
    here = story.here
    good = migration("sample job --print fine")
    story.begin(tool, {"shop": [shop("v1"), web()], "jobs": [good]})
    revision = story.repository.commit({"shop": [shop("v2"), web()]}, "another version")
    story.wait("a second version", revision, Verdict.READY)
    lost = here.get("papp", "shop")["metadata"]["uid"]
    here.kubectl("delete", "papp,pproc,prel", "--all")
    assert story.followed is not None
    story.followed.look()
    until(
        lambda: lost not in here.kubectl("get", "papp", "-o", "jsonpath={.items[*].metadata.uid}")
    )
    here.wait("papp/shop", "condition=Available")
    story.wait("all of it deleted by hand, and back", revision, Verdict.READY)
    # A new application: its first release, with its migration, of the version that Git has.
    status = here.get("papp", "shop")["status"]
    assert (status["servingRelease"]["name"], status["image"]) == ("shop-1", f"{IMAGE}:v2")
    assert here.get("deployment", "shop-web")["status"]["availableReplicas"] == 1


def test_an_autoscaler_is_not_in_the_way_of_self_heal(story: Story, tool: Tool) -> None:
    here = story.here
    pace = {
        "minInstanceCount": 2,
        "maxInstanceCount": 3,
        "targetCPUPercent": 80,
        "scaleUpIntervalSeconds": 5,
        "scaleUpIncrement": 1,
        "scaleDownIntervalSeconds": 5,
        "scaleDownIncrement": 1,
    }
    scaled = web(scalingStrategy={"type": "horizontal", "horizontal": pace})
    story.begin(tool, {"shop": [shop(), scaled]})
    until(lambda: here.get("deployment", "shop-web")["spec"]["replicas"] == 2)
    assert story.followed is not None
    before = story.followed.seen()
    time.sleep(QUIET_SECONDS)
    assert story.followed.seen() == before


def test_argo_cd_leaves_the_scale_to_whoever_shares_it(story: Story, argocd: ArgoCD) -> None:
    here = story.here
    three = {"type": "manual", "manual": {"instanceCount": 3}}
    manifests = [shop(scalingPolicy="immediate"), web(scalingStrategy=three)]
    shared = {
        "group": "process-operator.dev",
        "kind": "Process",
        "jsonPointers": ["/spec/scalingStrategy/manual/instanceCount"],
    }
    story.begin(
        argocd,
        {"shop": manifests},
        ignoreDifferences=[shared],
        syncOptions=["RespectIgnoreDifferences=true"],
    )
    here.kubectl("scale", "pproc/web", "--replicas=1")
    until(lambda: here.get("deployment", "shop-web")["spec"]["replicas"] == 1)
    worker = process("mail", "worker", **SMALL)
    story.commit("a commit beside kubectl scale", {"mail": [worker]}, Verdict.READY)
    assert here.get("deployment", "shop-web")["spec"]["replicas"] == 1


def test_argo_cd_is_not_jammed_by_a_suspension_before_a_hook(story: Story, argocd: ArgoCD) -> None:
    hook: Body = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRun",
        "metadata": {
            "generateName": "after-",
            "annotations": {
                "argocd.argoproj.io/hook": "PostSync",
                "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
            },
        },
        "spec": {"processRef": {"name": "task"}},
    }
    task = cron()
    story.begin(argocd, {"shop": [shop(), web(), task], "hook": [hook]})
    files = {"shop": [shop("v2", suspend=True), web(), task], "hook": None}
    story.commit("suspended", files, Verdict.READY)
    assert releases(story.here) == 1
    story.commit("resumed", {"shop": [shop("v2"), web(), task]}, Verdict.READY)
    assert story.here.get("papp", "shop")["status"]["servingRelease"]["name"] == "shop-2"


def test_argo_cd_has_no_deadlock_where_processes_come_in_an_earlier_wave(
    story: Story, argocd: ArgoCD
) -> None:
    later = shop()
    later["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    story.begin(argocd, {"shop": [later, web()]})
    assert isinstance(story.followed, Application)
    assert len(story.followed.status()["history"]) == 1


def test_argo_cd_releases_a_revision_with_the_processes_of_a_later_wave(
    story: Story, argocd: ArgoCD
) -> None:
    def files(version: str) -> Files:
        later = [web(revision=version), migration(f"sample job --print {version}")]
        later[1]["spec"]["revision"] = version
        for one in later:
            one["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
        return {"shop": [shop(version, revision=version), *later]}

    story.begin(argocd, files("v1"))
    story.commit("a revision in two waves", files("v2"), Verdict.READY)
    until(lambda: story.here.get("prel", "shop-2")["status"].get("state") == "success")
    assert releases(story.here) == 2
    jobs = json.loads(story.here.kubectl("get", "jobs", "-o", "json"))["items"]
    commands = [one["spec"]["template"]["spec"]["containers"][0]["command"] for one in jobs]
    assert sorted("v2" in " ".join(command) for command in commands) == [False, True]
