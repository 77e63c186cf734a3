"""What every command prints with ``--json``, field by field: mypy holds the commands to it, the suite what they print,
and ``docs/commands.md`` is made of it. No command loads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, NotRequired, TypedDict

from artui.core.health import Code
from artui.core.plan import Verdict
from artui.core.verify import Presence
from artui.core.workflow_changes import Aspect
from artui.credentials import KeyStore
from artui.doctor.finding import Area, Level
from artui.engine.anchor import Damage
from artui.files import PhotoFault
from artui.files.traits import Trait
from artui.journal.before import How
from artui.journal.rules import RuleState
from artui.model.commands import Command
from artui.model.documents import (
    CapDocument,
    DecisionDocument,
    EventDocument,
    EventLine,
    Iso,
    JobDocument,
    MaybeIso,
    PurchaseDocument,
    ResultDocument,
)
from artui.model.states import Delivery, Reason, Review, Status
from artui.providers.base import State
from artui.watch.folder import What
from artui.watch.why import FileVerdict

# ------------------------------------------------------------------------------------------------------------- errors


class ErrorFacts(TypedDict):
    """What went wrong."""

    code: Annotated[int, "the exit code"]
    message: Annotated[str, "what happened, in a sentence"]
    hint: Annotated[str, "what helps, or empty"]


class ErrorDocument(TypedDict):
    """Printed by any command that failed before it printed anything."""

    error: Annotated[ErrorFacts, "what went wrong"]


# --------------------------------------------------------------------------------------------------------------- jobs


class ListedJob(JobDocument):
    """A job of a list."""

    delivery: Annotated[Delivery | None, "how far the delivery of its results has come; null where none is set"]


class DeliveryDocument(TypedDict):
    """What is run with a job's results once they are saved."""

    command: Annotated[list[str], "the program and its arguments, with their placeholders"]
    wanted: Annotated[str, "when it is run: `saved`, or `kept` by a person first"]
    state: Annotated[Delivery, "how far it has come"]
    delivered: Annotated[int, "how many results were handed over"]
    attempts: Annotated[int, "vain tries"]
    due: Annotated[float | None, "when it is tried next; null where nothing is done by itself"]
    due_iso: MaybeIso
    output: Annotated[str, "the end of what the command said, or why it could not be run"]
    changed_at: Annotated[float, "since when it stands so"]
    changed_at_iso: Iso


class WholeJob(JobDocument):
    """A job with all that is known of it."""

    folder: Annotated[str, "the folder of its results"]
    stem: Annotated[str, "their name without a suffix"]
    size: Annotated[int, "bytes of the photo"]
    digest: Annotated[str, "SHA-256 of the photo; empty before it is checked"]
    metadata: Annotated[str, "what of its metadata results get: `none`, `keep-rights`, `keep`"]
    results: Annotated[list[ResultDocument], "its results"]
    labels: Annotated[dict[str, str], "its labels"]
    delivery: Annotated[DeliveryDocument | None, "what is run with its results; null where nothing is"]
    events: Annotated[list[EventDocument], "what happened to it"]
    purchases: Annotated[list[PurchaseDocument], "its paid requests"]
    reviews: Annotated[list[DecisionDocument], "what was decided about its result"]
    advice: Annotated[str, "what to do now"]


class AdvisedJob(JobDocument):
    """A job with what to do about it."""

    advice: Annotated[str, "what to do now"]


class NextDocument(TypedDict):
    """A rule that takes a result."""

    rule: Annotated[str, "its name"]
    price: Annotated[int | None, "what it pays for that; null where that is not known"]


class WhyDocument(TypedDict):
    """What a rule says to a file."""

    file: Annotated[str, "its path"]
    verdict: Annotated[FileVerdict, "what becomes of it"]
    reason: Annotated[str, "why it is not taken or waits: a stable word, below"]
    message: Annotated[str, "the same in a sentence"]
    rule: Annotated[str | None, "the rule's name"]
    output: Annotated[str | None, "the first result's path without its suffix; null where there is none to come"]
    outputs: Annotated[list[str], "the same of all its results, one for each workflow of the rule"]
    price: Annotated[int | None, "what it would cost; null where that is not known"]
    then: Annotated[list[NextDocument], "the rules that take its result, and theirs (`after_rule`)"]
    job: Annotated[int | None, "the job made from it"]


class WhyOfFile(TypedDict):
    """What became of a file."""

    file: Annotated[str, "its path"]
    jobs: Annotated[list[AdvisedJob], "every job made from it, the newest first"]
    verdict: Annotated[str, "what a service would say to a file that was never sent; else empty"]
    rule: Annotated[WhyDocument | None, "what its folder's rule says; null where no rule watches the folder"]


class FirstDocument(TypedDict):
    """What became of the wish to put a job first."""

    job: Annotated[int, "the job"]
    first: Annotated[bool, "whether it comes first now"]
    refused: Annotated[bool, "whether it waits for no turn any more"]
    message: Annotated[str, "why it was refused; else empty"]
    with_job: Annotated[int | None, "the job with the same photo that comes first with it; null where there is none"]


