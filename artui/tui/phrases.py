"""What the console says of jobs, accounts and rules: cells of a table, sentences, and what a decision does.

Sentences are filled by ``advice``, ``acting`` and ``watches.standing``.
"""

from __future__ import annotations

from collections.abc import Mapping

from artui.core.actions import Effect, Refusal
from artui.files import PhotoFault
from artui.journal.rules import RuleState
from artui.model.capabilities import Clears
from artui.model.holds import CapKind
from artui.model.states import Reason, Status
from artui.model.watching import RuleCause, Skip

# ------------------------------------------------------------------------------------------------------------ cells

CELLS: Mapping[Reason, str] = {
    Reason.IN_DOUBT: "in doubt: paid or not?",
    Reason.CAP: "waits: cap reached",
    Reason.CREDITS: "waits for credits",
    Reason.SAMPLE: "waits for your yes",
    Reason.PAYMENT: "stopped: credits missing",
    Reason.LOGIN: "waits: signed out",
    Reason.QUOTA: "waits: quota reached",
    Reason.PLACES: "waits: places taken",
    Reason.PRICE: "price changed, not sent",
    Reason.PAUSED: "paused",
    Reason.OVERDUE: "overdue at the service",
    Reason.GONE: "gone at the service",
    Reason.OUTPUT: "output folder unusable",
    Reason.METADATA: "exiftool cannot be used",
    Reason.DISK_FULL: "waits: disk full",
    Reason.ACCOUNT: "account has changed",
    Reason.DAMAGED: "result came damaged",
    Reason.TROUBLE: "trouble at the service",
    Reason.ERROR: "unexpected error",
    Reason.TWIN: "waits for the same photo",
    Reason.REJECTED: "turned away too often",
    Reason.RECOVERED: "may have been paid before",
}
"""Why a job is held, in a few cells."""

WAITING_CELLS: Mapping[Reason, str] = {
    Reason.IN_QA: "in QA, a person checks it",
    Reason.TRY_AGAIN: "will try again",
    Reason.LOOKING: "finding out: paid or not?",
    Reason.TWIN: "same photo, waits, not paid",
    Reason.DISK_FULL: "waits: disk full",
    Reason.HOURS: "outside its hours",
}
"""What a job waits for, in a few cells."""

FAILED_CELLS: Mapping[Reason, str] = {
    Reason.FAILED: "failed at the service",
    Reason.REJECTED: "refused by the service",
    Reason.GIVEN_UP: "given up",
}
"""Why a job has failed, in a few cells, where it was not for its file."""

BRIEF_CELLS: Mapping[Reason, str] = {
    Reason.TRY_AGAIN: "will try again",
    Reason.LOOKING: "looking it up",
    Reason.TWIN: "same photo",
    Reason.CAP: "cap reached",
    Reason.CREDITS: "no credits",
    Reason.PAYMENT: "no credits",
    Reason.LOGIN: "signed out",
    Reason.SAMPLE: "your yes?",
    Reason.ACCOUNT: "other account",
    Reason.DAMAGED: "came damaged",
    Reason.TROUBLE: "trouble",
    Reason.ERROR: "error",
    Reason.RECOVERED: "paid before?",
    Reason.FAILED: "failed",
    Reason.REJECTED: "refused",
}
"""A reason in at most 14 cells, where its own word is no such."""

ACCOUNT_CELLS: Mapping[Reason, str] = {
    Reason.LOGIN: "signed out",
    Reason.CREDITS: "needs credits",
    Reason.QUOTA: "quota reached",
    Reason.PLACES: "places taken",
    Reason.PAUSED: "paused",
}
"""What holds an account as a whole, in a few cells."""

RULE_CELLS: Mapping[RuleState, str] = {
    RuleState.NEW: "first look",
    RuleState.FOREIGN: "another's folder",
    RuleState.WAITS: "waits for the price",
    RuleState.HELD: "held: needs your yes",
}
"""How a rule stands that is watched and not at work, in a few cells."""

