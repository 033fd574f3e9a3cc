"""Holds every answer of a Console API against ``docs/console-api.yaml``."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import yaml
from openapi_schema_validator import OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).parents[2] / "docs" / "console-api.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text())
ID = "urn:console-api"
REGISTRY: Registry[Any] = Registry().with_resource(ID, DRAFT202012.create_resource(DOCUMENT))


class UndescribedError(AssertionError):
    """An answer that the description does not know."""


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """The path template and the operation's key; None for a method or a path that is not described."""
    for template, item in DOCUMENT["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in item:
            return template, method.lower()
    return None


def check(response: httpx.Response, body: bytes) -> tuple[str, str] | None:
    """Compare an answer with the description; returns the operation and the described status.

    Raises:
        UndescribedError: the status, a header or the body is not as described.
    """
    request = response.request
    operation = operation_of(request.method, request.url.path)
    if operation is None:
        if request.method != "HEAD" and response.status_code not in (404, 405):
            raise UndescribedError(f"{request.method} {request.url.path} is not described")
        return None
    template, method = operation
    described = DOCUMENT["paths"][template][method]["responses"]
    status = str(response.status_code)
    status = status if status in described else f"{status[0]}XX"
    if status not in described:
        raise UndescribedError(f"{method} {template} answered {response.status_code}")
    pointer = f"#/paths/{_escaped(template)}/{method}/responses/{status}"
    answer = described[status]
    if "$ref" in answer:
        pointer = answer["$ref"]
        answer = _resolved(pointer)
    _check_headers(answer.get("headers", {}), response.headers, pointer)
    _check_body(answer.get("content"), response, body, pointer)
    return DOCUMENT["paths"][template][method]["operationId"], status


def validator(pointer: str) -> Any:
    """A validator for the schema at a JSON pointer of the description."""
    schema = {"$ref": f"{ID}{pointer}"}
    return OAS31Validator(schema, registry=REGISTRY, format_checker=OAS31Validator.FORMAT_CHECKER)


def _resolved(pointer: str) -> Any:
    node: Any = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _check_headers(described: dict[str, Any], headers: httpx.Headers, pointer: str) -> None:
    for name, header in described.items():
        if name not in headers:
            if header.get("required"):
                raise UndescribedError(f"{pointer}: the header {name} is missing")
            continue
        integer = header["schema"].get("type") == "integer"
        OAS31Validator(header["schema"]).validate(int(headers[name]) if integer else headers[name])


def _check_body(content: Any, response: httpx.Response, body: bytes, pointer: str) -> None:
    if content is None:
        if body:
            raise UndescribedError(f"{pointer}: there is a body")
        return
    if response.headers.get("content-type") != "application/json":
        raise UndescribedError(f"{pointer}: the content type is {response.headers.get('content-type')}")
    validator(f"{pointer}/content/application~1json/schema").validate(json.loads(body))


class DescribedTransport(httpx.AsyncBaseTransport):
    """Passes requests on, and fails when an answer of the Console API is not as described.

    ``seen`` are the operations and statuses that were answered.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, seen: set[tuple[str, str]]) -> None:
        self._inner = inner
        self.seen = seen

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on and check what comes back."""
        response = await self._inner.handle_async_request(request)
        response.request = request
        body = await response.aread()
        if request.url.path.startswith("/console/"):
            known = check(response, body)
            if known is not None:
                self.seen.add(known)
        return response
