"""A process that is to run as root under `restricted`, which forbids it, is refused."""

from typing import Any

import pytest

import make
from process_operator.controller.resolve.application import resolve
from process_operator.controller.resolve.refusal import Refusal

ROOT = {"runAsUser": 0}
USER = {"runAsUser": 1000}


def refusal(
    application: dict[str, Any] | None,
    process: dict[str, Any] | None,
    level: str | None,
    kind: str = "web",
) -> Refusal | None:
    shop = make.application(securityContext=application, podSecurity=level)
    web = make.process(type=kind, securityContext=process)
    return resolve(make.observed(application=shop, processes=[web]), shop).refusals.get(web.uid)


@pytest.mark.parametrize("kind", ["web", "worker", "cron", "job"])
@pytest.mark.parametrize("level", [None, "restricted"])
def test_a_process_of_root_is_refused_with_field_and_remedy(level: str | None, kind: str) -> None:
    assert refusal(USER, ROOT, level, kind) == Refusal(
        reason="PodSecurityRefused",
        message="spec.securityContext.runAsUser must not be 0 under spec.podSecurity restricted of "
        "the ProcessApplication; choose another user here, or set podSecurity to baseline there",
    )


def test_a_process_that_inherits_root_is_refused() -> None:
    """Where an older schema let it through: today's refuses it on the application."""
    found = refusal(ROOT, None, "restricted")
    assert found is not None
    assert found.reason == "PodSecurityRefused"
    assert refusal(ROOT, {"fsGroup": 0}, None) == found


@pytest.mark.parametrize(
    ("application", "process", "level"),
    [
        (None, None, None),
        (ROOT, None, "baseline"),
        (USER, ROOT, "baseline"),
        (ROOT, USER, "restricted"),
        (None, {"runAsGroup": 0, "fsGroup": 0}, "restricted"),
    ],
)
def test_what_is_no_contradiction_is_taken(application: Any, process: Any, level: Any) -> None:
    assert refusal(application, process, level) is None
