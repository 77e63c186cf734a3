"""The desktop's keyring, which is never waited for without end: over SSH it is often absent, locked or deaf."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from artui.config.system import boot_time, is_mac

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Answer = TypeVar("Answer")

FOR_A_PERSON = 60.0
"""Seconds a person gets to answer the keychain's question."""

GOOD_FOR = 120.0
"""Seconds for which a late answer is still believed."""

HOW_TO_OPEN = (
    "open it in Keychain Access, or with `security unlock-keychain` (over SSH too)"
    if is_mac()
    else "log in to the desktop, or unlock it there"
)


class NoKeyring(Exception):
    """There is no keyring here."""


class DeafKeyring(NoKeyring):
    """There is one, and it does not do what it is asked."""


class Ring:
    """The keyring of this process. One that is silent for ``patience`` seconds is left alone until its answer comes: a
    person may have to give it first. A Mac asks whether the program may read, so that it is given time for that."""

    def __init__(self, patience: float | None = None) -> None:
        self.patience = patience or (FOR_A_PERSON if is_mac() else 2.0)
        self.complaint = ""
        """Why it is not asked now; empty while it is."""
        self._late: dict[tuple[str, str], Future[Any]] = {}
        self._good_until = 0.0

    def get(self, service: str, name: str) -> str | None:
        """The value kept under a name, None where there is none. Raises NoKeyring."""
        answer: Future[str | None] | None = self._late.pop((service, name), None)
        if answer is None or not answer.done() or boot_time() > self._good_until:
            answer = self._asked(lambda backend: backend.get_password(service, name), answer)
        return self._awaited(answer, (service, name))

    def set(self, service: str, name: str, value: str) -> None:
        """Keep a value, and read it back. Raises NoKeyring."""

        def keep(backend: KeyringBackend) -> bool:
            backend.set_password(service, name, value)
            return backend.get_password(service, name) == value

        # An answer that comes late tells what was there before.
        self._late.pop((service, name), None)
        if not self._awaited(self._asked(keep)):
            raise DeafKeyring("the keyring did not keep what it was given")

    def delete(self, service: str, name: str) -> bool:
        """Remove a value; False where there was none. Raises NoKeyring."""

        def remove(backend: KeyringBackend) -> bool:
            if backend.get_password(service, name) is None:
                return False
            backend.delete_password(service, name)
            return True

        self._late.pop((service, name), None)
        return self._awaited(self._asked(remove))

    def _asked(
        self, question: Callable[[KeyringBackend], Answer], still: Future[Answer] | None = None
    ) -> Future[Answer]:
        """Ask in a thread that may hang for ever, unless the question ``still`` waits for its answer."""
        if still is not None and not still.done():
            return still
        if self.complaint:
            raise DeafKeyring(self.complaint)
        answer: Future[Answer] = Future()
        Thread(target=_put, args=(answer, question), name="keyring", daemon=True).start()
        return answer

    def _awaited(self, answer: Future[Answer], about: tuple[str, str] | None = None) -> Answer:
        """The answer, if it comes in time; a late one is kept for the next time it is asked ``about`` the same. What
        the keyring says in its errors is not repeated."""
        try:
            return answer.result(0 if self.complaint else self.patience)  # silent already: nobody else waits for it
        except NoKeyring:
            raise
        except Exception as error:  # noqa: BLE001  each backend fails in its own way
            if not answer.done():
                if about is not None:
                    self._late[about] = answer
                if not self.complaint:
                    self.complaint = f"the keyring did not answer within {self.patience:g} s"
                    answer.add_done_callback(self._heard)
                raise DeafKeyring(self.complaint) from None
            if type(error).__name__ == "KeyringLocked":
                raise DeafKeyring(f"the keyring is locked: {HOW_TO_OPEN}") from None
            raise DeafKeyring(f"the keyring failed ({type(error).__name__})") from None

    def _heard(self, _: Future[Any]) -> None:
        """It has answered after all: it may be asked again."""
        self._good_until = boot_time() + GOOD_FOR
        self.complaint = ""


def _put(answer: Future[Answer], question: Callable[[KeyringBackend], Answer]) -> None:
    try:
        answer.set_result(question(_backend()))
    except Exception as error:  # noqa: BLE001  handed to the one who asked
        answer.set_exception(error)


def _backend() -> KeyringBackend:
    """The keyring that is set up. Those that keep nothing, or keep it readable, say so by a priority below 1."""
    import keyring  # here, for it is slow to load and seldom needed

    backend = keyring.get_keyring()
    with suppress(RuntimeError):
        if backend.priority >= 1:
            return backend
    raise NoKeyring("this machine has no keyring")
