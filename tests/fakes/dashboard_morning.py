"""A morning of the home in memory: readings, a grant, a visit, a refusal."""

from homechain.model.records import Authorization, GrantRecord, HubRecord
from tests.fakes.dashboard_home import MINUTE_MS, NOON_MS, DashboardHome


def lived_in_home() -> DashboardHome:
    """The home at noon."""
    home = DashboardHome()
    spend_a_morning(home)
    return home


def spend_a_morning(home: DashboardHome) -> None:
    """A morning of the home."""
    for number, did in enumerate(home.hubs):
        raw = home.signed(
            HubRecord, home.anna, hub=home.hub_description(did, home.hub_names[number])
        )
        home.commit(raw, time_ms=NOON_MS - 400 * MINUTE_MS)
    hour = 60 * MINUTE_MS
    for step in range(96, 0, -1):
        at_ms = NOON_MS - step * 15 * MINUTE_MS
        warmth = 19.0 + 2.4 * abs(((96 - step) % 64) - 32) / 32
        for device, offset in ((home.living, 0.0), (home.bath, 1.5)):
            home.read_property(
                device, "temperature", round(warmth + offset, 1), at_ms=at_ms, record=home.home
            )
    for lock, battery in ((home.front, 87), (home.garden, 64)):
        home.event(
            lock,
            ("bolt", "locked"),
            ("door", "closed"),
            ("battery", battery),
            ("auto_relock_s", 30),
            at_ms=NOON_MS - 6 * hour,
        )
    for camera in (home.hall_camera, home.yard_camera):
        home.event(camera, ("motion", False), ("privacy", False), at_ms=NOON_MS - 6 * hour)
    for thermostat, warmth, setpoint in ((home.living, 20.8, 21.0), (home.bath, 22.4, 22.0)):
        home.event(
            thermostat,
            ("temperature", warmth),
            ("setpoint", setpoint),
            ("mode", "heat"),
            ("action", "heating" if warmth < setpoint else "idle"),
            ("hold", "none"),
            at_ms=NOON_MS - 5 * hour,
        )
    home.now_ms = NOON_MS - 4 * hour
    authorization = Authorization(devices=[home.front], actions=["lock", "unlock"])
    raw = home.signed(
        GrantRecord,
        home.anna,
        sub=home.maria,
        aud=home.home,
        nbf=NOON_MS // 1000 - 4 * 3600,
        exp=NOON_MS // 1000 + 10 * 3600,
        jti="cleaner-friday",
        authorization_details=[authorization],
    )
    home.post(raw)
    home.now_ms = NOON_MS - 32 * MINUTE_MS
    home.post(home.command_raw(home.maria, home.front, "unlock"))
    home.now_ms = NOON_MS - 31 * MINUTE_MS
    home.event(home.front, ("bolt", "locked"))
    home.now_ms = NOON_MS - 12 * MINUTE_MS
    home.post(home.command_raw(home.maria, home.hall_camera, "still"))
    home.now_ms = NOON_MS - 3 * MINUTE_MS
    home.event(home.yard_camera, ("motion", True))
    home.now_ms = NOON_MS
