"""How a camera behaves: what it sees moving, when it may look, and its newest still.

May live here: a frozen state, and functions from state and given time to the next one. May not:
clocks, pictures, hubs, keys or `async`. Times are milliseconds of whatever clock the caller keeps.
"""

from dataclasses import dataclass, replace
from typing import Final

from homechain_devices.steps import Change, Step

MOTION_HOLD_MS: Final = 10_000
"""Motion counts as over when nothing moved for this long."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera at one moment. Each method answers with the camera after it."""

    now_ms: int
    privacy: bool = False
    motion_until_ms: int | None = None
    """None while nothing moves."""
    last_still: str | None = None
    """SHA-256 of the newest JPEG, base64url."""

    @property
    def motion(self) -> bool:
        """Whether something moves in front of it."""
        return self.motion_until_ms is not None

    def properties(self) -> tuple[Change, ...]:
        """All properties as they are; `last_still` once there is one."""
        known = (Change("motion", self.motion), Change("privacy", self.privacy))
        if self.last_still is None:
            return known
        return (*known, Change("last_still", self.last_still))

    def see_motion(self, *, now_ms: int) -> Step["Camera"]:
        """Something moves in front of the lens. In privacy mode the camera does not know."""
        before = self.advance(now_ms=now_ms)
        if self.privacy:
            return before
        camera = replace(before.state, motion_until_ms=before.state.now_ms + MOTION_HOLD_MS)
        if before.state.motion:
            return Step(camera, before.changes)
        return Step(camera, (*before.changes, Change("motion", True)))

    def may_look(self, *, now_ms: int) -> Step["Camera"]:
        """Ask before a picture is taken; the failure says why it may not be."""
        before = self.advance(now_ms=now_ms)
        if self.privacy:
            return Step(before.state, before.changes, "privacy mode is on")
        return before

    def keep_still(self, digest: str, *, now_ms: int) -> Step["Camera"]:
        """A picture was taken; `digest` is its SHA-256, base64url."""
        assert not self.privacy, "a picture was taken in privacy mode"
        before = self.advance(now_ms=now_ms)
        camera = replace(before.state, last_still=digest)
        return Step(camera, (*before.changes, Change("last_still", digest)))

    def set_privacy(self, *, on: bool, now_ms: int) -> Step["Camera"]:
        """Close the shutter, or open it."""
        before = self.advance(now_ms=now_ms)
        if before.state.privacy == on:
            return before
        camera = replace(before.state, privacy=on, motion_until_ms=None)
        changes = [*before.changes, Change("privacy", on)]
        if before.state.motion:
            changes.append(Change("motion", False))
        return Step(camera, tuple(changes))

    def restarted(self, *, now_ms: int) -> "Camera":
        """The camera after it was off: the shutter is as it was, and nothing moves yet."""
        return replace(self, now_ms=now_ms, motion_until_ms=None)

    def advance(self, *, now_ms: int) -> Step["Camera"]:
        """Let time pass until `now_ms`: motion ends `MOTION_HOLD_MS` after the last movement."""
        camera = replace(self, now_ms=max(self.now_ms, now_ms))
        if self.motion_until_ms is None or now_ms < self.motion_until_ms:
            return Step(camera)
        return Step(replace(camera, motion_until_ms=None), (Change("motion", False),))
