"""What a service does with the web address of a photo."""

from __future__ import annotations

import http.client
import urllib.request


def fetch(url: str) -> bytes:
    """Get what is at a web address; ``OSError`` or ``ValueError`` if that fails."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not a web address: {url}")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the scheme is checked above
            content: bytes = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no answer from {url}") from error
    return content
