"""Which pages may open a socket: the check itself. At real sockets: tests/chat/test_origin_at_the_socket.py."""

from __future__ import annotations

import pytest

from app.security.origins import same_origin

HERE = {"wsgi.url_scheme": "https", "HTTP_HOST": "chat.example.org"}


def test_this_sites_own_pages_may() -> None:
    assert same_origin("")("https://chat.example.org", HERE)
    assert same_origin("")("HTTPS://Chat.Example.org", HERE)


def test_a_program_without_an_origin_may() -> None:
    assert same_origin("")(None, HERE)


FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "http://chat.example.org",
    "https://chat.example.org:8443",
    "https://chat.example.org.evil.example",
    "https://evil.example/chat.example.org",
    "https://chat.example.org@evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_others_may_not(origin: str) -> None:
    assert not same_origin("")(origin, HERE)
    assert not same_origin("https://chat.example.org")(origin, HERE)


def test_a_forged_forwarding_header_changes_nothing() -> None:
    forged = {**HERE, "HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_X_FORWARDED_PROTO": "https"}
    assert not same_origin("")("https://evil.example", forged)


def test_a_public_address_counts_more_than_the_requests_own() -> None:
    check = same_origin("https://chat.example.org")
    assert check("https://chat.example.org", {"wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:5000"})
    assert not check("http://127.0.0.1:5000", {"wsgi.url_scheme": "http", "HTTP_HOST": "127.0.0.1:5000"})
