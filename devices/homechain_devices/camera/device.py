"""The camera's model bound to the kit: a lens that somebody else provides, and what it may see."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from homechain.crypto.hashing import b64u, sha256
from homechain_devices.camera.model import Camera
from homechain_devices.sdk import Device, Outcome
from homechain_devices.steps import Step

Lens = Callable[[], Awaitable[bytes]]
"""Takes a picture now: the bytes of a JPEG."""


class CameraDevice:
    """One camera."""

    def __init__(self, device: Device, *, lens: Lens, body: Camera | None = None) -> None:
        """`body` is the camera as it was when the program stopped."""
        self._device = device
        self._lens = lens
        now_ms = self._now_ms()
        self.body = Camera(now_ms=now_ms) if body is None else body.restarted(now_ms=now_ms)
        """The camera as it is."""
        device.action("still")(self._still)
        device.action("set_privacy")(self._set_privacy)

    def report_all(self) -> None:
        """Say how everything is; once after a start."""
        for change in self.body.properties():
            self._device.report(*change)

    def tick(self) -> None:
        """Let time pass: call it a few times a second."""
        self._report(self.body.advance(now_ms=self._now_ms()))

    def see_motion(self) -> None:
        """Something moves in front of the lens; call it again while it does."""
        self._report(self.body.see_motion(now_ms=self._now_ms()))

    async def _still(self, arguments: Mapping[str, Any]) -> Outcome:
        allowed = self.body.may_look(now_ms=self._now_ms())
        if allowed.failure:
            self._report(allowed)
            return Outcome.refused(allowed.failure)
        jpeg = await self._lens()
        step = self.body.keep_still(b64u(sha256(jpeg)), now_ms=self._now_ms())
        self.body = step.state
        return Outcome.done(*step.changes, jpeg=jpeg)

    async def _set_privacy(self, arguments: Mapping[str, Any]) -> Outcome:
        step = self.body.set_privacy(on=arguments["on"], now_ms=self._now_ms())
        self.body = step.state
        return Outcome.of(step)

    def _report(self, step: Step[Camera]) -> None:
        self.body = step.state
        for change in step.changes:
            self._device.report(*change)

    def _now_ms(self) -> int:
        return self._device.clock.monotonic_ms()