class OutcomeDocument(TypedDict):
    """What became of a decision about a result."""

    job: Annotated[int, "the job"]
    decision: Annotated[Review, "what was decided"]
    reason: Annotated[str, "why it is rejected; else empty"]
    refused: Annotated[bool, "whether it did not fit"]
    message: Annotated[str, "why it was refused, or what to know; else empty"]
    outputs: Annotated[list[str], "where its files lie now"]
    copies: Annotated[list[int], "the jobs with the same result, for which it counts too"]


class RejectedDocument(DecisionDocument):
    """A rejected result, with the decision."""

    source: Annotated[str, "the photo's path"]
    account: Annotated[str, "the account that paid"]
    workflow_name: Annotated[str, "the workflow"]
    batch: Annotated[str | None, "the id of its batch; null where it has none"]
    charged: Annotated[int | None, "what it cost; null where that is not known"]
    twin_of: Annotated[int | None, "the job whose result it is; null where it has its own"]
    outputs: Annotated[list[str], "where its files lie now"]
    redo: Annotated[bool, "whether `redo --rejected` offers it"]


class NoteLine(TypedDict):
    """A sentence about no single job."""

    message: Annotated[str, "the sentence"]


class EndLine(TypedDict):
    """How it ended."""

    exit: Annotated[int, "the exit code"]
    jobs: Annotated[list[JobDocument], "the jobs that were waited for"]


# ------------------------------------------------------------------------------------------------------------ sending


class PlannedFile(TypedDict):
    """A file of a plan, for one of its workflows."""

    source: Annotated[str, "its path"]
    workflow: Annotated[str, "the workflow's id"]
    verdict: Annotated[
        Verdict, "what would happen to it: `only metadata changed` is not sent, `bought before` fetches its result"
    ]
    output: Annotated[str | None, "the result's path without its suffix; null where there is none to come"]
    renamed: Annotated[bool, "whether the name it would have had is taken"]
    same_as: Annotated[str | None, "the file with the same content"]
    job: Annotated[int | None, "the job that has to do with it"]
    before: Annotated[How | None, "in which way it may have been paid before"]
    note: Annotated[str, "a sentence, or empty"]
    may_be_charged_too: Annotated[bool, "whether an earlier sending may be charged beside this one"]
    suspect: Annotated[str, "why it may not be whole, else empty; it is sent because of `--suspect`"]


class RemarkedFile(PlannedFile):
    """A file of a dry run."""

    batch: Annotated[str, "the name of its batch"]
    labels: Annotated[dict[str, str], "its labels, without those the service wants"]
    remarks: Annotated[list[Trait], "what is worth knowing of it"]


class QueuedFile(PlannedFile):
    """A file that was queued."""

    batch: Annotated[str, "the id of its batch"]
    id: Annotated[int, "the number of its job"]


class RefusedDocument(TypedDict):
    """A file that is not sent."""

    source: Annotated[str, "its path"]
    reason: Annotated[str, "a word of PhotoFault, or `result`: artui saved it itself, and named by itself it is sent"]
    message: Annotated[str, "the same in a sentence"]


class RemarkDocument(TypedDict):
    """What is worth knowing before paying."""

    code: Annotated[Trait, "what it is"]
    detail: Annotated[str, "of `profile`: its name"]
    count: Annotated[int, "of how many photos"]


class WorkflowBrief(TypedDict):
    """A workflow."""

    id: Annotated[str, "its id"]
    name: Annotated[str, "its name"]
    version: Annotated[str, "its version"]


class PlannedBatch(TypedDict):
    """The batch a plan would make."""

    name: Annotated[str, "its name"]
    cap: Annotated[int | None, "the most it may spend"]


class PlannedWorkflow(WorkflowBrief):
    """A workflow of an order."""

    price: Annotated[int | None, "of one photo; null where the service names none"]
    photos: Annotated[int, "how many are sent through it"]
    most: Annotated[int | None, "what these may cost at most"]


class NamedBatch(TypedDict):
    """A batch of an order."""

    id: Annotated[str, "its id"]
    name: Annotated[str, "its name"]


class PlanDocument(TypedDict):
    """What would be sent and what it costs."""

    account: Annotated[str, "the account"]
    production: Annotated[bool, "whether it is marked as the production account"]
    organization: Annotated[str, "who pays, by id"]
    workflow: Annotated[WorkflowBrief | None, "the workflow; null where there are several"]
    workflows: Annotated[list[PlannedWorkflow], "each of them"]
    price: Annotated[int | None, "of one photo; null where the service names none, or there are several workflows"]
    most: Annotated[int | None, "what all may cost at most"]
    balance: Annotated[int | None, "now, less what is in doubt; null where it is not known"]
    balance_reason: Annotated[str, "why it is not known; empty where it is, or where nothing is counted"]
    fits: Annotated[int, "how many photos caps and balance have room for now"]
    caps: Annotated[list[CapDocument], "of the account, of each folder and of the batch"]
    hours_begin: Annotated[float | None, "when the account's `hours` begin; null within them, and without any"]
    hours_begin_iso: MaybeIso
    batch: Annotated[PlannedBatch, "the batch"]
    output: Annotated[str, "the folder for results, as written"]
    sku_unmatched: Annotated[list[str] | None, "names that the pattern for SKUs does not fit; null without one"]
    files: Annotated[list[RemarkedFile], "the photos, once for each of their workflows"]
    refused: Annotated[list[RefusedDocument], "the files that are not sent"]
    passed_over: Annotated[int, "other files of a folder"]
    before: Annotated[dict[str, int], "how many may have been paid before, by How"]
    metadata: Annotated[str, "what results get"]
    remarks: Annotated[list[RemarkDocument], "what is worth knowing before paying"]
    ignored: Annotated[dict[str, int], "names and whole folders left alone, by why (`artui help ignore`)"]


