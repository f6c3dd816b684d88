"""Somebody with a browser, without a server: requests go straight into the app of this process."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app
from werkzeug.test import TestResponse

from app.audit.actor import Actor
from app.auth import device
from app.auth import password as passwords
from app.auth.sign_in import open_session
from app.auth.user import User
from app.channels.channel import Channel
from app.extensions import db
from tests.visitor import FormReader, PageForm

PASSWORD = "four words make one"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Person:
    """A cookie jar and the manners of a browser. Every request gets an application context of its own, as in life."""

    def __init__(self, app: Flask, address: str = "127.0.0.1", agent: str = FIREFOX) -> None:
        self.app = app
        self.client = app.test_client()
        self.tokens: dict[tuple[str, str], str] = {}
        self.client.environ_base |= {"REMOTE_ADDR": address, "HTTP_USER_AGENT": agent}

    def request(self, path: str, **options: Any) -> TestResponse:
        """Send anything at all; ``options`` as for Werkzeug's test client."""
        with self.app.app_context():
            return self.client.open(path, buffered=True, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET a page without following redirects."""
        return self.request(path, method="GET", **options)

    def forms(self, path: str) -> list[PageForm]:
        """The forms on the page at ``path``, or where that leads."""
        reader = FormReader()
        reader.feed(self.get(path, follow_redirects=True).text)
        return reader.forms

    def csrf_token(self, on: str = "/") -> str:
        """This browser's token, from the first form on the page ``on`` that has one; kept as long as the cookie is."""
        cookie = self.client.get_cookie("session")
        if cookie and (cookie.value, on) in self.tokens:
            return self.tokens[cookie.value, on]
        tokens = [form.fields["csrf_token"] for form in self.forms(on) if "csrf_token" in form.fields]
        assert tokens, f"no form with a token on {on}"
        if cookie := self.client.get_cookie("session"):
            self.tokens[cookie.value, on] = tokens[0]
        return tokens[0]

    def post_form(self, path: str, on: str | None = None, **fields: Any) -> TestResponse:
        """Fill in and send the form that posts to ``path``; it must stand on the page ``on`` (default: ``path``)."""
        matching = [form for form in self.forms(on or path) if urlsplit(form.action).path == urlsplit(path).path]
        assert matching, f"{on or path} has no form that posts to {path}"
        return self.request(path, method="POST", data={**matching[0].fields, **fields})

    def post(self, path: str, on: str = "/", **fields: Any) -> TestResponse:
        """POST with this browser's CSRF token to a path for which no form may be in sight."""
        return self.request(path, method="POST", data={"csrf_token": self.csrf_token(on), **fields})

    def sign_in(self, name: str, password: str = PASSWORD) -> Person:
        """Sign in with a name and password that must be right."""
        answer = self.post_form("/login", username=name, password=password)
        assert self.signed_in, f"signing in {name} was answered {answer.status_code}:\n{answer.text[:3000]}"
        return self

    @property
    def signed_in(self) -> bool:
        """Whether the site sees this person as signed in: pages then carry the sign-out form."""
        return any(urlsplit(form.action).path == "/logout" for form in self.forms("/"))

    @property
    def cookie(self) -> str:
        """The session cookie as it stands in this browser."""
        cookie = self.client.get_cookie("session")
        assert cookie, "this browser has no session cookie"
        return cookie.value

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.client.set_cookie("session", value)


class People:
    """The cast: makes accounts as an operator would, signed in without the form, which ``Person.sign_in`` fills in."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def visitor(self, **options: Any) -> Person:
        """Somebody who is not signed in; ``options`` as for Person."""
        return Person(self.app, **options)

    def account(self, name: str, password: str | None = PASSWORD, **options: Any) -> User:
        """Add an account; ``options`` as for User.create. Without a password nobody can sign in to it."""
        rounds = current_app.config["STREAMZY"].bcrypt_rounds
        hashed = passwords.hash_password(password, rounds) if password is not None else None
        user = User.create(name, hashed, **options)
        db.session.commit()
        return user

    def _signed_in(self, user: User, **options: Any) -> Person:
        person = self.visitor(**options)
        seen = person.client.environ_base
        actor = Actor(user.username, ip=seen["REMOTE_ADDR"], user_agent=seen["HTTP_USER_AGENT"])
        _, token = open_session(user.id, actor, "password", None)
        with person.client.session_transaction() as cookie:
            cookie["token"] = token
        person.client.set_cookie(device.COOKIE, device.remembering(None, user.id))
        return person

    def viewer(self, name: str = "vera", **options: Any) -> Person:
        """A viewer who is signed in."""
        return self._signed_in(self.account(name), **options)

    def streamer(self, name: str = "stella", **options: Any) -> Person:
        """A streamer who is signed in and owns the channel of the same name."""
        streamer = self.account(name)
        Channel.open(name, f"{name} live", streamer)
        db.session.commit()
        return self._signed_in(streamer, **options)

    def admin(self, name: str = "ada", **options: Any) -> Person:
        """An admin who is signed in."""
        return self._signed_in(self.account(name, role="admin"), **options)
