"""A dialog made from a device's own description: what an action wants to know."""

from typing import Any

from msgspec import UNSET
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Button, Input, Select, Static, Switch

from homechain.model.records import Affordance
from homechain_tui.plain_text import plain, styled
from homechain_tui.screens.dialog import Dialog


class ActionForm(Dialog[dict[str, Any]]):
    """The arguments of one action; the answer holds those that were filled in."""

    def __init__(self, action: str, affordance: Affordance, *, current: dict[str, Any]) -> None:
        super().__init__()
        self._title = plain(action).replace("_", " ")
        self._fields = affordance.input if isinstance(affordance.input, dict) else {}
        self._current = current

    def compose(self) -> ComposeResult:
        """A field each, by its type."""
        with Vertical(classes="box"):
            yield Static(styled((self._title, "bold")), classes="question", markup=False)
            for number, (name, field) in enumerate(self._fields.items()):
                yield Static(_label(name, field), classes="label", markup=False)
                yield self._field(number, name, field)
            yield Static("", classes="trouble", markup=False)
            yield Button("Send", id="send", variant="primary", compact=True)
            hint = "Tab moves, Enter sends, Escape leaves."
            yield Static(styled(hint), classes="hint", markup=False)

    def on_input_submitted(self) -> None:
        """Enter in a line sends."""
        self._send()

    def on_button_pressed(self) -> None:
        """The button sends."""
        self._send()

    def _field(self, number: int, name: str, field: Affordance) -> Input | Select[str] | Switch:
        current = self._current.get(name)
        widget_id = f"field-{number}"
        if isinstance(field.enum, list):
            options = [(Content(plain(value)), value) for value in field.enum]
            value = current if current in field.enum else field.enum[0]
            return Select(options, value=value, allow_blank=False, id=widget_id)
        if field.type == "boolean":
            return Switch(value=bool(current), id=widget_id, animate=False)
        shown = "" if current is None else plain(current)
        return Input(shown, id=widget_id)

    def _send(self) -> None:
        arguments: dict[str, Any] = {}
        for number, (name, field) in enumerate(self._fields.items()):
            widget = self.query_one(f"#field-{number}")
            if isinstance(widget, Switch | Select):
                arguments[name] = widget.value
            elif isinstance(widget, Input) and widget.value.strip():
                value = read_argument(widget.value.strip(), field)
                if value is None:
                    self.show_trouble(f"{plain(name)}: {_wanted(field)}")
                    widget.focus()
                    return
                arguments[name] = value
        self.dismiss(arguments)


def read_argument(text: str, field: Affordance) -> int | float | str | None:
    """The value that was typed, None if the field does not take it."""
    if field.type not in ("integer", "number"):
        return text
    try:
        value = int(text) if field.type == "integer" else float(text.replace(",", "."))
    except ValueError:
        return None
    low = field.minimum if field.minimum is not UNSET else value
    high = field.maximum if field.maximum is not UNSET else value
    return value if low <= value <= high else None


def _label(name: str, field: Affordance) -> Content:
    title = field.title if isinstance(field.title, str) else name.replace("_", " ")
    unit = f" ({plain(field.unit)})" if isinstance(field.unit, str) else ""
    return styled(f"{plain(title)}{unit}")


def _wanted(field: Affordance) -> str:
    kind = "a whole number" if field.type == "integer" else "a number"
    if field.minimum is not UNSET and field.maximum is not UNSET:
        return f"{kind} from {field.minimum:g} to {field.maximum:g}"
    return kind
