"""Files: a photo on disk, whether it is whole, the names of results, and how a result gets its name durably.

`photo` knows files that are to be sent, `whole` their content; `names`, `publishing` and `layers` what is saved;
`folders` which folder a path really is.
Nothing here knows of jobs or services, and everything blocks: for a thread where that matters.
"""

from artui.files.folders import first_shared, inside
from artui.files.layers import LayersProblem, unpack_layers
from artui.files.names import (
    Stems,
    ascii_name,
    extension,
    free_stem,
    plain_type,
    render_stem,
    result_names,
    safe_join,
    stem_key,
    tame,
)
from artui.files.photo import (
    Accepts,
    BadPhoto,
    Changed,
    Gone,
    Photo,
    PhotoProblem,
    Sending,
    Stamp,
    addressed,
    inspect,
    open_photo,
    sha256,
    stamp,
)
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
from artui.files.whole import can_judge, can_tell, is_complete, is_swollen, sniff, what_is_missing

__all__ = [
    "Accepts",
    "BadPhoto",
    "BadResult",
    "Changed",
    "Gone",
    "LayersProblem",
    "OutputProblem",
    "Part",
    "Photo",
    "PhotoProblem",
    "Sending",
    "Stamp",
    "Stems",
    "Written",
    "addressed",
    "ascii_name",
    "can_judge",
    "can_tell",
    "copy_to_part",
    "discard",
    "extension",
    "first_shared",
    "free_bytes",
    "free_stem",
    "inside",
    "inspect",
    "is_complete",
    "is_swollen",
    "move",
    "open_photo",
    "part_path",
    "plain_type",
    "probe_folder",
    "publish",
    "published",
    "render_stem",
    "result_names",
    "safe_join",
    "sha256",
    "sniff",
    "stamp",
    "stem_key",
    "tame",
    "unpack_layers",
    "what_is_missing",
]
