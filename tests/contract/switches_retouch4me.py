"""Retouch4me's switches: the forms that the sheets of its interface were met in, and those that its pages allow."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from PIL import Image

from tests.contract.desk import Desk
from tests.contract.odd import (
    although,
    body,
    differently,
    elsewhere,
    fields,
    instead,
    moved,
    nest,
    problem,
    zipped,
)
from tests.contract.pictures import commented, digest
from tests.contract.retouch4me import Retouch4me
from tests.contract.serving import GONE, LOST, Answer, At, html, said, sample, text
from tests.contract.switch import DONE, FAILED, HELD, Switch

START, LOOK, FILE = "POST /retoucher/start", "GET /retoucher/status/.+", "GET /retoucher/getFile/.+"
BALANCE, OLDER, LIMITS = "POST /balance", "POST /api/retouch/v1/balance|POST /api/retouch/.*", "GET /info/limits"

LAYERED = (
    '[accounts.faces.workflows.layered]\ntitle = "Layered"\n'
    '[[accounts.faces.workflows.layered.tasks]]\nplugin = "Heal"\nalpha1 = 0.7\nlayer = 1\n'
)
STRONG = '[accounts.faces.workflows.strong]\ntitle = "Strong"\n' + "".join(
    f'[[accounts.faces.workflows.strong.tasks]]\nplugin = "{plugin}"\nalpha1 = 0.5\n'
    for plugin in ("Heal", "White Teeth", "Dodge Burn", "Portrait Volumes")
)


def smaller(photo: bytes, run: str) -> bytes:
    """Half the photo, as a JPEG that names it."""
    made = io.BytesIO()
    image = Image.open(io.BytesIO(photo))
    image.resize((image.width // 2, image.height // 2)).save(made, "JPEG")
    return commented(made.getvalue(), f"input={digest(photo)};run={run};".encode())


def archive(photo: bytes, run: str) -> bytes:
    """Layers, as the page on archives names them; the comment names the photo."""
    made = io.BytesIO()
    layer = io.BytesIO()
    Image.new("RGBA", (48, 48)).save(layer, "PNG")
    with zipfile.ZipFile(made, "w") as layers:
        layers.writestr("index=0&blendmode=normal&name=Heal.png", layer.getvalue())
        layers.writestr("result.json", '{"jsonVersion": "1", "plugins": []}')
        layers.comment = f"input={digest(photo)};run={run};".encode()
    return made.getvalue()


def told(value: Any) -> str:
    return "gone" if value is GONE else repr(value)[:40]


def tells_the_size(service: Retouch4me, desk: Desk) -> None:
    said = "".join(desk.artui("job", job["id"]).out for job in desk.jobs())
    assert "smaller" in said or "fewer pixels" in said, f"nobody was told that a result is smaller\n{said}"


LOOKED_AT: dict[str, list[Any]] = {
    "state": ["Completed", "COMPLETED"],
    "status": ["200", "ok", GONE, None],
    "progress": ["100", None, 1e9],
    "reason": [None, ["x"], GONE],
    "attempt": [None, "1"],
    "maxAttempts": [GONE],
    "currentStep": [None, 7],
    "pluginName": [None, 7],
    "expireDate": ["2031-01-02T10:00:00", 1_924_900_000, 1_924_900_000_000, [2031, 1, 2], None, GONE, "soon"],
    "extra": [{"a": [1]}],
}

SWITCHES = [
    Switch("the documents' forms", lists=True),
    Switch("start: the token in the form alone", given={"token_in": "form"}),
    Switch("start: the token in the header alone", given={"token_in": "header"}),
    Switch("start: tasks as in the samples", given={"strict_tasks": True}, more=STRONG,
           asks=("{photo}", "-w", "strong")),
    Switch("start: id, a number", given={"always": "numeric"}),
    Switch("start: id, a large number", (At(START, fields({"status": "200"})),), given={"always": "numeric"}),
    *(Switch(f"start: status {told(value)}", (At(START, fields({"status": value})),), (DONE, HELD), "status",
             packed=True)
      for value in ("200", "ok", None, GONE, True)),
    *(Switch(f"start: retouchQuota {told(value)}", (At(START, fields({"retouchQuota": value})),), packed=True)
      for value in (GONE, None, "41", "many", 41.5, [1])),
    Switch("start: id gone", (At(START, fields({"id": GONE})),), HELD, "doubt|id", packed=True),
    Switch("start: id null", (At(START, fields({"id": None})),), HELD, "doubt|id", packed=True),
    Switch("start: id in an object", (At(START, fields({"id": {"x": 1}})),), HELD, "doubt|id", packed=True),
    Switch("start: 201", (At(START, differently(status=201)),), (DONE, HELD), "201|doubt", packed=True),
    Switch("start: a BOM", (At(START, body(lambda content: b"\xef\xbb\xbf" + content)),), (DONE, HELD), "doubt",
           packed=True),
    Switch("start: as text", (At(START, differently(kind="text/html")),), packed=True),
    Switch("start: no answer, the key is honoured", (At(START, although(LOST), times=1),), packed=True),
    Switch("start: 500, the key is honoured", (At(START, although(said({"status": 500}, 500)), times=1),),
           packed=True),
    *(Switch(f"start: {name}, taken", (At(START, although(answer)),), HELD, says, given={"honours_key": False},
             packed=True)
      for name, answer, says in (
          ("413, a web page", html(413), "413"),
          ("status error", said({"status": "error", "message": "later"}), "later"),
          ("302", Answer(302, headers={"Location": "/x"}), "302|redirect|doubt"),
          ("409", said({"status": 409}, 409), "409"),
          ("a web page", html(200), "web page|doubt|200"), ("plain text", text("done"), "done|doubt"))),
    *(Switch(f"start: {name}", (At(START, instead(answer)),), (FAILED, HELD), says,
             packed=not name.startswith(("46", "403, T"))) for name, answer, says in (
        ("400, own", said({"status": 400, "message": "bad payload"}, 400), "bad payload"),
        ("400 in the body alone", said({"status": 400, "message": "bad payload"}), "bad payload"),
        ("400, a number as text", said({"status": "400", "message": "bad payload"}, 400), "bad payload"),
        ("400, problem", problem(400), "CMYK"), ("422, problem", problem(422), "CMYK"),
        ("404, problem", problem(404), "CMYK"),
        ("400, text", text("No file uploaded", 400), "No file uploaded|400"),
        ("403, Nest", nest(403), "Forbidden resource"), ("400, Nest", nest(400), "Forbidden resource"),
        ("400, Express", said({"error": "bad things"}, 400), "bad things|400"),
        ("413, a web page", html(413), "413"),
        ("462, own", said({"status": 462, "message": "no such plugin"}, 462), "no such plugin"),
        ("460, own", said({"status": 460, "message": "Token issue"}, 460), "token|login|sign"),
        ("460 in the body alone", said({"status": 460, "message": "x"}), "token|login|sign"),
        ("403, Token issue", said({"status": 403, "message": "Token issue"}, 403), "token|login|sign"),
        ("461, own", said({"status": 461, "message": "limit"}, 461), "today|quota|limit"))),
    *(Switch(f"look: {name} {told(value)}", shows={name: value}, packed=True)
      for name, values in LOOKED_AT.items() for value in values),
    *(Switch(f"look: state {told(value)}", ends=HELD, says="state", shows={"state": value}, packed=True)
      for value in (None, GONE)),
    Switch("look: an unknown state, twice", (At(LOOK, fields({"state": "paused"}), times=2),), packed=True),
    Switch("look: status error, once", (At(LOOK, instead(said({"status": "error", "message": "later"})), times=1),),
           packed=True),
    Switch("look: status error", (At(LOOK, instead(said({"status": "error", "message": "later"}))),), HELD,
           "state|later",
           packed=True),
    Switch("look: 404 at first", (At(LOOK, instead(said({"status": 404, "message": "x"}, 404)), times=2),),
           packed=True),
    Switch("look: 500 at first", (At(LOOK, instead(text("Internal Server Error", 500)), times=2),), packed=True),
    Switch("look: 403, Nest, once", (At(LOOK, instead(nest(403)), times=1),), (DONE, HELD), "Forbidden", packed=True),
    Switch("result: smaller", given={"result": smaller}, check=tells_the_size),
    Switch("result: ends by close", (At(FILE, differently(unmeasured=True)),), packed=True),
    Switch("result: ends by close, cut", (At(FILE, body(lambda content: content[:-2], unmeasured=True)),), HELD,
           "damaged|whole", packed=True),
    Switch("result: layers", (At(FILE, differently(kind="binary/octet-stream", headers={
        "Content-Disposition": 'attachment; filename="photo-1.jpg"'})),), given={"result": archive}, more=LAYERED,
        asks=("{photo}", "-w", "layered"), then=(DONE, HELD)),
    Switch("result: layers, end by close", (At(FILE, differently(unmeasured=True)),), given={"result": archive},
           more=LAYERED, asks=("{photo}", "-w", "layered"), then=(DONE, HELD)),
    Switch("result: compressed as a picture", (At(FILE, zipped),), packed=True),
    Switch("result: 302 to storage", elsewhere("storage", route=FILE), packed=True),
    Switch("result: 302 to 10.0.0.1", (At(FILE, moved(302, "http://10.0.0.1/x")),), HELD, "redirect|address|private",
           packed=True),
    Switch("result: 404 just after", (At(FILE, instead(said({"status": 404, "message": "x"}, 404)), times=2),),
           packed=True),
    Switch("result: 500 just after", (At(FILE, instead(text("x", 500)), times=2),), packed=True),
    Switch("result: JSON with 200, once", (At(FILE, instead(said({"status": 404, "message": "x"})), times=1),),
           packed=True),
    Switch("result: JSON with 200", (At(FILE, instead(said({"status": 404, "message": "x"}))),), HELD,
           "damaged|result|picture", packed=True),
    *(Switch(f"credits: {name}", (At(BALANCE, instead(answer)), At("POST /api/retouch/.+", instead(other))), lists=True)
      for name, answer, other in (
          ("404 and 404", said({"status": 404}, 404), said({"status": 404}, 404)), ("web pages", html(200), html(502)),
          ("as text", said({"status": 200, "remaining": {"professional": "7"}}), html(404)),
          ("a list", said({"status": 200, "remaining": [7]}), html(404)),
          ("null", said({"status": 200, "remaining": {"professional": None}}), html(404)),
          ("a fraction", said({"status": 200, "remaining": {"professional": 7.5}}), html(404)),
          ("403, Nest", nest(403), html(404)))),
    Switch("credits: from the older address", (At(BALANCE, instead(said({"status": 404}, 404))),)),
    *(Switch(f"limits: {name}", (At(LIMITS, instead(answer)),), lists=True) for name, answer in (
        ("as printed", text(sample("retouch4me-limits.txt"))), ("a web page", html(200)), ("500", html(500)),
        ("odd", said({"image": {"formats": "jpg", "maxFileSizeInMB": "100", "maxMegapixels": None}})),
        ("null", said(None)), ("403, Nest", nest(403)))),
]  # fmt: skip
