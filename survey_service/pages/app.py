"""The pages as routes of the one web application."""

from __future__ import annotations

from aiohttp import web

from survey_service.pages import (
    dashboard,
    dashboard_customers,
    links,
    opt_out,
    preview,
    resolved,
    sandbox,
    sandbox_sms,
    sign_in,
    static_files,
    survey,
)
from survey_service.parts import Parts


def add_pages(app: web.Application, parts: Parts) -> None:
    """Register every page; `/sandbox` and the way to it only where the sandbox is on."""
    app.add_routes(
        [*survey.ROUTES, *links.ROUTES, *preview.ROUTES, *opt_out.ROUTES, *resolved.ROUTES, *static_files.ROUTES]
    )
    app.add_routes([*dashboard.ROUTES, *dashboard_customers.ROUTES, *sign_in.ROUTES])
    if parts.settings.sandbox_on:
        app.add_routes([*sandbox.ROUTES, *sandbox_sms.ROUTES])
