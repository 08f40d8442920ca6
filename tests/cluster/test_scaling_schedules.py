"""The size of a process follows its scaling schedules, by the real clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from running import until
from userside import Namespace, application, process


def two_minutes() -> tuple[datetime, datetime]:
    """Return the minute that comes, or the one after where that is too close, and the next."""
    first = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
    return first, first + timedelta(minutes=1)


def schedule(name: str, at: datetime, **bounds: int) -> dict[str, Any]:
    return {"name": name, "schedule": f"{at:%-M %-H * * *}", **bounds}


def holding(here: Namespace) -> str | None:
    told = here.get("pproc", "mail")["status"].get("scalingSchedule", {})
    name: str | None = told.get("name")
    return name


@pytest.mark.first
def test_instances_go_and_come_at_their_minutes(here: Namespace) -> None:
    night, morning = two_minutes()
    three = {"type": "manual", "manual": {"instanceCount": 3}}
    schedules = [schedule("night", night, maxInstanceCount=0), schedule("morning", morning)]
    mail = process("mail", "worker", scalingStrategy=three, scalingSchedules=schedules)
    here.release(application(), mail)
    here.wait("pproc/mail", "jsonpath={.status.instances}=3/3")
    told = here.get("pproc", "mail")["status"]
    assert told["nextScalingSchedule"]["name"] == "night"
    assert told["nextScalingSchedule"]["utc"] == f"{night:%Y-%m-%dT%H:%M:%SZ}"
    until(lambda: holding(here) == "night", seconds=140)
    here.wait("deployment/shop-mail", "jsonpath={.spec.replicas}=0")
    here.wait_reason("pproc/mail", "ScaledToZero", of="Available")
    here.wait_reason("pproc/mail", "Available")
    until(lambda: holding(here) == "morning", seconds=80)
    here.wait("pproc/mail", "jsonpath={.status.instances}=3/3")
    assert datetime.now(UTC) - morning < timedelta(seconds=20)


def test_what_holds_already_is_taken_up_at_once_where_scaling_is_immediate(
    here: Namespace,
) -> None:
    before = datetime.now(UTC) - timedelta(minutes=2)
    here.release(application(scalingPolicy="immediate"), process("mail", "worker"))
    busy = schedule("busy", before, minInstanceCount=2)
    here.patch("pproc", "mail", {"spec": {"scalingSchedules": [busy]}})
    here.wait("pproc/mail", "jsonpath={.status.instances}=2/2")
    here.wait("pproc/mail", "condition=Ready")
    told = here.get("pproc", "mail")["status"]["conditions"]
    ready = next(one["message"] for one in told if one["type"] == "Ready")
    assert ready == '2 of 2 instances are available under scaling schedule "busy"'
    here.patch("pproc", "mail", {"spec": {"scalingSchedules": None}})
    here.wait("pproc/mail", "jsonpath={.status.instances}=1/1")
    assert "scalingSchedule" not in here.get("pproc", "mail")["status"]
