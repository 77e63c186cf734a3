"""The desktop's keyring, asked without ever waiting long: over SSH it is often absent, locked or deaf."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

Answer = TypeVar("Answer")


class NoKeyring(Exception):
    """There is no keyring here."""


class DeafKeyring(NoKeyring):
    """There is one, and it does not do what it is asked."""


class Ring:
    """The keyring of this process: one that was once silent for ``patience`` seconds is not asked again."""

    def __init__(self, patience: float = 2.0) -> None:
        self.patience = patience
        self.complaint = ""
        """Why this process does not ask any more; empty while it does."""

    def get(self, service: str, name: str) -> str | None:
        """The value kept under a name, None where there is none. Raises NoKeyring."""
        return self._ask(lambda backend: backend.get_password(service, name))

    def set(self, service: str, name: str, value: str) -> None:
        """Keep a value, and read it back. Raises NoKeyring."""

        def keep(backend: KeyringBackend) -> bool:
            backend.set_password(service, name, value)
            return backend.get_password(service, name) == value

        if not self._ask(keep):
            raise DeafKeyring("the keyring did not keep what it was given")

    def delete(self, service: str, name: str) -> bool:
        """Remove a value; False where there was none. Raises NoKeyring."""

        def remove(backend: KeyringBackend) -> bool:
            if backend.get_password(service, name) is None:
                return False
            backend.delete_password(service, name)
            return True

        return self._ask(remove)

    def _ask(self, question: Callable[[KeyringBackend], Answer]) -> Answer:
        """Ask in a thread that may hang for ever. What the keyring says in its errors is not repeated."""
        if self.complaint:
            raise DeafKeyring(self.complaint)
        answer: Future[Answer] = Future()
        Thread(target=_put, args=(answer, question), name="keyring", daemon=True).start()
        try:
            return answer.result(self.patience)
        except NoKeyring:
            raise
        except TimeoutError:
            self.complaint = f"the keyring did not answer within {self.patience:g} s"
            raise DeafKeyring(self.complaint) from None
        except Exception as error:  # noqa: BLE001  each backend fails in its own way
            raise DeafKeyring(f"the keyring failed ({type(error).__name__})") from None


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