class QueuedDocument(TypedDict):
    """What was queued."""

    batch: Annotated[str | None, "the batch's id; null where nothing was queued, or in several"]
    name: Annotated[str, "its name, or that of what no list gives another"]
    batches: Annotated[list[NamedBatch], "all of them"]
    account: Annotated[str, "the account that pays"]
    workflow: Annotated[str | None, "the workflow's id; null where there are several"]
    workflows: Annotated[list[PlannedWorkflow], "each of them"]
    quoted: Annotated[int | None, "what it costs at most"]
    jobs: Annotated[list[QueuedFile], "the new jobs"]
    known: Annotated[list[PlannedFile], "done or queued before, or only their metadata changed"]
    refused: Annotated[list[RefusedDocument], "the files that are not sent"]


# ---------------------------------------------------------------------------------------------------------- decisions


class ActDocument(TypedDict):
    """A decision, and the fields that belong to its request."""

    job: Annotated[int | None, "the job; null where it is about an account, a batch or a rule"]
    request: Annotated[Command, "what was asked of the engine"]
    refused: Annotated[bool, "whether it did not fit, or no longer"]
    message: Annotated[str, "what it does or did, in a sentence"]
    most: NotRequired[Annotated[int | None, "with `--dry-run`: what it may cost; null where that is not known"]]
    account: NotRequired[Annotated[str, "the account it is about"]]
    rule: NotRequired[Annotated[str, "the id of the rule it is about"]]
    batch: NotRequired[Annotated[str, "the id of the batch it is about"]]
    yes: NotRequired[Annotated[bool, "of `approve`: whether the rest is sent"]]
    until: NotRequired[Annotated[int, "of `approve`: the last job it is about"]]
    amount: NotRequired[Annotated[int, "of `allow`: how much more for a rule"]]
    cap: NotRequired[Annotated[int, "of `allow --batch`: the batch's new cap"]]
    recovered: NotRequired[Annotated[bool, "of `resume --recovered`: yes"]]
    execution: NotRequired[Annotated[str, "of `resolve --adopt`: the execution"]]
    agreed: NotRequired[Annotated[bool, "of `retry`: it may be paid a second time, and that was agreed to"]]
    quoted: NotRequired[Annotated[int, "of `retry`: the price that is agreed to"]]
    version: NotRequired[Annotated[str, "of `retry`: the workflow's version at that price"]]
    keep: NotRequired[Annotated[bool, "of `cancel`: whether a result that comes is saved"]]
    size: NotRequired[Annotated[int, "of `retry`: bytes of the photo as it is now"]]
    mtime_ns: NotRequired[Annotated[int, "when it was changed, in nanoseconds since 1970"]]
    inode: NotRequired[Annotated[int, "which file it is"]]
    device: NotRequired[Annotated[int, "and on which disk"]]


# --------------------------------------------------------------------------------------------------------------- money


class CostsOfGroup(TypedDict):
    """What a group of photos cost, in credits of one service."""

    group: Annotated[str, "the day, workflow, label and so on"]
    service: Annotated[str, "whose credits they are"]
    photos: Annotated[int, "sent by a paid call, whatever it cost"]
    quoted: Annotated[int, "what they were said to cost"]
    charged: Annotated[int, "what the service took so far"]
    difference: Annotated[int, "charged less quoted, of those whose charge is known"]
    open: Annotated[int, "quotes whose charge is not known yet"]
    lost: Annotated[int, "presumed spent, found nowhere"]
    waived: Annotated[int, "quoted for calls that cost nothing"]
    no_result: Annotated[int, "photos charged and ended without a result"]
    no_result_charged: Annotated[int, "what those cost"]
    free_results: Annotated[int, "results charged nothing"]
    copies: Annotated[int, "results had for nothing, as copies"]
    saved: Annotated[int, "what those would have cost"]


class CostsDocument(TypedDict):
    """What was paid, in sums."""

    by: Annotated[str, "the grouping"]
    since: Annotated[str, "the first day; empty: no bound"]
    until: Annotated[str, "the last day; empty: no bound"]
    lines: Annotated[list[CostsOfGroup], "the groups"]
    totals: Annotated[list[CostsOfGroup], "one for each service"]


class MismatchDocument(TypedDict):
    """In what journal and service differ."""

    mismatch: Annotated[str, "`strange`, `charged`, `unbooked` or `gone`"]
    execution: Annotated[str, "its id at the service"]
    job: Annotated[int | None, "the job"]
    there: Annotated[int | None, "what the service charged"]
    here: Annotated[int | None, "what the journal has"]
    amount: Annotated[int | None, "what the service took beyond that"]


