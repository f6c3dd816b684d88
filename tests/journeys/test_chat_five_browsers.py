"""Five browsers in one chat: a restart in the middle of it, and one that was away for longer than a page can show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.journeys.evening import PHONE, ChatWindow
from tests.journeys.world import World

pytestmark = [pytest.mark.prove, pytest.mark.browser]

CHANNEL = "five-boats"


def come_back_after_much_was_said(world: World, away: ChatWindow, before: list[str]) -> None:
    """What was missed is more than one look brings: a gap says so, and is filled without a hole."""
    away.page.context.set_offline(True)
    expect(away.status).to_have_text("Offline")
    missed = [f"missed {number}" for number in range(620)]
    world.backstage.write(CHANNEL, missed)
    away.page.context.set_offline(False)
    expect(away.status).to_have_text("Connected", timeout=30_000)
    gap = away.log.locator(".chat__gap")
    expect(gap).to_contain_text("messages are not shown here")
    for _ in range(10):
        if not gap.count():
            break
        words = gap.locator("span").inner_text()
        gap.get_by_role("button").click()
        expect(gap.filter(has_text=words)).to_have_count(0)
    shown = away.texts()  # the oldest leave the screen, and can be had again
    assert len(shown) >= 500
    assert shown == [*before, *missed][-len(shown) :]


def test_five_browsers_agree_after_a_restart_and_a_long_absence(
    world: World, window_of: Callable[..., BrowserContext]
) -> None:
    world.backstage.open_channel(CHANNEL, world.backstage.create_account("keeper-of-five"))
    names = ["fiver-1", "fiver-2", "fiver-3", "fiver-4"]
    for name in names:
        world.newcomer(name)
    windows = []
    for who in [*names, "guest"]:
        page = window_of(who, **(PHONE if who == "fiver-4" else {})).new_page()
        page.goto(f"/c/{CHANNEL}")
        windows.append(ChatWindow(page))
    for window in windows:
        expect(window.status).to_have_text("Connected")
    said = []
    for round_ in range(2):
        for name, window in zip(names, windows, strict=False):
            said.append(f"{name} in round {round_}")
            window.say(said[-1])
            expect(windows[-1].line(said[-1])).to_be_visible()
        windows[0].input.fill("typed before the restart")
        if round_ == 0:
            world.server.restart()
            for window in windows:
                expect(window.status).to_have_text("Connected", timeout=30_000)
    expect(windows[0].input).to_have_value("typed before the restart")
    for window in windows:
        expect(window.log.locator("[data-message-id='8']")).to_be_visible()
        assert window.texts() == said
    come_back_after_much_was_said(world, windows[3], said)
