"""What the API server may answer instead of the thing that was asked for.

One small tree, so that every caller decides on a class and none on a number. It stands apart from
the client: who handles an answer need not know how it was fetched.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One of several reasons that the server gives for a refusal."""

    reason: str
    field: str
    message: str


class ApiError(Exception):
    """A request that was not answered as asked."""

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", causes: tuple[Cause, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        """The server's words where it said any, bounded."""
        self.status = status
        """The HTTP status; 0 where there was no answer."""
        self.reason = reason
        """The one word of a Kubernetes `Status`; "" where there was none."""
        self.causes = causes


class NotFound(ApiError):  # noqa: N818 - named as Kubernetes names it
    """There is no such object, or no such kind."""


class Conflict(ApiError):  # noqa: N818
    """The object is not the one, or not at the version, that the request was made for."""


class AlreadyExists(ApiError):  # noqa: N818
    """A create met an object of that name."""


class Rejected(ApiError):  # noqa: N818
    """The server refuses this request, and will refuse it again until something changes."""


class Forbidden(Rejected):
    """The server refuses this to us: by our rights, a quota, or a policy."""


class NamespaceTerminating(ApiError):  # noqa: N818 - named as Kubernetes names it
    """Nothing can be made in this namespace any more: it is being deleted."""


class Unauthorized(ApiError):  # noqa: N818
    """The server does not know us, not even with a token that was just read again."""


class Throttled(ApiError):  # noqa: N818
    """The server asks to wait."""

    def __init__(self, message: str, *, retry_after: float, status: int, reason: str) -> None:
        super().__init__(message, status=status, reason=reason)
        self.retry_after = retry_after
        """Seconds to wait before the next request."""


class Unavailable(ApiError):  # noqa: N818
    """No usable answer: the server failed, was too slow, or spoke something else than JSON."""


class Expired(ApiError):  # noqa: N818
    """A version or a page of a list is too old to go on from: list again."""
