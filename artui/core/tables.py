"""The text of a list that a person hands in, as an editor or a spreadsheet has written it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator


def decoded(content: bytes, encoding: str, problem: type[Exception]) -> str:
    """The text of a list; raises ``problem`` with the line that is not of this encoding."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise problem(f"line {line} is no {encoding.removesuffix('-sig').upper()}: save the list as UTF-8") from None


def table_rows(text: str, delimiter: str, problem: type[Exception]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of its last line; raises ``problem`` with the line of a fault."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    whole = 0
    try:
        for row in table:
            whole = table.line_num
            yield whole, row
    except csv.Error as fault:
        # What is wrong with a quotation mark shows at the end, however far that is.
        raise problem(f"line {whole + 1}: {fault}; is a quotation mark not closed, or not doubled?") from None
