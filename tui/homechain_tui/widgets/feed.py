"""What happened, newest first, in sentences."""

from functools import partial
from typing import Final

from textual.content import Content

from homechain_tui.plain_text import styled, wrapped
from homechain_tui.sentences import Sentence, sentence
from homechain_tui.state import ActEntry, FeedEntry, HappeningEntry, HomeState
from homechain_tui.times import short_moment
from homechain_tui.widgets.rows import Row, Rows

SENTENCE_LINES: Final = 2


class Feed(Rows):
    """The live feed. Each line opens to its record."""

    def show_feed(self, state: HomeState, *, now_ms: int, device: str | None = None) -> None:
        """Show the feed, or the part of it that is about one device."""
        rows = []
        for entry in state.feed:
            if device is not None and device_of(entry, state) != device:
                continue
            time = short_moment(entry.at_ms, state.zone, now_ms=now_ms)
            rows.append(Row(key=entry.key, line=partial(feed_line, time, sentence(entry, state))))
        self.show(rows)


def device_of(entry: FeedEntry, state: HomeState) -> str | None:
    """The device that an entry is about."""
    match entry:
        case ActEntry():
            act = state.acts.get(entry.key)
            return act.device if act is not None else None
        case HappeningEntry():
            return entry.device
        case _:
            return None


def record_of(key: str) -> str:
    """Id of the record behind the feed's line of that key."""
    return key.partition("/")[0]


def said_line(said: Sentence, width: int) -> Content:
    """Mark and words without a time."""
    words = wrapped(said.words, width - 2, lines=SENTENCE_LINES)
    return styled((said.mark, said.style), " ", "\n  ".join(words))


def feed_line(time: str, said: Sentence, width: int) -> Content:
    """Time, mark and words, with the second line below the words."""
    words = wrapped(said.words, width - 9, lines=SENTENCE_LINES)
    return styled(
        (f"{time:>6} ", "$foreground-muted"), (said.mark, said.style), " ", f"\n{'':9}".join(words)
    )
