"""A list that keeps its place while its lines change, and fits them to its width."""

from collections.abc import Callable, Sequence

from msgspec import Struct
from textual import events
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from homechain_tui.plain_text import styled


class Row(Struct, frozen=True, kw_only=True):
    """One line. `line` gets the width in cells and answers with content without markup."""

    key: str
    line: Callable[[int], Content]
    heading: bool = False
    """Headings cannot be chosen."""


def heading(key: str, words: str) -> Row:
    """A line that names what follows; `words` are clean already."""
    return Row(key=key, line=lambda _: styled((words, "bold $accent")), heading=True)


class Rows(OptionList):
    """Lines to choose from. `OptionSelected.option_id` is the row's key."""

    DEFAULT_CSS = """
    Rows {
        height: 1fr;
        border: none;
        padding: 0;
        background: transparent;
        scrollbar-size-vertical: 1;
        &:focus { border: none; background: transparent; }
        & > .option-list--option { padding: 0 1; }
        & > .option-list--option-disabled { color: $accent; }
        & > .option-list--option-highlighted { text-style: none; background: $boost; }
        &:focus > .option-list--option-highlighted {
            background: $primary 40%; color: $foreground; text-style: bold;
        }
    }
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - Textual's own word for it
        empty: str,
        follows: bool = False,
    ) -> None:
        """`follows`: who looks at the newest line on top stays on top when newer ones come."""
        super().__init__(id=id, markup=False)
        self._follows = follows
        self._empty = empty
        self._rows: Sequence[Row] = ()
        self._shown: list[tuple[str, Content]] = []

    @property
    def chosen(self) -> str | None:
        """Key of the highlighted row, None if there is none."""
        option = self.highlighted_option
        return option.id if option is not None else None

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the highlight stays on its key, or near its place."""
        self._rows = rows
        self._draw()

    def choose(self, key: str) -> None:
        """Move the highlight to the row of that key, if it is there."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self.highlighted = keys.index(key)

    def on_resize(self, _event: events.Resize) -> None:
        """Fit the lines again."""
        self._draw()

    def _draw(self) -> None:
        width = max(20, self.size.width - 2 - self.scrollbar_size_vertical)
        lines = [(row.key, row.line(width)) for row in self._rows]
        if not lines:
            lines = [("", styled((self._empty, "$foreground-muted")))]
        if _same(lines, self._shown):
            return
        same_keys = [key for key, _ in lines] == [key for key, _ in self._shown]
        self._shown = lines
        if same_keys:
            for number, (_, content) in enumerate(lines):
                self.replace_option_prompt_at_index(number, content)
            return
        kept, place = self.chosen, self.highlighted
        headings = {row.key for row in self._rows if row.heading}
        self.set_options(
            Option(content, id=key or None, disabled=key in headings or not key)
            for key, content in lines
        )
        self._restore(kept, place, [key for key, _ in lines], headings)

    def _restore(
        self, kept: str | None, place: int | None, keys: list[str], headings: set[str]
    ) -> None:
        free = [number for number, key in enumerate(keys) if key and key not in headings]
        if not free:
            return
        if self._follows and place in (None, 0):
            self.highlighted = free[0]
        elif kept in keys and keys.index(kept) in free:
            self.highlighted = keys.index(kept)
        else:
            self.highlighted = min(free, key=lambda number: abs(number - (place or 0)))


def _same(new: list[tuple[str, Content]], old: list[tuple[str, Content]]) -> bool:
    return len(new) == len(old) and all(
        key == old_key and content.is_same(old_content)
        for (key, content), (old_key, old_content) in zip(new, old, strict=True)
    )
