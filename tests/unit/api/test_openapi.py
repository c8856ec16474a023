"""The OpenAPI documents: valid, complete, and true."""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from homechain.api.schema.problems import ProblemCode
from homechain.api.server.app import DEVICE_ROUTES, RESIDENT_ROUTES
from homechain.api.server.openapi import DEVICES_TITLE, RESIDENTS_TITLE, document
from homechain.api.server.refusals import titles
from homechain.api.server.routes import Route
from tests.unit.api.conftest import Door

BOTH = pytest.mark.parametrize(
    ("routes", "title"), [(DEVICE_ROUTES, DEVICES_TITLE), (RESIDENT_ROUTES, RESIDENTS_TITLE)]
)


@BOTH
def test_the_document_is_valid_openapi(routes: tuple[Route, ...], title: str) -> None:
    OpenAPIV31SpecValidator(document(routes, title=title)).validate()


@BOTH
def test_every_route_is_in_the_document(routes: tuple[Route, ...], title: str) -> None:
    paths = document(routes, title=title)["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(route.method, route.path) for route in routes}


@BOTH
def test_operations_have_distinct_names(routes: tuple[Route, ...], title: str) -> None:
    paths = document(routes, title=title)["paths"]
    names = [each["operationId"] for methods in paths.values() for each in methods.values()]
    assert len(names) == len(set(names))


async def test_both_listeners_serve_their_own_document(door: Door) -> None:
    for url, title in (
        (door.devices_url, DEVICES_TITLE),
        (door.residents_url, RESIDENTS_TITLE),
    ):
        async with door.http().get(url + "/v1/openapi.json") as answer:
            assert (await answer.json())["info"]["title"] == title


def test_every_problem_has_a_status_and_a_title() -> None:
    assert set(titles()) == set(ProblemCode)
    assert all(400 <= status < 600 for status, _ in titles().values())
