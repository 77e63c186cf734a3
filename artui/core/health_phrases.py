"""What is wrong in a sentence each, and what to do about it, for whoever tells people of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from artui.config.hours import DAYS
from artui.core.health import Code, Condition
from artui.model.states import worded

SENTENCES: Mapping[Code, str] = {
    Code.CONFIG: "The settings cannot be read{why}; the last good ones hold.",
    Code.ENGINE_SILENT: "The engine has been silent{since}: suspended, or its disk is stuck.",
    Code.ENGINE_ABSENT: "Work waits and no engine runs: `artui wait` starts one.",
    Code.WATCH_ENDED: "Watching has ended{since}, and {folders} written down: `artui watch` goes on.",
    Code.WATCH_KILLED: "Watching on {subject} was killed{since} and goes on; nothing is lost.",
    Code.NOT_WATCHED: "{folders} written down and not watched: `artui watch` begins.",
    Code.OFFLINE: "{subject} is offline{since}{why}.",
    Code.FOREIGN: "{subject} is another artui's{since}{why}.",
    Code.RULE_HELD: "{subject} waits for your yes{since}{why}: `artui resume --rule {subject}`.",
    Code.RULE_WAITS: "{subject} waits for its service{since}{why}.",
    Code.PAUSED: "{subject} is paused: `artui resume {option} {subject}` goes on.",
    Code.UNREADABLE: "{subject}: {files} cannot be read ({names}).",
    Code.INOTIFY: "{subject} is not told of changes{why}.",
    Code.LEFT: "{subject}: {files} left where they lie, {what} ({names}).",
    Code.NEEDS_YOU: "{subject}: {jobs} you: `artui jobs` lists them.",
    Code.NOT_DELIVERED: "{subject}: {results} not delivered{since}: `artui deliver --failed` tries again.",
    Code.SIGN_IN: "{subject} must be signed in again: `artui login {subject}`.",
    Code.ACCOUNT_HELD: "{subject} is held: {held}{why}.",
    Code.SERVICE_AWAY: "{subject} does not answer{since}{why}.",
    Code.DISK: "The disk of {subject} is {used} % full, {room} MB are free.",
    Code.CAP: "{subject}: {level} % of the cap ({cap}) are reached, {spent:,} of {limit:,}.",
    Code.CREDITS_LOW: "{subject} has {left:,} credits left{lasts}; `low` is {low:,}.",
    Code.BATCH_DONE: "{name}: {saved:,} saved, {ended:,} ended without a result, {needing:,} need you.",
    Code.SUMMARY: "The last day: {saved:,} saved, {failed:,} failed, {wrong}. Spent today: {money}.",
}
"""One sentence for each code: what is wrong and, where something can be done about it here, what to do."""


def sentence(condition: Condition, zone: dt.tzinfo) -> str:
    """The condition for a person, in plain text that is not sanitized yet; times in the operator's ``zone``."""
    facts, count, message = condition.facts, condition.count, condition.facts.get("message", "")
    words = {
        "since": "" if condition.since is None else f" since {moment(condition.since, zone)}",
        "why": f" ({message})" if message else "",
        "folders": f"{count:,} folders are" if count > 1 else f"{condition.subject or '1 folder'} is",
        "files": "1 file" if count == 1 else f"{count:,} files",
        "results": "1 result was" if count == 1 else f"{count:,} results were",
        "jobs": "1 job needs" if count == 1 else f"{count:,} jobs need",
        "option": "--rule" if facts.get("what") == "rule" else "-a",
        "held": worded(str(facts.get("reason", ""))),
        "room": f"{int(facts.get('free', 0)) // 10**6:,}",
        "lasts": f", which last {facts['days']:,} days at the last pace" if "days" in facts else "",
    }
    if condition.code is Code.SUMMARY:
        wrong, today = facts["wrong"], facts["today"]
        words["wrong"] = f"{wrong:,} things are wrong (`artui status --check`)" if wrong else "all is well"
        words["money"] = ", ".join(f"{name} {amount:,}" for name, amount in today.items()) or "nothing"
    return SENTENCES[condition.code].format(subject=condition.subject, **{**facts, **words})


def opening(at: float, zone: dt.tzinfo) -> str:
    """When hours begin, for a person: the hour where it is today's, else with its day of the week, as hours are
    written; ``at`` in epoch seconds."""
    then, today = dt.datetime.fromtimestamp(at, zone), dt.datetime.now(zone).date()
    if today < then.date() <= today + dt.timedelta(days=6):
        return f"{DAYS[then.weekday()]} {then:%H:%M}"
    return moment(at, zone)


def moment(at: float, zone: dt.tzinfo) -> str:
    """A time for a person: the hour where it is today's, else with its day; ``at`` in epoch seconds."""
    then = dt.datetime.fromtimestamp(at, zone)
    return f"{then:%H:%M}" if then.date() == dt.datetime.now(zone).date() else f"{then:%d %b %H:%M}"