class AuditOfAccount(TypedDict):
    """The books of one account; without `has_list` only the first two."""

    account: Annotated[str, "the account"]
    has_list: Annotated[bool, "whether its service has a list to compare with"]
    executions: NotRequired[Annotated[int, "artui's at the service"]]
    there: NotRequired[Annotated[int, "what the service charged for them"]]
    here: NotRequired[Annotated[int, "the same by the journal"]]
    others: NotRequired[Annotated[int, "executions others ordered"]]
    others_charged: NotRequired[Annotated[int, "what those cost"]]
    differences: NotRequired[Annotated[list[MismatchDocument], "where both differ"]]


class AuditDocument(TypedDict):
    """The journal compared with the services."""

    accounts: Annotated[list[AuditOfAccount], "each account"]


class VerifyFinding(TypedDict):
    """A result that is not whole in its place."""

    job: Annotated[int, "whose it is"]
    path: Annotated[str, "where it was saved"]
    finding: Annotated[Presence, "how it is found"]
    now: Annotated[str | None, "where a moved one lies"]
    reason: Annotated[str | None, "why one cannot be read"]


class VerifyDocument(TypedDict):
    """The results on disk compared with the journal."""

    results: Annotated[int, "how many were read"]
    counts: Annotated[dict[str, int], "by finding"]
    findings: Annotated[list[VerifyFinding], "those that are not whole"]


class NotShown(TypedDict):
    """A picture that cannot be shown; the page says so in its place."""

    job: Annotated[int, "whose it is"]
    file: Annotated[str, "where it should be"]
    reason: Annotated[str, "why"]


class SheetDocument(TypedDict):
    """A sheet that was written."""

    sheet: Annotated[str, "the page, or the folder of `--publish`"]
    photos: Annotated[int, "how many it shows"]
    size: Annotated[int, "pixels of the longer side of its pictures"]
    bytes: Annotated[int, "what it takes, with all pictures"]
    not_shown: Annotated[list[NotShown], "pictures that cannot be shown"]


# ------------------------------------------------------------------------------------------------------------- status


class EngineDocument(TypedDict):
    """The engine."""

    generation: Annotated[int, "how many engines this journal has had"]
    pid: Annotated[int | None, "its process"]
    host: Annotated[str, "its machine"]
    mode: Annotated[str, "`background` or `watch`"]
    started_at: Annotated[float | None, "since when it runs"]
    started_at_iso: MaybeIso
    heartbeat: Annotated[float | None, "its last sign of life"]
    heartbeat_iso: MaybeIso
    state: Annotated[str, "`starting`, `running`, `ending`, `ended`"]
    version: Annotated[str, "artui's version"]
    stale: Annotated[bool, "whether it gives no sign of life"]


class JobsCount(TypedDict):
    """How many jobs stand so."""

    status: Annotated[Status, "how they stand"]
    reason: Annotated[str, "why"]
    number: Annotated[int, "how many"]


class MoneyDocument(TypedDict):
    """Money of an account's jobs."""

    jobs: Annotated[int, "how many"]
    quoted: Annotated[int, "what they were quoted at"]
    charged: Annotated[int, "what was charged"]
    sent: Annotated[int, "sent, not confirmed"]
    to_come: Annotated[int, "not sent yet"]
    unspent: Annotated[int, "not needed after all"]
    lost: Annotated[int, "counted as spent, no execution found"]


class AccountStanding(TypedDict):
    """How an account stands."""

    name: Annotated[str, "its name"]
    held: Annotated[str, "the reason of what holds it, or empty"]
    message: Annotated[str, "the same in a sentence"]
    balance: Annotated[int | None, "as the service said it last"]
    balance_at: Annotated[float | None, "when that was"]
    balance_at_iso: MaybeIso
    balance_reason: Annotated[str, "why it is not known"]
    away_since: Annotated[float | None, "since when the service does not answer"]
    away_since_iso: MaybeIso
    rests_until: Annotated[float | None, "until when the service has asked to be left alone"]
    rests_until_iso: MaybeIso
    left: Annotated[int | None, "the balance less what was bought since"]
    today: Annotated[int, "spent or reserved today"]
    caps: Annotated[list[CapDocument], "its caps"]
    hours_begin: Annotated[float | None, "when its `hours` begin; null within them, and without any"]
    hours_begin_iso: MaybeIso


class JobsOfRule(TypedDict):
    """A rule's jobs by how they stand."""

    on_the_way: int
    held: int
    done: int
    skipped: int
    failed: int
    cancelled: int


class RuleDocument(TypedDict):
    """How a rule stands."""

    id: Annotated[str, "its id"]
    name: Annotated[str, "its name"]
    folder: Annotated[str, "the watched folder"]
    account: Annotated[str, "who pays"]
    state: Annotated[str, "a word of RuleState, or `paused`, `not watched`"]
    message: Annotated[str, "why"]
    since: Annotated[float | None, "since when"]
    since_iso: MaybeIso
    jobs: Annotated[JobsOfRule, "its jobs"]
    today: Annotated[int, "spent or reserved today"]
    cap: Annotated[int | None, "today's, with what was allowed"]
    after_rule: Annotated[str | None, "the name of the rule whose results it takes"]
    hours_begin: Annotated[float | None, "when its hours begin; null where it sends now"]
    hours_begin_iso: MaybeIso
    caps: Annotated[list[CapDocument], "its caps, with what was allowed"]
    not_taken: Annotated[dict[str, int], "files the last look did not take, by reason"]


