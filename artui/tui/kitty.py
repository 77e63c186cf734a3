"""Pictures by Kitty's graphics, sent in one line with all else that is drawn, and taken out of the terminal again.

The library writes them beside Textual's own output, so that one may come in the middle of the other; and what it sends
to take a picture away takes none (https://sw.kovidgoyal.net/kitty/graphics-protocol/#deleting-images).
"""

from __future__ import annotations

from textual._context import active_app
from textual_image.renderable import tgp
from textual_image.widget import TGPImage


def _send(*, payload: str | None = None, **keys: int | str | None) -> None:
    """Send one message of the protocol, after all that was drawn before."""
    driver = active_app.get()._driver  # noqa: SLF001 — Textual names no other way to its terminal
    said = ",".join(f"{key}={value}" for key, value in keys.items() if value is not None)
    if driver is not None:
        driver.write(f"\x1b_G{said}{f';{payload}' if payload else ''}\x1b\\")


class KittyRenderable(tgp.Image):
    """A picture in the terminal's memory, shown by placeholders."""

    def cleanup(self) -> None:
        """Take it out of the terminal's memory."""
        if self.terminal_image_id:
            _send(a="d", d="I", i=self.terminal_image_id, q=2)
            self.terminal_image_id = None


class KittyImage(TGPImage, Renderable=KittyRenderable):
    """A picture on the screen; the terminal keeps it no longer than that."""

    def on_unmount(self) -> None:
        """It is no longer shown."""
        if self._renderable is not None:
            self._renderable.cleanup()


def kitty_image() -> type[KittyImage]:
    """The widget that shows a picture, once what is sent goes the right way."""
    vars(tgp)["_send_tgp_message"] = _send
    return KittyImage
