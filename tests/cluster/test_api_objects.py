"""Applications, processes, variables and domains come, are changed and go, over real HTTP."""

from functools import partial

import running
from restside import App, Client
from userside import IMAGE, Namespace, application, process

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def test_processes_are_created_listed_and_deleted(app: App, me: Client, here: Namespace) -> None:
    worker = app.process("worker", display_name="Mail Sender", port=9000)
    second = app.process("worker", display_name="Mail Sender")
    cron = app.process("cron", schedule="0 4 * * *", time_zone="Europe/Berlin")
    assert [one["key"] for one in (worker, second, cron)] == [
        "mail-sender",
        "mail-sender-2",
        "cron",
    ]
    assert len(app.processes()) == 4
    page = me.get(f"{app.path}/processes", limit=2, offset=1).body
    assert (page["total"], page["offset"], page["limit"], len(page["data"])) == (4, 1, 2, 2)
    assert here.get("pproc", "shop-cron")["spec"]["timeZone"] == "Europe/Berlin"
    answer = me.delete(f"{app.path}/processes/{second['id']}")
    assert answer.body == {"message": "Process is being deleted"}
    assert me.get(f"{app.path}/processes/{second['id']}").status == 404
    assert len(app.processes()) == 3


def test_there_is_one_web_process_and_creating_it_takes_over_the_one_that_came_along(
    app: App, me: Client
) -> None:
    made = app.process("web", display_name="Front", entrypoint="npm start", port=3000)
    assert (made["id"], made["key"], made["port"]) == (app.web["id"], "web", 3000)
    body = {"display_name": "Again", "type": "web", "resource_type_id": app.sizes["s1"]}
    answer = me.post(f"{app.path}/processes", body)
    assert answer.status == 422
    assert "web" in answer.body["message"]


def test_domains_stay_when_the_web_process_is_taken_over_and_go_with_it(
    app: App, me: Client, here: Namespace
) -> None:
    # Public clients make, and remove, a domain and the web process at the same time.
    domain = me.done("POST", f"{app.path}/domains", {"domain_name": here.host("shop")})
    path = f"{app.path}/domains/{domain['id']}"
    assert app.process("web")["id"] == app.web["id"]
    assert me.done("GET", path) | {"updated_at": ""} == domain | {"updated_at": ""}
    me.done("DELETE", app.web_path)
    assert me.get(path).status == 404
    assert me.delete(path).status == 200


def test_what_kubectl_makes_is_there_and_what_is_made_here_is_there_for_kubectl(
    me: Client, here: Namespace
) -> None:
    here.apply(application(release={"initial": "manual"}), process("mail", "worker"))
    running.until(lambda: me.get("/v3/applications").body["total"] == 1, seconds=10)
    (found,) = me.get("/v3/applications").body["data"]
    path = f"/v3/applications/{found['id']}/processes"
    running.until(lambda: me.get(path).body["total"] == 1, seconds=10)
    (worker,) = me.get(path).body["data"]
    me.done("PATCH", f"{path}/{worker['id']}", {"entrypoint": "mail"})
    assert here.get("pproc", "mail")["spec"]["entrypoint"] == "mail"


def test_an_application_is_changed_suspended_activated_and_deleted(
    app: App, me: Client, here: Namespace
) -> None:
    app.deploy()
    changed = me.done("PATCH", app.path, {"display_name": "The Shop", "build_type": "dockerfile"})
    assert (changed["display_name"], changed["name"]) == ("The Shop", "shop")
    assert me.patch(app.path, {"auto_deploy": True}).status == 422
    me.done("POST", f"{app.path}/suspend")
    assert me.get(app.path).body["is_suspended"] is True
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=0")
    me.done("POST", f"{app.path}/activate")
    here.wait("deployment/shop-web", "jsonpath={.spec.replicas}=1")
    running.until(lambda: me.get(app.path).body["status"] == "deploymentSuccess")
    me.done("DELETE", app.path)
    assert me.get(app.path).status == 404
    for kind in ("papp", "pproc", "prel", "deployment", "service"):
        running.until(partial(_none_left, here, kind))


def _none_left(here: Namespace, kind: str) -> bool:
    # Each namespace has the Service of the API server itself.
    ours = "--field-selector=metadata.name!=kubernetes"
    return not here.kubectl("get", kind, "-o", "name", ours)


def test_applications_of_the_same_name_are_numbered(app: App, me: Client) -> None:
    body = {"display_name": "Shop", "cluster_id": app.cluster, "source": "dockerImage"}
    assert me.done("POST", "/v3/applications", body)["name"] == "shop-2"
    assert me.post("/v3/applications", {**body, "cluster_id": UNKNOWN}).status == 422
    assert me.post("/v3/applications", {**body, "source": "publicGit"}).status == 422
    assert me.post("/v3/applications", {**body, "project_id": UNKNOWN}).status == 422
    project = me.done("GET", "/v3/projects")["data"][0]["id"]
    made = me.done("POST", "/v3/applications", {**body, "project_id": project})
    assert made["project_id"] == project
    names = {one["name"] for one in me.get(f"/v3/projects/{project}").body["services"]}
    assert names == {"shop", "shop-2", "shop-3"}


