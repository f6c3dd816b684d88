"""What every page knows: who is here, the theme, and how times and names are drawn."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, current_app, g, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.applications.state import PENDING
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import coarse
from app.auth import two_factor
from app.auth.passkey import Site
from app.auth.permissions import current_user
from app.channels.channel import Channel
from app.chat.line import colour
from app.clock import now
from app.operations.routes import THEMES
from app.security.origins import own_origin


def init_app(app: Flask) -> None:
    """Give the templates of ``app`` what they all need."""
    app.context_processor(_context)
    app.add_template_global(colour, "name_colour")
    app.add_template_global(lambda: Site(own_origin()).can_have_passkeys, "passkeys_work")
    app.add_template_filter(utc)
    app.add_template_filter(age)
    app.add_template_filter(coarse)
    app.after_request(_keep_private)


def _context() -> dict[str, Any]:
    user, settings, theme = current_user(), current_app.config["STREAMZY"], request.cookies.get("theme", "")
    if g.get("database_down"):
        user = None  # the page that says so must not ask the database
    return {
        "current_user": user,
        "theme": theme if theme in THEMES else "",
        "registration_open": settings.registration == "open",
        "pending_applications": StreamerApplication.count(PENDING) if user and user.is_admin else None,
        "second_factor_missing": bool(user and user.is_admin and not two_factor.is_on(user.id)),
        "second_factor_first": bool(user and two_factor.must_be_set_up(user)),
        "own_channel": Channel.of(user) if user and not user.must_change_password else None,
        "activity_timeout_minutes": settings.activity_timeout_minutes,
    }


def utc(moment: datetime) -> Markup:
    """A <time> element; the browser shows its own time zone, and without JavaScript it says UTC."""
    iso = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-local>{}</time>').format(iso, f"{moment:%d %b %Y, %H:%M} UTC")


def age(moment: datetime) -> str:
    """How long ago: '51 h', '12 min'."""
    minutes = max(0, int((now() - moment).total_seconds() // 60))
    return (
        f"{minutes} min" if minutes < 60 else f"{minutes // 60} h" if minutes < 60 * 72 else f"{minutes // 1440} days"
    )


def _keep_private(response: Response) -> Response:
    # The same address shows different people different pages; what a signed-in person saw stays out of caches.
    response.headers.add("Vary", "Cookie")
    if current_user() is not None and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
