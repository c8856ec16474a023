"""The dialog that takes a device in: the digits, large, then a name and an area."""

from collections.abc import Sequence

from msgspec import Struct
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Button, Digits, Input, Static

from homechain.api.schema.mesh import DeviceRequest
from homechain.ledger.names import BadName, clean_name, confusable_with
from homechain_tui.plain_text import fingerprint, plain, styled
from homechain_tui.screens.dialog import Dialog
from homechain_tui.screens.grant_wizard import wrong_name


class Approval(Struct, frozen=True, kw_only=True):
    """What the device will be called, and where it is."""

    name: str
    area: str


class Approve(Dialog[Approval]):
    """Answers only after the resident said that the digits are the same."""

    def __init__(
        self, request: DeviceRequest, *, areas: Sequence[str], names: Sequence[str]
    ) -> None:
        super().__init__()
        self._request = request
        self._areas = areas
        self._names = names

    def compose(self) -> ComposeResult:
        """Digits, two lines, one button."""
        digits = self._request.digits or ""
        with Vertical(classes="box"):
            question = f"Does the {self._request.kind} itself show these digits?"
            yield Static(styled((question, "bold")), markup=False)
            yield Digits(f"{digits[:3]} {digits[3:]}", id="big")
            key = f"If not, press Escape and unplug it. Key {fingerprint(self._request.did)}."
            yield Static(styled(key), classes="label", markup=False)
            yield Input(_proposed(self._request.title), placeholder="its name", id="name")
            known = SuggestFromList([plain(area) for area in self._areas], case_sensitive=False)
            yield Input(placeholder="where it is", id="area", suggester=known)
            yield Static("", classes="trouble", markup=False)
            label = "The digits are the same: take it in"
            yield Button(label, id="agree", variant="primary", compact=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next line; the last step is the button's."""
        self.query_one("#area" if event.input.id == "name" else "#agree").focus()

    def on_button_pressed(self) -> None:
        """Take it in, if both names will do."""
        name, area = (self.query_one(f"#{part}", Input).value for part in ("name", "area"))
        for part, text in (("name", name), ("area", area)):
            if wrong := wrong_name(text):
                self.show_trouble(f"The {part}: {wrong}")
                self.query_one(f"#{part}").focus()
                return
        twin = clean_name(name) in self._names or confusable_with(clean_name(name), self._names)
        if twin:
            self.show_trouble("Another device has that name, or one that looks like it.")
            self.query_one("#name").focus()
            return
        self.dismiss(Approval(name=clean_name(name), area=clean_name(area)))


def _proposed(title: str) -> str:
    """What the device calls itself, if that will do as a name."""
    try:
        return clean_name(plain(title, limit=64))
    except BadName:
        return ""
