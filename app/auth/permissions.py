"""Who is here, and what they may open. Nobody may open a view that does not say who may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, abort, current_app, flash, g, jsonify, make_response, redirect, request, session, url_for
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import half_signed_in, two_factor, unsent_form
from app.auth.half_signed_in import HalfSignedIn
from app.auth.session import UserSession
from app.auth.user import User
from app.extensions import db
from app.security.rate_limits import address_key, worth_recording

# In the cookie of a browser whose session ended by itself: the account it was.
TIMED_OUT = "timed_out"

View = TypeVar("View", bound=Callable[..., Any])


def _gate(name: str) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.gate = name  # type: ignore[attr-defined]  # functions carry their own gate, so that a test can read it
        return view

    return mark


open_to_everyone = _gate("everyone")
visitors_only = _gate("visitors")
half_signed_in_only = _gate("half signed in")
signed_in_only = _gate("signed in")
admins_only = _gate("admins")
# Signed in, and then it is the view that looks up the channel and asks whether it is theirs.
channel_keepers_only = _gate("channel keepers")


def before_password_change(view: View) -> View:
    """Mark a view that works while a generated password must still be changed."""
    view.before_password_change = True  # type: ignore[attr-defined]  # see _gate
    return view


def before_second_factor(view: View) -> View:
    """Mark a view that works while an admin must still set up a second factor."""
    view.before_second_factor = True  # type: ignore[attr-defined]  # see _gate
    return view


def in_the_background(view: View) -> View:
    """Mark a view that pages ask by themselves: such a request is no sign of the person, and prolongs no session."""
    view.in_the_background = True  # type: ignore[attr-defined]  # see _gate
    return view


def recently_confirmed(view: View) -> View:
    """Decorate a risky act: whoever signed in or gave the password more than five minutes ago is asked for it first.

    A page is opened once that is done; after a form people come back to the page it stood on, and press again.
    """

    @wraps(view)
    def asked(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs) if the_session().is_confirmed() else ask_to_confirm()

    return asked  # type: ignore[return-value]  # the wrapper takes and answers whatever the view does


def ask_to_confirm() -> Response:
    """Send the person of this request to give the password again. A script is told where to send them."""
    back = request.full_path.rstrip("?") if request.method == "GET" else _page_of_the_form()
    to = url_for("account.confirm", next=safe_path(back) or url_for("account.sessions"))
    return make_response(jsonify(location=to), 403) if request.is_json else redirect(to)


def _page_of_the_form() -> str:
    site, came_from = request.host_url, request.referrer or ""
    return f"/{came_from.removeprefix(site)}".partition("#")[0] if came_from.startswith(site) else ""


def current_user() -> User | None:
    """The signed-in account of this request."""
    user: User | None = g.get("user")
    return user


def the_user() -> User:
    """The signed-in account, in views that are only for such."""
    user = current_user()
    assert user is not None  # noqa: S101 - the gate stands before
    return user


def the_session() -> UserSession:
    """The session of this request, in views that are only for signed-in people."""
    found: UserSession | None = g.get("user_session")
    assert found is not None  # noqa: S101 - the gate stands before
    return found


def half_signed_in_person() -> HalfSignedIn | None:
    """Whose password was right in this browser a moment ago, and whose second factor is still asked for."""
    half = half_signed_in.recall(session.get(half_signed_in.KEY))
    # Whoever switched it off meanwhile, or lost it to an operator's reset, has nothing to show here any more.
    return half if half and two_factor.is_on(half.user.id) else None


def current_actor(name: str | None = None) -> Actor:
    """Who acts in this request; ``name`` is what a visitor calls themselves."""
    user, user_session = current_user(), g.get("user_session")
    return Actor.on(
        name or (user.username if user else "visitor"),
        ip=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
        account_id=user.id if user else None,
        session_id=user_session.id if user_session else None,
    )


def recognise_before_requests(app: Flask) -> None:
    """Find out who is here. First of all: an error page, too, must know whether somebody is signed in."""
    app.before_request(_recognise)


def guard_before_requests(app: Flask) -> None:
    """Let nobody through a gate that is not theirs. After the CSRF check, which asks nobody who they are."""
    app.before_request(_guard)


def _recognise() -> None:
    g.user = g.user_session = None
    if request.endpoint == "static" or "token" not in session:
        return
    user_session = UserSession.with_token(session["token"])
    if user_session is None:
        # A cookie whose session has ended counts as none. One with a former token is left as it is: this request may
        # only have been under way when the password was given again, and would throw the new token out of the browser.
        if UserSession.has_ended(session["token"]):
            ended = session.pop("token")
            if account_id := UserSession.timed_out_account(ended):
                session[TIMED_OUT] = account_id
        db.session.commit()  # it may just have been found past its limits
    else:
        g.user_session, g.user = user_session, user_session.user
        if not _asked_by_a_page() and user_session.touch(person=True):
            try:
                db.session.commit()
            except OperationalError:  # a full disk: reading goes on, and at worst the session ends a little early
                db.session.rollback()


def _asked_by_a_page() -> bool:
    return getattr(current_app.view_functions.get(request.endpoint or ""), "in_the_background", False)


def _guard() -> Response | None:
    if request.endpoint is None or request.endpoint == "static":
        return None  # an unknown page is 404, whoever asks
    view = current_app.view_functions[request.endpoint]
    gate, user = getattr(view, "gate", None), current_user()
    if user and user.must_change_password and not getattr(view, "before_password_change", False):
        return redirect(url_for("account.password"))
    if user and not _works_without_second_factor(view) and two_factor.must_be_set_up(user):
        return redirect(url_for("two_factor.page"))
    if (
        gate == "everyone"
        or (gate in ("signed in", "channel keepers") and user)
        or (gate == "admins" and user and user.is_admin)
    ):
        return None
    if gate in ("visitors", "half signed in") and user:
        return redirect(next_page())
    if gate == "visitors" or (gate == "half signed in" and half_signed_in_person()):
        return None
    if gate == "half signed in":
        return redirect(url_for("auth.sign_in"))
    if gate in ("signed in", "channel keepers", "admins") and user is None:
        return ask_to_sign_in()
    if worth_recording("denied", address_key(request.remote_addr)):
        record("access.denied", current_actor(), target_kind="page", target_name=request.path)
        db.session.commit()
    abort(403)


def ask_to_sign_in() -> Response:
    """Send the person of this request to sign in, and to come back: to the page, or to what they typed.

    What they typed is kept only for the account whose session ended in this very browser, which its signed cookie
    says, and only once the form's CSRF token was right: nobody can put words into somebody else's form.
    """
    back = None
    if request.method == "GET":
        back = request.full_path.rstrip("?")
    elif TIMED_OUT in session and (fields := unsent_form.typed(request.form.items(multi=True))):
        unsent_form.UnsentForm.keep(session[TIMED_OUT], request.path, fields)
        db.session.commit()
        back = url_for("account.unsent")
        flash("You were signed out meanwhile. What you typed is kept: sign in, and it is there.", "info")
    return redirect(url_for("auth.sign_in", next=back))


def _works_without_second_factor(view: Callable[..., Any]) -> bool:
    return getattr(view, "before_second_factor", False) or getattr(view, "before_password_change", False)


def next_page() -> str:
    """Where to go after signing in: the page ``next`` names, if it is one of this site."""
    return safe_path(request.values.get("next", "")) or url_for("chat.home")


def safe_path(path: str) -> str | None:
    """``path`` if it is a path on this site, else None. Browsers read ``/\\evil`` and tabs as ``//evil``."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 33 or c == "\\" for c in path):
        return None
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else None
