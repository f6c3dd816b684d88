"""Doors: alive, ready, where to report a hole, what is enforced here, which theme."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.auth.permissions import before_password_change, open_to_everyone, safe_path
from app.clock import now
from app.operations import health, measurements, promises

operations = Blueprint("operations", __name__)

THEMES = ("dark", "light", "terminal")


@operations.get("/healthz")
@open_to_everyone
@before_password_change
def healthz() -> tuple[str, int]:
    """The process answers."""
    return "ok\n", 200


@operations.get("/readyz")
@open_to_everyone
@before_password_change
def readyz() -> tuple[dict[str, str], int]:
    """What it needs answers too: 503 names what does not."""
    found = health.examine()
    return found, 200 if all(state == "ok" for state in found.values()) else 503


@operations.get("/metrics")
@open_to_everyone
@before_password_change
def metrics() -> Response:
    """Prometheus text, for whoever holds METRICS_TOKEN or, without one, for this machine in development."""
    if not measurements.may_read(request):
        abort(403)
    return Response(measurements.text(), content_type=measurements.CONTENT_TYPE)


@operations.get("/security")
@open_to_everyone
def security() -> str:
    """What is enforced here, with the values in force, and what is not."""
    settings = current_app.config["STREAMZY"]
    return render_template("operations/security.html", promises=promises.in_force(settings), limits=promises.LIMITS)


@operations.get("/.well-known/security.txt")
@open_to_everyone
def security_txt() -> tuple[Response, int] | Response:
    """RFC 9116: whom to tell."""
    settings = current_app.config["STREAMZY"]
    if not settings.security_contact:
        return Response("Nobody is named here yet.\n", mimetype="text/plain"), 404
    contact = settings.security_contact
    if "@" in contact and ":" not in contact:
        contact = f"mailto:{contact}"
    lines = [
        f"Contact: {contact}",
        f"Expires: {now() + timedelta(days=180):%Y-%m-%dT00:00:00Z}",
        f"Canonical: {url_for('operations.security_txt', _external=True)}",
        f"Policy: {url_for('operations.security', _external=True)}",
        "Preferred-Languages: en",
    ]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@operations.post("/theme")
@open_to_everyone
@before_password_change
def theme() -> AnyResponse:
    """Remember the theme in a cookie, so that the server draws it and nothing flashes."""
    response = redirect(safe_path(request.form.get("next", "")) or url_for("chat.home"))
    chosen = request.form.get("theme", "")
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=365 * 86400, samesite="Lax", secure=secure, httponly=True)
    else:
        response.delete_cookie("theme", samesite="Lax", secure=secure, httponly=True)
    return response
