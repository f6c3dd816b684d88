"""What is measured: each room counts for itself, and this shows it to Prometheus."""

from __future__ import annotations

import hmac
import ipaddress

from flask import Request, current_app
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

CONTENT_TYPE = CONTENT_TYPE_LATEST
DATABASE_ERRORS = Counter("streamzy_database_errors", "Statements that the database refused or did not answer")
FORWARDING = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip")


def may_read(request: Request) -> bool:
    """Whether this request may see the figures.

    With METRICS_TOKEN: who sends it. Without one: a process of this machine, in development, where no proxy could
    be passing somebody else's request on.
    """
    settings = current_app.config["STREAMZY"]
    if settings.metrics_token:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {settings.metrics_token}".encode())
    if settings.production or settings.trusted_proxies or any(name in request.headers for name in FORWARDING):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def text() -> bytes:
    """Everything that is counted, in Prometheus's text form."""
    return generate_latest()


def count_errors(engine: Engine) -> None:
    """Count the errors of ``engine``; whoever gets them still has to handle them."""
    event.listen(engine, "handle_error", _count)


def _count(_context: ExceptionContext) -> None:
    DATABASE_ERRORS.inc()
