"""The public Terraform provider, unchanged, drives an application through its whole life.

Create, plan (empty), change of each field that can be updated, plan (empty) after each, import of
every resource into an empty state, plan (empty), destroy; kubectl looks at the same objects.

The provider sends a nothing (`""`, 0, false) for each optional field of a process that is not
written down, as soon as another one changes. So a web process has its port and what is about
ingress written down, here as for the hosted platform.
"""

import copy
import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from place import Place
from steps import Steps

import running
from userside import IMAGE

Body = dict[str, Any]

PREFIX = "terraform-provider-"
SOURCE = "sevalla-hosting/sevalla"
SIZES = "data.sevalla_process_resource_types.all.process_resource_types"
APPLICATION = "sevalla_application.shop"
VARIABLE = "sevalla_application_environment_variable.level"
DOMAIN = "sevalla_application_domain.main"
DEPLOYMENT = "sevalla_application_deployment.current"
PROCESSES = {
    kind: f"sevalla_application_process.{kind}" for kind in ("web", "worker", "cron", "job")
}
MANUAL = {"type": "manual", "instance_count": 1}
EMPTY, CHANGED = 0, 2
"""What `plan -detailed-exitcode` ends with."""


def obstacle(program: str, provider: str) -> str:
    """Return why this cannot be run, or nothing."""
    if shutil.which(program) is None:
        return f"there is no program {program!r}; give TERRAFORM=, a Terraform or OpenTofu"
    if not provider:
        return "no provider is given; give PROVIDER=, the file that was built from its source"
    if not Path(provider).is_file() or not Path(provider).name.startswith(PREFIX):
        return f"{provider!r} is no file whose name begins with {PREFIX}; build the provider"
    return ""


