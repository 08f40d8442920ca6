"""A real PostgreSQL on this machine, where the pods of the local cluster reach it."""

import tempfile
from pathlib import Path

from local_cluster import machine, network

_USER = "postgres"
_NO_SERVER_OF_ITS_OWN = Path("/etc/postgresql-common/createcluster.d/process-operator.conf")


class Database:
    """One database of a server."""

    def __init__(self, url: str) -> None:
        self.url = url
        """Where pods reach it."""

    def ask(self, statement: str) -> str:
        """Run a statement, and return what it finds, a row in each line."""
        how = ("--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1")
        return machine.run("psql", *how, self.url, "--command", statement).strip()


class Postgres:
    """One server, which trusts everybody who reaches it."""

    def __init__(self, address: str) -> None:
        _install()
        self._folder = tempfile.TemporaryDirectory(prefix="postgres-")
        self._address = address
        self._port = network.free_port(address)
        versions = Path("/usr/lib/postgresql").iterdir()
        self._programs = max(versions, key=lambda one: int(one.name)) / "bin"
        self._data = Path(self._folder.name) / "data"
        machine.run("chown", _USER, self._folder.name)
        self._run("initdb", "--pgdata", str(self._data), "--auth", "trust", "--no-sync")
        (self._data / "pg_hba.conf").write_text("host all all all trust\n")
        listens = f"-h {address} -p {self._port} -c unix_socket_directories= -F"
        log = f"{self._folder.name}/log"
        self._run("pg_ctl", "--pgdata", str(self._data), "--log", log, "-o", listens, "start")

    def database(self, name: str) -> Database:
        """Return a new database."""
        self._at(_USER).ask(f'create database "{name}"')
        return self._at(name)

    def _at(self, name: str) -> Database:
        return Database(f"postgres://{_USER}@{self._address}:{self._port}/{name}?sslmode=disable")

    def stop(self) -> None:
        """End it, and forget all that it held."""
        self._run("pg_ctl", "--pgdata", str(self._data), "--mode", "immediate", "stop")
        self._folder.cleanup()

    def _run(self, program: str, *arguments: str) -> None:
        # Beside its servers' own, as root none of these programs runs.
        machine.run("runuser", "-u", _USER, "--", str(self._programs / program), *arguments)


def _install() -> None:
    """Install Debian's package, without the server that it would start for the whole machine."""
    if not machine.has_program("pg_createcluster"):
        _NO_SERVER_OF_ITS_OWN.parent.mkdir(parents=True, exist_ok=True)
        _NO_SERVER_OF_ITS_OWN.write_text("create_main_cluster = false\n")
    machine.ensure_program("pg_createcluster", "postgresql")
