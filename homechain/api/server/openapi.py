"""The OpenAPI 3.1 document of an application, made from its routes and the types that validate."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

import homechain
from homechain.api.schema.problems import PROBLEM_MEDIA_TYPE, Problem, ProblemCode
from homechain.api.server.bodies import JSON
from homechain.api.server.limits import BODY_BYTES
from homechain.api.server.refusals import titles
from homechain.api.server.routes import Access, Route

PATH: Final = "/v1/openapi.json"
DEVICES_TITLE: Final = "homechain device interface"
RESIDENTS_TITLE: Final = "homechain residents' interface"

_REFERENCE: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"{(\w+)}")
_PATH_PATTERNS: Final = {
    "did": r"^did:key:z6Mk[1-9A-HJ-NP-Za-km-z]{44}$",
    "sha256": r"^[A-Za-z0-9_-]{43}$",
    "id": r"^[A-Za-z0-9_-]{43}$",
}
_SECURITY: Final[dict[Access, list[dict[str, list[str]]]]] = {
    Access.OPEN: [],
    Access.DEVICE: [{"device": []}],
    Access.PERSON: [{"session": []}],
    Access.RESIDENT: [{"session": []}],
}
_ALWAYS: Final = (
    ProblemCode.MALFORMED_REQUEST,
    ProblemCode.HOST_REFUSED,
    ProblemCode.ORIGIN_REFUSED,
    ProblemCode.RATE_LIMITED,
    ProblemCode.INTERNAL,
)
_WITH_BODY: Final = (
    ProblemCode.MALFORMED_JSON,
    ProblemCode.INVALID_PARAMETER,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    ProblemCode.BODY_TOO_LARGE,
    ProblemCode.REQUEST_TIMEOUT,
)
_WITH_SESSION: Final = (ProblemCode.UNAUTHENTICATED,)
_WITH_SIGNATURE: Final = (
    ProblemCode.UNAUTHENTICATED,
    ProblemCode.REPLAYED_REQUEST,
    ProblemCode.CLOCK_DIFFERS,
    ProblemCode.WRONG_HUB,
    ProblemCode.UNKNOWN_DEVICE,
    ProblemCode.RETIRED,
)


def document(routes: Sequence[Route], *, title: str) -> dict[str, Any]:
    """The whole document, ready to be JSON."""
    types = [Problem, *(kind for route in routes for kind in _types_of(route))]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    by_type = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, by_type, components
        )
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": homechain.__version__,
            "description": (
                f"Bodies have at most {BODY_BYTES} bytes unless said otherwise. Every refusal is a "
                "problem (RFC 9457) whose `type` is stable. Records are compact JWS."
            ),
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _security_schemes()},
    }
    # Defaults of the types may be tuples and the like: only what JSON knows is left.
    return msgspec.json.decode(msgspec.json.encode(made), type=dict[str, Any])


def _types_of(route: Route) -> list[Any]:
    kinds = [*_alternatives(route.answer), route.query, *route.body.values()]
    return [kind for kind in kinds if kind is not None]


def _alternatives(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


def _operation(
    route: Route, by_type: dict[str, dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route, components)],
        "responses": {
            **_good_answers(route, by_type),
            **_problem_answers(route),
        },
        "security": _SECURITY[route.access],
    }
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": by_type[repr(kind)] if kind is not None else _raw(media)}
                for media, kind in route.body.items()
            },
        }
    return operation


def _raw(media: str) -> dict[str, Any]:
    """A body that is no JSON: a compact JWS, or bytes."""
    if media == "application/jose":
        return {"type": "string", "pattern": r"^[\w-]+\.[\w-]+\.[\w-]+$"}
    return {"type": "string", "contentMediaType": media}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _PATH_PATTERNS[name]},
        }
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = components[route.query.__name__]
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", []),
            "schema": member,
        }
        for name, member in schema["properties"].items()
    ]


def _good_answers(route: Route, by_type: dict[str, dict[str, Any]]) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, words in {route.status: route.summary, **route.also}.items():
        answer: dict[str, Any] = {"description": words}
        if route.answer is not None:
            shapes = [by_type[repr(kind)] for kind in _alternatives(route.answer)]
            schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
            answer["content"] = {route.answer_media: {"schema": schema}}
        elif route.answer_media != JSON:
            answer["content"] = {route.answer_media: {"schema": _raw(route.answer_media)}}
        answers[str(status)] = answer
    return answers


def _problem_answers(route: Route) -> dict[str, Any]:
    codes = [*_ALWAYS, *route.problems]
    if route.body:
        codes += _WITH_BODY
    if route.query is not None or "{" in route.path:
        codes.append(ProblemCode.INVALID_PARAMETER)
    if route.access is Access.DEVICE:
        codes += _WITH_SIGNATURE
    if route.access in (Access.PERSON, Access.RESIDENT):
        codes += _WITH_SESSION
    if route.access is Access.RESIDENT:
        codes.append(ProblemCode.FORBIDDEN)
    known = titles()
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(known[code][0], []).append(f"`{code}` {known[code][1]}")
    return {
        str(status): {
            "description": "; ".join(words),
            "content": {
                PROBLEM_MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(name="Problem")}}
            },
        }
        for status, words in sorted(by_status.items())
    }


def _security_schemes() -> dict[str, Any]:
    return {
        "device": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Homechain <JWS>`: homechain-request+jws, docs/api.md.",
        },
        "session": {"type": "http", "scheme": "bearer"},
    }
