"""Times as replies write them."""

from datetime import UTC, datetime


def time(text: str) -> str:
    """Return a time of Kubernetes as the contract writes times."""
    if len(text) == len("2025-01-30T00:00:00Z") and text.endswith("Z"):
        return f"{text[:-1]}.000Z"
    return in_utc(datetime.fromisoformat(text))


def in_utc(moment: datetime) -> str:
    """Return a moment as the hosted platform writes it: milliseconds, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_or_none(text: str | None) -> str | None:
    """Return a Kubernetes timestamp as a reply writes it, None where there is none."""
    return time(text) if text is not None else None


def in_log(moment: datetime) -> str:
    """Return a moment as the lines of logs have it: milliseconds, in UTC, which it does not say."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")


def of_log(text: str) -> datetime:
    """Return the moment of a line of a log."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
