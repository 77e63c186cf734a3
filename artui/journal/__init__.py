"""The journal: the one SQLite file that holds everything durable.

``store`` owns the file, its writer thread and its readers; ``schema`` its tables, step by step. All else is functions
on a connection, by subject: ``jobs``, ``claims`` (which is next) and ``holds``, ``purchases``, ``batches``,
``accounts`` and ``offers`` (their workflows), ``requests`` (with the engine's row); ``groups`` says who must act about
a job; for readers ``history``, ``following``, ``window`` and ``watching``; for a damaged file ``rescue``.
"""

from artui.journal.store import Connection, Journal, JournalProblem, Stale, UnusableFile, Unwritable

__all__ = ["Connection", "Journal", "JournalProblem", "Stale", "UnusableFile", "Unwritable"]
