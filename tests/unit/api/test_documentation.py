"""docs/api.md names every path, every parameter and every problem."""

from pathlib import Path

import pytest

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.app import DEVICE_ROUTES, RESIDENT_ROUTES
from homechain.api.server.refusals import titles

PAGE = (Path(__file__).parents[3] / "docs/api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "route", sorted({(r.method, r.path) for r in DEVICE_ROUTES + RESIDENT_ROUTES})
)
def test_every_path_is_on_the_page(route: tuple[str, str]) -> None:
    assert f"`{route[0]} {route[1]}`" in PAGE


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_is_on_the_page_under_its_status(code: ProblemCode) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith("| `") and f"`{code}`" in line]
    assert f"| {titles()[code][0]} |" in line


def test_every_parameter_is_on_the_page() -> None:
    for route in RESIDENT_ROUTES:
        if route.query is not None:
            row = next(
                line for line in PAGE.splitlines() if f"{route.method} {route.path}`" in line
            )
            for name in route.query.__struct_encode_fields__:
                assert f"{name}=" in row
