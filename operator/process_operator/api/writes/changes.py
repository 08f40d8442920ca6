"""What a request makes of a spec: the rules across fields, and between fields and types.

Pure: a payload's given fields and the spec as it is go in, the spec as it shall be comes out, or
the problem that names the field and the remedy. What a request does not name stays as it is.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from process_operator.api import problems
from process_operator.cron import expression, zones
from process_operator.models.process import ProcessType

Spec = dict[str, Any]

_WEB, _WORKER, _CRON, _JOB = ProcessType
_ONLY_FOR: Mapping[str, tuple[ProcessType, ...]] = {
    "port": (_WEB, _WORKER),
    "is_ingress_enabled": (_WEB,),
    "ingress_protocol": (_WEB,),
    "liveness_probe": (_WEB,),
    "readiness_probe": (_WEB,),
    "schedule": (_CRON,),
    "time_zone": (_CRON,),
    "job_start_policy": (_JOB,),
}
_RESERVED_PORTS = frozenset({15000, 15001, 15004, 15006, 15008, 15009, 15020, 15021, 15053, 15090})
_PLAIN = {
    "display_name": "displayName",
    "port": "port",
    "entrypoint": "entrypoint",
    "schedule": "schedule",
    "time_zone": "timeZone",
    "job_start_policy": "jobStartPolicy",
}
_PROBES = {"liveness_probe": "livenessProbe", "readiness_probe": "readinessProbe"}
_HORIZONTAL = {"targetCpuPercent": "targetCPUPercent"}
"""The one name that the contract and our kind spell differently."""

MAX_KEY = 40
MAX_APPLICATION_NAME = 40


def process(
    given: Mapping[str, Any], before: Mapping[str, Any], *, resource_types: Mapping[str, str]
) -> Spec:
    """Return the spec of a process after the given fields were set.

    Args:
        given: The fields of a payload that were sent.
        before: The spec as it is; it has type, key and application.
        resource_types: Names of the resource types by their ids.
    """
    kind = ProcessType(before["type"])
    wanted = {name: value for name, value in given.items() if _applies(name, value, kind)}
    after: Spec = dict(before)
    for name, field in _PLAIN.items():
        if name in wanted:
            _set(after, field, wanted[name])
    if after.get("entrypoint"):
        # The one command line takes the place of a command that a manifest had given.
        after.pop("command", None)
    for name, field in _PROBES.items():
        if name in wanted:
            _set(after, field, _probe(name, wanted[name]))
    if "resource_type_id" in wanted:
        after["resourceTypeRef"] = {
            "name": _resource_type(wanted["resource_type_id"], resource_types)
        }
    if "scaling_strategy" in wanted:
        _scale(after, wanted["scaling_strategy"], kind)
    ingress = dict(after.get("ingress") or {})
    if "is_ingress_enabled" in wanted:
        ingress["enabled"] = wanted["is_ingress_enabled"]
    if "ingress_protocol" in wanted:
        ingress["protocol"] = wanted["ingress_protocol"]
    if ingress:
        after["ingress"] = ingress
    _check(wanted, after, kind)
    return after


def _applies(name: str, value: Any, kind: ProcessType) -> bool:
    """Whether a field is one of this type; of another type it may only be nothing."""
    types = _ONLY_FOR.get(name)
    if name == "port" and value == 0 and kind is not _WEB:
        return False
    if types is None or kind in types:
        return True
    if value:
        raise problems.refused(
            f"{name} is only for {' and '.join(types)} processes; leave it out for a {kind} process"
        )
    # Public clients send a false, 0 or "" for every field that they have no value of.
    return False


def _set(spec: Spec, field: str, value: Any) -> None:
    if value is None or value == "":
        spec.pop(field, None)
    else:
        spec[field] = value


def _resource_type(identity: str, names: Mapping[str, str]) -> str:
    name = names.get(identity.lower())
    if name is None:
        raise problems.refused(
            "resource_type_id names no resource type; take an id of "
            "/v3/resources/process-resource-types"
        )
    return name


def _scale(spec: Spec, given: Mapping[str, Any], kind: ProcessType) -> None:
    config = given["config"]
    if kind not in (_WEB, _WORKER):
        if given["type"] != "manual" or config["instanceCount"] != 1:
            raise problems.refused(
                f"scaling_strategy of a {kind} process can only be manual with instanceCount 1: "
                "each run is one instance"
            )
        return
    if given["type"] == "manual":
        spec["scalingStrategy"] = {"type": "manual", "manual": dict(config)}
        return
    if config["maxInstanceCount"] < 1:
        raise problems.refused(
            "scaling_strategy.config.maxInstanceCount must be at least 1; use type manual with "
            "instanceCount 0 to stop the process"
        )
    if config["minInstanceCount"] > config["maxInstanceCount"]:
        raise problems.refused(
            "scaling_strategy.config.minInstanceCount must not be above maxInstanceCount; lower "
            "it or raise maxInstanceCount"
        )
    horizontal = {_HORIZONTAL.get(name, name): value for name, value in config.items()}
    spec["scalingStrategy"] = {"type": "horizontal", "horizontal": horizontal}


def _probe(name: str, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    handlers = [one for one in ("exec", "httpGet", "tcpSocket") if one in given]
    if len(handlers) != 1:
        raise problems.refused(
            f"{name} must have exactly one of exec, httpGet and tcpSocket; give the one that is "
            "meant"
        )
    if name == "liveness_probe" and given.get("successThreshold", 1) != 1:
        raise problems.refused(
            "liveness_probe.successThreshold must be 1; remove it, only a readiness_probe may "
            "have more"
        )
    return dict(given)


def _check(wanted: Mapping[str, Any], after: Spec, kind: ProcessType) -> None:
    if "port" in wanted:
        if wanted["port"] == 0:
            raise problems.invalid("port must be from 1 to 65535; give such a number")
        if kind is _WEB and wanted["port"] in _RESERVED_PORTS:
            raise problems.refused(
                f"port {wanted['port']} is kept for the platform; choose another, such as 8080"
            )
    if wanted.get("ingress_protocol") == "":
        raise problems.invalid("ingress_protocol must be http or grpc; give one of them")
    if kind is _JOB and "jobStartPolicy" not in after:
        raise problems.refused(
            "job_start_policy is required for job processes; give beforeDeployment, "
            "afterSuccessDeployment or afterFailedDeployment"
        )
    if kind is _CRON and wanted.keys() & {"schedule", "time_zone"}:
        _check_timetable(after)


def _check_timetable(spec: Spec) -> None:
    zone = spec.get("timeZone", "UTC")
    try:
        zones.zone(zone)
    except zones.InvalidTimeZone:
        raise problems.refused(
            "time_zone must be a name of the IANA time zone database; give one such as "
            "Europe/Berlin"
        ) from None
    if "schedule" not in spec:
        return
    try:
        expression.parse(spec["schedule"])
    except expression.InvalidSchedule as error:
        raise problems.refused(str(error)) from None


def slug(text: str, *, limit: int, instead: str) -> str:
    """Return what of a name for people can be a part of names: `instead` where nothing can."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower())
    plain = re.sub(r"^[^a-z]+", "", plain)[:limit].rstrip("-")
    return plain or instead


def numbered(wanted: str, taken: Collection[str], *, limit: int) -> str:
    """Return a name that is not taken: the wanted one, or the first free one with a number."""
    if wanted not in taken:
        return wanted
    number = 2
    while True:
        ending = f"-{number}"
        name = wanted[: limit - len(ending)].rstrip("-") + ending
        if name not in taken:
            return name
        number += 1
