"""Telling a message through Apprise, in a process of its own: the address comes on standard input, unseen by others.

``python -m artui.engine.by_url`` reads one JSON object with ``url``, ``title`` and ``text``.
"""

from __future__ import annotations

import json
import sys


def main() -> int:
    """Tell it; the exit code says whether that went well."""
    try:
        import apprise
    except ImportError:
        print("pip install 'artui[notify]' brings what sends to an address")  # noqa: T201 — the engine reads it
        return 2
    message = json.load(sys.stdin)
    sender = apprise.Apprise()
    if not sender.add(message["url"]):
        print("Apprise knows no service of this address")  # noqa: T201
        return 2
    return 0 if sender.notify(title=message["title"], body=message["text"]) else 1


if __name__ == "__main__":
    sys.exit(main())
