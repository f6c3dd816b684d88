"""Errors as pages that say what to do next, and tell nothing about the inside."""

from __future__ import annotations

import logging

from flask import Flask, g, make_response, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.audit.event import record
from app.auth.own_password import ChangedMeanwhile
from app.auth.password import HashingBusy
from app.auth.permissions import current_actor, current_user
from app.auth.unsent_form import SECRET, typed
from app.extensions import db
from app.security import request_ids
from app.security.counters import CountersAway
from app.security.origins import own_origin
from app.security.rate_limits import RateLimited, address_key, worth_recording

log = logging.getLogger(__name__)

PAGES = {
    400: (
        "That request was not understood",
        "Something in it was missing or malformed. Go back, look at what you typed, and send it again.",
    ),
    401: ("Sign in first", "This page is for people who are signed in."),
    403: ("This page is not yours", "Your account may not open it."),
    404: ("There is nothing here", "The address is wrong, or what was here is gone, or it is not for you."),
    405: ("Not like this", "This address cannot be opened that way. Go back and use the button on the page."),
    409: ("Somebody was faster", "What you looked at has changed meanwhile. Open it again, then decide."),
    413: ("That is too much", "What you sent is larger than anything this site needs. Send less."),
    429: ("Too often", "You, or somebody on your network, did this too many times. Wait, then try again."),
    500: (
        "That went wrong, and it is our fault",
        "Nothing was changed. Try again; if it stays like this, tell whoever runs this site, with the number below.",
    ),
    503: ("Not just now", "Something this site needs does not answer. Try again in a minute."),
}


def init_app(app: Flask) -> None:
    """Answer every error of ``app`` with a page."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(RateLimited, _rate_limited)
    app.register_error_handler(CountersAway, _counters_away)
    app.register_error_handler(HashingBusy, lambda busy: error_page(429, retry_after=busy.retry_after))
    app.register_error_handler(ChangedMeanwhile, _changed_meanwhile)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(Exception, _unexpected)


def error_page(status: int, explanation: str | None = None, retry_after: int | None = None) -> Response:
    """The page for ``status``; ``retry_after`` in seconds."""
    title, usual = PAGES.get(status, PAGES[500] if status >= 500 else PAGES[400])
    actions = [{"url": url_for("chat.home"), "label": "All channels"}]
    if status in (401, 403) and current_user() is None:
        actions.insert(0, {"url": url_for("auth.sign_in"), "label": "Sign in"})
    if status == 404 and request.endpoint == "chat.channel_page" and current_user() is not None:
        # Offered for every address, so that it tells nothing about which of them are private channels.
        enter = url_for("entry.join", slug=(request.view_args or {})["slug"])
        actions.append({"url": enter, "label": "I have a channel's password"})
    response = make_response(
        render_template(
            "errors/error.html",
            status=status,
            title=title,
            explanation=explanation or usual,
            actions=actions,
            retry_after=retry_after,
            request_id=request_ids.of(request.environ) if status >= 500 else None,
        ),
        status,
    )
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()
    own_words = error.description if error.code in (403, 409) and error.description != type(error).description else None
    response = error_page(error.code, own_words)
    if error.code == 405:
        response.headers["Allow"] = error.get_response().headers.get("Allow", "")
    return response


def _csrf(_error: CSRFError) -> Response:
    if worth_recording("csrf", address_key(request.remote_addr)):
        record("csrf.refused", current_actor(), target_kind="page", target_name=request.endpoint or "")
        db.session.commit()
    # From a page of ours, which no other site can pretend, it is an old tab: what was typed there must not be lost.
    # Private pages send no referrer, and their Origin is null: there the browser says it in another way.
    ours = request.headers.get("Origin") == own_origin() or request.headers.get("Sec-Fetch-Site") == "same-origin"
    if ours and request.endpoint and (fields := typed(request.form.items(multi=True))):
        page = render_template("account/unsent.html", path=request.path, fields=fields, direct=True)
        return make_response(page, 400)
    return error_page(
        400,
        "The form was not sent from a page of this browser session, or you signed in or out in another tab since. "
        "Go back, reload the page, and send it again.",
    )


def _rate_limited(limited: RateLimited) -> Response:
    db.session.rollback()
    if worth_recording(limited.policy, address_key(request.remote_addr)):
        record("rate_limit.exceeded", current_actor(), target_kind="limit", target_name=limited.policy)
        db.session.commit()
    return _kept_page(429, limited.retry_after) or error_page(429, retry_after=limited.retry_after)


def _kept_page(status: int, retry_after: int) -> Response | None:
    """What was typed into a form of ours that may not be sent just now, with its button; None where nothing was typed.

    A form with a password is none of these: it would come back without it.
    """
    secrets = [name for name in request.form if SECRET.search(name.lower()) and name != "csrf_token"]
    # The token was checked: whoever sends a stranger's form from elsewhere must not find it on a page of ours.
    if not g.get("csrf_valid") or secrets or not (fields := typed(request.form.items(multi=True))):
        return None
    page = render_template("account/unsent.html", path=request.path, fields=fields, direct=True, wait=retry_after)
    response = make_response(page, status)
    response.headers["Retry-After"] = str(retry_after)
    return response


def _counters_away(_error: CountersAway) -> Response:
    db.session.rollback()
    return _kept_page(503, 10) or error_page(
        503,
        "Signing in, and everything else that a guesser could try, is shut for a moment: tries cannot be counted just "
        "now. Chats go on. Try again in a minute.",
        retry_after=10,
    )


def _changed_meanwhile(_error: ChangedMeanwhile) -> Response:
    db.session.rollback()
    return error_page(
        409,
        "While you were answering, your password was changed, or you were signed out. Nothing was done.",
    )


def _database_down(_error: OperationalError) -> Response:
    log.exception("the database failed at %s", request.endpoint)
    db.session.rollback()
    g.database_down = True
    return error_page(503, retry_after=10)


def _unexpected(_error: Exception) -> Response:
    log.exception("unexpected error at %s", request.endpoint)
    db.session.rollback()
    return error_page(500)
