"""A line of the log: one object a line, where something failed, and nothing that a person typed."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from typing import Any

import gevent
import pytest

import log_line

TYPED = "qzv-what-somebody-typed"


def written(message: str, *arguments: object, error: Any = None, stream: io.StringIO | None = None) -> str:
    """What one record comes to."""
    record = logging.LogRecord(
        "app.chat", logging.ERROR, "", 1, message, arguments, error and (type(error), error, None)
    )
    return log_line.formatter(stream or io.StringIO()).format(record)


def caught(fail: Any) -> BaseException:
    """What ``fail`` raises."""
    with pytest.raises(BaseException) as raised:
        fail()
    return raised.value


def test_a_failure_has_its_type_and_place_and_not_what_it_quotes() -> None:
    def read() -> None:
        try:
            os.environ[TYPED]
        except KeyError as error:
            raise ValueError(f"cannot read {TYPED}") from error

    line = written("%s failed", "send", error=caught(read))
    told = json.loads(line)
    assert told["message"] == "send failed"
    assert "ValueError" in told["error"] and "KeyError" in told["error"], "what it came from as well"
    assert "in read" in told["error"] and "\n" not in line
    assert TYPED not in line


def test_what_machines_say_of_themselves_is_kept() -> None:
    def reach() -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    assert "Connection refused" in json.loads(written("no", error=caught(reach)))["error"]


@pytest.mark.parametrize("path", ["/apply/status/a-secret", "/overlay/a-secret", "/login?next=a-secret"])
def test_private_links_and_queries_are_left_out_and_no_line_is_forged(path: str) -> None:
    line = written('GET "%s"\n{"level": "forged"}', path)
    assert "a-secret" not in line
    assert json.loads(line)["level"] == "error" and "\n" not in json.loads(line)["message"]


def test_a_line_is_about_what_its_greenlet_does() -> None:
    def told() -> dict[str, Any]:
        return dict(json.loads(written("something")))

    def work() -> list[dict[str, Any]]:
        before = told()
        log_line.begin_request("request-1")
        during = told()
        log_line.begin_event("request-1", "send")
        return [before, during, told()]

    log_line.begin_request("another")
    before, during, event = gevent.spawn(work).get()
    assert "request_id" not in before, "who began it is not what it is about"
    assert (during["request_id"], during.get("event")) == ("request-1", None)
    assert event["event"] == "send" and event["event_id"].startswith("request-1-")
    assert told()["request_id"] == "another"


def test_at_a_terminal_there_are_words() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    log_line.begin_request("request-2")
    line = written("send failed", error=caught(lambda: sys.exit(TYPED)), stream=Terminal())
    assert line.startswith("error: send failed (app.chat, request-2)\nTraceback") and TYPED not in line
