"""Which site this is, and which pages may open a socket here: this site's own, nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import current_app, request


def same_origin(public_url: str) -> Callable[[str | None, dict[str, Any]], bool]:
    """Return the check for Socket.IO's ``cors_allowed_origins``.

    PUBLIC_URL when it is set, else scheme and Host as they stand after ProxyFix. The library's own default also
    believes X-Forwarded-Host, which any client can send. No Origin at all is a program, not somebody's browser
    on a foreign page, and is let in.
    """

    def allowed(origin: str | None, environ: dict[str, Any]) -> bool:
        if origin is None:
            return True
        ours = public_url or f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST')}"
        return origin.lower() == ours.lower()

    return allowed


def own_origin() -> str:
    """Scheme, host and port as a browser on this site has them: PUBLIC_URL when it is set, else what was asked for."""
    configured: str = current_app.config["STREAMZY"].public_url
    return configured or request.host_url.rstrip("/")
