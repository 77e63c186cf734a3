"""The sentences of the command line about jobs: what there is to do about one, and what a decision does to it."""

from __future__ import annotations

from collections.abc import Mapping

from artui.core.actions import Effect
from artui.model.capabilities import Clears
from artui.model.holds import CapKind, PauseOf
from artui.model.states import Reason, Status

_OF_ACCOUNT = "it goes on by itself when the cap has room; raise the cap in config.toml to have it sooner"
_OF_RULE = "it goes on by itself when the cap has room; `artui allow RULE N` gives its rule N more until midnight"

PAUSES: Mapping[PauseOf, str] = {
    PauseOf.ACCOUNT: "`artui resume -a {account}` goes on",
    PauseOf.RULE: "`artui resume --rule RULE` goes on, with the name of its rule",
}
"""What to do about a paused job, where it is known what was paused."""

HELD: Mapping[Reason, str] = {
    Reason.IN_DOUBT: "{where}, then `artui resolve {id}` with --adopt ID, --again or --give-up",
    Reason.CAP: _OF_ACCOUNT,
    Reason.SAMPLE: "look at the first results, then `artui approve {batch}`",
    Reason.CREDITS: "top up at the service; it goes on by itself within minutes, or by `artui resume -a {account}`"
    " where the service does not tell its balance",
    Reason.PAYMENT: "top up at the service; it goes on by itself where the service tells its balance, and"
    " `artui retry {id}` asks at once",
    Reason.LOGIN: "`artui login {account}` signs in again; then it goes on by itself",
    Reason.QUOTA: "the service allows no more now; it goes on by itself when it does",
    Reason.PLACES: "look at those that are held at the service (`artui jobs --status held`); it goes on by itself once"
    " one of them has moved on",
    Reason.PRICE: "`artui retry {id}` shows the new price and asks, `artui cancel {id}` leaves it",
    Reason.PAUSED: PAUSES[PauseOf.ACCOUNT],
    Reason.OVERDUE: "nothing, it is still looked at: execution {execution} at the service",
    Reason.GONE: "{where} (execution {execution}); `artui retry {id}` asks for it once more, free;"
    " `artui redo {id}` buys it anew, which costs once more",
    Reason.OUTPUT: "make {folder} a folder that can be written; it goes on by itself",
    Reason.METADATA: "install exiftool: it goes on by itself; `artui cancel {id}` leaves it",
    Reason.DISK_FULL: "make room on the disk; it goes on by itself",
    Reason.ACCOUNT: "set {account} back as it was (config.toml, or `artui login {account}`): it goes on by itself;"
    " `artui cancel {id}` leaves it",
    Reason.REJECTED: "{where}; then `artui retry {id}` shows what sending it may cost and asks, `artui cancel {id}`"
    " leaves it",
    Reason.DAMAGED: "`artui retry {id}` fetches the result again, free; `artui resolve {id}` with --take saves it as it"
    " comes, with --give-up leaves it, with --take-all saves all of its account where no digest was ever right",
    Reason.TROUBLE: "`artui retry {id}` tries it once more, nothing is paid twice; if it never gets past where others"
    " do, ask the service, or `artui cancel {id}` leaves it",
    Reason.ERROR: "`artui retry {id}` tries again; the engine's log says what happened",
    Reason.RECOVERED: "{where}; then `artui retry {id}` shows what sending it may cost and asks,"
    " `artui cancel {id}` leaves it",
    Reason.TWIN: "decide about job {twin_of} first: `artui job {twin_of}`; where that has ended,"
    " `artui redo {twin_of}` buys it anew for both; `artui cancel {id}` leaves it",
}
"""What to do about a job that is held, by its reason."""

NOT_ALL_THERE = (
    "nothing, it is still looked at; `artui retry {id}` takes what there is of its results (free);"
    " at the service it is execution {execution}"
)

WHERE: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "look for it in the web app",
    Clears.BY_SENDING: "see at the service whether a credit was taken for it, for it has no list of jobs",
    Clears.BY_ASKING: "look for it in the log of jobs in the portal",
}
"""Where a person sees what became of a paid request."""