class ConditionDocument(TypedDict):
    """Something that is wrong, or worth telling; what belongs to its code stands beside."""

    code: Annotated[Code, "what it is"]
    subject: Annotated[str, "the account, rule or folder it is about"]
    since: Annotated[float | None, "since when"]
    since_iso: MaybeIso
    count: Annotated[int, "how many"]
    message: NotRequired[Annotated[str, "a sentence; with `--check` always"]]
    what: NotRequired[Annotated[str, "`rule` or `account`; of `left`: why"]]
    cause: NotRequired[Annotated[str, "why a folder is not watched: a word of RuleCause"]]
    reason: NotRequired[Annotated[str, "of an account: what holds it"]]
    names: NotRequired[Annotated[str, "of `left` and `unreadable`: some of the files"]]
    cap: NotRequired[Annotated[str, "of `cap`: which"]]
    level: NotRequired[Annotated[int, "of `cap`: per cent that are reached"]]
    spent: NotRequired[Annotated[int, "of `cap`: spent or reserved"]]
    limit: NotRequired[Annotated[int, "of `cap`: the most"]]
    left: NotRequired[Annotated[int, "of `credits-low`: what is left"]]
    low: NotRequired[Annotated[int, "of `credits-low`: what was set as low"]]
    days: NotRequired[Annotated[int, "of `credits-low`: how long that lasts"]]
    free: NotRequired[Annotated[int, "of `disk`: bytes"]]
    used: NotRequired[Annotated[int, "of `disk`: per cent"]]


class StatusDocument(TypedDict):
    """How all stands."""

    engine: Annotated[EngineDocument | None, "null where none runs"]
    jobs: Annotated[list[JobsCount], "the jobs by how they stand"]
    money: Annotated[dict[str, MoneyDocument], "by account"]
    accounts: Annotated[list[AccountStanding], "the default one first"]
    transfers: Annotated[dict[str, int], "running now: `up`, `down`"]
    rules: Annotated[list[RuleDocument], "those that need a look first"]
    conditions: Annotated[list[ConditionDocument], "what is wrong or worth telling, the gravest first"]


class CheckDocument(TypedDict):
    """What is wrong."""

    ok: Annotated[bool, "whether nothing is"]
    reasons: Annotated[list[ConditionDocument], "what is"]


# ------------------------------------------------------------------------------------------------------------ accounts


class TokenDocument(TypedDict):
    """Where a token is kept."""

    place: Annotated[KeyStore | None, "null where none is known"]
    detail: Annotated[str, "which file or variable, or why none can be read"]


class SignInDocument(TypedDict):
    """A sign-in that artui keeps."""

    who: Annotated[str, "whose it is, as the service names them; empty where it does not, or did not when it was kept"]
    at: Annotated[float | None, "when; null where that is not known"]
    at_iso: MaybeIso
    expires: Annotated[None, "when it ends: null, for none of the services states it"]
    lasts: Annotated[str, "what is known of that, in words"]


class CapsDocument(TypedDict):
    """The caps that are set; null is no cap."""

    run: int | None
    day: int | None
    month: int | None


class AccountDocument(TypedDict):
    """An account as it is set up."""

    name: Annotated[str, "its name"]
    production: Annotated[bool, "whether it is marked as the production account"]
    default: Annotated[bool, "whether it is meant where none is named"]
    provider: Annotated[str, "the service"]
    organization: Annotated[str | None, "who pays, by id"]
    login: Annotated[str, "the account whose key it uses"]
    workflow: Annotated[str | None, "taken where a command names none"]
    output: Annotated[str | None, "the folder for results where a command names none"]
    token: Annotated[TokenDocument, "where its key is"]
    signed_in: Annotated[SignInDocument | None, "its sign-in; null without one, and where its key is set from outside"]
    caps: Annotated[CapsDocument, "its caps"]
    held: Annotated[str, "the reason of what holds it, or empty"]
    message: Annotated[str, "the same in a sentence"]


class BalanceDocument(TypedDict):
    """What is left at the service."""

    account: Annotated[str, "the account"]
    organization: Annotated[str, "who pays, by name"]
    balance: Annotated[int | None, "null where the service does not tell"]
    balance_reason: Annotated[str, "why it does not"]


class ComponentDocument(TypedDict):
    """A step of a workflow."""

    type: Annotated[str, "what it does, by the service's word"]
    label: Annotated[str, "the same for a person"]
    settings: Annotated[dict[str, Any], "how it is set; empty in a list"]


class WorkflowDocument(TypedDict):
    """A workflow."""

    id: Annotated[str, "its id"]
    version: Annotated[str, "its version"]
    name: Annotated[str, "its name"]
    price: Annotated[int | None, "of a photo; null where the service names none"]
    components: Annotated[list[ComponentDocument], "its steps"]
    changed_at: Annotated[str, "when it was changed, ISO 8601 as the service says it; may be empty"]
    author: Annotated[str, "by whom"]
    parameters: Annotated[str, "the exact recipe as JSON, where it is kept here and not at the service; else empty"]
    key: Annotated[str, "its table's name in the settings; empty where it stands at the service"]
    unread: NotRequired[Annotated[str, "of one that cannot be read: which field, and what stands there"]]


