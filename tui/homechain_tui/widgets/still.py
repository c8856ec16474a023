"""The newest still of a camera: pixels where the terminal can, coloured half cells elsewhere."""

from typing import Final

from PIL import Image
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static
from textual_image.renderable import Image as BestRenderable
from textual_image.renderable import UnicodeImage
from textual_image.widget import HalfcellImage
from textual_image.widget import Image as BestImage

from homechain_tui.plain_text import styled

# Asked of the terminal once, when this is imported, before the dashboard takes it over.
_PictureType: Final = HalfcellImage if BestRenderable is UnicodeImage else BestImage


class Still(Vertical):
    """A picture, or words where there is none."""

    DEFAULT_CSS = """
    Still { align: center middle; }
    Still #picture { width: auto; height: 1fr; display: none; }
    Still #picture.-shown { display: block; }
    Still #caption { height: auto; width: 100%; text-align: center; color: $foreground-muted; }
    """

    def compose(self) -> ComposeResult:
        """The picture over its caption."""
        yield _PictureType(id="picture")
        yield Static("", id="caption", markup=False)

    def show(self, image: Image.Image | None, *, caption: str) -> None:
        """Show that picture, or only the words."""
        picture = self.query_one("#picture")
        assert isinstance(picture, HalfcellImage | BestImage), "composed above"
        picture.image = image
        picture.set_class(image is not None, "-shown")
        self.query_one("#caption", Static).update(styled(caption))
