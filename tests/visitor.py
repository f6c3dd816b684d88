"""Somebody with a browser without JavaScript, who may also open the chat's socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter

from tests.chat_socket import ChatSocket


@dataclass
class PageForm:
    """One form of a page: where it goes, and what a browser would send along unasked."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.open = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.forms.append(PageForm(given.get("action", "")))
            self.open = True
        elif tag == "input" and self.open and given.get("name"):
            if given.get("type") == "hidden":
                self.forms[-1].fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = False


class FromAddress(HTTPAdapter):
    """Speaks from a chosen loopback address, so that limits per address see different people."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


class Visitor:
    """One person: a cookie jar, and the manners of a browser. ``address`` is any of 127.0.0.0/8."""

    def __init__(self, url: str, address: str = "127.0.0.1") -> None:
        self.url = url
        self.name = ""  # of the account, once there is one
        self.http = requests.Session()
        self.http.trust_env = False  # no proxy between us and the loopback address
        self.http.mount("http://", FromAddress(address))
        self.sockets: list[ChatSocket] = []

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET a page, following redirects."""
        return self.http.get(urljoin(self.url, path), timeout=30, **options)

    def forms(self, path: str) -> list[PageForm]:
        """The forms on the page at ``path``."""
        reader = FormReader()
        reader.feed(self.get(path).text)
        return reader.forms

    def csrf_token(self, path: str = "/login") -> str:
        """The token that this person's browser was given, from the first form at ``path`` that has one."""
        tokens = [form.fields["csrf_token"] for form in self.forms(path) if "csrf_token" in form.fields]
        assert tokens, f"no form with a token on {path}"
        return tokens[0]

    def post_form(self, path: str, on: str | None = None, **fields: Any) -> requests.Response:
        """Fill in and send the form that posts to ``path`` and stands on the page ``on`` (default: ``path`` itself).

        The form must be there: sending what no page offers is ``post``.
        """
        page = on or path
        matching = [form for form in self.forms(page) if urlsplit(form.action).path == urlsplit(path).path]
        assert matching, f"{page} has no form that posts to {path}"
        return self._send(path, page, {**matching[0].fields, **fields})

    def post(self, path: str, on: str = "/", **fields: Any) -> requests.Response:
        """POST with this person's own CSRF token to a path for which no form may be in sight."""
        return self._send(path, on, {"csrf_token": self.csrf_token(on), **fields})

    def _send(self, path: str, page: str, fields: dict[str, Any]) -> requests.Response:
        headers = {"Referer": urljoin(self.url, page), "Origin": self.url}
        return self.http.post(urljoin(self.url, path), data=fields, headers=headers, timeout=30)

    def register(self, name: str, password: str) -> Visitor:
        """Open a viewer's account and be signed in."""
        answer = self.post_form("/register", username=name, password=password, confirm_password=password)
        assert self.signed_in, f"registering {name} was answered {answer.status_code}:\n{answer.text[:3000]}"
        self.name = name
        return self

    def sign_in(self, name: str, password: str) -> Visitor:
        """Sign in with a name and password that must be right."""
        answer = self.post_form("/login", username=name, password=password)
        assert self.signed_in, f"signing in {name} was answered {answer.status_code}:\n{answer.text[:3000]}"
        self.name = name
        return self

    def sign_out(self) -> requests.Response:
        """Press the sign-out button that every page of a signed-in person carries."""
        return self.post_form("/logout", on="/")

    @property
    def signed_in(self) -> bool:
        """Whether the site sees this person as signed in: pages then carry the sign-out form."""
        return any(urlsplit(form.action).path == "/logout" for form in self.forms("/"))

    @property
    def cookie_header(self) -> str:
        """The cookies as a browser would send them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.http.cookies)

    def socket(self, transport: str = "websocket", headers: dict[str, str] | None = None) -> ChatSocket:
        """Open the chat's socket with this person's cookies, from a page of this site."""
        sent = {"Origin": self.url, **({"Cookie": self.cookie_header} if self.http.cookies else {}), **(headers or {})}
        opened = self.open_socket(sent, transport)
        self.sockets.append(opened)
        return opened

    def open_socket(self, headers: dict[str, str], transport: str) -> ChatSocket:
        """How this person's browser reaches the chat."""
        return ChatSocket(self.url, headers, transport=transport)

    def close_sockets(self) -> None:
        """Close every socket, and stay signed in."""
        while self.sockets:
            self.sockets.pop().close()

    def leave(self) -> None:
        """Close everything."""
        self.close_sockets()
        self.http.close()