class ChangeDocument(TypedDict):
    """One thing that is another than before."""

    what: Annotated[Aspect, "what it is"]
    step: Annotated[str, "of a step or setting: which step"]
    setting: Annotated[str, "of a setting: which"]
    before: Annotated[Any, "as it was; null: it is new"]
    after: Annotated[Any, "as it is; null: it is gone"]


class WorkflowChangesDocument(TypedDict):
    """A workflow that has changed since it was used here last."""

    id: Annotated[str, "its id"]
    name: Annotated[str, "its name now"]
    version: Annotated[str, "its version now"]
    price: Annotated[int | None, "of a photo now; null where the service names none"]
    used_at: Annotated[float, "when it was used last"]
    used_at_iso: Iso
    used_version: Annotated[str, "its version then"]
    knows_steps: Annotated[bool, "whether the steps of that version are known here, so that changes has theirs"]
    changes: Annotated[list[ChangeDocument], "what is another since; empty: saved anew, or its steps are unknown"]


class ExecutionDocument(TypedDict):
    """An execution at the service."""

    execution: Annotated[str, "its id"]
    state: Annotated[State, "what it is doing"]
    word: Annotated[str, "the service's own word"]
    charged: Annotated[int | None, "what it cost"]
    created_at: Annotated[str, "ISO 8601 in UTC"]
    finished_at: Annotated[str, "ISO 8601 in UTC, or empty"]
    name: Annotated[str, "what the photo is called there"]
    reference: Annotated[str, "the upload"]
    version: Annotated[str, "the workflow's version"]
    workflow: Annotated[str, "the workflow"]
    job: Annotated[int | None, "the job of this journal that bought it"]
    results: Annotated[int, "how many results it has"]
    by_artui: Annotated[bool, "whether an artui bought it"]


class FetchedDocument(TypedDict):
    """A result that was fetched."""

    execution: Annotated[str, "its id"]
    saved: Annotated[list[str], "the paths"]


class RatedDocument(TypedDict):
    """What the service was told."""

    job: Annotated[int, "the job"]
    execution: Annotated[str, "its id at the service"]
    thumb: Annotated[str, "`up` or `down`"]


class OrganizationDocument(TypedDict):
    """Who pays."""

    id: Annotated[str, "its id"]
    name: Annotated[str, "its name"]


class LoginDocument(TypedDict):
    """An account that was signed in."""

    account: Annotated[str, "the account"]
    provider: Annotated[str, "the service"]
    organization: Annotated[OrganizationDocument | None, "who pays"]
    kept: Annotated[str, "where the key is"]


class LogoutDocument(TypedDict):
    """An account that was signed out."""

    account: Annotated[str, "the account"]
    was_signed_in: Annotated[bool, "whether there was a key"]
    forgotten: Annotated[list[str], "the places its key was kept in"]


# ------------------------------------------------------------------------------------------------------------ the rest


class EndedDocument(TypedDict):
    """The end of an engine."""

    ended: Annotated[int | None, "the process that ended; null where none ran"]


class BackupDocument(TypedDict):
    """A backup."""

    backup: Annotated[str, "the file"]


class OpenedBackupDocument(TypedDict):
    """What a backup holds."""

    version: Annotated[str, "of the artui that made it"]
    host: Annotated[str, "the machine it was made on"]
    made_at: Annotated[float, "when"]
    made_at_iso: Iso
    jobs: Annotated[int, "how many jobs are in it"]
    intents: Annotated[int, "how many paid requests"]
    replaces: Annotated[str | None, "the journal whose place it would take, and of which a copy is kept; or null"]


class DemoFile(TypedDict):
    """A file of the demo, and what came of it."""

    file: Annotated[str, "its path"]
    status: Annotated[str, "how its job stands, or refused"]
    message: Annotated[str, "what there is to say of it"]
    charged: Annotated[int | None, "what it cost"]
    outputs: Annotated[list[str], "its results"]


class DemoDocument(TypedDict):
    """What the journey of the demo came to."""

    ok: Annotated[bool, "whether every good photo is saved, and was paid for once"]
    faults: Annotated[list[str], "what went wrong, in sentences"]
    quoted: Annotated[int, "at most"]
    charged: Annotated[int, "in credits"]
    balance_before: Annotated[int, "in credits"]
    balance_after: Annotated[int, "in credits"]
    results: Annotated[str, "the folder of the results"]
    files: Annotated[list[DemoFile], "every file of the folder"]


class RecoveryDocument(TypedDict):
    """What became of the journal."""

    trouble: Annotated[Damage, "what was the matter with it"]
    adopted: Annotated[list[int], "jobs found at the service and followed"]
    found: Annotated[list[int], "jobs for executions whose photos are not known here"]
    held: Annotated[list[int], "jobs that wait for you"]
    suspended: Annotated[list[str], "accounts at which nothing is sent before you say so"]


class ConfigPathDocument(TypedDict):
    """Where the settings are."""

    config: Annotated[str, "your file"]
    settings: Annotated[str, "what the screens save"]


