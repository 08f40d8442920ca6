from pathlib import Path

import pytest
import yaml

from process_operator.controller.build import ingress_controllers
from process_operator.models.process import Protocol

MANIFESTS = Path(__file__).parents[1] / "golden" / "manifests"


@pytest.mark.parametrize(
    ("controller", "name"),
    [
        ("traefik.io/ingress-controller", "Traefik"),
        ("k8s.io/ingress-nginx", "ingress-nginx"),
        ("haproxy.org/ingress-controller", "HAProxy Technologies"),
        ("haproxy.org/ingress-controller/public", "HAProxy Technologies"),
        ("haproxy-ingress.github.io/controller", "HAProxy Ingress"),
        ("haproxy-ingress.github.io/controller/public", "HAProxy Ingress"),
        ("projectcontour.io/ingress-controller", "Contour"),
        ("ingress-controllers.konghq.com/kong", "Kong"),
        ("ingress.k8s.aws/alb", "AWS Load Balancer Controller"),
        ("nginx.org/ingress-controller", "F5 NGINX"),
        ("cilium.io/ingress-controller", "Cilium"),
    ],
)
def test_a_controller_is_known_by_the_beginning_of_its_name(controller: str, name: str) -> None:
    profile = ingress_controllers.profile(controller, "any")
    assert profile is not None
    assert profile.name == name


@pytest.mark.parametrize(
    ("class_name", "name"),
    [("contour", "Contour"), ("gce", "GKE Ingress"), ("gce-internal", "GKE Ingress")],
)
def test_some_controllers_go_by_the_class_name_alone(class_name: str, name: str) -> None:
    profile = ingress_controllers.profile(None, class_name)
    assert profile is not None
    assert profile.name == name


@pytest.mark.parametrize(
    ("controller", "class_name"),
    [
        ("example.com/unknown", "public"),
        ("example.com/unknown", "contour"),
        (None, "traefik"),
        (None, None),
        ("", None),
    ],
)
def test_an_unknown_controller_is_not_guessed_at(
    controller: str | None, class_name: str | None
) -> None:
    assert ingress_controllers.profile(controller, class_name) is None


def test_f5_nginx_is_told_the_name_of_the_service() -> None:
    profile = ingress_controllers.profile("nginx.org/ingress-controller", "nginx")
    assert profile is not None
    said = profile.ingress_annotations(Protocol.GRPC, None, "shop-api")
    assert said == {"nginx.org/grpc-services": "shop-api"}


def test_only_gke_is_known_not_to_reach_grpc() -> None:
    assert [one.name for one in ingress_controllers.PROFILES if not one.serves_grpc] == [
        "GKE Ingress"
    ]


def test_every_controller_that_reaches_grpc_has_a_golden_case() -> None:
    shown = set()
    for file in MANIFESTS.glob("grpc-*/target.yaml"):
        for one in yaml.safe_load(file.read_text())["targets"]:
            route = one["route"]
            profile = ingress_controllers.profile(route["controller"], route.get("className"))
            shown.add(profile.name if profile is not None else None)
    known = {one.name for one in ingress_controllers.PROFILES if one.serves_grpc}
    assert shown == known | {None}


def test_where_a_route_has_no_time_out_of_its_own_is_known() -> None:
    assert [one.name for one in ingress_controllers.PROFILES if not one.has_timeouts] == [
        "Traefik",
        "AWS Load Balancer Controller",
        "GKE Ingress",
    ]


def test_no_two_profiles_claim_one_controller() -> None:
    claimed = [name for profile in ingress_controllers.PROFILES for name in profile.controllers]
    for name in claimed:
        assert [other for other in claimed if other.startswith(name)] == [name]
