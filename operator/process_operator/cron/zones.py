"""Time zones by their names."""

import functools
import re
import zoneinfo
from datetime import UTC, tzinfo


class InvalidTimeZone(ValueError):  # noqa: N818 - named like its sibling
    """The API server would refuse the time zone."""


def zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of that name, by the rules of Kubernetes' `validateTimeZone`."""
    if name.lower() == "local":
        raise InvalidTimeZone(
            f'time zone "{name}" depends on the machine; name one such as Europe/Berlin or UTC'
        )
    unknown = InvalidTimeZone(
        f'time zone "{name}" is unknown; use a name of the IANA database, '
        "such as Europe/Berlin or UTC, in its exact case"
    )
    found = _loaded(name)
    if found is None:
        raise unknown
    return found


@functools.lru_cache(maxsize=4096)  # what is not there is looked for in many places
def _loaded(name: str) -> zoneinfo.ZoneInfo | None:
    parts = name.split("/")
    if not all(_ZONE_PART.fullmatch(part) and part not in {".", ".."} for part in parts):
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # no, broken or a directory
        return None


def place_of(name: str | None) -> tzinfo:
    """Return the zone of a name, UTC without one."""
    return UTC if name is None else zone(name)


# The API server tolerates digits and "+" for the sake of legacy names such as Etc/GMT+5.
_ZONE_PART = re.compile(r"(?!-)[A-Za-z._0-9+-]{1,14}")
