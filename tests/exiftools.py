"""A stand-in for exiftool: its protocol, and behaviours to test what asks it. It writes a comment where the real one
would write metadata."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

SCRIPT = """#!{python} -IS
import os, sys, time

if "-ver" in sys.argv:
    print({version!r})
    sys.exit()
log = open({log!r}, "a", buffering=1)
print("started", os.getpid(), file=log)
behaviour = {behaviour!r}
arguments = []
while True:
    line = sys.stdin.buffer.readline()
    if not line:
        time.sleep(0.01)  # as the real one does
        continue
    arguments.append(os.fsdecode(line[:-1]))
    if not arguments[-1].startswith("-execute"):
        continue
    print(arguments, file=log)
    out, mark = sys.stdout.buffer, arguments[-1].removeprefix("-execute")
    data = open(arguments[-4], "rb").read()
    if behaviour == "hang":
        out.write(data[:1000])
        out.flush()
        time.sleep(3600)
    if behaviour == "crash":
        out.write(data[:1000])
        out.flush()
        sys.exit(1)
    if behaviour == "flood":
        while True:
            out.write(bytes(1 << 20))
    if behaviour == "pixels":
        data = data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
    if behaviour == "error":
        data = b""
        print("Error: not a picture that I know\\x1b[31m", file=sys.stderr)
    elif data[:2] == b"\\xff\\xd8":
        said = "by the fake {{}}".format(len(arguments)).encode()
        data = data[:2] + b"\\xff\\xfe" + (len(said) + 2).to_bytes(2, "big") + said + data[2:]
    elif data[:4] == b"\\x89PNG":
        import zlib
        chunk = b"tEXtComment\\0by the fake"
        made = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        data = data[:33] + made + data[33:]
    out.write(data + "{{{{ready{{}}}}}}\\n".format(mark).encode())
    out.flush()
    print(arguments[-2], file=sys.stderr, flush=True)
    arguments = []
    if behaviour == "leaves":
        sys.exit()
"""


def fake(folder: Path, behaviour: str = "", version: str = "12.99") -> Path:
    """Put one into a folder for the PATH; returns its log: a line for each start and each question."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    program = folder / "exiftool"
    text = SCRIPT.format(python=sys.executable, version=version, log=str(log), behaviour=behaviour)
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return log


XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    b"<rdf:Description rdf:about='' xmlns:ss='http://ns.studio.example/1.0/' ss:Barcode='4006381333931'"
    b" xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'>"
    b"<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>\xc2\xa9 Ann</rdf:li></rdf:Alt></dc:rights>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def segment(marker: int, data: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2) + data


def put_segments(photo: Path, *segments: bytes) -> None:
    """Give a JPEG segments, at its beginning."""
    data = photo.read_bytes()
    photo.write_bytes(data[:2] + b"".join(segments) + data[2:])


def give_xmp(photo: Path, packet: bytes = XMP) -> None:
    """Give a JPEG a packet of XMP."""
    put_segments(photo, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))
