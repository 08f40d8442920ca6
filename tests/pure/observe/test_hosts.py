"""First come, first served: who has a host that several processes ask for."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import make
from process_operator.controller.observe import hosts
from process_operator.controller.observe.hosts import HostClaims
from process_operator.controller.observe.memory import Memory
from process_operator.controller.observe.records import ApplicationKey, Child, TakenHost
from process_operator.controller.plan import plan
from process_operator.controller.status import process as status
from process_operator.kube import conditions
from process_operator.kube.manifest import Manifest

HOST = "shop.example.com"
MINE, THEIRS = ApplicationKey("mine", "shop"), ApplicationKey("theirs", "shop")
EARLY, LATE = "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"


class Routes:
    """The live routes, by application."""

    def __init__(self) -> None:
        self.live: dict[ApplicationKey, list[Child]] = {}

    def __call__(self, namespace: str, application: str) -> Iterator[Child]:
        return iter(self.live.get(ApplicationKey(namespace, application), ()))


def web(name: str, created_at: str = EARLY, *asked: str, **more: Any) -> Manifest:
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": created_at},
        "spec": {"ingress": {"hosts": [{"host": one} for one in asked or (HOST,)], **more}},
        "status": {},
    }


def put(claims: HostClaims, key: ApplicationKey, body: Manifest) -> tuple[ApplicationKey, ...]:
    return claims.put(body["metadata"]["uid"], hosts.claim(key, body))


def test_of_two_who_do_not_serve_a_host_yet_the_older_process_has_it() -> None:
    for order in (("old", "young"), ("young", "old")):
        claims = HostClaims(Routes())
        made = {"old": (THEIRS, web("old", EARLY)), "young": (MINE, web("young", LATE))}
        for name in order:
            put(claims, *made[name])
        assert claims.taken("uid-of-old") == ()
        assert claims.taken("uid-of-young") == (TakenHost(host=HOST, holder=None),)


def test_whoever_serves_a_host_keeps_it_from_older_processes() -> None:
    routes = Routes()
    claims = HostClaims(routes)
    put(claims, THEIRS, web("old", EARLY))
    put(claims, MINE, web("young", LATE))
    seen = make.served(make.observed(processes=[make.process(ingress={"hosts": [{"host": HOST}]})]))
    routes.live[MINE] = [replace(make.child(seen, "Ingress"), owner_uid="uid-of-young")]
    assert claims.taken("uid-of-young") == ()
    assert claims.taken("uid-of-old") == (TakenHost(host=HOST, holder=None),)


def test_a_route_that_somebody_deleted_is_made_again_by_whoever_had_it() -> None:
    claims = HostClaims(Routes())
    put(claims, THEIRS, web("old", EARLY))
    put(claims, MINE, web("young", LATE) | {"status": {"urls": [f"https://{HOST}"]}})
    assert claims.taken("uid-of-young") == ()
    assert claims.taken("uid-of-old") == (TakenHost(host=HOST, holder=None),)


def test_only_a_neighbour_in_the_namespace_is_named() -> None:
    claims = HostClaims(Routes())
    put(claims, MINE, web("old"))
    put(claims, ApplicationKey("mine", "other"), web("young", LATE))
    assert claims.taken("uid-of-young") == (TakenHost(host=HOST, holder="old", path="/"),)


def paths(*given: str) -> list[dict[str, str]]:
    return [{"path": one} for one in given]


def test_processes_of_one_namespace_share_a_host_by_paths() -> None:
    claims = HostClaims(Routes())
    put(claims, MINE, web("site"))
    put(claims, ApplicationKey("mine", "api"), web("api", LATE, paths=paths("/api", "/rpc")))
    assert claims.taken("uid-of-site") == claims.taken("uid-of-api") == ()
    put(claims, ApplicationKey("mine", "other"), web("other", LATE, paths=paths("/new", "/rpc")))
    other = claims.taken("uid-of-other")
    assert other == (TakenHost(host=HOST, holder="api", path="/rpc"),)
    assert other[0].place == f"{HOST}/rpc"


def test_no_path_of_a_host_is_for_another_namespace() -> None:
    claims = HostClaims(Routes())
    put(claims, THEIRS, web("old", EARLY, paths=paths("/theirs")))
    put(claims, MINE, web("young", LATE, paths=paths("/mine")))
    assert claims.taken("uid-of-young") == (TakenHost(host=HOST, holder=None),)


def test_whoever_serves_a_path_keeps_it_from_older_processes() -> None:
    claims = HostClaims(Routes())
    put(claims, MINE, web("old", EARLY, paths=paths("/a", "/b")))
    served = {"status": {"urls": [f"https://{HOST}/a"]}}
    put(claims, MINE, web("young", LATE, paths=paths("/a", "/b")) | served)
    assert claims.taken("uid-of-young") == (TakenHost(host=HOST, holder="old", path="/b"),)
    assert claims.taken("uid-of-old") == (TakenHost(host=HOST, holder="young", path="/a"),)


def test_who_is_concerned_by_other_paths_of_a_host_is_looked_at_again() -> None:
    claims = HostClaims(Routes())
    other = ApplicationKey("mine", "other")
    put(claims, MINE, web("old", EARLY, paths=paths("/a")))
    put(claims, other, web("young", LATE, paths=paths("/a")))
    assert put(claims, MINE, web("old", EARLY, paths=paths("/b"))) == (other,)
    assert claims.taken("uid-of-young") == ()


def test_whom_a_change_of_hosts_concerns_is_looked_at_again() -> None:
    claims = HostClaims(Routes())
    assert put(claims, THEIRS, web("old")) == ()
    assert put(claims, MINE, web("young", LATE)) == (THEIRS,)
    assert put(claims, THEIRS, web("old")) == ()
    assert put(claims, THEIRS, web("old", EARLY, "other.example.com")) == (MINE,)
    assert claims.taken("uid-of-young") == ()


def test_a_host_is_free_again_when_its_process_goes_or_has_no_route_any_more() -> None:
    claims = HostClaims(Routes())
    put(claims, MINE, web("young", LATE))
    put(claims, THEIRS, web("old"))
    assert put(claims, THEIRS, web("old", EARLY, enabled=False)) == (MINE,)
    assert claims.taken("uid-of-young") == ()
    put(claims, THEIRS, web("old"))
    assert claims.put("uid-of-old", None) == (MINE,)
    assert claims.taken("uid-of-young") == ()


def test_a_process_whose_host_is_taken_says_so_and_names_the_remedy() -> None:
    asked = make.process(
        ingress={"hosts": [{"host": HOST}, {"host": "www.example.com"}]}, created_at=make.LONG_AGO
    )
    taken = {asked.uid: (TakenHost(host=HOST, holder=None),)}
    seen = make.served(make.observed(processes=[asked], taken_hosts=taken))
    assert make.live_spec(make.child(seen, "Ingress"))["rules"][0]["host"] == "www.example.com"
    todo = plan.plan(seen)
    (planned,) = todo.processes
    said = {one.type: one for one in status.process(seen, todo, planned, Memory()).said}
    programmed = said[conditions.ROUTE_PROGRAMMED]
    assert (programmed.status, programmed.reason) == ("False", "HostTaken")
    assert (
        said[conditions.READY].message
        == programmed.message
        == (
            f"spec.ingress.hosts: {HOST} of another namespace: whoever had a host first keeps it; "
            "choose another one, or have it removed there"
        )
    )
