"""What each command does, in one sentence: the help lists them without loading the commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SUMMARIES: Final[Mapping[str, str]] = {
    "login": "Sign an account in: shows a code to confirm on any device, or takes a key, and keeps it.",
    "logout": "Sign an account out: the service no longer accepts its key, and it is forgotten here.",
    "accounts": "Show the accounts: who pays, where each key is kept, caps, and what holds them.",
    "balance": "Ask the service how many credits are left.",
    "workflows": "List the saved workflows with their prices, or show one with its steps and their settings.",
    "executions": "List past executions at the service, those of artui marked, or fetch the result of one.",
    "rate": "Tell the service whether the result of a job is liked, where it takes that.",
    "submit": "Send photos, or folders of them, through one or several workflows.",
    "redo": "Buy a photo anew that was bought before.",
    "jobs": "List the jobs, all or those that are asked for.",
    "job": "Show all about one job: what it is, what happened, what was paid, what to do now.",
    "first": (
        "Put jobs before all others that wait to be sent. Costs nothing; changes nothing about what is sent already."
    ),
    "why": (
        "Say what became of a file: what its folder's rule says to it, every job made from it, or why there is none."
    ),
    "wait": "Follow the jobs until each is saved, failed or held.",
    "costs": "Show what was paid: quoted, charged, the difference, and what came to nothing.",
    "audit": "Compare what the services list with the journal: every execution of artui's, and what it was charged.",
    "verify": (
        "Read the saved results again, all or those that were saved at or below a PATH or were moved there, "
        "and name those that are missing, changed or moved."
    ),
    "reject": (
        "Reject saved results, with a reason: their files move to rejected/ beside them. Nothing is paid by that."
    ),
    "keep": "Say that saved results are good; one that was rejected moves back.",
    "rejected": "List the rejected results: why, by whom, when, and where they lie now.",
    "sheet": (
        "Write a page that shows photos before and after, what each cost and what was decided, to be looked at "
        "anywhere."
    ),
    "retry": "Try again what failed or is held; shows first what that may cost.",
    "fetch": (
        "Get results again that were deleted, moved or changed, for nothing, while the service has "
        "them. Replaces no file."
    ),
    "cancel": (
        "Cancel jobs: what is not sent yet is never paid; what is sent is saved all the same, unless you say otherwise."
    ),
    "deliver": "Run after_saved with saved results, again where it was run before; costs nothing.",
    "resolve": (
        "Decide about a job that may have been paid, after a look in the service's web app, or about a result "
        "that came damaged: `artui retry` fetches it again."
    ),
    "approve": "Send the rest of a batch whose first results were waited for, or with --no cancel it.",
    "pause": (
        "Send nothing new of any account, or of the one named, until resumed; what is bought is fetched all the same."
    ),
    "resume": (
        "Go on after a pause with all accounts, or the one named; look again at what holds them, or say yes "
        "to what holds a rule."
    ),
    "allow": "Let a rule spend N more than its caps until midnight, or a batch N more than its own cap.",
    "watch": "Watch folders and send what lands in them: those of the settings, or FOLDER alone.",
    "status": "Show whether an engine runs, how the jobs stand, and what waits for you.",
    "stop": "End the engine in order: what runs reaches its next safe point, nothing new is begun.",
    "backup": "Write the journal and the settings to FILE, while everything goes on.",
    "restore": "Put a backup back, then see what was bought since it was made, as `artui recover` does.",
    "recover": "Make a journal that is missing, a copy or damaged usable again.",
    "config": "Show, check or begin the settings.",
    "notify": "Who is told when something needs a person; `[[notify]]` in config.toml sets it.",
    "metrics": "Print jobs, money, caps, balances and what is wrong as OpenMetrics text.",
    "doctor": "Check everything that costs nothing: sign-in, service, clock, folders, limits; and say what to do.",
    "trial": "Send one photo after a yes to its price, follow it, and say what it shows of the service.",
    "service": (
        "Watch the folders of the settings as a service, which starts with the machine and needs nobody logged in."
    ),
    "systemd-unit": "Print a systemd unit that runs `artui watch`, shaped after the rules there are now.",
    "completion": "Print what has a shell complete commands, options, accounts, workflows, batches and rules.",
    "help": "Explain a topic: exit-codes, environment, templates, ignore, keys, reasons, words; or a command.",
    "demo": "Show it all against a stand-in on this machine: no account, no costs.",
    "sim": "Serve a stand-in for the services on this machine, until TERM; prints one JSON line when it listens.",
}
"""The first sentence of each command's help, as ``tests/test_cli.py`` compares."""
