"""The security headers stand on every answer: pages, errors, redirects, static files and Socket.IO's own alike."""

from __future__ import annotations

import pytest
from flask import Flask

from app.auth.permissions import open_to_everyone
from tests.conftest import NewVisitor
from tests.people import People, Person
from tests.streamzy_server import StreamzyServer

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLLING = "/socket.io/?EIO=4&transport=polling"
ANSWERS = [
    ("GET", "/", 200),
    ("GET", "/login", 200),
    ("GET", "/security", 200),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("HEAD", "/", 200),
    ("OPTIONS", "/login", 200),
    ("GET", "/account/sessions", 302),
    ("GET", "/admin", 308),
    ("POST", "/login", 400),
    ("GET", "/no-such-page", 404),
    ("GET", "/c/no-such-channel", 404),
    ("GET", "/.well-known/security.txt", 404),
    ("GET", "/logout", 405),
    ("GET", "/fails", 500),
    ("GET", "/static/css/tokens.css", 200),
    ("GET", "/static/js/page.js", 200),
    ("GET", "/static/img/logo.svg", 200),
    ("GET", "/static/no-such-file.js", 404),
    ("GET", "/static/../config.py", 404),
    ("GET", POLLING, 200),
    ("GET", "/socket.io/?EIO=3&transport=polling", 400),
    ("GET", "/socket.io/?EIO=4&transport=carrier-pigeon", 400),
    ("POST", POLLING + "&sid=nobody", 400),
    ("GET", "/socket.io/", 400),
]


def fail() -> str:
    raise RuntimeError("on purpose")


@pytest.fixture
def visitor(app: Flask, people: People) -> Person:
    """A visitor of an app in which one page fails."""
    app.add_url_rule("/fails", "fails", open_to_everyone(fail))
    return people.visitor()


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_every_header_once(visitor: Person, method: str, path: str, status: int) -> None:
    answer = visitor.request(path, method=method)
    assert answer.status_code == status
    for name, value in EXPECTED.items():
        assert answer.headers.getlist(name) == [value], name
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    assert dict(rule.split(maxsplit=1) for rule in policy.split("; ")) == POLICY
    assert "unsafe" not in policy


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_no_answer_says_what_it_runs_on(visitor: Person, method: str, path: str, status: int) -> None:
    answer = visitor.request(path, method=method)
    for name in ("Server", "X-Powered-By", "X-Runtime", "Via"):
        assert name not in answer.headers


@pytest.mark.parametrize("path", ["/apply", "/apply/status/no-such-token"])
def test_what_a_private_link_shows_leaves_no_trace(visitor: Person, path: str) -> None:
    answer = visitor.get(path)
    assert answer.headers.getlist("Referrer-Policy") == ["no-referrer"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize(
    ("hops", "scheme", "strict"), [("1", "https", True), ("1", "http", False), ("0", "https", False), ("0", "", False)]
)
def test_strict_transport_is_asked_for_over_https_and_only_there(
    request: pytest.FixtureRequest, hops: str, scheme: str, strict: bool
) -> None:
    request.node.add_marker(pytest.mark.settings(TRUSTED_PROXIES=hops))
    visitor = Person(request.getfixturevalue("app"))
    for path in ("/", "/no-such-page", "/static/css/tokens.css", POLLING):
        answer = visitor.get(path, headers={"X-Forwarded-Proto": scheme} if scheme else {})
        expected = ["max-age=31536000; includeSubDomains"] if strict else []
        assert answer.headers.getlist("Strict-Transport-Security") == expected, path


def test_pages_are_of_the_type_they_say(visitor: Person) -> None:
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/no-such-page", "text/html; charset=utf-8"),
        ("/static/css/tokens.css", "text/css; charset=utf-8"),
        ("/static/js/page.js", "text/javascript; charset=utf-8"),
    ):
        assert visitor.get(path).headers["Content-Type"] == kind


def test_a_real_server_sends_them_too(server: StreamzyServer, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    for path in ("/", "/no-such-page", "/static/css/tokens.css", POLLING, "/socket.io/?EIO=4&transport=websocket"):
        answer = visitor.get(path)
        for name, value in EXPECTED.items():
            assert answer.headers.get(name) == value, (path, name)
        assert "Content-Security-Policy" in answer.headers
        assert not any(character.isdigit() for character in answer.headers.get("Server", "")), "no version"
