"""Fields of our objects by the names that callers sent them under."""

import re

_PLAIN = {
    "displayName": "display_name",
    "entrypoint": "entrypoint",
    "port": "port",
    "schedule": "schedule",
    "timeZone": "time_zone",
    "type": "type",
    "image": "docker_image",
    "jobStartPolicy": "job_start_policy",
    "livenessProbe": "liveness_probe",
    "readinessProbe": "readiness_probe",
    "scalingStrategy": "scaling_strategy",
    r"resourceTypeRef(?:\.name)?": "resource_type_id",
    r"ingress\.enabled": "is_ingress_enabled",
    r"ingress\.protocol": "ingress_protocol",
    r"ingress\.hosts(?:\[[^\]]*\])?(?:\.host)?": "domain_name",
    r"env\[[^\]]*\]\.value": "value",
    r"env(?:\[[^\]]*\](?:\.name)?)?": "key",
    r"rollbackTo": "deployment_id",
    r"restart": "is_restart",
}
_FIELD = re.compile(
    r"\bspec\.(?:" + "|".join(f"({path})" for path in _PLAIN) + r")(?![A-Za-z0-9\[])"
)
_NAMES = tuple(_PLAIN.values())


def sent(text: str) -> str:
    """Return a text with each field of a spec by the name that the contract has for it."""
    return _FIELD.sub(lambda found: _NAMES[(found.lastindex or 1) - 1], text)
