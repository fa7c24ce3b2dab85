"""`/v1/links`: public survey addresses, one a touchpoint, in and out; each is shown with its address."""

from __future__ import annotations

from survey_service.api.checks import check_link, check_link_id
from survey_service.api.endpoint import Call, Reply, endpoint
from survey_service.api.named import found, list_by
from survey_service.api.pagination import ListOf, ListQuery
from survey_service.api.shapes.configuration import LinkView
from survey_service.models.api_key import Scope
from survey_service.models.link import Link, LinkContent


@endpoint("GET", "/v1/links", tag="links", scope=Scope.CONFIG_READ, answers={200: ListOf[LinkView]})
async def list_links(call: Call, query: ListQuery) -> Reply:
    """List the public links by id."""
    rows = await call.parts.store.configuration.links.all()
    return list_by(call, query, rows, lambda row: row.id, lambda row: _view(call, row))


@endpoint("GET", "/v1/links/{id}", tag="links", scope=Scope.CONFIG_READ, answers={200: LinkView})
async def get_link(call: Call) -> Reply:
    """Read a public link."""
    row = await read_link(call)
    return Reply(_view(call, row), etag=row.revision)


@endpoint("PUT", "/v1/links/{id}", tag="links", scope=Scope.CONFIG_WRITE, answers={200: LinkView, 201: LinkView})
async def put_link(call: Call, body: LinkContent) -> Reply:
    """Create or replace a public link; what is printed stays true, since the address is made of the id alone."""
    name = _link_id(call)
    configuration = call.parts.store.configuration
    touchpoint = await configuration.touchpoints.get(body.touchpoint)
    check_link(body, (await configuration.current()).surveys, touchpoint)
    row, changed = await configuration.links.put(name, body, call.expected_version())
    created = changed and row.revision == 1
    return Reply(_view(call, row), status=201 if created else 200, etag=row.revision)


@endpoint("DELETE", "/v1/links/{id}", tag="links", scope=Scope.CONFIG_WRITE, answers={204: None})
async def delete_link(call: Call) -> Reply:
    """Remove a public link: its address is unknown from then on, its responses stay."""
    await call.parts.store.configuration.links.delete(_link_id(call))
    return Reply(None, status=204)


async def read_link(call: Call) -> Link:
    """The link that the path names.

    Raises:
        InvalidInput: no link can have that id.
        NotFound: there is none.
    """
    name = _link_id(call)
    return found(await call.parts.store.configuration.links.get(name), "link", name)


def link_url(call: Call, link: Link) -> str:
    """The public address of a link."""
    return f"{call.parts.base_url}/l/{link.id}"


def _view(call: Call, row: Link) -> LinkView:
    return LinkView.of(row, link_url(call, row))


def _link_id(call: Call) -> str:
    name = call.path("id")
    check_link_id(name)
    return name


ENDPOINTS = (list_links, get_link, put_link, delete_link)