LOOKING: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "nothing, artui looks it up at the service before anything is sent again",
    Clears.BY_SENDING: "nothing, it cannot be looked up: the same request is sent again under its key, which the"
    " service promises to carry out once, at most twice; then you are asked",
    Clears.BY_ASKING: "nothing yet, it cannot be looked up: you are asked in a moment; nothing is sent again before",
}
"""What is done about a lost answer."""

CAPS: Mapping[CapKind, str] = {
    CapKind.RUN: _OF_ACCOUNT,
    CapKind.DAY: _OF_ACCOUNT,
    CapKind.MONTH: _OF_ACCOUNT,
    CapKind.BATCH: "only you can raise it: `artui allow {batch} N --batch` lets it spend N more,"
    " `artui cancel --batch {batch}` leaves the rest",
    CapKind.RULE: _OF_RULE,
    CapKind.RULE_DAY: _OF_RULE,
    CapKind.RULE_MONTH: _OF_RULE,
}
"""What to do about a job that waits for a cap, where it is known which."""

OTHERS: Mapping[Status, str] = {
    Status.READY: "nothing, its turn comes",
    Status.RUNNING: "nothing, it is worked on",
    Status.WAITING: "nothing, it goes on by itself",
    Status.DONE: "nothing, it is saved; `artui fetch {id}` gets a deleted result again, free, `artui redo {id}` buys it"
    " anew",
    Status.SKIPPED: "nothing, it has the result of job {twin_of}; `artui fetch {id}` gets a deleted copy again, free",
    Status.CANCELLED: "nothing, it was not paid; `artui retry {id}` sends it after all",
}
"""What there is to say of a job that nothing need be done about."""

PUT_AWAY = "nothing, it was rejected; `artui redo {id}` buys it anew, `artui reject --undo {id}` takes that back"
"""What there is to say of a job whose result was rejected."""

NOT_COPIED = "nothing, its picture was bought with job {twin_of}; `artui redo {id}` buys it anew"
"""What there is to say of a job whose picture was bought before, and that gets no copy of its result."""

FAILED: Mapping[Reason, str] = {
    Reason.FAILED: "`artui retry {id}` asks the service again, and shows first what that may cost",
    Reason.REJECTED: "`artui retry {id}` sends it again, and shows first what that may cost",
}
"""What to do about a job that the service has ended; one that was given up counts as sent before."""

BROKEN = "copy the file here again, then `artui retry {id}`; nothing was paid"
"""What to do about a job that failed for its file."""

SAYS: Mapping[Effect, str] = {
    Effect.FETCH: "its result is fetched (free)",
    Effect.LOOK: "looked at again at the service (free)",
    Effect.TAKE_PARTIAL: "looked at again, and what there is of its results then is saved (free)",
    Effect.GO_ON: "goes on where it stopped, at the price agreed to when it was queued ({about})",
    Effect.SEND: "checked and sent again",
    Effect.SEND_AGAIN: "sent; it may have been paid before, and is then paid twice",
    Effect.CONTINUE: "the service is asked to go on with it",
    Effect.RERUN: "the service is asked again",
    Effect.CANCEL: "cancelled, nothing is paid (free)",
    Effect.CANCEL_SPENT: "cancelled, not sent again; what was sent before counts as spent ({about})",
    Effect.CANCEL_UNLESS_SENT: "cancelled unless it is being sent right now, which costs {about}",
    Effect.CANCEL_UNCLEAR: "not sent again, but may have been sent: artui finds out, and what came of it is followed"
    " (spent until then: {about})",
    Effect.TAKE_BACK: "the retry that is not sent yet is taken back; what was sent before is followed (spent: {about})",
    Effect.KEEP_RESULT: "already sent, the service cannot stop it: its result is saved when it comes (spent: {about})",
    Effect.LEAVE_RESULT: "already sent, the service cannot stop it: its result is not saved (spent: {about})",
    Effect.FOLLOW: "followed as execution {execution} (free)",
    Effect.SPEND: "given up; it counts as spent ({about})",
    Effect.FORGO: "its result is not saved; what it cost stays spent ({about})",
    Effect.TAKE: "its result is fetched and saved as it comes, whole or not (free)",
    Effect.TAKE_ALL: "this and all later results of its account are saved whatever digest the service states, if they"
    " are whole (free)",
}
"""What each effect is in words; ``about`` is the money it is about."""
