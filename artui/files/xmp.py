"""A photo's XMP made fit for its result: what describes the photo's own pixels, file or rotation goes, all else stays.

Properties of makers nobody knows stay too: that is where studios keep barcodes.
"""

from __future__ import annotations

import re

from artui.files.metadata import RDF, split_name, xmp_tree

MOST_BYTES = 60_000
"""What one block of a JPEG holds."""

_TIFF, _EXIF, _XMP = (f"http://ns.adobe.com/{name}/1.0/" for name in ("tiff", "exif", "xap"))
_PHOTOSHOP, _DC = "http://ns.adobe.com/photoshop/1.0/", "http://purl.org/dc/elements/1.1/"
_OF_TIFF = {
    "Make", "Model", "Artist", "Copyright", "ImageDescription", "DateTime", "Software", "XResolution", "YResolution",
    "ResolutionUnit",
}  # fmt: skip
_DROPPED = {
    (_EXIF, "PixelXDimension"), (_EXIF, "PixelYDimension"), (_EXIF, "ColorSpace"), (_EXIF, "Gamma"), (_DC, "format"),
    (_XMP, "Thumbnails"), (_PHOTOSHOP, "ICCProfile"), (_PHOTOSHOP, "ColorMode"), (_PHOTOSHOP, "DocumentAncestors"),
    (_PHOTOSHOP, "TextLayers"),
}  # fmt: skip
_SPACES_DROPPED = (
    "http://ns.adobe.com/camera-raw-",  # how a raw converter shows it, which the result has in its pixels or has not
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.adobe.com/xmp/note/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.google.com/photos/1.0/",
)


def edited(packet: bytes) -> bytes | None:
    """The packet for a result; None where it cannot be read, or is in several parts or too long for every format."""
    from xml.etree import ElementTree as ET

    tree = xmp_tree(packet)
    if tree is None or b"HasExtendedXMP" in packet:
        return None
    root = tree if split_name(tree.tag) == (RDF, "RDF") else tree.find(f"{{{RDF}}}RDF")
    if root is None:
        return None
    for description in root:
        for name in [name for name in description.attrib if _is_of_pixels(*split_name(name))]:
            del description.attrib[name]
        for child in [child for child in description if _is_of_pixels(*split_name(child.tag))]:
            description.remove(child)
    for prefix, space in re.findall(rb"xmlns:([A-Za-z_][\w.-]*)\s*=\s*[\"']([^\"']+)", packet):
        if not re.fullmatch(rb"ns\d+|xml", prefix):  # ElementTree refuses the former, and needs the latter
            ET.register_namespace(prefix.decode(), space.decode("utf-8", "replace"))
    body = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + ET.tostring(root, "utf-8") + b"</x:xmpmeta>"
    made = b"<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>" + body + b"<?xpacket end='w'?>"
    return made if len(made) <= MOST_BYTES else None


def _is_of_pixels(space: str, name: str) -> bool:
    if space == _TIFF:
        return name not in _OF_TIFF
    return (space, name) in _DROPPED or space.startswith(_SPACES_DROPPED)