SINCE: Mapping[Reason, str] = {
    Reason.IN_DOUBT: "in doubt",
    Reason.CREDITS: "wait for credits",
    Reason.CAP: "wait for the cap",
    Reason.PAYMENT: "held: payment required",
    Reason.LOGIN: "held: signed out",
    Reason.QUOTA: "held: quota",
    Reason.PLACES: "held: places taken",
    Reason.PRICE: "held: price changed",
    Reason.PAUSED: "held: paused",
    Reason.SAMPLE: "held: sample",
    Reason.OVERDUE: "held: overdue",
    Reason.GONE: "held: gone",
    Reason.OUTPUT: "held: output folder",
    Reason.METADATA: "held: metadata",
    Reason.DISK_FULL: "held: disk full",
    Reason.ACCOUNT: "held: account changed",
    Reason.DAMAGED: "held: result damaged",
    Reason.TROUBLE: "held: trouble at the service",
    Reason.ERROR: "held: unexpected error",
    Reason.RECOVERED: "held: may have been paid before",
    Reason.TWIN: "held: same photo as another job",
    Reason.REJECTED: "held: refused by the service",
}
"""How many are held for what, in the line at opening."""

# -------------------------------------------------------------------------------------------------------- sentences

_WITH_ROOM, _TOMORROW = "It goes on by itself when it has room.", "It goes on by itself at 00:00."
CAPS: Mapping[CapKind, str] = {
    CapKind.RUN: "Only you can raise it: caps.run of the account, in config.toml; or x cancels.",
    CapKind.DAY: _TOMORROW,
    CapKind.MONTH: _WITH_ROOM,
    CapKind.BATCH: _WITH_ROOM,
    CapKind.RULE: "Only you can raise it: 4, then + there; or e changes the rule.",
    CapKind.RULE_DAY: _TOMORROW,
    CapKind.RULE_MONTH: _WITH_ROOM,
}
"""When what waits for a cap goes on, where it is known for which."""

HELD: Mapping[Reason, str] = {
    Reason.IN_DOUBT: "{name} may have been paid ({price}): {said}. {Where}; then enter: give its id"
    " · send again ({price} more at worst) · give up.",
    Reason.CAP: "{said}. {wait}, and {need}. {goes_on}",
    Reason.SAMPLE: "Not sent before your yes: b shows the first results, and asks.",
    Reason.CREDITS: "{said}. {wait}. {Need}. Top up in the web app; artui goes on by itself within minutes (R looks"
    " now), or by P where the balance is not told.",
    Reason.PAYMENT: "The service stopped {name} for want of credits. Top up in the web app; artui goes on by itself"
    " where the balance is told (r asks at once).",
    Reason.LOGIN: "{account} is signed out: {said}. {sent}{here} Press 5, then s to sign in (over SSH too).",
    Reason.QUOTA: "{said}. {wait}; it goes on by itself (R looks now).",
    Reason.PLACES: "{said}. {wait}; it goes on by itself once one of those has moved on.",
    Reason.PRICE: "{said}. {name} waits, not sent at the new price. r shows the price and asks · x cancels.",
    Reason.PAUSED: "{said}. {wait}. P goes on.",
    Reason.OVERDUE: "{name} takes far longer than usual at the service. It is still looked at; nothing to do here.",
    Reason.GONE: "The service no longer knows {name} (execution {execution}). {Where}. r asks for it once more (free).",
    Reason.OUTPUT: "{name} waits: {said}. Make {folder} a folder that can be written; it goes on by itself.",
    Reason.METADATA: "{name} waits: {said}. It goes on by itself once exiftool is there.",
    Reason.DISK_FULL: "{name} waits: {said}. Make room; it is fetched by itself, nothing new is sent.",
    Reason.ACCOUNT: "{name} waits: {said}. Set the account back as it was and it goes on, or x cancels.",
    Reason.DAMAGED: "The result of {name} came damaged: {said}. r fetches it again (free); enter: take it as it is ·"
    " give up.",
    Reason.TROUBLE: "The service has trouble with {name}: {said}. r tries it once more · x cancels. If it never gets"
    " past where others do, ask the service.",
    Reason.ERROR: "{name} met an unexpected error: {said}. r tries again; the engine's log says more.",
    Reason.RECOVERED: "{name} may have been paid before: {said}. {Where}; then r sends it ({price} more at"
    " worst) · x cancels.",
    Reason.REJECTED: "{name} waits: {said}. {Where}; then r sends it ({price} more at worst) · x cancels.",
    Reason.TWIN: "{name} is the same photo as job {twin}, which needs a decision first.",
}
BATCH_CAP = "This batch has reached its cap. {wait}, and {need}. Only you can raise it: + does · x cancels."
NOT_ALL_THERE = (
    "{name}: {said}. It is still looked at. r takes what there is (free). At the service it is execution {execution}."
)
WHERE: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "Look for it in the web app",
    Clears.BY_SENDING: "See at the service whether a credit was taken for it",
    Clears.BY_ASKING: "Look for it in the portal's log of jobs",
}
LOOKING: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "Nothing: artui finds out before anything is paid again.",
    Clears.BY_SENDING: "Nothing: the same request is sent again under its key, which the service promises to carry out"
    " once, at most twice; then you are asked.",
    Clears.BY_ASKING: "Nothing yet: the service cannot be searched, so you are asked in a moment.",
}
FAILED: Mapping[Reason, str] = {
    Reason.FAILED: "The service failed on {name}: {said}{charged}. r asks it again (up to {price}) · W another"
    " workflow · d put aside.",
    Reason.REJECTED: "The service refused {name}: {said}. {Paid}. r sends it again ({price}) · d put aside.",
    Reason.GIVEN_UP: "{name} was given up and counts as spent ({price}).",
}
BROKEN = "{name}: {said}. Not sent, {paid}. Copy it here again, then r · d put aside."
SPENT = "what was sent before counts as spent"

