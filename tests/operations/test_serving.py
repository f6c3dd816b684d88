"""Serving for real: what gunicorn lets through, what it writes down, and how it ends."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import requests

from app.workers.worker import Worker
from tests.chat.backstage import Backstage
from tests.chat_socket import ChatSocket
from tests.streamzy_server import StreamzyServer

StartServer = Callable[..., StreamzyServer]


@pytest.mark.prove
@pytest.mark.slow
def test_open_sockets_do_not_hold_up_the_end(start_server: StartServer) -> None:
    server = start_server()
    with ExitStack() as leaving:
        sockets = [ChatSocket(server.url) for _ in range(20)]
        for one in sockets:
            leaving.callback(one.close)
        poller = ChatSocket(server.url, transport="polling")
        leaving.callback(poller.close)
        silent = leaving.enter_context(socket.create_connection(("127.0.0.1", server.port)))  # sends nothing at all
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 8
        for one in sockets:
            one.wait_until_cut(2)
        silent.close()
    backstage = Backstage(server)
    with backstage.open():
        assert Worker.living() == [], "it did not say that it serves no more"
    backstage.close()
    assert "imeout" not in server.log, server.log
    assert "Traceback" not in server.log, server.log


@pytest.mark.prove
@pytest.mark.slow
def test_a_request_that_never_arrives_in_full_does_not_hold_up_the_end(start_server: StartServer) -> None:
    server = start_server()
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(head + b"csrf_token=")
        time.sleep(0.5)
        server.stop()
    assert "was sent SIGKILL" not in server.log


def test_nobody_is_believed_about_https_unless_a_proxy_is_trusted(
    server: StreamzyServer, start_server: StartServer
) -> None:
    claim = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "X-Forwarded-For": "203.0.113.9"}
    assert "Strict-Transport-Security" not in requests.get(f"{server.url}/login", headers=claim, timeout=10).headers
    behind = start_server(TRUSTED_PROXIES="1")
    assert "Strict-Transport-Security" in requests.get(f"{behind.url}/login", headers=claim, timeout=10).headers


def test_private_links_and_forged_lines_stay_out_of_the_log(start_server: StartServer) -> None:
    server = start_server(GUNICORN_CMD_ARGS="--access-logfile -")
    for path in ("/apply/status/abcdef123456", "/overlay/abcdef123456", "/login?next=abcdef123456"):
        requests.get(server.url + path, timeout=10)
    requests.get(f"{server.url}/x%0aforged", timeout=10)
    requests.get(f"{server.url}/", headers={"Referer": f"{server.url}/apply/status/abcdef123456"}, timeout=10)
    server.stop()
    lines = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    written = "\n".join(line["message"] for line in lines)
    assert "/apply/status/..." in written and '"GET /login"' in written
    assert len({line["request_id"] for line in lines}) == len(lines) > 5, "each is found by what it was answered with"
    assert "abcdef123456" not in server.log, server.log
    assert "x?forged" in written


def test_nothing_is_logged_about_who_reads_what(start_server: StartServer) -> None:
    server = start_server()
    requests.get(f"{server.url}/c/nowhere", timeout=10)
    server.stop()
    assert server.log.strip() == f"Streamzy serves {server.url}"
