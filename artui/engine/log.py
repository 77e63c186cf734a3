"""The log of an engine: a rotated file for its owner alone, without secrets and without what a terminal would obey."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.handlers
import os
from io import TextIOWrapper
from pathlib import Path

from artui.config.private import check_private, open_private
from artui.credentials import scrub
from artui.journal import Journal, history
from artui.sanitize import sanitize

LOG_BYTES, LOG_FILES = 5_000_000, 3


class _Plain(logging.Formatter):
    """No secret this process knows reaches a log, nor anything that a terminal would obey; a message is one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 — logging's name
        return sanitize(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return scrub("\n".join(map(sanitize, super().format(record).split("\n"))))


class _Json(_Plain):
    """A JSON object in each line: ``at`` in epoch seconds, ``level``, ``logger``, ``message``, and a traceback where
    there is one."""

    def format(self, record: logging.LogRecord) -> str:
        document = {"at": record.created, "level": record.levelname.lower(), "logger": record.name}
        document["message"] = sanitize(scrub(record.getMessage()))
        if record.exc_info:
            document["traceback"] = scrub(self.formatException(record.exc_info))
        return json.dumps(document, ensure_ascii=False)


class _Private(logging.handlers.RotatingFileHandler):
    """A rotated file that is 0600 from birth whatever the umask, also the one that follows a full one."""

    def _open(self) -> TextIOWrapper:
        descriptor = open_private(Path(self.baseFilename), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), self.encoding)


class _Beside(_Private):
    """The log of an engine, as another process adds to it: that never rotates it, and goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 — logging's name
        del record


_LOG = logging.getLogger(__name__)
_MISFITS = logging.getLogger("artui.providers.base.misfits")
_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_misfits_beside(path: Path) -> None:
    """Have the engine's log keep the answers that this process, a command or the console, cannot read."""
    _forget_misfits()
    if any(isinstance(handler, _Private) for handler in logging.getLogger().handlers):
        return  # it is the engine's own process
    handler = _Beside(path, encoding="utf-8", delay=True)
    handler.setFormatter(_Plain(_LINE))
    _MISFITS.addHandler(handler)
    _MISFITS.setLevel(logging.INFO)


def log_defect_beside(path: Path, what: str, defect: BaseException, *, as_json: bool = False) -> bool:
    """Have the engine's log keep the traceback of a defect that ended this process; tells whether it does."""
    told = (type(defect), defect, defect.__traceback__)
    record = _LOG.makeRecord("artui", logging.ERROR, __file__, 0, f"artui itself failed: {what}", (), told)
    line = (_Json() if as_json else _Plain(_LINE)).format(record)
    try:
        with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as file:
            file.write(f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError:  # a full disk, or a console that may only read: the defect ends it all the same
        return False
    return True


def _forget_misfits() -> None:
    for handler in list(_MISFITS.handlers):
        _MISFITS.removeHandler(handler)
        handler.close()


def log_standing(journal: Journal) -> None:
    """Write down how all jobs stand, and how much this process has to do at one time."""
    stands = [f"{one.number} {one.status}{one.reason and f' ({one.reason})'}" for one in journal.read(history.counts)]
    _LOG.info("status: %s; %d tasks", ", ".join(stands) or "no jobs", len(asyncio.all_tasks()))


def switch_detail() -> None:
    """Write every detail down from now on, or no longer."""
    root = logging.getLogger()
    root.setLevel(logging.INFO if root.level == logging.DEBUG else logging.DEBUG)
    _LOG.info("the log's level is %s now", logging.getLevelName(root.level))


def log_to_file(path: Path, *, as_json: bool = False) -> None:
    """Send this process's log to a rotated file, 0600, without secrets. Raises NotPrivate for one that is not ours."""
    check_private(path)
    _forget_misfits()
    # Opened with its first line: a log that cannot be opened then costs that line, as a full disk does.
    handler = _Private(path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(_Json() if as_json else _Plain(_LINE))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.raiseExceptions = False  # a full disk costs log lines, never the engine
    for chatty in ("httpx", "aiohttp", "asyncio", "watchfiles"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