def test_a_host_of_another_process_is_refused_and_nothing_is_said_of_that_one(
    app: App, me: Client, here: Namespace
) -> None:
    host = here.host("shop")
    mine = me.done("POST", f"{app.path}/domains", {"domain_name": host})
    second = App(me)
    refused = me.post(f"{second.path}/domains", {"domain_name": host.upper()})
    assert refused.status == 422
    message = refused.body["message"]
    assert message.startswith(f"domain_name: {host} belongs to another process")
    assert not any(told in message for told in (here.name + "/", app.made["id"], "Shop"))
    assert me.done("GET", f"{second.path}/domains")["total"] == 0
    # It is free again as soon as it is removed there.
    me.done("DELETE", f"{app.path}/domains/{mine['id']}")
    assert me.done("POST", f"{second.path}/domains", {"domain_name": host})["name"] == host


def test_what_only_the_server_refuses_is_told_by_the_name_that_was_sent(
    app: App, me: Client, here: Namespace
) -> None:
    hosts = [{"host": here.host(f"h{number}")} for number in range(16)]
    here.patch("pproc", "shop-web", {"spec": {"ingress": {"hosts": hosts}}})
    running.until(lambda: me.get(f"{app.path}/domains").body["total"] == 16, seconds=10)
    refused = me.post(f"{app.path}/domains", {"domain_name": here.host("one-more")})
    assert refused.status == 422
    assert refused.body["message"].startswith("domain_name: ")
    assert not any(one in refused.body["message"] for one in ("spec.", "<nil>", "not checked"))


def test_variables_and_domains_come_and_go(app: App, me: Client, here: Namespace) -> None:
    variables, domains = f"{app.path}/env-vars", f"{app.path}/domains"
    made = me.done("POST", variables, {"key": "LEVEL", "value": "info", "is_runtime": True})
    assert me.post(variables, {"key": "LEVEL", "value": "x"}).status == 422
    renamed = me.ask("PUT", f"{variables}/{made['id']}", {"key": "LOG_LEVEL"}).body
    assert (renamed["id"], renamed["key"], renamed["value"]) == (made["id"], "LOG_LEVEL", "info")
    me.ask("PUT", f"{variables}/{made['id']}", {"value": "debug"})
    assert here.get("papp", "shop")["spec"]["env"] == [{"name": "LOG_LEVEL", "value": "debug"}]
    assert [one["key"] for one in me.get(variables).body["data"]] == ["LOG_LEVEL"]
    # Another one with its first name is another one.
    second = me.done("POST", variables, {"key": "LEVEL", "value": "second"})
    assert me.ask("PUT", f"{variables}/{second['id']}", {"value": "2"}).body["key"] == "LEVEL"
    assert me.delete(f"{variables}/{second['id']}").status == 200
    assert me.delete(f"{variables}/{made['id']}").status == 200
    assert me.get(variables).body["total"] == 0

    domain = me.done("POST", domains, {"domain_name": here.host("Shop")})
    assert (domain["name"], domain["is_primary"]) == (here.host("shop"), True)
    wild = me.done("POST", domains, {"domain_name": here.host("any"), "is_wildcard": True})
    assert (wild["name"], wild["is_wildcard"]) == (f"*.{here.host('any')}", True)
    assert me.post(domains, {"domain_name": "http://x"}).status == 422
    app.deploy()
    here.wait("ingress/shop-web", f"jsonpath={{.spec.rules[0].host}}={here.host('shop')}")
    running.until(lambda: me.get(app.web_path).body["routing_status"]["state"] == "synced")
    assert me.get(f"{domains}/{domain['id']}").body["status"] == "active"
    assert me.delete(f"{domains}/{domain['id']}").status == 200
    assert me.get(f"{domains}/{domain['id']}").status == 404


def test_a_clone_has_all_but_the_hosts_and_the_life_of_the_original(
    app: App, me: Client, here: Namespace
) -> None:
    me.done("POST", f"{app.path}/env-vars", {"key": "A", "value": "1"})
    me.done("POST", f"{app.path}/domains", {"domain_name": here.host("shop")})
    app.process("cron", schedule="0 4 * * *")
    assert app.deploy()["status"] == "success"
    me.done("POST", f"{app.path}/suspend")
    asked = {"display_name": "Shop"}
    made = me.done("POST", f"{app.path}/clone", asked, idempotency_key="once")
    assert me.done("POST", f"{app.path}/clone", asked, idempotency_key="once")["id"] == made["id"]
    assert (made["name"], made["status"], made["is_suspended"]) == ("shop-2", None, False)
    path = f"/v3/applications/{made['id']}"
    processes = {one["key"]: one for one in me.done("GET", f"{path}/processes")["data"]}
    assert processes.keys() == {"web", "cron"}
    assert processes["cron"]["schedule"] == "0 4 * * *"
    assert [one["key"] for one in me.done("GET", f"{path}/env-vars")["data"]] == ["A"]
    assert me.done("GET", f"{path}/domains")["data"] == []
    assert here.get("papp", "shop-2")["spec"]["image"] == f"{IMAGE}:v1"
    here.wait_reason("papp/shop-2", "AwaitingRelease")
    elsewhere = {"display_name": "x", "cluster_id": UNKNOWN}
    assert me.post(f"{app.path}/clone", elsewhere).status == 422
