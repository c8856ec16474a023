"""Dialogs: a question, a choice, one line of text. Escape always leaves without doing anything."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from homechain_tui.plain_text import styled
from homechain_tui.widgets.rows import Row, Rows

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None]):
    """A box in the middle; None when it was left with Escape."""

    CSS_PATH = "dialog.tcss"
    AUTO_FOCUS = "Input, Rows, Button, .box"
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Back")]

    def action_leave(self) -> None:
        """Leave without doing anything."""
        self.dismiss(None)

    def show_trouble(self, words: str) -> None:
        """Say what is wrong inside the dialog."""
        place = self.query_one(".trouble", Static)
        place.update(styled(f"! {words}" if words else ""))
        place.set_class(bool(words), "-shown")


class Confirm(Dialog[bool]):
    """Yes or no, where yes is never the accident: `y` says yes, Enter does not."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "agree", "Yes"), ("n", "leave", "No")]

    def __init__(self, question: Content, *, consequence: str = "") -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence

    def compose(self) -> ComposeResult:
        """The question and its keys."""
        with Vertical(classes="box") as box:
            box.can_focus = True
            yield Static(self._question, classes="question", markup=False)
            if self._consequence:
                yield Static(styled((self._consequence, "$foreground-muted")), markup=False)
            yield Static(
                styled(("y", "bold reverse"), " yes    ", ("n", "bold reverse"), " no"),
                classes="hint",
                markup=False,
            )

    def action_agree(self) -> None:
        """Say yes."""
        self.dismiss(result=True)


class Choose(Dialog[str]):
    """One of several; the answer is the row's key."""

    def __init__(self, question: str, rows: Sequence[Row]) -> None:
        super().__init__()
        self._question = question
        self._rows = rows

    def compose(self) -> ComposeResult:
        """The question and the rows."""
        with Vertical(classes="box"):
            yield Static(styled((self._question, "bold")), classes="question", markup=False)
            yield Rows(id="choices", empty="There is nothing to choose from.")
            hint = "Enter chooses, Escape leaves."
            yield Static(styled(hint), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Fill the list."""
        self.query_one(Rows).show(self._rows)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer with what was chosen."""
        if event.option_id is not None:
            self.dismiss(event.option_id)


class ChooseMany(Dialog[list[str]]):
    """Several of several: Space marks, Enter accepts; the answer holds the rows' keys."""

    BINDINGS: ClassVar[list[BindingType]] = [("space", "mark", "Mark")]

    def __init__(self, question: str, rows: Sequence[Row], *, marked: Sequence[str] = ()) -> None:
        super().__init__()
        self._question = question
        self._rows = rows
        self._marked = set(marked)

    def compose(self) -> ComposeResult:
        """The question and the rows."""
        with Vertical(classes="box"):
            yield Static(styled((self._question, "bold")), classes="question", markup=False)
            yield Rows(id="choices", empty="There is nothing to choose from.")
            yield Static("", classes="trouble", markup=False)
            hint = "Space marks, Enter goes on, Escape goes back."
            yield Static(styled(hint), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Fill the list."""
        self._show()

    def action_mark(self) -> None:
        """Mark the row, or take its mark away."""
        chosen = self.query_one(Rows).chosen
        if chosen is not None:
            self._marked ^= {chosen}
            self._show()

    def on_option_list_option_selected(self) -> None:
        """Answer with all that is marked."""
        marked = [row.key for row in self._rows if row.key in self._marked]
        self.show_trouble("" if marked else "Mark at least one with Space.")
        if marked:
            self.dismiss(marked)

    def _show(self) -> None:
        self.query_one(Rows).show([_markable(row, row.key in self._marked) for row in self._rows])


def _markable(row: Row, is_marked: bool) -> Row:  # noqa: FBT001 - the one thing it says
    if row.heading:
        return row
    box = ("[x] ", "bold $text-success") if is_marked else "[ ] "
    return Row(key=row.key, line=lambda width: styled(box) + row.line(width - 4))


class Tell(Dialog[None]):
    """Something to read; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter,space,q", "leave", "Close")]

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content

    def compose(self) -> ComposeResult:
        """The text."""
        with VerticalScroll(classes="box"):
            yield Static(self._content, classes="question", markup=False)
            yield Static(styled("Enter closes."), classes="hint", markup=False)


class Ask(Dialog[str]):
    """One line of text; `check` says what is wrong with it, or nothing."""

    def __init__(
        self,
        question: str,
        *,
        value: str = "",
        hint: str = "",
        check: Callable[[str], str] = lambda _: "",
    ) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._hint = hint
        self._check = check

    def compose(self) -> ComposeResult:
        """The question and the line."""
        with Vertical(classes="box"):
            yield Static(styled((self._question, "bold")), classes="question", markup=False)
            yield Input(self._value, id="answer")
            yield Static("", classes="trouble", markup=False)
            yield Static(styled(self._hint or "Enter accepts."), classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, if the text will do."""
        wrong = self._check(event.value)
        self.show_trouble(wrong)
        if not wrong:
            self.dismiss(event.value)


def option(key: str, words: str, detail: str = "") -> Row:
    """A row of `Choose`; the words are clean already."""
    return Row(
        key=key,
        line=lambda _: styled(words, (f"  {detail}" if detail else "", "$foreground-muted")),
    )
