"""The places a token may lie in: where it is looked for, kept, renewed and forgotten."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from artui.config import ConfigError, Paths, locked, make_private_folder, sync_folder, variable, write_private
from artui.config.private import OTHERS_WRITE, SECRET, NotPrivate, read_private
from artui.credentials.ring import DeafKeyring, NoKeyring, Ring
from artui.credentials.secret import Secret


class KeyStore(StrEnum):
    """Where a token lies."""

    MEMORY = "memory"
    SYSTEMD = "systemd credential"
    ENVIRONMENT = "environment"
    FILE = "file"
    KEYRING = "keyring"


_TRIAL = ".trial"  # no account has a dot in its name


def of_webhook(account: str) -> str:
    """The name under which the secret of an account's webhook is kept, as its token is under the account's own."""
    return f"{account}.webhook"


_READ_ONLY = (KeyStore.SYSTEMD, KeyStore.ENVIRONMENT)

LACKING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What this process or machine has run out of for now: no fault of a token, it stays an OSError."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A token as found. ``detail`` names the variable, file or keyring for a person.

    ``seed`` is what the place itself holds: another value than ``secret`` once the service renewed the token of a place
    that artui cannot write. ``identity`` is the same for all who share the token.
    """

    secret: Secret
    place: KeyStore
    detail: str
    seed: Secret
    identity: str


@dataclass(frozen=True, slots=True)
class WhoSignedIn:
    """Who signed in, as the service names them, empty where it does not; ``at`` in epoch seconds."""

    who: str
    at: float


class CredentialProblem(Exception):
    """A token cannot be read or kept; the message is one line: which, where, what to do."""


class NoRoomForKey(CredentialProblem):
    """The disk on which a token is kept is full: the sign-in itself is as good as it was."""


