"""Mesh: the hubs, who leads, who lags, and what the home survives."""

from functools import partial
from pathlib import PurePath
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from homechain.api.schema.mesh import HubView, MeshView
from homechain.api.schema.records import RecordPage
from homechain.model.records import HubDescription, Role
from homechain_tui.background import in_background
from homechain_tui.plain_text import fingerprint, fitted, plain, styled
from homechain_tui.screens.dialog import Confirm
from homechain_tui.screens.place import Place
from homechain_tui.widgets.rows import Row, Rows

SKEW_WARNING_MS = 2_000
READ_AGAIN_S = 3.0


class MeshScreen(Place):
    """The hubs as the one that answers sees them."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["place.tcss", "mesh.tcss"]
    PLACE = "mesh"
    AUTO_FOCUS = "#hubs"
    BINDINGS: ClassVar[list[BindingType]] = [("r", "remove", "Remove hub")]

    def compose_body(self) -> ComposeResult:
        """Advice, the hubs, the chosen one."""
        yield Static("", id="advice", classes="note", markup=False)
        yield Static(_columns(), id="columns", classes="section", markup=False)
        yield Rows(id="hubs", empty="Not told by the hub.")
        yield Static("", id="hub", markup=False)

    def on_mount(self) -> None:
        """Read heights and answers again from time to time."""
        self.set_interval(READ_AGAIN_S, self._read_again)

    def on_screen_resume(self) -> None:
        """Read them at once."""
        self._read_again()

    def _read_again(self) -> None:
        if self.is_current and self.state.connection.live:
            in_background(self, self.session.read_mesh, replaces="mesh")

    async def show_state(self) -> None:
        """Show the hubs."""
        mesh = self.state.mesh
        if mesh is None:
            return
        self.query_one("#advice", Static).update(advice(mesh))
        rows = [Row(key=hub.did, line=partial(_hub_line, hub)) for hub in mesh.hubs]
        self.query_one("#hubs", Rows).show(rows)
        self._show_chosen()

    def on_option_list_option_highlighted(self) -> None:
        """Another hub, other facts."""
        self._show_chosen()

    def action_remove(self) -> None:
        """Remove the chosen hub, if an owner says yes."""
        in_background(self, self._remove, replaces="dialog")

    def _chosen(self) -> HubView | None:
        key = self.query_one("#hubs", Rows).chosen
        hubs = self.state.mesh.hubs if self.state.mesh is not None else []
        return next((hub for hub in hubs if hub.did == key), None)

    def _show_chosen(self) -> None:
        hub = self._chosen()
        self.query_one("#hub", Static).update(_facts(hub) if hub is not None else styled(""))

    async def _remove(self) -> None:
        hub, home, mesh = self._chosen(), self.state.home, self.state.mesh
        if hub is None or home is None or mesh is None:
            return
        if home.me.role is not Role.OWNER:
            self.warn("Only an owner removes a hub. Ask one.")
            return
        if not hub.member or mesh.size < 2:
            self.warn("That is no hub that can be removed: the home needs at least one.")
            return
        question = styled("Remove the hub ", (plain(hub.name), "bold"), " from this home?")
        words = f"For good: its key {fingerprint(hub.did)} can never come back. "
        words += f"The home goes on with {mesh.size - 1}."
        if not await self.app.push_screen_wait(Confirm(question, consequence=words)):
            return
        description = await self._description(hub.did)
        if isinstance(description, str):
            self.warn(description)
            return
        answer = await self.session.ask(self.session.client.put_hub(description, removed=True))
        self.tell_answer(answer, done=f"{plain(hub.name)} is no hub of this home any more.")

    async def _description(self, did: str) -> HubDescription | str:
        """The hub as the ledger last described it; the record that removes it repeats that."""
        page = await self.session.read(
            self.session.client.records(kinds=("hub", "genesis"), limit=256)
        )
        return newest_description(page, did) if isinstance(page, RecordPage) else page


def newest_description(page: RecordPage, did: str) -> HubDescription | str:
    """What the newest record says about the hub, or a sentence if none is there."""
    for record in page.records:
        payload = record.payload
        for hub in payload.get("hubs", [payload.get("hub")]):
            if isinstance(hub, dict) and hub.get("hub") == did:
                return msgspec.convert(hub, HubDescription)
    return "The ledger page that describes this hub was not found. Use homechain hub leave there."


def advice(mesh: MeshView) -> Content:
    """What the home survives, and what would make it survive more."""
    parts: list[str | tuple[str, str]] = [(f"{plain(mesh.words)}. ".capitalize(), "bold")]
    if not mesh.fresh:
        parts.append(
            ("Too few hubs answer: nothing new is decided. Switch one on. ", "bold $text-error")
        )
    if mesh.size == 1:
        parts.append("One hub alone is lost with its disk: let a second and a third one join.")
    elif mesh.size == 2:
        parts.append("Two hubs cannot lose one. A third that only witnesses changes that.")
    parts.append(f"\nepoch {mesh.epoch}, term {mesh.term}, {mesh.quorum} of {mesh.size} decide")
    return styled(*parts)


def _columns() -> Content:
    return styled(f"   {'Hub':<16}{'is':<10}{'link':<11}{'final to':<16}{'answers':<10}clock")


def _hub_line(hub: HubView, width: int) -> Content:
    is_up = hub.linked or hub.this_hub
    mark = ("● ", "$text-success") if is_up else ("✗ ", "bold $text-error")
    role = "leader" if hub.leader else "member" if hub.member else "outside"
    link = "this one" if hub.this_hub else "linked" if hub.linked else "NO LINK"
    height = "?" if hub.height is None else f"#{hub.height}"
    behind = f" ({hub.lag} behind)" if hub.lag else ""
    answers = "" if hub.rtt_ms is None else f"{hub.rtt_ms:.1f} ms"
    skew = "" if hub.clock_skew_ms is None else _skew(hub.clock_skew_ms)
    name = fitted(plain(hub.name), 15)
    words = f" {role:<10}{link:<11}{height + behind:<16}{answers:<10}{skew}"
    return styled(mark, (name, "bold"), fitted(words, width - 17).rstrip())


def _skew(skew_ms: int) -> str:
    warning = " !" if abs(skew_ms) >= SKEW_WARNING_MS else ""
    return f"{skew_ms / 1000:+.1f} s{warning}" if abs(skew_ms) >= 100 else f"{skew_ms:+d} ms"


def _facts(hub: HubView) -> Content:
    term = "unknown" if hub.term is None else str(hub.term)
    addresses = ", ".join(plain(address) for address in hub.addresses) or "none known"
    return styled(
        (plain(hub.name), "bold"),
        f"  term {term}\n",
        ("key        ", "$foreground-muted"),
        f"{plain(hub.did)}\n",
        ("addresses  ", "$foreground-muted"),
        addresses,
    )
