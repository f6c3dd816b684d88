"""The whole channel page by keyboard alone: reading, writing, looking after it, and a session that ends meanwhile."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.evening import PASSWORD, ChatWindow, Evening
from tests.visitor import Visitor

pytestmark = [pytest.mark.prove, pytest.mark.browser]

AWAY_FROM_END = """() => new Promise((done) => {
  const log = document.querySelector("#chat-log");
  const look = () => log.scrollHeight - log.scrollTop - log.clientHeight > 100 ? done() : requestAnimationFrame(look);
  look();
})"""


def read_back_to_the_first_line(desk: ChatWindow) -> None:
    """From the composer into the log and up, a page at a time, until the oldest line is there."""
    press = desk.page.keyboard.press
    for _ in range(3):  # what stands between them: a way to older messages
        press("Shift+Tab")
        if desk.log.evaluate("log => log.matches(':focus')"):
            break
    expect(desk.log).to_be_focused()
    press("PageUp")
    desk.page.evaluate(AWAY_FROM_END)
    for _ in range(20):
        if desk.log.locator("[data-message-id='1']").count():
            break
        press("PageUp")
        expect(desk.log).not_to_have_attribute("aria-busy", "true")
    expect(desk.log.locator("[data-message-id='1']")).to_be_attached()


def test_a_moderator_reads_writes_and_times_somebody_out_without_a_mouse(evening: Evening) -> None:
    mod, gull = evening.moderator(), evening.person("gull")
    evening.backstage.write(evening.slug, [f"line {number}" for number in range(70)])
    evening.says(gull, "spoilers ahead")
    desk = evening.window(mod)
    press = desk.page.keyboard.press

    press("Tab")
    expect(desk.page.locator(".skip-link")).to_be_focused()
    press("Enter")
    expect(desk.input).to_be_focused()
    desk.page.keyboard.type("@gul")
    expect(desk.page.locator("#chat-suggestions").get_by_role("option")).to_have_count(1)
    press("Tab")
    expect(desk.input).to_have_value(f"@{gull.name} ")
    desk.page.keyboard.type("no spoilers")
    press("Enter")
    expect(desk.line("no spoilers")).to_be_visible()

    read_back_to_the_first_line(desk)
    press("End")
    expect(desk.line("no spoilers")).to_be_focused()
    press("ArrowUp")
    expect(desk.line("spoilers ahead")).to_be_focused()
    press("Enter")
    expect(desk.item("Reply")).to_be_focused()
    press("Escape")
    expect(desk.menu).to_be_hidden()
    expect(desk.line("spoilers ahead")).to_be_focused()

    press("Enter")
    for _ in range(8):
        if desk.item("Time out for 10 min").evaluate("item => item === document.activeElement"):
            break
        press("ArrowDown")
    press("Enter")
    expect(desk.page.locator(".toast")).to_contain_text(f"{gull.name} cannot write for 10 min")
    expect(desk.line("spoilers ahead")).to_be_focused()
    press("Escape")
    expect(desk.input).to_be_focused()


def test_a_session_that_ends_in_mid_typing_costs_no_letter_and_leads_back(evening: Evening) -> None:
    wren = evening.person("wren")
    window = evening.window(wren)
    window.input.focus()
    type_on = window.page.keyboard.type
    type_on("half a th")
    elsewhere = Visitor(evening.server.url).sign_in(wren.name, PASSWORD)
    elsewhere.post_form("/account/sessions/revoke-others", on="/account/sessions")
    expect(window.notice).to_contain_text("This session was ended from another place. What you wrote is kept.")
    expect(window.input).to_be_focused()
    type_on("ought")
    window.page.keyboard.press("Enter")
    expect(window.input).to_have_value("half a thought")
    assert window.texts() == []
    window.notice.get_by_role("link", name="Sign in again").press("Enter")
    window.page.locator("#username").fill(wren.name)
    window.page.locator("#password").fill(PASSWORD)
    window.page.locator("#password").press("Enter")
    expect(window.page).to_have_url(re.compile(f"/c/{evening.slug}$"))
    expect(window.status).to_have_text("Connected")
    expect(window.input).to_have_value("half a thought")
    window.input.press("Enter")
    expect(window.line("half a thought")).to_be_visible()
    elsewhere.leave()
