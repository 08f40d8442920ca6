"""Deployments, runs and measurements, with the operator at work behind the API."""

import running
from restside import App, Client, Served
from userside import IMAGE, Namespace


def test_an_image_is_deployed_and_gone_back_from(app: App, me: Client, here: Namespace) -> None:
    first = app.deploy()
    second = app.deploy(docker_image=f"{IMAGE}:v2")
    assert (second["status"], second["docker_image_url"]) == ("success", f"{IMAGE}:v2")
    assert me.get(app.path).body["docker_image"] == f"{IMAGE}:v2"
    assert len(me.get(f"{app.path}/deployments").body["data"]) == 2
    back = me.done("POST", f"{app.path}/deployments/rollback", {"deployment_id": first["id"]})
    ended = app.ended(back["id"])
    assert (ended["status"], ended["type"], ended["docker_image_url"]) == (
        "success",
        "rollback",
        f"{IMAGE}:v1",
    )
    running.until(lambda: me.get(app.path).body["pending"] != [])
    container = here.get("deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"{IMAGE}:v1"
    log = me.get(f"{app.path}/deployments/{back['id']}/logs").body
    assert log[0]["message"] == "deployment requested"
    assert log[-1]["message"] == "deployment ended: success"


def test_of_deployments_asked_for_at_once_the_last_one_ships_its_own_image(
    app: App, me: Client, here: Namespace
) -> None:
    app.deploy()
    images = [f"{IMAGE}:v{number}" for number in range(2, 7)]
    asked = [
        me.done("POST", f"{app.path}/deployments", {"docker_image": image})["id"]
        for image in images
    ]
    told = [app.ended(one) for one in asked]
    assert [one["docker_image_url"] for one in told] == images
    assert told[-1]["status"] == "success"
    assert {one["status"] for one in told[:-1]} <= {"success", "skipped"}
    listed = me.get(f"{app.path}/deployments").body["data"]
    assert [one["id"] for one in listed][: len(asked)] == asked[::-1]
    container = here.get("deployment", "shop-web")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == images[-1]


def test_a_restart_starts_every_instance_anew(app: App, here: Namespace) -> None:
    app.deploy()
    before = here.get("deployment", "shop-web")["metadata"]["generation"]
    assert app.deploy(is_restart=True)["status"] == "success"
    assert here.get("deployment", "shop-web")["metadata"]["generation"] > before


def test_a_deployment_can_be_cancelled_until_it_is_decided(app: App, me: Client) -> None:
    asked = me.done("POST", f"{app.path}/deployments", {})
    path = f"{app.path}/deployments/{asked['id']}"
    assert me.post(f"{path}/cancel").status == 200
    # It waits for its application to settle: what is cancelled before it begins is skipped.
    assert app.ended(asked["id"])["status"] == "skipped"
    assert me.post(f"{path}/cancel").status == 422


def test_a_deployment_needs_an_image_and_no_branch(me: Client) -> None:
    app = App(me, image=None)
    assert me.post(f"{app.path}/deployments", {}).status == 422
    assert me.post(f"{app.path}/deployments", {"branch": "main"}).status == 422
    assert me.post(f"{app.path}/deployments/rollback", {}).status == 422
    assert app.deploy(docker_image=f"{IMAGE}:v1")["status"] == "success"


def test_a_cron_process_is_triggered_once_it_is_deployed(app: App, me: Client) -> None:
    cron = app.process("cron", schedule="0 4 * * *")
    path = f"{app.path}/processes/{cron['id']}"
    assert me.post(f"{path}/trigger").status == 422
    app.deploy()
    assert me.post(f"{app.web_path}/trigger").status == 422
    assert me.post(f"{path}/trigger").body == {"message": "Cron job triggered"}

    def ended() -> bool:
        return [one["status"] for one in me.get(f"{path}/runs").body["data"]] == ["success"]

    running.until(ended)
    (run,) = me.get(f"{path}/runs").body["data"]
    assert (run["trigger"], run["exit_code"]) == ("manual", 0)
    assert me.get(f"{app.web_path}/runs").body["data"] == []


def test_a_run_that_was_triggered_goes_with_its_process(
    app: App, me: Client, here: Namespace
) -> None:
    cron = app.process("cron", schedule="0 4 * * *")
    path = f"{app.path}/processes/{cron['id']}"
    app.deploy()
    me.done("POST", f"{path}/trigger")
    running.until(lambda: len(me.get(f"{path}/runs").body["data"]) == 1)
    here.kubectl("wait", "prun", "--all", "--for=jsonpath={.status.finishedAt}", "--timeout=60s")
    me.done("DELETE", path)
    running.until(lambda: here.kubectl("get", "prun,jobs", "-o", "name") == "")


def test_what_can_be_measured_now_is_one_point(app: App, me: Client) -> None:
    app.deploy()
    running.until(lambda: me.get(f"{app.web_path}/metrics/instance-count").body[0]["value"] == "1")
    assert me.get(f"{app.web_path}/metrics/cpu-limit").body[0]["value"] == "500"
    assert me.get(f"{app.web_path}/metrics/memory-limit").body[0]["value"] == "1024"
    assert me.get(f"{app.web_path}/metrics/cpu-usage").body == []
    for first, last in (("from", "to"), ("start", "end")):
        past = {first: "2020-01-01T00:00:00Z", last: "2020-01-02T00:00:00Z"}
        assert me.get(f"{app.web_path}/metrics/cpu-limit", **past).body == []
    assert me.get(f"{app.web_path}/metrics/nothing").status == 400


def test_a_hook_deploys_for_whoever_knows_it_and_for_nobody_else(
    app: App, me: Client, rest: Served
) -> None:
    path = f"{app.path}/deployment-hook"
    assert [me.ask(method, path).status for method in ("GET", "PUT", "DELETE")] == [404] * 3
    url = me.done("POST", path)["url"]
    assert me.done("POST", path)["url"] == me.done("GET", path)["url"] == url
    assert url.startswith(f"http://127.0.0.1:{rest.port}/v3/hooks/{app.made['id']}/")
    stranger, hook = Client(rest), url.partition(str(rest.port))[2]
    wrong = hook[:-1] + ("0" if hook[-1] != "0" else "1")
    assert [stranger.post(one).status for one in (wrong, f"{hook}0")] == [404, 404]
    assert stranger.get(hook).status == 405
    app.deploy()
    asked = stranger.send("POST", hook, b"not even json")
    assert asked.status == 201
    assert app.ended(asked.body["deployment_id"])["status"] == "success"
    newer = me.done("PUT", path)["url"].partition(str(rest.port))[2]
    assert stranger.post(hook).status == 404
    assert stranger.post(newer).status == 201
    me.done("DELETE", path)
    assert stranger.post(newer).status == 404