class ConfigPathsDocument(TypedDict):
    """Where everything is, whether it is there yet or not."""

    config: Annotated[str, "your settings"]
    settings: Annotated[str, "what the screens save"]
    journal: Annotated[str, "the journal"]
    log: Annotated[str, "the background engine's log"]
    credentials: Annotated[str, "keys that are kept in files"]
    spool: Annotated[str, "paid results whose own folder cannot be written"]
    anchor: Annotated[str, "what is remembered of the journal apart from it"]
    cache: Annotated[str, "what can be made anew"]


class ConfigInitDocument(TypedDict):
    """The settings that were begun."""

    config: Annotated[str, "the file"]


class ConfigCheckDocument(TypedDict):
    """Settings that are right."""

    accounts: Annotated[list[str], "their names"]
    rules: Annotated[list[str], "their names"]
    warnings: Annotated[list[str], "what may be a mistake, in sentences: variables that set nothing, workflows unknown"]


class IgnoredDocument(TypedDict):
    """A name that is left alone."""

    pattern: Annotated[str, "a / at the end means folders"]
    reason: Annotated[str, "why"]


class SettingDocument(TypedDict):
    """A setting; `config show` prints one for each by its dotted key."""

    value: Annotated[Any, "its value"]
    source: Annotated[str, "who set it"]


class ToldTarget(TypedDict):
    """A target and what came of telling it."""

    target: Annotated[str, "which"]
    on: Annotated[list[str], "what it is told of"]
    failure: Annotated[str | None, "null where it was told"]


class NotifyDocument(TypedDict):
    """Who was told."""

    targets: Annotated[list[ToldTarget], "each target"]


class FindingDocument(TypedDict):
    """What one check found."""

    subject: Annotated[str, "`this machine`, `settings`, `rule …`, or an account"]
    check: Annotated[str, "what was checked"]
    level: Annotated[Level, "how much it matters"]
    said: Annotated[str, "what was found"]
    do: Annotated[str, "what to do; empty where all is well"]
    area: Annotated[Area, "what a fault is of"]


class FindingsDocument(TypedDict):
    """What was found."""

    findings: Annotated[list[FindingDocument], "each check"]


class TrialLine(FindingsDocument):
    """What a trial shows."""

    job: Annotated[int, "the photo's job"]


class ServiceStanding(TypedDict):
    """How the service stands, as its manager says."""

    active: Annotated[str, "`active` where it runs"]
    state: Annotated[str, "the manager's word"]
    enabled: Annotated[str, "empty where it is not installed"]
    said: Annotated[str, "what it said last"]
    pid: Annotated[str, "its process"]
    restarts: Annotated[str, "how often it was restarted"]
    since: Annotated[str, "since when"]


class ServiceStep(TypedDict):
    """One thing that is done to install or remove the service."""

    file: Annotated[str | None, "the file that is written, or removed; null of a command"]
    content: Annotated[str | None, "its text; null of one that is removed, and of a command"]
    command: Annotated[list[str], "what is run; empty of a file"]


class ServiceDocument(TypedDict):
    """What installs or removes the service."""

    steps: Annotated[list[ServiceStep], "each thing, in order"]
    done: Annotated[bool, "whether it was done; not with `--dry-run`"]


class UnitDocument(TypedDict):
    """The unit of the service."""

    place: Annotated[str, "where it belongs"]
    unit: Annotated[str, "its text"]


class WatchLine(TypedDict):
    """Something that happened to a folder."""

    at: Annotated[float, "when"]
    at_iso: Iso
    rule: Annotated[str, "the rule's id"]
    name: Annotated[str, "its name"]
    what: Annotated[What | RuleState, "what happened, or the state the rule came into"]
    message: Annotated[str, "a sentence"]
    files: Annotated[list[str], "the files it is about"]


class WatchNote(NoteLine):
    """A sentence."""

    at: Annotated[float, "when"]
    at_iso: Iso
    level: Annotated[str, "`info`, `warning` or `error`"]


