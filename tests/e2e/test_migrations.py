"""A real schema changes under load: forward, stopped by a gate, and back again.

The old version inserts and reads a name. The new one brings a column of its own, as its migration
makes it: one that the old version can live with, or one without which no row can be inserted.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clients import Failed, Http, Load
from local_cluster import DIRECTORY, state
from local_cluster.entrance import Entrance
from postgres import Postgres
from running import until
from userside import IMAGE, Body, Namespace, application, process

EXPAND = "alter table users add column email text"
BREAK = (
    "alter table users add column email text not null default ''",
    "alter table users alter column email drop default",
)
CONTRACT = "alter table users drop column email"
INSERT = "insert into users (name) values ('somebody')"
SMALL: Body = {"resourceTypeRef": {"name": "tiny"}}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    network = state.load(DIRECTORY).network
    assert network is not None
    server = Postgres(network.gateway)
    yield server
    server.stop()


def job(key: str, moment: str, *statements: str, **spec: str) -> Body:
    command = ["/sample", "sql", *statements]
    return process(key, "job", jobStartPolicy=moment, command=command, **SMALL, **spec)


class Shop:
    """The application, its database, and what its users see meanwhile."""

    def __init__(self, here: Namespace, entrance: Entrance, postgres: Postgres) -> None:
        self.here = here
        self.database = postgres.database(here.name)
        self._entrance = entrance
        self._host = f"web.{here.name}.example.com"
        self.database.ask("create table users (name text not null)")
        self.database.ask("insert into users values ('first')")

    def release_first(self) -> None:
        """Let the first version serve, with its gate and its way back."""
        env = [
            {"name": "DATABASE_URL", "value": self.database.url},
            {"name": "QUERY", "value": "select name from users limit 1"},
        ]
        web = process(
            "web",
            "web",
            readinessProbe={"httpGet": {"path": "/readyz"}, "periodSeconds": 1},
            ingress={"hosts": [{"host": self._host}]},
            **SMALL,
        )
        routing = {"ingressClassName": "traefik"}
        self.here.release(
            application(env=env, routing=routing),
            web,
            job("check", "beforeDeployment", INSERT, runWith="serving"),
            job("down", "beforeRollback", CONTRACT),
        )
        self.here.deadline(15)
        until(lambda: self._answers("v1 first"))

    def _answers(self, wanted: str) -> bool:
        try:
            return self._client()() == wanted
        except Failed:
            return False

    def _client(self) -> Http:
        return Http(f"{self._entrance.url}/query", self._host)

    @contextmanager
    def is_used(self) -> Iterator[None]:
        """Ask all the while; not one request may fail."""
        with Load(self._client) as load:
            yield
            # Old instances end after the new ones serve.
            until(lambda: self._instances() == 1)
        assert load.tally.failures == []
        assert load.tally.answered > 0

    def _instances(self) -> int:
        return len(self.here.kubectl("get", "pods", "-l", _WEB, "-o", "name").split())

    def change_version(self, *migration: str, **change: object) -> None:
        """Bring the second version, with a migration of its own."""
        self.here.apply(job("migrate", "beforeDeployment", *migration))
        self.here.patch("papp", "shop", {"spec": {"image": f"{IMAGE}:v2", **change}})

    def has_column(self) -> bool:
        """Whether the column of the second version is there."""
        columns = self.database.ask(
            "select column_name from information_schema.columns where table_name = 'users'"
        )
        return "email" in columns.split()

    def jobs(self, release: str) -> dict[str, str]:
        """Return what became of the jobs of a release."""
        status = self.here.get("prel", release)["status"]
        return {one["key"]: one["result"] for one in status["jobs"]}


_WEB = "process-operator.dev/process=web"


@pytest.fixture
def shop(here: Namespace, entrance: Entrance, postgres: Postgres, tiny: None) -> Shop:
    del tiny
    made = Shop(here, entrance, postgres)
    made.release_first()
    return made


def test_a_migration_that_the_old_version_can_live_with_goes_forward(shop: Shop) -> None:
    with shop.is_used():
        shop.change_version(EXPAND)
        shop.here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert shop.jobs("shop-2") == {"check": "success", "migrate": "success", "down": "skipped"}
    assert shop.has_column()


def test_a_gate_stops_a_migration_that_the_old_version_cannot_live_with(shop: Shop) -> None:
    with shop.is_used():
        shop.change_version(*BREAK)
        shop.here.wait("prel/shop-2", "jsonpath={.status.state}=failed")
    assert shop.jobs("shop-2") == {"check": "failed", "migrate": "success", "down": "success"}
    failed = shop.here.get("prel", "shop-2")["status"]["failure"]
    assert "runs before the rollout with the image that serves" in failed["sentence"]
    assert "null value in column" in failed["log"]
    assert not shop.has_column()


@pytest.mark.first
def test_a_rollout_that_fails_goes_back_with_its_migration(shop: Shop) -> None:
    shop.here.patch("pproc", "web", {"spec": {"env": [{"name": "NEVER_READINESS", "value": "1"}]}})
    with shop.is_used():
        shop.change_version(EXPAND)
        shop.here.wait("prel/shop-2", "jsonpath={.status.state}=failed")
    assert shop.jobs("shop-2") == {"check": "success", "migrate": "success", "down": "success"}
    assert not shop.has_column()


@pytest.mark.first
def test_who_goes_back_by_hand_takes_the_migration_back_too(shop: Shop) -> None:
    shop.change_version(EXPAND)
    shop.here.wait("prel/shop-2", "jsonpath={.status.state}=success")
    assert shop.has_column()
    back: Body = {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessRelease",
        "metadata": {"name": "back"},
        "spec": {"applicationRef": {"name": "shop"}, "rollbackTo": "shop-1"},
    }
    with shop.is_used():
        shop.here.apply(back)
        shop.here.wait("prel/back", "jsonpath={.status.state}=success")
    assert shop.jobs("back")["down"] == "success"
    assert not shop.has_column()
    job_of = shop.here.get("prel", "back")["status"]["jobs"][0]["jobName"]
    ran = shop.here.get("job", job_of)["spec"]["template"]["spec"]["containers"][0]
    assert ran["image"] == f"{IMAGE}:v2"
    told = {one["name"]: one.get("value") for one in ran["env"]}
    assert told["PROCESS_OPERATOR_ROLLBACK_IMAGE"] == f"{IMAGE}:v1"