class Vault:
    """The tokens of this user. Every method blocks, as long as a keyring is waited for: call it in a thread.

    ``account`` is throughout the name the token is kept under: `AccountConfig.login`.
    """

    def __init__(self, paths: Paths, environ: Mapping[str, str] = os.environ, *, ring: Ring | None = None) -> None:
        self._folder = paths.credentials
        self._environ = environ
        self._ring = ring or _RING
        self._service = f"artui {paths.state}"  # another ARTUI_HOME has other tokens
        self._memory: dict[str, Secret] = {}
        self._signed: dict[str, WhoSignedIn] = {}  # with what is in memory
        self._complaint = ""
        self._found: dict[str, Stored] = {}  # kept alive so that `scrub` knows them for as long as this process does

    @property
    def keyring_complaint(self) -> str:
        """Why the keyring does not say what it holds; empty where it does, or there is none."""
        return self._complaint or self._ring.complaint

    def find(self, account: str) -> Stored | None:
        """Look in memory, systemd credential, environment, file, keyring: the first that holds a token wins.

        The file comes before the keyring, for it only exists where someone chose it over a keyring. Raises
        CredentialProblem for a token that others can read, or that cannot be one.
        """
        for look in (self._in_memory, self._in_systemd, self._in_environment, self._in_file, self._in_keyring):
            if stored := look(account):
                renewed = self._successor(stored.seed)
                if secret := self._read_token(renewed):
                    stored = replace(stored, secret=secret, detail=f"{stored.detail}, renewed in {renewed}")
                self._found[account] = stored
                return stored
        return None

    def signed_out(self, account: str) -> str:
        """What is said where `find` found no token: that there is none, or that the keyring keeps it to itself."""
        if complaint := self.keyring_complaint:
            return f"the sign-in of {account} cannot be read: {complaint}, or sign in with artui login --store file"
        return f"{account} is not signed in: artui login {account}, or 5 in the console"

    def keep(self, account: str, secret: Secret, place: KeyStore, signed: WhoSignedIn | None = None) -> Stored:
        """Keep a new token in one place, durably, with who ``signed`` in. Keyring and file never both hold one: the
        later takes over.

        FILE only ever after the person's yes. Raises CredentialProblem where the token cannot be kept there.
        """
        if place in _READ_ONLY:
            raise CredentialProblem(f"artui cannot write the {place}: change the key where it is set")
        secret = _token(secret.reveal(), "what was given") or _refuse("the key is empty: give it again")
        with self._writing():
            match place:
                case KeyStore.KEYRING:
                    # The new place first: a kill in between leaves two, not none.
                    self._fill_keyring(account, secret)
                    self._remove(self._file(account))
                case KeyStore.FILE:
                    self._write(self._file(account), {"token": secret.reveal()})
                    with suppress(NoKeyring):
                        self._ring.delete(self._service, account)
            self._memory.pop(account, None)
            self._signed.pop(account, None)
            if place is KeyStore.MEMORY:
                self._memory[account] = secret
                self._signed |= {account: signed} if signed else {}
            elif signed:
                self._write(self._about(account), asdict(signed))
            else:
                self._remove(self._about(account))
        return self._stored(account, secret, place)

    def signed_in(self, account: str) -> WhoSignedIn | None:
        """Who signed in with the token that artui keeps; None where nobody knows."""
        if account in self._memory:
            return self._signed.get(account)
        try:
            return WhoSignedIn(**json.loads(_read(self._about(account), SECRET) or b"null"))
        except (ValueError, TypeError, CredentialProblem):
            return None

    def check(self, account: str, place: KeyStore) -> None:
        """Try whether a place takes a token now, so that nobody signs in for nothing. Raises CredentialProblem."""
        with self._writing():
            match place:
                case KeyStore.KEYRING:
                    self._fill_keyring(account, Secret(_TRIAL), under=_TRIAL)
                    with suppress(NoKeyring):
                        self._ring.delete(self._service, _TRIAL)
                case KeyStore.FILE:
                    self._write(self._file(_TRIAL), {"token": ""})
                    self._remove(self._file(_TRIAL))

    def check_room(self) -> None:
        """Raise NoRoomForKey where a full disk would lose a token that the service gives now."""
        try:
            self.check("", KeyStore.FILE)
        except NoRoomForKey:
            raise
        except CredentialProblem:  # nothing is kept here in any case
            return

    def renew(self, account: str, used: Stored, rotated: Secret) -> None:
        """Put the token that the service gave for ``used`` in its place, durably; a newer sign-in is left alone.

        What came from a place that cannot be written lies in a file of its own from then on, under the hash of what
        that place holds: a new token there wins. Raises CredentialProblem.
        """
        with self._writing():
            now = self.find(account)
            is_unheard = now is None and used.place is KeyStore.KEYRING and self.keyring_complaint
            if not is_unheard and (now is None or now.secret != used.secret):
                return  # but where only the keyring fails, the successor is the one token the service still takes
            successor = self._successor(used.seed)
            if self._replaced(account, used.place, rotated):
                self._remove(successor)
            else:
                self._write(successor, {"token": rotated.reveal(), "seed": _digest(used.seed)})

    def forget(self, account: str) -> list[KeyStore]:
        """Remove the token, and the secret of the account's webhook, wherever artui can; return the places that held
        the token. One set from outside stays: `find` shows it.

        Raises CredentialProblem where the keyring may still hold it.
        """
        with suppress(CredentialProblem):  # a keyring that is deaf to this is deaf to the token too, which tells
            self._forget(of_webhook(account))
        return self._forget(account)

    def _forget(self, account: str) -> list[KeyStore]:
        removed = []
        with self._writing():
            if self._memory.pop(account, None):
                removed.append(KeyStore.MEMORY)
            looks = (self._in_systemd, self._in_environment, self._in_keyring)
            # Before anything goes: a successor is found by what its place holds.
            renewed = [self._successor(stored.seed) for look in looks if (stored := look(account))]
            self._remove(self._about(account))
            files = [self._remove(file) for file in (self._file(account), *renewed)]
            if any(files):
                removed.append(KeyStore.FILE)
            try:
                if self._ring.delete(self._service, account):
                    removed.append(KeyStore.KEYRING)
            except DeafKeyring as error:
                way = f"open it and remove the entry {self._service!r} of {account}"
                raise CredentialProblem(f"{error}, so the key of {account} may still be in it: {way}") from None
            except NoKeyring:
                pass
        return removed

    def lock_file(self, stored: Stored) -> Path:
        """The file whose lock one must hold to use a token that the service may renew. Raises CredentialProblem."""
        self._make_folder()
        return self._folder / f"{stored.identity}.lock"

    # Looking: each gives what its place holds, or None.

    def _in_memory(self, account: str) -> Stored | None:
        secret = self._memory.get(account)
        return self._stored(account, secret, KeyStore.MEMORY) if secret else None

    def _in_systemd(self, account: str) -> Stored | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        for name in (f"{account}.token", f"artui-{account}") if folder else ():
            file = Path(folder or "") / name
            content = _read(file, stat.S_IRWXO, through_link=True)
            if content is not None and (secret := _token(content.decode("utf-8", "replace"), str(file))):
                return self._stored(account, secret, KeyStore.SYSTEMD, str(file))
        return None

    def _in_environment(self, account: str) -> Stored | None:
        name = variable(account, "token")
        secret = _token(self._environ.get(name, ""), name)
        return self._stored(account, secret, KeyStore.ENVIRONMENT, name) if secret else None

    def _in_file(self, account: str) -> Stored | None:
        secret = self._read_token(self._file(account))
        return self._stored(account, secret, KeyStore.FILE) if secret else None

    def _in_keyring(self, account: str) -> Stored | None:
        try:
            secret = _token(self._ring.get(self._service, account) or "", f"the entry {self._service!r} of the keyring")
        except NoKeyring as lack:
            self._complaint = str(lack) if isinstance(lack, DeafKeyring) else ""
            return None
        self._complaint = ""
        return self._stored(account, secret, KeyStore.KEYRING) if secret else None

    def _stored(self, account: str, secret: Secret, place: KeyStore, detail: str = "") -> Stored:
        details = {
            KeyStore.MEMORY: "until artui ends",
            KeyStore.KEYRING: self._service,
            KeyStore.FILE: str(self._file(account)),
        }
        identity = _digest(secret)[:24] if place in _READ_ONLY else account
        return Stored(secret, place, detail or details[place], secret, identity)

    # Files, and the keyring's way in.

    def _file(self, account: str) -> Path:
        return self._folder / f"{account}.json"

    def _about(self, account: str) -> Path:
        return self._folder / f"{account}.about.json"  # no account has a dot in its name

    def _successor(self, seed: Secret) -> Path:
        return self._folder / f"{_digest(seed)[:24]}.renewed.json"  # no account has a dot in its name

    def _read_token(self, file: Path) -> Secret | None:
        content = _read(file, SECRET)
        if content is None:
            return None
        try:
            return _token(json.loads(content)["token"], str(file))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialProblem(f"{file} is damaged: remove it, then run artui login") from None

    def _write(self, file: Path, content: Mapping[str, object]) -> None:
        write_private(file, json.dumps(content).encode())

    def _remove(self, file: Path) -> bool:
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        sync_folder(self._folder)
        return True

    def _replaced(self, account: str, place: KeyStore, secret: Secret) -> bool:
        """Put a token where its predecessor lies; False where that place cannot be written."""
        match place:
            case KeyStore.MEMORY:
                self._memory[account] = secret
                return True
            case KeyStore.FILE:
                self._write(self._file(account), {"token": secret.reveal()})
                return True
            case KeyStore.KEYRING:
                with suppress(NoKeyring):  # gone since it was read: to lose the token would be worse than a file
                    self._ring.set(self._service, account, secret.reveal())
                    return True
        return False

    def _fill_keyring(self, account: str, secret: Secret, under: str = "") -> None:
        try:
            self._ring.set(self._service, under or account, secret.reveal())
        except NoKeyring as error:
            other = f"keep the key of {account} in a file, or set {variable(account, 'token')}"
            raise CredentialProblem(f"{error}: {other}") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._make_folder()
        refusing = refused(f"{self._folder} cannot be written", "make room there, or make it yours")
        with refusing, locked(self._folder / "write.lock"):
            yield

    def _make_folder(self) -> None:
        try:
            make_private_folder(self._folder, forbidden=OTHERS_WRITE)
        except ConfigError as error:
            raise CredentialProblem(str(error)) from None


