import argparse
from datetime import timedelta

import pytest

from process_operator import settings
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
        ("--log-format", "xml", "give one of json, text"),
        ("--resync-seconds", "1", "from 60 to 86400"),
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
    ],
)
def test_no_annotation_that_takes_code_or_reaches_others_is_allowed_by_default(
    dangerous: str,
) -> None:
    assert not dangerous.startswith(read().annotation_prefixes)


def test_the_allowed_annotations_are_for_the_administrator_to_say() -> None:
    given = read("--ingress-annotation-prefixes", "haproxy.org/timeout-, example.com/")
    assert given.annotation_prefixes == ("haproxy.org/timeout-", "example.com/")
    assert read("--ingress-annotation-prefixes=").annotation_prefixes == ()
