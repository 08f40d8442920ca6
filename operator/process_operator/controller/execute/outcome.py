"""What became of an action."""

from enum import Enum, auto


class Outcome(Enum):
    """What became of an action, where no other look would put it right."""

    TAKEN = auto()
    """The server took it."""
    REFUSED = auto()
    """The server said no, and the next look sees that it did."""
    HELD = auto()
    """The server does not take the status of its object: what needs that waits until it does."""

    @property
    def calls_for_a_look(self) -> bool:
        """Whether the next look sees anything else than this one did."""
        return self is not Outcome.HELD
