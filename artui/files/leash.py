"""Run a program that ends when we do, however we end.

Run as ``python -IS leash.py PROGRAM ARGUMENT…``, which loads nothing of artui: what comes in goes on to the program. At
the end of it, which a killed parent makes too, the program is ended.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import suppress

MOST_MEMORY = 3 * 1024**3


def main() -> None:
    """Serve until the other end is closed."""
    with suppress(ValueError, OSError):  # macOS has no such bound
        # Inherited by the program, which parses what strangers made.
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)  # noqa: S603 — what its starter chose
    for descriptor in (1, 2):
        os.close(descriptor)  # so that its end is seen by whoever reads
    try:
        while said := os.read(0, 65536):
            os.write(program.stdin.fileno(), said)  # type: ignore[union-attr]
    except OSError:
        pass  # it has ended by itself
    finally:
        program.kill()
        program.wait()


if __name__ == "__main__":
    main()
