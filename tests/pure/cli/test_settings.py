import argparse
from datetime import timedelta
from pathlib import Path

import pytest

import make
from process_operator import settings
from process_operator.controller.resolve.target import refused_annotations
from process_operator.settings import LogFormat, LogLevel, Settings


def read(*flags: str, **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environment)
    return settings.of(parser.parse_args(flags))


def test_nothing_needs_to_be_said() -> None:
    given = read()
    assert (given.workers, given.election, given.health_port) == (20, True, 8081)
    assert (given.lease_namespace, given.lease_name) == ("default", "process-operator")
    assert (given.log_format, given.log_level) == (LogFormat.JSON, LogLevel.INFO)
    assert given.resync == timedelta(minutes=30)


def test_a_flag_wins_over_its_variable() -> None:
    variables = {"PROCESS_OPERATOR_WORKERS": "5", "PROCESS_OPERATOR_HEALTH_PORT": "9000"}
    given = read("--workers", "7", **variables)
    assert (given.workers, given.health_port) == (7, 9000)


def test_the_lease_is_where_the_pod_is() -> None:
    assert read(POD_NAMESPACE="ops").lease_namespace == "ops"
    assert read("--lease-namespace=other", POD_NAMESPACE="ops").lease_namespace == "other"


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("--workers", "0", "give a number from 1 to 200, not '0'"),
        ("--workers", "many", "give a number"),
        ("--election", "perhaps", "give true or false"),
        ("--metrics-per-application", "yes", "give true or false"),
        ("--log-format", "xml", "give one of json, text"),
        ("--resync-seconds", "1", "from 60 to 86400"),
        ("--watch-namespaces", "a,No_Name", "is no name of a namespace"),
        ("--resource-types", "/no/such/file", "cannot be read"),
        ("--resource-types", __file__, "cannot be read"),
        ("--allowed-ingress-annotations", "example.com/", "beginnings that end in *"),
        ("--allowed-ingress-annotations", "a.example.com/timeout-", "beginnings that end in *"),
        ("--allowed-ingress-annotations", "*.example.com/a", "beginnings that end in *"),
    ],
)
def test_a_wrong_value_is_refused_and_told_how_to_be_right(
    flag: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read(flag, value)
    said = capsys.readouterr().err
    assert flag in said
    assert words in said


def test_a_wrong_variable_is_refused_as_a_wrong_flag_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        read(PROCESS_OPERATOR_WORKERS="-3")
    assert "--workers" in capsys.readouterr().err


@pytest.mark.parametrize(
    "dangerous",
    [
        "nginx.ingress.kubernetes.io/configuration-snippet",
        "nginx.ingress.kubernetes.io/server-snippet",
        "nginx.ingress.kubernetes.io/auth-url",
        "nginx.ingress.kubernetes.io/auth-tls-match-cn",
        "nginx.ingress.kubernetes.io/mirror-target",
        "haproxy.org/backend-config-snippet",
        "haproxy-ingress.github.io/config-backend",
        "alb.ingress.kubernetes.io/group.name",
        "argocd.argoproj.io/tracking-id",
        "traefik.ingress.kubernetes.io/router.priority",
        "traefik.ingress.kubernetes.io/router.middlewares",
        "traefik.ingress.kubernetes.io/router.entrypoints",
        "traefik.ingress.kubernetes.io/router.tls.options",
        "external-dns.alpha.kubernetes.io/hostname",
        "external-dns.alpha.kubernetes.io/target",
        "projectcontour.io/tls-cert-namespace",
        "nginx.ingress.kubernetes.io/limit-whitelist",
        "nginx.ingress.kubernetes.io/proxy-body-size-of-all",
    ],
)
def test_no_annotation_that_takes_code_or_reaches_others_is_allowed_by_default(
    dangerous: str,
) -> None:
    seen = make.observed(allowed_annotations=read().allowed_annotations)
    harmless = "nginx.ingress.kubernetes.io/proxy-body-size"
    hosts = [{"host": "shop.example.com"}]
    web = make.process(ingress={"hosts": hosts, "annotations": {dangerous: "1", harmless: "8m"}})
    assert refused_annotations(seen, web.spec) == (dangerous,)


def test_by_default_only_single_names_are_allowed() -> None:
    assert not any("*" in name for name in read().allowed_annotations)


def test_the_allowed_annotations_are_for_the_administrator_to_say() -> None:
    given = read("--allowed-ingress-annotations", "haproxy.org/timeout-*, example.com/a")
    assert given.allowed_annotations == ("haproxy.org/timeout-*", "example.com/a")
    assert read("--allowed-ingress-annotations=").allowed_annotations == ()
    seen = make.observed(allowed_annotations=given.allowed_annotations)
    names = ("example.com/a", "example.com/ab", "haproxy.org/timeout-server", "haproxy.org/x")
    spec = make.process(ingress={"annotations": dict.fromkeys(names, "1")}).spec
    assert refused_annotations(seen, spec) == ("example.com/ab", "haproxy.org/x")


def test_the_shipped_sizes_are_read_from_their_file() -> None:
    given = read("--resource-types", str(Path(__file__).parents[3] / "deploy/resource-types.yaml"))
    assert {one["metadata"]["name"] for one in given.resource_types} >= {"h1", "s1", "m3"}


def test_other_kinds_are_no_sizes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sizes.yaml"
    file.write_text("kind: ConfigMap")
    with pytest.raises(SystemExit):
        read("--resource-types", str(file))
    assert "nothing but manifests of kind ProcessResourceType" in capsys.readouterr().err