RUNS_ONCE = "The service failed on {name}: {said}{charged}. It cannot run it again: W sends it anew · d put aside."

OTHERS: Mapping[Status, str] = {
    Status.READY: "Nothing: its turn comes.",
    Status.RUNNING: "Nothing: it is worked on.",
    Status.WAITING: "Nothing: it goes on by itself.",
    Status.DONE: "Nothing: it is saved.",
    Status.SKIPPED: "Nothing: it has the result of job {twin}, and was not paid.",
    Status.CANCELLED: "Nothing: it was not paid. r sends it after all.",
}

_AS_SAID = "{said}"
RULE_OFFLINE: Mapping[RuleCause, str] = {
    RuleCause.MISSING: "not mounted, renamed or deleted",
    RuleCause.NOT_A_FOLDER: _AS_SAID,
    RuleCause.UNREADABLE: _AS_SAID,
    RuleCause.NO_MARKER: _AS_SAID,
    RuleCause.NO_ANSWER: _AS_SAID,
    RuleCause.NOT_WRITABLE: _AS_SAID,
    RuleCause.ANOTHER_FOLDER: _AS_SAID,
    RuleCause.BUSY: _AS_SAID,
    RuleCause.LOCK_UNUSABLE: _AS_SAID,
    RuleCause.OUTPUT_INSIDE: _AS_SAID,
    RuleCause.OUTPUT_UNMOUNTED: _AS_SAID,
}
"""Why a folder is offline, beside the folder's name and since when it is."""

RULE_STOPPED: Mapping[Reason, str] = {
    Reason.CAP: "A cap holds {photos} ({need}); + allows more today only.",
    Reason.LOGIN: "{account} is signed out. {photos} {wait} here. Press 5, then s to sign in (over SSH too).",
    Reason.CREDITS: "{account} needs credits: {photos} {wait}, {need}. Top up in the web app; artui goes on by itself,"
    " or by P where the balance is not told.",
    Reason.QUOTA: "The service's quota is reached: {photos} {wait}; artui goes on by itself.",
    Reason.PLACES: "Executions that need you keep every place at {account}: {photos} {wait}. n shows the next of them.",
    Reason.SAMPLE: "The first results are there; {photos} {wait} ({need}). enter on the rule shows what a yes costs.",
    Reason.PRICE: "The price has changed: {photos} {wait}, not sent at the new price. 1 shows them, r asks.",
}
"""What stops a whole rule, and what to do about it."""

