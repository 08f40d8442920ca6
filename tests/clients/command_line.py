"""The public command line, unchanged, drives an application through its whole life.

Some of its commands ask for what the API of the hosted platform does not have either: they send
`name` for `display_name`, `command` for `entrypoint` and `name` for `domain_name`, or leave
`processes` out of a path. They are refused, by a message that names the field; what they would have
made is made by kubectl here.
"""

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from place import Place
from steps import Steps

import running
from userside import IMAGE, process


def obstacle(command: str) -> str:
    """Return why this cannot be run, or nothing."""
    words = shlex.split(command)
    if not words or shutil.which(words[0]) is None:
        return f"there is no program {command!r}; give CLI=, the command that starts it"
    return ""


class CommandLine:
    """The program, with our base address and key in its settings."""

    def __init__(self, command: str, place: Place, folder: Path) -> None:
        folder.mkdir()
        self._command = shlex.split(command)
        # Nothing else of this environment: no proxy, no key that somebody has stored.
        self._environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            "SEVALLA_API_URL": place.url,
            "SEVALLA_API_TOKEN": place.key,
            "NODE_EXTRA_CA_CERTS": str(place.authority),
        }

    def __call__(self, *arguments: str) -> Any:
        """Do something that has to succeed; return what it prints."""
        done = self._run(*arguments)
        assert done.returncode == 0, (
            f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}"
        )
        return json.loads(done.stdout)

    def refusal(self, *arguments: str) -> str:
        """Do something that has to be refused; return what it tells of it."""
        done = self._run(*arguments)
        assert done.returncode == 1, f"{' '.join(arguments)} ended with {done.returncode}"
        return done.stderr

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments, "--json"],
            env=self._environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )


class Run:
    """The whole life of one application."""

    def __init__(self, command: str, place: Place, folder: Path) -> None:
        self.steps = Steps("command line")
        self._place = place
        self._ask = CommandLine(command, place, folder / "command-line")
        self._app = ""
        self._web = ""

    def whole(self) -> None:
        """Do every step; the first one that goes wrong is the last one."""
        step = self.steps.step
        with step("api-keys validate; resources clusters, process-types"):
            self._look_around()
        with step("projects list, get"):
            assert [one["id"] for one in self._ask("projects", "list")] == [self._place.project]
            assert (
                self._ask("projects", "get", self._place.project)["name"] == self._place.namespace
            )
        with step("apps create, list, get"):
            self._create()
        with step("apps processes list, get"):
            (web,) = self._of_app("processes", "list")
            self._web = web["id"]
            assert self._of_app("processes", "get", self._web) == web
        with step("apps env-vars create, list, update, delete"):
            self._variables()
        with step("apps deployments trigger, list, get, logs"):
            first = self._deploy()
        with step("apps update, by flags and by --data"):
            self._update()
        with step("apps deployments trigger, rollback"):
            self._deploy()
            back_to = ("--deployment-id", first)
            back = self._ask("apps", "deployments", "rollback", self._app, *back_to)
            self._place.await_success(back["id"])
            image = self._place.get("deployment", "shop-web")["spec"]["template"]["spec"]
            assert image["containers"][0]["image"] == f"{IMAGE}:v1"
        with step("apps deployments cancel"):
            self._cancel()
        with step("apps processes trigger"):
            self._trigger()
        with step("apps domains list, get, delete"):
            self._domains()
        with step("apps suspend, activate"):
            self._ask("apps", "suspend", self._app)
            assert self._ask("apps", "get", self._app)["is_suspended"]
            self._ask("apps", "activate", self._app)
            assert not self._ask("apps", "get", self._app)["is_suspended"]
        with step("apps processes create, update; apps domains add: refused"):
            self._is_told_what_is_wrong()
        with step("apps logs runtime"):
            self._ask("apps", "logs", "runtime", self._app)
        with step("global-env-vars create, list, update, delete"):
            self._global_variables()
        with step("databases list, apps logs access and the like: not there"):
            self._is_told_what_is_not_there()
        with step("apps processes delete; apps delete"):
            self._of_app("processes", "delete", self._web, "--confirm")
            self._ask("apps", "delete", self._app, "--confirm")
            running.until(lambda: self._place.objects() == [])
            assert self._ask("apps", "list") == []

    def _of_app(self, noun: str, verb: str, *arguments: str) -> Any:
        return self._ask("apps", noun, verb, *arguments, "--app-id", self._app)

    def _look_around(self) -> None:
        assert self._ask("api-keys", "validate")["is_valid"] is True
        names = [one["name"] for one in self._ask("resources", "process-types")]
        assert {"h1", "s1", "s2"} <= set(names), f"the sizes are {names}"
        assert len(self._ask("resources", "clusters")) == 1

    def _create(self) -> None:
        (cluster,) = self._ask("resources", "clusters")
        source = ["--source", "dockerImage", "--docker-image", f"{IMAGE}:v1"]
        named = ["--name", "Shop", "--cluster", cluster["id"], "--project", self._place.project]
        self._app = self._ask("apps", "create", *named, *source)["id"]
        assert [one["id"] for one in self._ask("apps", "list")] == [self._app]
        assert self._ask("apps", "get", self._app)["docker_image"] == f"{IMAGE}:v1"
        assert self._place.get("papp", "shop")["spec"]["displayName"] == "Shop"

    def _variables(self) -> None:
        made = self._ask(
            *("apps", "env-vars", "create", self._app, "--key", "LEVEL", "--value", "info")
        )
        assert [one["value"] for one in self._of_app("env-vars", "list")] == ["info"]
        self._of_app("env-vars", "update", made["id"], "--key", "LOG_LEVEL", "--value", "debug")
        found = self._place.get("papp", "shop")["spec"]["env"]
        assert found == [{"name": "LOG_LEVEL", "value": "debug"}], f"kubectl shows {found}"
        self._ask("apps", "env-vars", "delete", self._app, made["id"], "--confirm")
        assert self._of_app("env-vars", "list") == []

    def _deploy(self) -> str:
        """Deploy and wait until it has succeeded; return the deployment's id."""
        identifier: str = self._ask("apps", "deployments", "trigger", self._app)["id"]
        assert identifier in [one["id"] for one in self._of_app("deployments", "list")]
        self._place.await_success(identifier)
        assert self._of_app("deployments", "get", identifier)["status"] == "success"
        log = self._of_app("deployments", "logs", identifier)
        assert log[-1]["message"] == "deployment ended: success", f"the log is {log}"
        return identifier

    def _update(self) -> None:
        self._ask("apps", "update", self._app, "--display-name", "Shop two")
        self._ask("apps", "update", self._app, "--data", f'{{"docker_image": "{IMAGE}:v2"}}')
        spec = self._place.get("papp", "shop")["spec"]
        found = spec["displayName"], spec["image"]
        assert found == ("Shop two", f"{IMAGE}:v2"), f"kubectl shows {found}"

    def _cancel(self) -> None:
        identifier = self._ask("apps", "deployments", "trigger", self._app)["id"]
        self._of_app("deployments", "cancel", identifier)
        running.until(
            # One that has not begun is skipped.
            lambda: (
                self._of_app("deployments", "get", identifier)["status"] in {"cancelled", "skipped"}
            )
        )

    def _trigger(self) -> None:
        made = process("cron", "cron", schedule="0 3 * * *")
        self._place.inside("apply", "--server-side", "-f", "-", stdin=json.dumps(made))
        running.until(lambda: len(self._of_app("processes", "list")) == 2, seconds=10)
        cron = next(one["id"] for one in self._of_app("processes", "list") if one["key"] == "cron")
        self._deploy()
        self._of_app("processes", "trigger", cron)
        runs = self._place.inside("get", "prun", "-o", "name").split()
        assert len(runs) == 1, f"kubectl shows the runs {runs}"

    def _domains(self) -> None:
        hosts = {"spec": {"ingress": {"hosts": [{"host": "shop.example.com"}]}}}
        patch = ["patch", "pproc", "shop-web", "--type", "merge", "-p", json.dumps(hosts)]
        self._place.inside(*patch)
        running.until(lambda: len(self._of_app("domains", "list")) == 1, seconds=10)
        (domain,) = self._of_app("domains", "list")
        assert self._of_app("domains", "get", domain["id"])["name"] == "shop.example.com"
        self._ask("apps", "domains", "delete", self._app, domain["id"], "--confirm")
        assert self._of_app("domains", "list") == []

    def _global_variables(self) -> None:
        words = ("global-env-vars",)
        made = self._ask(*words, "create", "--key", "REGION", "--value", "eu")
        self._ask(*words, "update", made["id"], "--value", "us")
        found = self._ask(*words, "list")
        assert [(one["key"], one["value"]) for one in found] == [("REGION", "us")]
        kept = self._place.get("configmap", "process-operator-global-env")["data"]
        assert kept == {"REGION": "us"}
        self._ask(*words, "delete", made["id"], "--confirm")
        assert self._ask(*words, "list") == []

    def _is_told_what_is_wrong(self) -> None:
        before = self._place.objects()
        for arguments, field in (
            (("processes", "create", self._app, "--name", "mail", "--type", "worker"), "name"),
            (("processes", "update", self._web, "--name", "x", "--app-id", self._app), "name"),
            (("domains", "add", self._app, "--name", "x.example.com"), "domain_name"),
        ):
            refusal = self._ask.refusal("apps", *arguments)
            assert '"status": 400' in refusal, refusal
            assert field in refusal, refusal
        assert self._place.objects() == before

    def _is_told_what_is_not_there(self) -> None:
        for arguments in (
            # Asked under applications/<id>/<process>, a path of neither API.
            ("apps", "processes", "metrics", "cpu-limit", self._app, self._web),
            ("databases", "list"),
            ("static-sites", "list"),
            ("users", "list"),
            ("apps", "logs", "access", self._app),
            ("apps", "purge-cache", self._app),
            ("apps", "tcp-proxies", "list", "--app-id", self._app),
        ):
            refusal = self._ask.refusal(*arguments)
            assert '"status": 404' in refusal, refusal
