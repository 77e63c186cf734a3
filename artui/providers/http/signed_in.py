"""Asking in somebody's name: with the key that was pasted, or with access tokens that are renewed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from artui.credentials import AccessTokens, CredentialProblem, NoRoomForKey, Secret, SignedOut
from artui.providers.base import Blocked, Cause, ProviderDeps, Transient
from artui.providers.http.messages import Answer, HttpRequest


async def pasted_key(deps: ProviderDeps, what: str) -> Secret:
    """The key that a person pasted for this account, as it is kept now; ``what`` it is called at the service.

    Raises :class:`Blocked` where there is none.
    """
    try:
        stored = await asyncio.to_thread(deps.vault.find, deps.account)
    except CredentialProblem as problem:
        raise Blocked(str(problem), cause=Cause.LOGIN) from None
    except OSError as lack:
        raise Transient(f"the {what} cannot be read now: {lack.strerror}") from None
    if stored is None:
        said = f"{deps.account} has no {what}: artui login {deps.account}, or 5 in the console"
        if deps.vault.keyring_complaint:
            said = deps.vault.signed_out(deps.account)
        raise Blocked(said, cause=Cause.LOGIN)
    return stored.secret


class SignedIn:
    """One account's access tokens as its requests need them.

    Every method raises :class:`Blocked` where only a new sign-in helps, and :class:`Transient` where no token can be
    had now.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens
        self._was_refused = False

    async def token(self, needed_for: float = 0, *, instead_of: Secret | None = None) -> Secret:
        """An access token good for ``needed_for`` seconds, or one in place of another that the service refused."""
        with _told():
            if instead_of is not None:
                return await self._tokens.rejected(instead_of)
            return await self._tokens.get(needed_for)

    async def is_another(self) -> bool:
        """Whether somebody signed in anew since the last access token was got, which is then no longer used."""
        with _told():
            return await self._tokens.is_another()

    async def ask(
        self, request: HttpRequest, send: Callable[[HttpRequest], Awaitable[Answer]], needed_for: float = 0, *,
        is_bought: bool = False,
    ) -> Answer:  # fmt: skip
        """Send a request that may be sent again: once more with a new token where the first is refused.

        What ``is_bought`` is asked for with the last token where no new one is to be had. Raises what any other refusal
        is.
        """
        answer = await self.ask_about(request, send, needed_for, is_bought=is_bought)
        if answer.status >= 400:
            raise answer.refusal()
        return answer

    async def ask_about(
        self, request: HttpRequest, send: Callable[[HttpRequest], Awaitable[Answer]], needed_for: float = 0, *,
        is_bought: bool = False,
    ) -> Answer:  # fmt: skip
        """As :meth:`ask`, but return every refusal other than of the token."""
        try:
            token = await self.token(needed_for)
        except Blocked:
            if not is_bought or (last := self._tokens.last) is None:
                raise
            token = last  # it may still be good: a result is worth the try
        answer = await send(signed(request, token))
        # Once: a token that is refused fresh is not what is wrong.
        if answer.status == 401:
            answer = await send(signed(request, await self.token(instead_of=token)))
        if answer.status == 401:
            raise _not_accepted(answer)
        return answer

    async def renew_after(self, token: Secret, answer: Answer) -> None:
        """Renew the token that a paid request was refused for; the second time in a row it is not the token."""
        if self._was_refused:
            raise _not_accepted(answer)
        self._was_refused = True
        with suppress(Transient):  # the next request asks for one again
            await self.token(instead_of=token)

    def accepted(self) -> None:
        """Note that a paid request was not refused for its token."""
        self._was_refused = False


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong with a sign-in, as an error of the service."""
    try:
        yield
    except NoRoomForKey as full:
        raise Transient(str(full), reached=False) from None
    except (SignedOut, CredentialProblem) as problem:
        raise Blocked(str(problem), cause=Cause.LOGIN) from None
    except TimeoutError as busy:
        raise Transient(str(busy)) from None
    except OSError as lack:
        raise Transient(f"the sign-in cannot be read now: {lack.strerror}") from None


def signed(request: HttpRequest, token: Secret) -> HttpRequest:
    """The request with an access token."""
    return replace(request, secrets={"Authorization": Secret(f"Bearer {token.reveal()}")})


def _not_accepted(answer: Answer) -> Blocked:
    return Blocked(f"{answer.about}: the sign-in is not accepted: sign in again", cause=Cause.LOGIN)
