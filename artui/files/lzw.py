"""LZW as TIFF has it, followed code by code without unpacking: whether it comes out at as many bytes as it must."""

from __future__ import annotations

_CLEAR, _END, _FIRST = 256, 257, 258
_LEAST_BITS, _MOST_BITS = 9, 12


def can_begin(data: bytes) -> bool:
    """Whether data begins as a strip does: with a clear code, in the order of bits of today or of very old programs."""
    return data[:1] == b"\0" or (data[:1] == b"\x80" and data[1:2] < b"\x80")


def comes_out(data: bytes, wanted: int) -> bool:
    """Whether data unpacks to as many bytes as are wanted, by codes that can be."""
    if data[:1] == b"\0":
        return True  # the old order, which is not followed
    lengths, end = [1] * _FIRST, 8 * len(data)
    made, before, bits, place = 0, 0, _LEAST_BITS, 0
    data += b"\0\0"  # so that three bytes can be cut out for the last code too
    while made < wanted and place + bits <= end:
        first = place >> 3
        code = int.from_bytes(data[first : first + 3]) >> 24 - bits - (place & 7) & (1 << bits) - 1
        place += bits
        if code == _CLEAR:
            del lengths[_FIRST:]
            before, bits = 0, _LEAST_BITS
            continue
        if before and len(lengths) < 1 << _MOST_BITS:
            lengths.append(before + 1)
        if code == _END or code >= len(lengths):
            return False
        before = lengths[code]
        made += before
        # + 1: TIFF makes its codes longer one entry early.
        bits = max(bits, min(_MOST_BITS, (len(lengths) + 1).bit_length()))
    return made >= wanted
