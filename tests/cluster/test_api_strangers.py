"""The REST API among strangers: its own process, before a real API server, with its real limits."""

import base64
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import restside
import running
import serve_api
from plain import MERGE, ApiServer
from restside import Api, Client, Served
from userside import Namespace, application

SECRET = f"/api/v1/namespaces/{serve_api.NAMESPACE}/secrets/process-operator-api-keys"
CONNECTIONS = 8


@pytest.fixture
def strict(kubeconfig: Path, tmp_path: Path) -> Iterator[Api]:
    """Return an API whose rates are as shipped, with few connections for one address."""
    own = kubeconfig.parent / "rest-api" / "kubeconfig"
    few = ("--connections-per-address", str(CONNECTIONS))
    started = Api(own, tmp_path / "log", *few)
    try:
        started.start()
        yield started
    finally:
        started.stop()


def key_for(rest: Api | Served, kubeconfig: Path, namespace: str, role: str = "write") -> Client:
    """Return a user with a new key, as soon as the API knows the key."""
    text = restside.new_key(kubeconfig, namespace, role, name=str(uuid.uuid4()))
    me = Client(rest, text)
    running.until(lambda: me.get("/v3/api-keys/validate").status == 200, seconds=10)
    return me


def remade(api: ApiServer, name: str) -> None:
    """Delete a namespace, and make another one of its name."""
    api.send("DELETE", f"/api/v1/namespaces/{name}")
    gone = f"/api/v1/namespaces/{name}"
    running.until(lambda: api.send("GET", gone)[0] == 404, seconds=60)
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert api.send("POST", "/api/v1/namespaces", made)[0] == 201


def test_a_namespace_of_the_same_name_inherits_no_keys(
    rest: Served, kubeconfig: Path, api: ApiServer, here: Namespace, namespace: str
) -> None:
    old = restside.user(rest, kubeconfig, namespace)
    remade(api, namespace)
    here.apply(application(release={"initial": "manual"}))
    new = key_for(rest, kubeconfig, namespace)
    running.until(lambda: new.get("/v3/applications").body["total"] == 1, seconds=10)
    (app,) = new.get("/v3/applications").body["data"]
    assert old.get("/v3/applications").body["total"] == 0
    assert old.get(f"/v3/applications/{app['id']}").status == 404
    assert old.patch(f"/v3/applications/{app['id']}", {"display_name": "x"}).status == 404
    assert old.delete(f"/v3/applications/{app['id']}").status == 404
    assert old.get("/v3/projects").body["total"] == 0
    assert old.get("/v3/api-keys/validate").body["key"]["namespaces"] == []
    cluster = old.get("/v3/resources/clusters").body[0]["id"]
    body = {"display_name": "x", "cluster_id": cluster, "source": "dockerImage"}
    refused = old.post("/v3/applications", body)
    assert (refused.status, "namespaces of this key" in refused.body["message"]) == (422, True)


def test_a_key_is_made_only_for_a_namespace_that_is_there(kubeconfig: Path) -> None:
    asked = ("--name", str(uuid.uuid4()), "--namespace", "nowhere", "--role", "read")
    made = restside.keys(kubeconfig, "create", *asked)
    assert made.returncode == 1
    assert "no namespace nowhere; create it first" in made.stderr


def test_one_entry_that_cannot_be_read_is_told_and_every_other_key_works(
    rest: Served, kubeconfig: Path, api: ApiServer, namespace: str
) -> None:
    before = key_for(rest, kubeconfig, namespace)
    name = f"key-{uuid.uuid4().hex[:10]}"
    broken = base64.b64encode(b'{"name": "x", "role": "hunter2"}').decode()
    assert api.send("PATCH", SECRET, {"data": {name: broken}}, kind=MERGE)[0] == 200
    try:
        running.until(lambda: name in rest.log.read_text(), seconds=10)
        assert before.get("/v3/projects").status == 200
        assert key_for(rest, kubeconfig, namespace, "read").get("/v3/projects").status == 200
        listed = restside.keys(kubeconfig, "list")
        assert (listed.returncode, name in listed.stderr) == (0, True)
        assert "hunter2" not in rest.log.read_text() + listed.stderr
    finally:
        api.send("PATCH", SECRET, {"data": {name: None}}, kind=MERGE)


def test_a_key_of_before_keys_were_bound_is_told_to_be_made_anew(
    rest: Served, kubeconfig: Path, api: ApiServer, namespace: str
) -> None:
    me = key_for(rest, kubeconfig, namespace)
    assert me.key is not None
    name = f"key-{me.key.split('_')[1]}"
    entry = json.loads(base64.b64decode(api.send("GET", SECRET)[1]["data"][name]))
    entry["namespaces"] = [namespace]
    old = base64.b64encode(json.dumps(entry).encode()).decode()
    assert api.send("PATCH", SECRET, {"data": {name: old}}, kind=MERGE)[0] == 200
    running.until(lambda: me.get("/v3/projects").status == 401, seconds=10)
    assert "make it anew" in me.get("/v3/projects").body["message"]


def test_rates_of_an_application_hold_however_its_id_is_spelled(
    strict: Api, kubeconfig: Path, here: Namespace, namespace: str
) -> None:
    here.apply(application(release={"initial": "manual"}))
    me, reader = (key_for(strict, kubeconfig, namespace, role) for role in ("write", "read"))
    running.until(lambda: me.get("/v3/applications").body["total"] == 1, seconds=10)
    uid = me.get("/v3/applications").body["data"][0]["id"]

    def changed(who: Client, spelled: str) -> int:
        return who.patch(f"/v3/applications/{spelled}", {}).status

    told = [changed(me, spelled) for spelled in (uid, uid.upper(), uid.title()) * 5]
    assert told == [200] * 10 + [429] * 5
    invented = [changed(reader, str(uuid.uuid4())) for _ in range(15)]
    assert invented == [403] * 10 + [429] * 5


def _stays(connection: socket.socket, part: bytes, most: int) -> int:
    """Send a part again and again; return how much went out before the connection was ended."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(part)
            sent += len(part)
    except OSError:
        return sent
    return sent


def _memory(pid: int) -> int:
    """Return the resident memory of a process in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"POST /v3/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
         b"X-Late: " + b"x" * 8000 + b"\r\n"),
        (b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n", b"[" * 65_536),
        (b"", b"GET /v3/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 1000),
    ],
    ids=["trailers", "body", "pipelined"],
)  # fmt: skip
def test_whoever_has_no_key_can_keep_no_memory(strict: Api, begin: bytes, part: bytes) -> None:
    assert Client(strict).get("/v3/openapi.json").status == 200
    before = _memory(strict.pid)
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as connection:
        connection.sendall(begin)
        assert _stays(connection, part, 48 * 1024 * 1024) < 32 * 1024 * 1024
        assert _memory(strict.pid) - before < 16 * 1024
    assert Client(strict).get("/healthz").status == 200


def test_an_address_has_so_many_connections_and_gets_them_back(strict: Api) -> None:
    def connected() -> socket.socket:
        return socket.create_connection(("127.0.0.1", strict.port), timeout=10)

    def answered(one: socket.socket) -> bool:
        try:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            return one.recv(1000).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    held = [connected() for _ in range(CONNECTIONS)]
    assert all(answered(one) for one in held)
    late = connected()
    assert not answered(late)
    for one in (late, *held):
        one.close()

    assert "refused_connections_total 1.0" in restside.metrics(strict)

    def is_let_in() -> bool:
        with connected() as one:
            return answered(one)

    running.until(is_let_in, seconds=10)
