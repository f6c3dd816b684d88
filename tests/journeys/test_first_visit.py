"""What a first visit costs: bytes over the wire, as Chromium counts them, and who else is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys.world import CHANNEL, World

MOST_BYTES = 100_000


@pytest.mark.browser
@pytest.mark.parametrize(("who", "address"), [("guest", "/"), ("guest", f"/c/{CHANNEL}"), ("viewer", f"/c/{CHANNEL}")])
def test_a_first_visit_stays_under_100_kb_and_asks_nobody_else(
    world: World, window_of: Callable[..., BrowserContext], who: str, address: str
) -> None:
    page = window_of(who).new_page()
    asked: list[str] = []
    weights: list[int] = []
    page.on("request", lambda request: asked.append(request.url))
    wire = page.context.new_cdp_session(page)
    wire.on("Network.loadingFinished", lambda told: weights.append(int(told["encodedDataLength"])))
    wire.send("Network.enable")
    page.goto(address, wait_until="load")
    if page.locator("#chat-status").count():
        expect(page.locator("#chat-status")).to_have_text("Connected")
    page.wait_for_load_state("networkidle")
    assert all(url.startswith(world.server.url) for url in asked), asked
    assert len(weights) >= 4, "hardly anything was counted"
    assert len(weights) < 20, "the scripts came one by one: make the bundle first, as `make test` does"
    assert sum(weights) < MOST_BYTES, f"{sum(weights):,} bytes in {len(weights)} answers"
