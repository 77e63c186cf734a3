"""How a call to a service fails: the classes into which a provider sorts every failure."""

from __future__ import annotations

from enum import StrEnum


class ProviderError(Exception):
    """A call did not do what it was asked; the text is a sentence for a person."""


class Transient(ProviderError):
    """The call had no lasting effect and may work later.

    Attributes:
        retry_after: seconds the service asked to wait, or None.
        reached: False where not one byte of the request left this machine, or the service documents that it turns such
            a request away unread.

    """

    def __init__(self, message: str, *, retry_after: float | None = None, reached: bool = True) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.reached = reached


class Insecure(Transient):
    """No safe connection can be made, and not one byte left: asking again changes nothing before somebody sets
    something right."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reached=False)


class Puzzling(Transient):
    """The service itself answered what it does not document: asking again may show something else, or nothing new."""


class Rejected(ProviderError):
    """The service refused this one request for good, in its own documented form.

    Attributes:
        status: the HTTP status, 0 where there is none.
        reason: a short stable code (``unprocessable``, ``not found``, ``bad request`` …).

    """

    def __init__(self, message: str, *, reason: str, status: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


class Cause(StrEnum):
    """Why a whole account waits."""

    LOGIN = "login"
    CREDIT = "credits"
    QUOTA = "quota"


class Blocked(ProviderError):
    """No request of this account can succeed until a person (or the next day) helps."""

    def __init__(self, message: str, *, cause: Cause) -> None:
        super().__init__(message)
        self.cause = cause


class Unknown(ProviderError):
    """A paid request may have been carried out: only looking it up, or a person, can tell.

    Attributes:
        answered: an answer came that nobody understands, so that sending the request again would teach nothing.
        retry_after: seconds the service asked to wait, or None.

    """

    def __init__(self, message: str, *, answered: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.answered = answered
        self.retry_after = retry_after


class NotPermitted(ProviderError):
    """The permit of a paid request was withdrawn before its first byte: nothing was sent."""


class NoRoom(NotPermitted):
    """What must be on disk before a paid request leaves cannot be written: nothing was sent."""