class Shape(StrEnum):
    """How a document is printed."""

    ONE = "one document"
    LIST = "a list of them"
    LINE = "a line of this type"
    MAP = "one for each key"


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command prints; ``when``: with which option, or of which type its line is."""

    model: type
    shape: Shape = Shape.ONE
    when: str = ""


_ONE, _LIST, _LINE = Shape.ONE, Shape.LIST, Shape.LINE
_FOLLOWED = (
    Printed(EventLine, _LINE, "event"),
    Printed(NoteLine, _LINE, "note"),
    Printed(EndLine, _LINE, "end"),
)
_SUBMITTED = (
    Printed(QueuedDocument),
    Printed(PlanDocument, when="--dry-run"),
    Printed(QueuedDocument, _LINE, "queued"),
    *_FOLLOWED,
)
_ACTS = (Printed(ActDocument, _LIST),)

PRINTS: Mapping[str, tuple[Printed, ...]] = {
    "login": (Printed(LoginDocument),),
    "logout": (Printed(LogoutDocument),),
    "accounts": (Printed(AccountDocument, _LIST),),
    "balance": (Printed(BalanceDocument),),
    "workflows": (
        Printed(WorkflowDocument, _LIST),
        Printed(WorkflowDocument, when="WORKFLOW"),
        Printed(WorkflowChangesDocument, _LIST, "--changes"),
    ),
    "executions": (Printed(ExecutionDocument, _LIST), Printed(FetchedDocument, when="--fetch")),
    "rate": (Printed(RatedDocument),),
    "submit": _SUBMITTED,
    "redo": (
        *_SUBMITTED,
        Printed(QueuedDocument, _LIST, "--rejected"),
        Printed(PlanDocument, _LIST, "--rejected --dry-run"),
    ),
    "jobs": (Printed(ListedJob, _LIST),),
    "job": (Printed(WholeJob),),
    "why": (Printed(WhyOfFile),),
    "wait": _FOLLOWED,
    "costs": (Printed(CostsDocument),),
    "audit": (Printed(AuditDocument),),
    "verify": (Printed(VerifyDocument),),
    "deliver": _ACTS,
    "reject": (Printed(OutcomeDocument, _LIST),),
    "keep": (Printed(OutcomeDocument, _LIST),),
    "rejected": (Printed(RejectedDocument, _LIST),),
    "first": (Printed(FirstDocument, _LIST),),
    "sheet": (Printed(SheetDocument),),
    "retry": _ACTS,
    "fetch": _ACTS,
    "cancel": _ACTS,
    "resolve": _ACTS,
    "approve": _ACTS,
    "pause": _ACTS,
    "resume": _ACTS,
    "allow": _ACTS,
    "watch": (
        Printed(WatchLine, _LINE, "watch"),
        Printed(EventLine, _LINE, "event"),
        Printed(WatchNote, _LINE, "note"),
        Printed(WhyDocument, _LIST, "--dry-run"),
    ),
    "status": (Printed(StatusDocument), Printed(CheckDocument, when="--check")),
    "stop": (Printed(EndedDocument),),
    "backup": (Printed(BackupDocument),),
    "restore": (Printed(RecoveryDocument), Printed(OpenedBackupDocument, when="--dry-run")),
    "demo": (Printed(DemoDocument),),
    "recover": (Printed(RecoveryDocument),),
    "config path": (Printed(ConfigPathDocument),),
    "config paths": (Printed(ConfigPathsDocument),),
    "config init": (Printed(ConfigInitDocument),),
    "config check": (Printed(ConfigCheckDocument),),
    "config show": (Printed(SettingDocument, Shape.MAP), Printed(IgnoredDocument, _LIST, "ignore")),
    "notify test": (Printed(NotifyDocument),),
    "doctor": (Printed(FindingsDocument),),
    "trial": (*_SUBMITTED, Printed(TrialLine, _LINE, "findings")),
    "service install": (Printed(ServiceDocument),),
    "service remove": (Printed(ServiceDocument),),
    "service status": (Printed(ServiceStanding),),
    "systemd-unit": (Printed(UnitDocument),),
}
"""What each command prints with ``--json``."""

ALSO_REASONS: Mapping[str, type[StrEnum]] = {"of a refused file": PhotoFault}
"""Stable words beside those of the fields' own types."""

REASONS: Mapping[Reason, str] = {
    Reason.AT_SERVICE: "the service works on it",
    Reason.IN_QA: "a person at the service checks it",
    Reason.TRY_AGAIN: "something failed in passing: it is tried again by itself",
    Reason.LOOKING: "an answer was lost: it is looked up before anything is sent again",
    Reason.TWIN: "another job buys the same photo: it gets a copy, or is held while that one is",
    Reason.IN_DOUBT: "it may have been paid, and artui cannot find out",
    Reason.RECOVERED: "it may have been paid before: the journal was recovered, or its key is of an unknown customer",
    Reason.REJECTED: "the service turned it away, again and again; or, of a failed job, for good",
    Reason.LOGIN: "the account is signed out",
    Reason.CREDITS: "the balance is used up: nothing more is sent",
    Reason.PAYMENT: "the service took it and waits for credits before it goes on",
    Reason.QUOTA: "the service allows no more today",
    Reason.PLACES: "as many as the service takes at one time are there, and do not move",
    Reason.CAP: "a cap of yours is reached",
    Reason.HOURS: "its account or rule sends nothing new at this hour: it is sent by itself in the next of its `hours`",
    Reason.PAUSED: "its account or rule is paused",
    Reason.SAMPLE: "it waits for your yes to the first results of its batch",
    Reason.PRICE: "the price has risen since it was queued",
    Reason.OVERDUE: "it takes longer than anything before; it is looked at on",
    Reason.GONE: "the service no longer knows it, or its result",
    Reason.DAMAGED: "its result is not whole, or not what the service stated",
    Reason.TROUBLE: "the service fails on this photo while others get past",
    Reason.OUTPUT: "the folder for its result cannot be written",
    Reason.METADATA: "metadata is wanted in its result, and exiftool is missing",
    Reason.DISK_FULL: "the disk is full",
    Reason.ACCOUNT: "the account pays otherwise now than when it was queued",
    Reason.ERROR: "artui itself failed on it; the log says how",
    Reason.FAILED: "the service failed on it",
    Reason.GIVEN_UP: "you gave it up; it counts as spent",
}
"""What each reason of a job means."""