UNTIL: Mapping[CapKind, str] = {
    CapKind.RUN: "",
    CapKind.BATCH: "",
    CapKind.RULE: "",
    CapKind.DAY: " until 00:00",
    CapKind.RULE_DAY: " until 00:00",
    CapKind.MONTH: " until the month is over",
    CapKind.RULE_MONTH: " until the month is over",
}
"""Until when a cap holds what waits for it, where that is told."""

# -------------------------------------------------------------------------------------------------------- decisions

SAYS: Mapping[Effect, str] = {
    Effect.FETCH: "fetch the result (free)",
    Effect.LOOK: "look again (free)",
    Effect.TAKE_PARTIAL: "look again, and take what there is then (free)",
    Effect.GO_ON: "go on; the price was agreed when it was queued ({amount})",
    Effect.SEND_AGAIN: "send it ({price}); it may have been paid before, and is then paid twice",
    Effect.CONTINUE: "ask the service to go on (may charge up to {price})",
    Effect.RERUN: "ask the service again (may charge up to {price})",
    Effect.CANCEL: "cancel, nothing is paid",
    Effect.CANCEL_SPENT: "cancel, not sent again; what was sent before counts as spent",
    Effect.CANCEL_UNLESS_SENT: "cancel unless it is being sent right now",
    Effect.CANCEL_UNCLEAR: "not sent again, but it may have been sent: artui finds out",
    Effect.TAKE_BACK: "the retry is taken back; what was sent before is followed",
    Effect.KEEP_RESULT: "already sent, the service cannot stop it",
    Effect.LEAVE_RESULT: "already sent, the service cannot stop it: not saved",
    Effect.FOLLOW: "follow it (free)",
    Effect.SPEND: "give up: it counts as spent ({amount})",
    Effect.FORGO: "give up: its result is not saved, what it cost stays spent ({amount})",
    Effect.TAKE: "save its result as it comes, whole or not (free)",
    Effect.TAKE_ALL: "save the results of its account whatever digest the service states (free)",
}
"""What each effect is in words; sending from the start has words of its own."""

SKIPPED: Mapping[Refusal, str] = {
    Refusal.FINISHED: "finished already",
    Refusal.UNDER_WAY: "nothing to retry",
    Refusal.IN_DOUBT: "in doubt: each needs its own decision (enter)",
    Refusal.NOT_IN_DOUBT: "not in doubt",
    Refusal.NOT_DAMAGED: "no damaged result",
    Refusal.DIGESTS_HOLD: "other results of its account came as stated",
    Refusal.TWIN: "same photo as another job, which needs a decision",
    Refusal.MAY_BE_PAID: "given up, may have been paid",
    Refusal.NO_RERUN: "the service cannot run it again: W sends it anew",
    Refusal.PRICE_UNKNOWN: "the new price is not known here: W sends it anew",
    Refusal.BOUGHT_ELSEWHERE: "another job buys the same photo at the new price",
    Refusal.NEEDS_APPROVAL: "waits for your yes to the first results (b)",
    Refusal.PAUSED: "waits for a pause to end, which no retry does",
    Refusal.WITHOUT_PHOTO: "found at the service: fetched when its photo turns up",
    Refusal.IN_PLACE: "being put in place already",
    Refusal.NOTHING_HELD: "nothing waits for a yes",
    Refusal.NOT_SAVED: "no saved result",
    Refusal.NEVER_BOUGHT: "never bought",
    Refusal.ON_DISK: "its result lies where it was saved",
    Refusal.PUT_AWAY: "its result was rejected",
    Refusal.DECIDED: "decided so already",
    Refusal.UNDECIDED: "nothing to take back",
    Refusal.DECIDED_MEANWHILE: "decided by somebody else meanwhile",
    Refusal.PAST_QUEUE: "waits for no turn any more",
}
"""Why each refusal leaves a job alone."""