@contextmanager
def refused(what: str, way: str) -> Iterator[None]:
    """Raise CredentialProblem for a file that cannot be used: what it is that fails, why, and the way out."""
    try:
        yield
    except (NotPrivate, ConfigError) as refusal:
        raise CredentialProblem(str(refusal)) from None
    except OSError as error:
        if error.errno in LACKING:
            raise
        kind = NoRoomForKey if error.errno in (errno.ENOSPC, errno.EDQUOT) else CredentialProblem
        raise kind(f"{what} ({error.strerror}): {way}") from None


def _read(file: Path, forbidden: int, *, through_link: bool = False) -> bytes | None:
    """Read a file that none of the ``forbidden`` mode bits opens to others; None where there is none."""
    with refused(f"{file} cannot be read", "make it a file of yours, or remove it"), suppress(FileNotFoundError):
        return read_private(file, forbidden=forbidden, through_link=through_link)
    return None


def _token(text: str, where: str) -> Secret | None:
    """Take a token from text around which there may be blanks; None where it is empty. Raises CredentialProblem."""
    secret = Secret(text.strip())  # first, so that a refused one is scrubbed from what is written about it
    if not all("!" <= letter <= "~" for letter in secret.reveal()):
        _refuse(f"{where} holds blanks, line breaks or letters that no key has: copy the key again")
    return secret or None


def _refuse(complaint: str) -> NoReturn:
    raise CredentialProblem(complaint)


def _digest(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal().encode()).hexdigest()


_RING = Ring()
