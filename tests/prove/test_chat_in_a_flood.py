"""Fifty messages a second, and somebody who types meanwhile: the page does not grow, and keeps nobody waiting."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.chat_socket import ChatSocket
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

QUICK = bool(os.environ.get("QUICK"))
SECONDS = 5 if QUICK else 30
A_SECOND = 50
MOST_LINES = 550  # as older_messages.js has it, with what it spares itself
CHANNEL = "lighthouse"
PASSWORD = "Leuchtturm-7-morgens"
TYPED = "what I type while it rains messages, letter by letter. "
WATCH = """
  window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask", buffered: true });
  window.waits = [];
  addEventListener("keydown", ({ timeStamp }) => {
    requestAnimationFrame(() => waits.push(performance.now() - timeStamp));
  });
"""
NEWEST = "Math.max(0, ...[...document.querySelectorAll('[data-message-id]')].map((e) => Number(e.dataset.messageId)))"

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def flood(socket: ChatSocket, over: Event) -> None:
    """Send fifty a second without waiting for answers."""
    start, sent = time.monotonic(), 0
    while not over.is_set():
        for _ in range(int((time.monotonic() - start) * A_SECOND) - sent):
            socket.client.emit("send", {"channel": CHANNEL, "text": f"drop {sent} of many", "nonce": f"drop-{sent}"})
            sent += 1
        over.wait(0.02)


def test_typing_stays_fluid_and_the_page_stays_small(
    tmp_path: Path, new_context: Callable[..., BrowserContext], capsys: pytest.CaptureFixture[str]
) -> None:
    with StreamzyServer(tmp_path, RATELIMIT_MESSAGES="1000000 per minute") as server:
        server.create_user("keeper", PASSWORD)
        server.create_channel(CHANNEL, owner="keeper")
        rain, wren = (Visitor(server.url).register(name, PASSWORD) for name in ("rain", "wren"))
        context = new_context(base_url=server.url)
        context.add_cookies([{"name": c.name, "value": str(c.value), "url": server.url} for c in wren.http.cookies])
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"/c/{CHANNEL}")
        expect(page.locator("#chat-status")).to_have_text("Connected")
        page.locator("#chat-input").focus()
        page.evaluate("tasks.length = 0")
        socket = rain.socket()
        socket.join(CHANNEL)
        over, most = Event(), 0
        thread = Thread(target=flood, args=(socket, over))
        thread.start()
        until = time.monotonic() + SECONDS
        try:
            while time.monotonic() < until:
                for letter in TYPED:
                    page.keyboard.type(letter)
                assert page.locator("#chat-input").input_value().endswith(TYPED)
                page.locator("#chat-input").fill("")
                most = max(most, page.locator("#chat-log [data-message-id]").count())
        finally:
            over.set()
            thread.join()
        last = page.evaluate(NEWEST)
        tasks, waits = page.evaluate("tasks"), sorted(page.evaluate("waits"))
        nodes = page.evaluate("document.querySelectorAll('*').length")
        median, worst = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        figures = (
            f"{last} messages in {SECONDS} s, {len(waits)} keys: {len(tasks)} long tasks, {sum(tasks):.0f} ms in all; "
            f"key to frame {median:.0f} ms, 99 % under {worst:.0f} ms; {most} lines at most, {nodes} elements"
        )
        with capsys.disabled():
            sys.stdout.write(f"\n{figures}\n")
        assert last > A_SECOND * SECONDS * 0.8, "it did not rain"
        assert most <= MOST_LINES
        assert nodes < 30 * MOST_LINES
        assert sum(tasks) < 1000 * SECONDS * 0.2, tasks
        assert median < 100
        rain.leave()
        wren.leave()