# ---------------------------------------------------------------------------------------------- files not taken

WAITING_FILES: Mapping[Skip, str] = {
    Skip.GROWING: "still growing",
    Skip.NOT_WHOLE: "not whole yet",
    Skip.RULE_WAITS: "wait in the folder",
}
"""Which files only wait to be taken, after their number."""

GOOD_COPY = "Put a good copy into the folder; artui takes it by itself."
TRY_AGAIN = "enter shows them; in a job's details r tries again."
SKIPPED_FILES: Mapping[str, tuple[str, str]] = {
    Skip.GROWING: ("still growing", "Nothing to do: each is taken once it is whole and has not changed for a while."),
    Skip.NOT_WHOLE: ("not whole yet", "Nothing to do: each is taken once it is whole. `artui why FILE` tells of any."),
    Skip.RULE_WAITS: ("wait for the rule", "Nothing is lost: they are taken as soon as the rule goes on."),
    Skip.PATTERN: ("pattern", "The patterns of the rule leave them out; e shows them. `artui why FILE` tells of any."),
    Skip.BEFORE_THE_RULE: (
        "here before the rule",
        "They are left alone, as the rule says. 2 sends such photos: mark them there.",
    ),
    Skip.OURS: ("done or failed", "What lies in done/ and failed/ was dealt with, and is never taken."),
    Skip.NOT_REGULAR: ("no regular file", "Links, pipes and devices are never taken: put the photo itself here."),
    Skip.UNREADABLE: (
        "not readable by this user",
        "Give the user that runs artui the right to read them; they are then taken.",
    ),
    Skip.IN_CLOUD: (
        "in iCloud",
        "Their bytes are not on this Mac: have the Finder download them; they are then taken.",
    ),
    Skip.LOOP: ("result would come back", "The output lies in the watched folder: change the output of the rule."),
    PhotoFault.NOT_A_PHOTO: (
        "no photo",
        "Not a photo, whatever the name says. Take it out, or leave it: it costs nothing.",
    ),
    PhotoFault.UNSUPPORTED: ("kind not taken", "The service takes other kinds. Convert it, then put it here."),
    PhotoFault.EMPTY: ("empty", GOOD_COPY),
    PhotoFault.TRUNCATED: ("cut off", GOOD_COPY),
    PhotoFault.DAMAGED: ("damaged", GOOD_COPY),
    PhotoFault.SUSPECT: (
        "suspect",
        "They may not be whole. Look at them; `artui submit --suspect FILE` sends one all the same.",
    ),
    Skip.ONLY_METADATA: (
        "only its metadata changed",
        "Bought before, and not paid again; they have their results. `artui redo FILE` buys one anew.",
    ),
    PhotoFault.ARCHIVE: (
        "archive, left alone",
        "Unpack it here; `artui why FILE` tells whether the service takes such whole.",
    ),
    PhotoFault.BAD_ARCHIVE: (
        "archive not as needed",
        "Pack it anew: photos alone, without folders and passwords.",
    ),
    PhotoFault.TOO_LARGE: ("too large", "Make it smaller, then put it here again."),
    PhotoFault.TOO_MANY_PIXELS: ("too many pixels", "Make it smaller, then put it here again."),
    PhotoFault.NAME_TOO_LONG: ("path too long", "Move the folder further up, or give a shorter name."),
    Skip.RESULT: (
        "artui's own result",
        "Saved by artui itself, so a rule never takes it. `artui submit FILE` sends it.",
    ),
    PhotoFault.NOT_REGULAR: ("not-regular", TRY_AGAIN),
    PhotoFault.UNREADABLE: ("unreadable", TRY_AGAIN),
    PhotoFault.IN_CLOUD: ("in iCloud", TRY_AGAIN),
    PhotoFault.CHANGED: ("changed", TRY_AGAIN),
    PhotoFault.GONE: ("gone", TRY_AGAIN),
}
"""Why files of a watched folder were not taken: in a few cells, and what to do about it."""
