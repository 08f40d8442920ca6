"""When something is due: the rules of a schedule and of the zone that it is read in."""

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from process_operator.models.base import rule, validations

_FIELD = "[0-9A-Za-z*/,?+-]+"
_CALENDAR = (
    r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)"
    rf"|{_FIELD}(\\s+{_FIELD}){{4}}"
)
_DELAY = "@every [-+.0-9a-zµμ]+"
_ZONE_PART = "[A-Za-z0-9_+][A-Za-z0-9._+-]{0,13}"
_ZONE = f"^{_ZONE_PART}(/{_ZONE_PART})*$"

ScheduleText = Annotated[str, Field(min_length=1, max_length=100)]
ZoneName = Annotated[str, Field(min_length=1, max_length=100)]


def runs(field: str) -> JsonDict:
    """Return the rules of a schedule by which something runs: a calendar's or a delay's."""
    return _schedule(
        field,
        f"({_CALENDAR}|{_DELAY})",
        "must have five fields, for example '0 6 * * 1-5', or be a descriptor such as @daily or "
        "'@every 1h'",
    )


def moments(field: str) -> JsonDict:
    """Return the rules of a schedule that names moments, from which something holds: no delay."""
    return _schedule(
        field,
        f"({_CALENDAR})",
        "must have five fields, for example '0 22 * * 1-5', or be a descriptor such as @daily",
    )


def _schedule(field: str, form: str, must: str) -> JsonDict:
    return validations(
        rule(
            "!self.contains('TZ')",
            f"{field}.schedule must not name a time zone; set {field}.timeZone instead",
        ),
        rule(
            rf"self.contains('TZ') || self.matches('^\\s*{form}\\s*$')", f"{field}.schedule {must}"
        ),
    )


def zone(field: str) -> JsonDict:
    """Return the rule of the zone that a schedule is read in."""
    return validations(
        rule(
            f"self.matches('{_ZONE}') && self.lowerAscii() != 'local'",
            f"{field}.timeZone must be a name of the IANA time zone database, for example "
            "Europe/Berlin or UTC",
        )
    )
