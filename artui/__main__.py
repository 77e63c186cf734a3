"""The program ``artui``, also as ``python -m artui``: hands over to the command line, with rare looks for garbage."""

from __future__ import annotations

import gc
import sys

RARELY = 50_000
"""New objects between two looks for garbage: starting makes as many, and all of them stay."""


def main() -> int:
    """Run the command of this process and return its exit code."""
    gc.set_threshold(RARELY)
    from artui.cli import main as command_line

    try:
        return command_line()
    finally:
        gc.freeze()  # what lives now lives to the end: the interpreter need not search it for garbage before it goes


if __name__ == "__main__":
    sys.exit(main())
