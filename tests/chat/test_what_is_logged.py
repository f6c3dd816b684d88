"""What fails is found in the log by the id that somebody quotes, and the log quotes nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from app.extensions import db
from tests.chat.backstage import Backstage
from tests.chat.raw_socket import RawWebSocket
from tests.chat.stage import Stage, refusal
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

TYPED = "qzv-what-somebody-typed"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def harbour(
    server: StreamzyServer, sqlite_backstage: Backstage, new_visitor: Callable[..., Visitor]
) -> tuple[Stage, Lines]:
    """A stage whose server may print tracebacks, and every line that it prints from now on."""
    printed = len(server.log)
    return Stage(server, sqlite_backstage, new_visitor), lambda: [
        json.loads(line) for line in server.log[printed:].splitlines()
    ]


@contextmanager
def without_its_messages(backstage: Backstage) -> Iterator[None]:
    """The table of messages is out of reach."""

    def rename(old: str, new: str) -> None:
        with backstage.open():
            db.session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))
            db.session.commit()

    rename("message", "mislaid")
    try:
        yield
    finally:
        rename("mislaid", "message")


def test_an_event_that_fails_is_found_by_the_id_in_its_answer(harbour: tuple[Stage, Lines]) -> None:
    stage, lines = harbour
    channel, ada = stage.channel(), stage.viewer("ada")
    raw = RawWebSocket(stage.server.url, {"Cookie": ada.cookie_header})
    connection = (raw.ws.getheaders() or {})["x-request-id"]
    assert raw.ask("join", {"channel": channel})["ok"]
    with without_its_messages(stage.backstage):
        sent = raw.ask("send", {"channel": channel, "text": TYPED, "nonce": TYPED})
        asked = raw.ask("history", {"channel": channel, "before": 5, "more": TYPED})
    raw.close()
    assert refusal(sent) == refusal(asked) == "unavailable"
    [of_the_batch] = [line for line in lines() if sent["error"]["request_id"] in line.get("events", ())]
    assert "not stored" in of_the_batch["message"] and "no such table" in of_the_batch["error"]
    [of_the_event] = [line for line in lines() if line.get("event_id") == asked["error"]["request_id"]]
    assert (of_the_event["event"], of_the_event["request_id"]) == ("history", connection)
    assert sent["error"]["request_id"].startswith(f"{connection}-"), "both came over one line"
    assert sent["error"]["request_id"] != asked["error"]["request_id"]
    assert TYPED not in json.dumps(lines()) and ada.cookie_header.partition("=")[2] not in json.dumps(lines())


def test_a_page_that_fails_shows_the_id_of_its_log_line(harbour: tuple[Stage, Lines]) -> None:
    stage, lines = harbour
    channel, guest = stage.channel(), stage.visitor()
    with without_its_messages(stage.backstage):
        page = guest.get(f"/c/{channel}?{TYPED}", headers={"X-Request-Id": "chosen-by-a-stranger"})
    assert page.status_code == 503
    number = page.headers["X-Request-Id"]
    assert f'<code id="request-id">{number}</code>' in page.text
    [line] = [line for line in lines() if line.get("request_id") == number]
    assert (line["level"], line["message"]) == ("error", "the database failed at chat.channel_page")
    assert "no such table" in line["error"] and TYPED not in json.dumps(lines())
    assert number != "chosen-by-a-stranger", "nobody is believed where no proxy stands before us"


def test_nothing_is_logged_about_what_was_refused_in_order(harbour: tuple[Stage, Lines]) -> None:
    stage, lines = harbour
    answer = stage.visitor().socket().send(stage.channel(), TYPED)
    assert refusal(answer) == "not_signed_in" and "request_id" not in answer["error"]
    assert stage.visitor().get("/nothing-here").status_code == 404
    assert lines() == []