class Terraform:
    """The program in a folder of its own: configuration, state, and the provider to use."""

    def __init__(self, program: str, provider: Path, place: Place, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._program = shutil.which(program) or program
        settings = folder / "settings.tfrc"
        overridden = f'dev_overrides {{ "{SOURCE}" = "{provider.resolve().parent}" }}'
        settings.write_text(f"provider_installation {{\n  {overridden}\n}}\n")
        # Nothing else of this environment: no proxy, no other credentials, no other settings.
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "TF_CLI_CONFIG_FILE": str(settings),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "SEVALLA_API_URL": place.url,
            "SEVALLA_API_KEY": place.key,
            "SSL_CERT_FILE": str(place.authority),
        }

    def write(self, configuration: Body) -> None:
        """Say what there shall be."""
        (self._folder / "main.tf.json").write_text(json.dumps(configuration, indent=2))

    def plan(self, wanted: int) -> None:
        """Plan, and see whether there is something to do."""
        self._run("plan", "-detailed-exitcode", ends_with=wanted)

    def apply(self) -> None:
        """Bring about what was said."""
        self._run("apply", "-auto-approve")

    def take_in(self, address: str, identifier: str) -> None:
        """Take what is there already into the state."""
        self._run("import", address, identifier)

    def destroy(self) -> None:
        """Remove everything."""
        self._run("destroy", "-auto-approve")

    def ids(self) -> dict[str, str]:
        """Return the ids of everything in the state, by their addresses."""
        shown = json.loads(self._run("show", "-json"))
        found = shown["values"]["root_module"]["resources"]
        return {one["address"]: one["values"]["id"] for one in found if one["mode"] == "managed"}

    def _run(self, command: str, *arguments: str, ends_with: int = 0) -> str:
        asked = [] if command == "show" else ["-input=false", "-no-color"]
        done = subprocess.run(
            [self._program, command, *asked, *arguments],
            cwd=self._folder,
            env=self._environment,
            text=True,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == ends_with, (
            f"{command} ended with {done.returncode}, not {ends_with}:\n{done.stdout}{done.stderr}"
        )
        return done.stdout


def configuration(project: str) -> Body:
    """Return an application with a process of each type, a variable, a domain and a deployment."""

    def process(kind: str, **more: Any) -> Body:
        return {
            "application_id": "${sevalla_application.shop.id}",
            "display_name": kind,
            "type": kind,
            "entrypoint": f"bin/{kind}",
            "resource_type_id": size("s1"),
            "scaling_strategy": MANUAL,
            **more,
        }

    web = process("web", port=8080, is_ingress_enabled=True, ingress_protocol="http")
    resources = {
        APPLICATION: {
            "display_name": "Shop",
            "cluster_id": "${data.sevalla_clusters.all.clusters[0].id}",
            "project_id": project,
            "source": "dockerImage",
            "docker_image": f"{IMAGE}:v1",
        },
        PROCESSES["web"]: web,
        PROCESSES["worker"]: process("worker"),
        PROCESSES["cron"]: process("cron", schedule="0 3 * * *", time_zone="Europe/Berlin"),
        PROCESSES["job"]: process("job", job_start_policy="beforeDeployment"),
        VARIABLE: {
            "application_id": "${sevalla_application.shop.id}",
            "key": "LOG_LEVEL",
            "value": "info",
            "is_runtime": True,
            "is_buildtime": False,
        },
        # It does not wait for the web process: whichever is made first, both are there.
        DOMAIN: {
            "application_id": "${sevalla_application.shop.id}",
            "name": "shop.example.com",
        },
        DEPLOYMENT: {
            "application_id": "${sevalla_application.shop.id}",
            "triggers": {"round": "1"},
            "depends_on": [*PROCESSES.values(), VARIABLE, DOMAIN],
        },
    }
    by_kind: dict[str, Body] = {}
    for address, fields in resources.items():
        kind, _, name = address.partition(".")
        by_kind.setdefault(kind, {})[name] = fields
    return {
        "terraform": {"required_providers": {"sevalla": {"source": SOURCE}}},
        "data": {
            "sevalla_clusters": {"all": {}},
            "sevalla_process_resource_types": {"all": {}},
            "sevalla_applications": {"all": {}},
            "sevalla_application": {"again": {"id": "${sevalla_application.shop.id}"}},
            "sevalla_project": {"mine": {"id": project}},
        },
        "locals": {"sizes": f"${{{{for one in {SIZES} : one.name => one.id}}}}"},
        "resource": by_kind,
    }


def size(name: str) -> str:
    """Return how a size is named in a configuration."""
    return f'${{local.sizes["{name}"]}}'


@dataclass(frozen=True, slots=True)
class Change:
    """Fields of a resource that are written down otherwise, and what kubectl shows then."""

    address: str
    fields: Body
    spec: Body

    @property
    def name(self) -> str:
        """What it is called in the table."""
        message = (
            f"{name} ({value['type']})" if name == "scaling_strategy" else name
            for name, value in self.fields.items()
        )
        return f"change {self.address.rpartition('.')[2]}: {', '.join(message)}"


WEB, WORKER, CRON, JOB = PROCESSES.values()
HTTP_PROBE = {
    "http_get": {
        "path": "/alive",
        "port": 9090,
        "host": "localhost",
        "scheme": "HTTPS",
        "http_headers": [{"name": "X-Probe", "value": "yes"}],
    },
    "initial_delay_seconds": 0,
    "period_seconds": 5,
    "timeout_seconds": 2,
    "success_threshold": 1,
    "failure_threshold": 6,
}
HORIZONTAL = {
    "min_instance_count": 2,
    "max_instance_count": 5,
    "target_cpu_percent": 70,
    "target_memory_percent": 75,
    "scale_up_interval_seconds": 30,
    "scale_up_increment": 2,
    "scale_down_interval_seconds": 300,
    "scale_down_increment": 1,
}
CHANGES = (
    Change(APPLICATION, {"display_name": "Shop two"}, {"displayName": "Shop two"}),
    Change(WEB, {"display_name": "Front"}, {"displayName": "Front"}),
    Change(WEB, {"entrypoint": "bin/front"}, {"entrypoint": "bin/front"}),
    Change(WEB, {"port": 9090}, {"port": 9090}),
    Change(WEB, {"resource_type_id": size("s2")}, {"resourceTypeRef": {"name": "s2"}}),
    Change(
        WEB,
        {"scaling_strategy": {"type": "manual", "instance_count": 3}},
        {"scalingStrategy": {"type": "manual", "manual": {"instanceCount": 3}}},
    ),
    Change(
        WEB,
        {"scaling_strategy": {"type": "horizontal", **HORIZONTAL}},
        {
            "scalingStrategy": {
                "type": "horizontal",
                "horizontal": {
                    "minInstanceCount": 2,
                    "maxInstanceCount": 5,
                    "targetCPUPercent": 70,
                    "targetMemoryPercent": 75,
                    "scaleUpIntervalSeconds": 30,
                    "scaleUpIncrement": 2,
                    "scaleDownIntervalSeconds": 300,
                    "scaleDownIncrement": 1,
                },
            }
        },
    ),
    Change(WEB, {"is_ingress_enabled": False}, {"ingress": {"enabled": False}}),
    Change(
        WEB,
        {"is_ingress_enabled": True, "ingress_protocol": "grpc"},
        {"ingress": {"enabled": True, "protocol": "grpc"}},
    ),
    Change(
        WEB,
        {"liveness_probe": HTTP_PROBE},
        {
            "livenessProbe": {
                "httpGet": {
                    "path": "/alive",
                    "port": 9090,
                    "host": "localhost",
                    "scheme": "HTTPS",
                    "httpHeaders": [{"name": "X-Probe", "value": "yes"}],
                },
                "initialDelaySeconds": 0,
                "periodSeconds": 5,
                "timeoutSeconds": 2,
                "successThreshold": 1,
                "failureThreshold": 6,
            }
        },
    ),
    Change(
        WEB,
        {
            "liveness_probe": {"exec": {"command": ["bin/alive", "--quick"]}},
            "readiness_probe": {"tcp_socket": {"port": 9090}, "period_seconds": 1},
        },
        {
            "livenessProbe": {"exec": {"command": ["bin/alive", "--quick"]}},
            "readinessProbe": {"tcpSocket": {"port": 9090}, "periodSeconds": 1},
        },
    ),
    Change(
        WORKER,
        {"display_name": "Background", "resource_type_id": size("h1"), "port": 9000},
        {"displayName": "Background", "resourceTypeRef": {"name": "h1"}, "port": 9000},
    ),
    Change(
        WORKER,
        {"scaling_strategy": {"type": "manual", "instance_count": 0}},
        {"scalingStrategy": {"type": "manual", "manual": {"instanceCount": 0}}},
    ),
    Change(CRON, {"schedule": None}, {"schedule": None}),
    Change(CRON, {"schedule": "*/5 * * * *"}, {"schedule": "*/5 * * * *"}),
    Change(CRON, {"time_zone": "America/New_York"}, {"timeZone": "America/New_York"}),
    Change(
        JOB,
        {"job_start_policy": "afterSuccessDeployment"},
        {"jobStartPolicy": "afterSuccessDeployment"},
    ),
    Change(JOB, {"entrypoint": "bin/warm"}, {"entrypoint": "bin/warm"}),
    Change(VARIABLE, {"value": "debug"}, {"env": [{"name": "LOG_LEVEL", "value": "debug"}]}),
    Change(VARIABLE, {"key": "LEVEL"}, {"env": [{"name": "LEVEL", "value": "debug"}]}),
)
"""The application's image is not among them: a change of it is a deployment of its own, below."""


class Run:
    """The whole life of one application."""

    def __init__(self, program: str, provider: str, place: Place, folder: Path) -> None:
        self.steps = Steps("terraform")
        self._place = place
        self._wanted = configuration(place.project)
        self._first = Terraform(program, Path(provider), place, folder / "first")
        self._second = Terraform(program, Path(provider), place, folder / "second")

    def whole(self) -> None:
        """Do every step; the first one that goes wrong is the last one."""
        step = self.steps.step
        with step("create: application, processes, variable, domain, deployment"):
            self._first.write(self._wanted)
            self._first.apply()
            self._are_there(processapplication=1, process=4, processrelease=1)
        self._is_settled()
        with step("the deployment succeeds; kubectl shows what runs"):
            self._place.await_success(self._first.ids()[DEPLOYMENT])
            # Of the job nothing is kept but its end in the release.
            self._are_there(deployment=2, cronjob=1, ingress=1)
        self._is_settled()
        for change in CHANGES:
            with step(change.name):
                self._make(change)
            self._is_settled()
        with step("change shop: docker_image; current: triggers"):
            self._set(APPLICATION, {"docker_image": f"{IMAGE}:v2"})
            self._set(DEPLOYMENT, {"triggers": {"round": "2"}})
            self._apply_what_differs()
        with step("that deployment succeeds, with everything that was saved"):
            self._place.await_success(self._first.ids()[DEPLOYMENT])
            self._has_arrived()
        self._is_settled()
        self._import()
        with step("destroy"):
            self._first.destroy()
            running.until(lambda: self._place.objects() == [])

    def _is_settled(self) -> None:
        with self.steps.step("plan: empty"):
            self._first.plan(EMPTY)

    def _set(self, address: str, fields: Body) -> None:
        kind, _, name = address.partition(".")
        self._wanted["resource"][kind][name] |= fields

    def _apply_what_differs(self) -> None:
        self._first.write(self._wanted)
        self._first.plan(CHANGED)
        self._first.apply()

    def _make(self, change: Change) -> None:
        before = self._first.ids()
        self._set(change.address, change.fields)
        self._apply_what_differs()
        assert self._first.ids() == before, "something was replaced instead of changed"
        is_process = change.address in PROCESSES.values()
        name = f"shop-{change.address.partition('.')[2]}" if is_process else "shop"
        spec = self._place.get("pproc" if is_process else "papp", name)["spec"]
        for field, value in change.spec.items():
            found = spec.get(field)
            if field == "ingress":  # It has the domain, too.
                found = {one: found.get(one) for one in value}
            assert found == value, f"kubectl shows {field} as {found}, not {value}"

    def _are_there(self, **wanted: int) -> None:
        kinds = Counter(one.partition("/")[0].partition(".")[0] for one in self._place.objects())
        found = {kind: kinds[kind] for kind in wanted}
        assert found == wanted, f"kubectl shows {found}, not {wanted}"

    def _has_arrived(self) -> None:
        web = self._place.get("deployment", "shop-web")["spec"]["template"]["spec"]
        container = web["containers"][0]
        assert container["image"] == f"{IMAGE}:v2"
        assert container["livenessProbe"]["exec"]["command"] == ["bin/alive", "--quick"]
        assert {"name": "LEVEL", "value": "debug"} in container["env"]
        assert self._place.get("hpa", "shop-web")["spec"]["maxReplicas"] == 5
        assert self._place.get("deployment", "shop-worker")["spec"]["replicas"] == 0

    def _import(self) -> None:
        wanted = copy.deepcopy(self._wanted)
        # A deployment is something that was done: there is nothing of it to import.
        del wanted["resource"][DEPLOYMENT.partition(".")[0]]
        self._second.write(wanted)
        ids = self._first.ids()
        application = ids[APPLICATION]
        with self.steps.step("import: application"):
            self._second.take_in(APPLICATION, application)
        for address in (*PROCESSES.values(), VARIABLE, DOMAIN):
            with self.steps.step(f"import: {address.partition('.')[2]}"):
                self._second.take_in(address, f"{application}/{ids[address]}")
        with self.steps.step("plan after the import: empty"):
            self._second.plan(EMPTY)
