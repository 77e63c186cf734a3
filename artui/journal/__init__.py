"""The journal: the one SQLite file that holds everything durable.

``store`` owns the file, its writer thread and its readers; ``schema`` its tables; the other modules are functions on a
connection, by subject: ``jobs``, ``purchases``, ``accounts``, ``requests`` (with the engine's row) and ``history``.
"""

from artui.journal.store import Connection, DatabaseError, Journal, JournalProblem, Stale, Unwritable

__all__ = ["Connection", "DatabaseError", "Journal", "JournalProblem", "Stale", "Unwritable"]
