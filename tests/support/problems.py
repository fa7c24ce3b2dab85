"""What every error body must look like: one helper that each test of an error uses."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientResponse

MEMBERS = {"type", "title", "status", "detail", "errors"}


async def assert_problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The body of an error answer, after its form was checked (RFC 9457)."""
    body: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert (response.status, body.get("type")) == (status, f"/problems/{code}"), body
    assert body["status"] == status
    assert body["title"]
    assert body.keys() <= MEMBERS
    assert response.headers["X-Request-Id"]
    for field in body.get("errors", []):
        assert field.keys() == {"pointer", "rule", "message"}
        assert field["pointer"] == "" or field["pointer"].startswith("/")
        assert field["message"]
    return body


def pointers(body: dict[str, Any]) -> set[str]:
    """Which fields the problem names."""
    return {field["pointer"] for field in body.get("errors", [])}
