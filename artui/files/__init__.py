"""Files: a photo on disk, whether it is whole, the names of results, and how a result gets its name durably.

`photo` knows files that are to be sent, `photo_faults` why one is not, `whole`, `doubts` and `picture` their content;
`names`, `publishing` and `layers` what is saved; `folders` which folder a path really is.
Nothing here knows of jobs or services, and everything blocks: for a thread where that matters.
"""

from artui.files.decoding import INSTALL, can_decode_all
from artui.files.folders import file_system, first_shared, has_left, inside, mount_of
from artui.files.layers import LayersProblem, unpack_layers
from artui.files.names import (
    Stems,
    ascii_name,
    extension,
    free_stem,
    plain_type,
    readable_name,
    render_stem,
    result_names,
    safe_join,
    stem_key,
    tame,
)
from artui.files.opened import is_open
from artui.files.permissions import AS_USUAL, Permissions, group_fault
from artui.files.photo import (
    Photo,
    Sending,
    Stamp,
    addressed,
    inspect,
    open_photo,
    read_through,
    sha256,
    stamp,
    suspicion,
)
from artui.files.photo_faults import BadPhoto, Changed, Gone, PhotoFault, PhotoProblem
from artui.files.publishing import (
    BadResult,
    OutputProblem,
    Part,
    Written,
    copy_to_part,
    discard,
    free_bytes,
    move,
    part_path,
    probe_folder,
    publish,
    published,
)
from artui.files.reasons import forget_reason, leave_reason
from artui.files.whole import can_judge, can_tell, is_complete, is_swollen, pixels_of, sniff, what_is_missing
from artui.model.capabilities import Accepts

__all__ = [
    "AS_USUAL",
    "INSTALL",
    "Accepts",
    "BadPhoto",
    "BadResult",
    "Changed",
    "Gone",
    "LayersProblem",
    "OutputProblem",
    "Part",
    "Permissions",
    "Photo",
    "PhotoFault",
    "PhotoProblem",
    "Sending",
    "Stamp",
    "Stems",
    "Written",
    "addressed",
    "ascii_name",
    "can_decode_all",
    "can_judge",
    "can_tell",
    "copy_to_part",
    "discard",
    "extension",
    "file_system",
    "first_shared",
    "forget_reason",
    "free_bytes",
    "free_stem",
    "group_fault",
    "has_left",
    "inside",
    "inspect",
    "is_complete",
    "is_open",
    "is_swollen",
    "leave_reason",
    "mount_of",
    "move",
    "open_photo",
    "part_path",
    "pixels_of",
    "plain_type",
    "probe_folder",
    "publish",
    "published",
    "read_through",
    "readable_name",
    "render_stem",
    "result_names",
    "safe_join",
    "sha256",
    "sniff",
    "stamp",
    "stem_key",
    "suspicion",
    "tame",
    "unpack_layers",
    "what_is_missing",
]
