"""What ``--json`` prints of jobs: each field with what it means. Checked by mypy where the documents are made, and the
source of their pages; loaded by neither command that prints them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NotRequired, TypedDict

from artui.model.holds import CapKind
from artui.model.states import Kind, PurchaseState, Review, Stage, Status

Iso = Annotated[str, "the same in ISO 8601, in the zone of the settings"]
MaybeIso = Annotated[str | None, "the same in ISO 8601, in the zone of the settings"]


class JobDocument(TypedDict):
    """A job: one photo on its way through one workflow of one account."""

    id: Annotated[int, "its number"]
    source: Annotated[str, "the photo's path"]
    account: Annotated[str, "the account that pays"]
    workflow: Annotated[str, "the workflow's id"]
    workflow_name: Annotated[str, "its name"]
    version: Annotated[str, "its version as ordered"]
    batch: Annotated[str | None, "the id of its batch; null where it has none"]
    stage: Annotated[Stage, "how far it has come"]
    status: Annotated[Status, "what may happen now; the last four are final"]
    reason: Annotated[str, "why it waits, is held or failed: a stable word, below; empty where there is none"]
    reason_words: Annotated[str, "`reason` as a person reads it"]
    message: Annotated[str, "the same in a sentence"]
    quoted: Annotated[int | None, "the price it was queued at; null where it is not known"]
    charged: Annotated[int | None, "what the service charged; null while that is not known"]
    execution: Annotated[str, "its id at the service, empty before it is sent"]
    twin_of: Annotated[int | None, "the job with the same photo, or whose result it is; null where it has its own"]
    first: Annotated[bool, "whether a person has put it before all others that wait to be sent"]
    review: Annotated[str, "`kept`, `rejected`, or empty where nobody has decided about its result"]
    review_reason: Annotated[str, "why it was rejected"]
    outputs: Annotated[list[str], "the paths of its results, empty before it is final"]
    created_at: Annotated[float, "when it was queued"]
    created_at_iso: Iso
    finished_at: Annotated[float | None, "when it ended; null before it is final"]
    finished_at_iso: MaybeIso


class ResultDocument(TypedDict):
    """A result on disk."""

    path: Annotated[str, "where it was saved"]
    digest: Annotated[str | None, "SHA-256 of the file as saved"]
    digest_as_served: Annotated[str | None, "SHA-256 as the service sent it: without the metadata that was added"]


class EventDocument(TypedDict):
    """One thing that happened to a job."""

    seq: Annotated[int, "its number; they rise"]
    job: Annotated[int, "whose it is"]
    at: Annotated[float, "when"]
    at_iso: Iso
    what: Annotated[str, "a stable word, below"]
    stage: Annotated[Stage, "how far the job was then"]
    status: Annotated[Status, "how it stood then"]
    message: Annotated[str, "a sentence, or empty"]


class EventLine(EventDocument):
    """An event in a stream."""

    source: Annotated[str, "the photo's path"]
    rule: NotRequired[Annotated[str, "from `watch`: the id of its rule, empty where a person sent it"]]


class DecisionDocument(TypedDict):
    """What a person decided about a result."""

    job: Annotated[int, "whose it is"]
    at: Annotated[float, "when"]
    at_iso: Iso
    who: Annotated[str, "by whom"]
    decision: Annotated[Review, "what was decided"]
    reason: Annotated[str, "why it was rejected; else empty"]


class PurchaseDocument(TypedDict):
    """One paid request."""

    key: Annotated[str, "what it is known by at the service"]
    job: Annotated[int, "whose it is"]
    number: Annotated[int, "which of the job's it is, from 1"]
    kind: Annotated[Kind, "what was asked for"]
    account: Annotated[str, "the account that paid"]
    payer: Annotated[str, "who pays, as the service tells customers apart"]
    endpoint: Annotated[str, "the service's address"]
    organization: Annotated[str, "the organization that pays; empty where there is none"]
    workflow: Annotated[str, "the workflow's id"]
    version: Annotated[str, "its version"]
    reference: Annotated[str, "what the upload is called at the service"]
    reserved: Annotated[int, "what the caps reserve for it"]
    charged: Annotated[int | None, "what the service charged; null while that is not known"]
    state: Annotated[PurchaseState, "what is known of it"]
    execution: Annotated[str, "what came of it at the service; empty while nobody knows"]
    looks: Annotated[int, "how often it was looked for after a lost answer"]
    day: Annotated[str, "the day of the caps it counts in"]
    month: Annotated[str, "the month it counts in"]
    intended_at: Annotated[float, "when it was about to leave"]
    intended_at_iso: Iso
    repeats: Annotated[int, "how often it was sent again under its key"]
    digest: Annotated[str, "SHA-256 of the photo it was made for"]
    lookalikes: Annotated[list[str], "executions that the last look-up found for its photo without its label"]


class CapDocument(TypedDict):
    """A cap and what counts in it."""

    kind: Annotated[CapKind, "which cap it is"]
    owner: Annotated[str, "the account, or the id of the run, batch or rule"]
    name: Annotated[str, "what a person calls it"]
    limit: Annotated[int, "the most"]
    spent: Annotated[int, "spent or reserved"]
    reserved: Annotated[int | None, "of that not charged yet; null where that is not known"]
    room: Annotated[int, "what is left; below 0 where more was charged than was expected"]


EVENTS: Mapping[str, str] = {
    "added": "it was queued",
    "checked": "its photo was read and is whole",
    "a result": "its photo is a result of artui: nothing is sent",
    "twin": "another job buys the same photo: it waits for that one's result",
    "twin held": "the job that buys its photo is held",
    "twin ready": "the job that bought its photo is done: its copy is next",
    "sent instead": "it buys the photo, for the job that was to buy it cannot",
    "gave way": "another job buys the photo in its place",
    "taken": "the engine works on it",
    "uploaded": "its photo is at the service",
    "there already": "the service has the photo already: nothing was uploaded",
    "upload used": "a file that was at the service already is used",
    "upload gone": "what was uploaded is gone: it is uploaded again",
    "upload removed": "what was uploaded was deleted after the result was saved",
    "upload left": "what was uploaded could not be deleted",
    "intent": "its paid request is about to leave",
    "sent": "the service has taken it",
    "sent again": "the same request was sent again under its key, which is carried out once",
    "not taken yet": "the service has not taken the repeated request",
    "refused": "the service did not take it, and it cost nothing",
    "unclear": "the answer was lost: it may have been paid",
    "still unclear": "the answer is still not known",
    "looked for": "it was looked for at the service",
    "look-up unfinished": "the look-up did not reach its end",
    "not found yet": "it is not in the service's list so far",
    "proved absent": "it was certainly not carried out",
    "in doubt": "only a person can say whether it was paid",
    "bought before": "its photo may have been bought under another key of the same customer",
    "found": "an execution of this journal's was found at the service",
    "claimed": "a found execution belongs to its photo",
    "to be fetched": "the result of a found execution is wanted",
    "at the service": "its state at the service has changed",
    "payment required": "the service waits for credits",
    "charged": "the service has named its charge",
    "processed": "its result is ready at the service",
    "not all there": "some of its results are missing",
    "not understood": "an answer could not be read",
    "overdue": "it takes longer than anything before",
    "failed": "the service failed on it",
    "gone": "the service no longer knows it or its result",
    "fetched": "its result is on this machine",
    "digest differs": "a result is not what the service stated, and was taken all the same",
    "result damaged": "its result is not whole",
    "metadata": "metadata was written into its result",
    "no metadata": "metadata could not be written: the result is as the service sent it",
    "kept in the spool": "its folder cannot be written: the result is kept beside the journal",
    "saved": "its result has its name on disk",
    "delivered": "a copy of another job's result has its name on disk",
    "held": "it waits, see `reason`",
    "goes on": "what held it has ended",
    "trouble": "the service fails on it while others get past",
    "try again": "something failed in passing: it is tried again",
    "put off": "a service or a disk does not answer: it is tried again later",
    "put back": "it waits with its account",
    "unexpected error": "artui itself failed on it",
    "interrupted": "its engine ended in the middle: the next one goes on",
    "recovered": "the journal was recovered",
    "payers joined": "its payer is the same customer as another",
    "retry": "a person had it tried again",
    "fetch again": "a person wants its saved result once more",
    "not fetched": "its saved result cannot be had once more: it stays as it was",
    "kept": "a person says that its result is good",
    "rejected": "a person says that its result is not good",
    "taken back": "a person took back what was decided about its result",
    "moved": "the files of its result lie elsewhere by a decision",
    "put first": "a person put it before all others that wait",
    "put back in line": "a person gave it its own turn again",
    "retried": "the service was asked to go on with it",
    "retry lost": "that request was not carried out",
    "retry refused": "that request was turned away",
    "retry taken back": "a retry that was not sent yet was taken back",
    "send again": "a person had it sent once more",
    "adopted": "a person named its execution",
    "given up": "a person gave it up",
    "approved": "a person said yes to its batch's sample",
    "taken as it is": "a person takes its result however it comes",
    "cancel wish": "a person wants it cancelled",
    "cancelled": "it was cancelled",
    "rated": "a person said whether its result is liked",
}
"""Every ``what`` of an event, and what it says."""
