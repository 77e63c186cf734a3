"""Answers that come compressed although nobody asked for it: decoded piece by piece, so that none swells in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import reduce
from typing import Final

PIECE: Final = 256 * 1024
"""Most bytes that are decoded at once."""

_MOST: Final = 3  # codings one over the other
_PLAIN: Final = frozenset({"", "identity", "aws-chunked", "none"})
_GZIP: Final = b"\x1f\x8b"


class NotDecoded(ValueError):
    """An answer that cannot be decoded; the text says why."""


class Decoding:
    """Takes off what ``Content-Encoding`` says is around an answer. Raises :class:`NotDecoded`, from each method."""

    def __init__(self, stated: str) -> None:
        names = [name for name in (part.strip().lower() for part in stated.split(",")) if name not in _PLAIN]
        for name in names:
            if name not in ("gzip", "x-gzip", "deflate"):
                raise NotDecoded(f"the answer is compressed in a way nobody asked for ({name[:20]!r})")
        if len(names) > _MOST:
            raise NotDecoded("the answer is compressed too often")
        self._layers = [_Layer(is_gzip=name != "deflate") for name in reversed(names)]

    def __bool__(self) -> bool:
        """Whether there is anything to take off."""
        return bool(self._layers)

    def decoded(self, data: bytes) -> Iterator[bytes]:
        """What these bytes of the answer say, in pieces."""
        return reduce(lambda pieces, layer: layer.decoded(pieces), self._layers, iter((data,)))

    def finish(self) -> None:
        """Nothing more comes: raise where something is missing."""
        for layer in self._layers:
            layer.finish()


class _Layer:
    """One coding, with as many streams one after the other as there are; what follows the last is padding."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._head = b""
        self._stream: zlib._Decompress | None = None
        self._is_over = False

    def decoded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            data, self._head = self._head + piece, b""
            while data and (stream := self._stream or self._begun(data)):
                yield from self._inflated(stream, data)
                data, self._head = self._head, b""

    def _begun(self, data: bytes) -> zlib._Decompress | None:
        """The stream that begins here; None where that cannot be seen yet, or nothing begins any more."""
        if len(data) < len(_GZIP):  # the first bytes tell, and may come one by one
            self._head = data
            return None
        if self._is_over and not (self._is_gzip and data.startswith(_GZIP)):
            return None
        # Some send `deflate` without zlib's head, against the standard: as browsers do, by its first bytes.
        is_wrapped = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0
        window = 16 + zlib.MAX_WBITS if self._is_gzip else zlib.MAX_WBITS if is_wrapped else -zlib.MAX_WBITS
        self._stream = zlib.decompressobj(window)
        return self._stream

    def _inflated(self, stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = stream.decompress(data, PIECE)
            except zlib.error:
                raise NotDecoded("the answer says it is compressed, and cannot be decoded") from None
            data = stream.unconsumed_tail
            if piece:
                yield piece
            if stream.eof:
                self._stream, self._is_over, self._head = None, True, stream.unused_data
                return
            if not piece and not data:
                return

    def finish(self) -> None:
        if self._stream is not None or (self._head and not self._is_over):
            raise NotDecoded("the compressed answer broke off")
