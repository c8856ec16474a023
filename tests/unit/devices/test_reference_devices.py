"""Every reference device has the same files, and its model speaks only its vocabulary."""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import homechain_devices
from homechain.ledger.records import read_description, sign_description
from homechain.model.records import Affordance, DeviceDescription, Thing
from homechain_devices.camera.model import Camera
from homechain_devices.lock.model import Bolt, Door, Lock
from homechain_devices.sdk.arguments import check_value
from homechain_devices.steps import Change
from homechain_devices.thermostat.model import Action, Mode, Thermostat
from tests.fakes.home import MadeHome, made_key

PACKAGE = Path(next(iter(homechain_devices.__path__)))
KINDS = ("lock", "camera", "thermostat")
FILES = {"__init__.py", "description.py", "model.py", "device.py"}
FORBIDDEN_IN_MODELS = {"asyncio", "time", "random", "os", "datetime", "aiohttp", "homechain"}


def description(kind: str) -> ModuleType:
    return import_module(f"homechain_devices.{kind}.description")


def thing(kind: str) -> Thing:
    described: Thing = description(kind).describe(title=f"A {kind}")
    return described


@pytest.mark.parametrize("kind", KINDS)
def test_every_device_has_the_same_files(kind: str) -> None:
    found = {path.name for path in (PACKAGE / kind).iterdir() if path.suffix == ".py"}
    assert found == FILES


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_knows_no_clock_no_chance_and_no_hub(kind: str) -> None:
    module = ast.parse((PACKAGE / kind / "model.py").read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(module)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported.isdisjoint(FORBIDDEN_IN_MODELS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_is_one_that_hubs_take(kind: str) -> None:
    home, key = MadeHome(), made_key(kind)
    signed = sign_description(
        DeviceDescription(
            iss=key.public.did,
            home=home.id_text,
            hub=next(iter(home.hub_keys)),
            iat=1,
            commitment=home.id_text,
            thing=thing(kind),
        ),
        key,
    )
    assert read_description(signed.raw).payload.thing == thing(kind)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("lock", Lock(now_ms=0).properties()),
        ("camera", Camera(now_ms=0, last_still="x").properties()),
        ("thermostat", Thermostat(now_ms=0, temperature_c=20.0).properties()),
    ],
    ids=KINDS,
)
def test_a_model_has_exactly_the_properties_of_its_vocabulary(
    kind: str, properties: tuple[Change, ...]
) -> None:
    described: dict[str, Affordance] = description(kind).PROPERTIES
    assert {change.name for change in properties} == set(described)
    for change in properties:
        check_value(change.name, described[change.name], change.value)


def test_states_are_spelled_in_the_vocabulary_as_in_the_models() -> None:
    lock, thermostat = description("lock"), description("thermostat")
    assert tuple(Bolt) == lock.BOLT_STATES
    assert tuple(Door) == lock.DOOR_STATES
    assert tuple(Mode) == thermostat.MODES
    assert tuple(Action) == thermostat.ACTION_STATES
