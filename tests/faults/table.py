"""The fault matrix as a table: by fault what was tried, what was seen, and how long it took."""

from dataclasses import dataclass

FAULTS = {
    "F1": "killed before and after each write",
    "F2": "killed at an event that it was told",
    "F3": "409 to each write, and objects of the same name",
    "F4": "500, 503, 504, a broken connection, before and after the commit",
    "F5": "429, with every kind of Retry-After",
    "F6": "answers that come late, in drops or never",
    "F7": "answers that are something else",
    "F8": "401, 403, and kinds that are not there",
    "F9": "refused by quota, Pod Security or a policy",
    "F10": "watches that end, tell twice, tell late",
    "F11": "watches that freeze",
    "F12": "events that never come",
    "F13": "watches that have expired",
    "F14": "lists of another day",
    "F15": "an API server that is away",
    "F16": "a store that is full, or set back",
    "F17": "two leaders",
    "F18": "a Lease that cannot be renewed",
    "F19": "clocks that are wrong",
    "F20": "users who edit between two writes",
    "F21": "children that are deleted or edited by hand",
    "F22": "fields that belong to somebody else",
    "F23": "namespaces and objects that are deleted in mid-release",
    "F24": "jobs that fail, hang, are evicted or deleted",
    "F25": "rollouts that do not end",
    "F26": "no file descriptor, an event loop that stands still",
    "F27": "an older or newer version, older or newer CRDs",
    "F28": "thousands of objects that are wrong",
    "F29": "a network that is slow and breaks",
    "F30": "two faults in one release",
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was tried of one fault."""

    fault: str
    tried: str
    wrong: list[str]
    """What went otherwise than without the fault; empty if nothing did."""
    seconds: float

    def __str__(self) -> str:
        seen = "as without it" if not self.wrong else f"WRONG: {'; '.join(self.wrong)}"
        return f"{self.fault:<4} {self.seconds:>6.1f} s  {self.tried}: {seen}"


def text(rows: list[Row]) -> str:
    """Return the whole table; a fault of which nothing was tried says so."""
    lines = ["Faults"]
    for fault, what in FAULTS.items():
        tried = [str(row) for row in rows if row.fault == fault]
        lines += tried or [f"{fault:<4} NOT TRIED  {what}"]
    return "\n".join(lines)
