"""Looking after a chat, from any name or message: by mouse, by keyboard and by touch."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.evening import PHONE, Evening

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def test_by_keyboard_a_message_is_deleted_and_gone_from_every_screen_and_every_quote(evening: Evening):
    mod, gull, wren = evening.moderator(), evening.person("gull"), evening.person("wren")
    told = evening.says(gull, "the lock keeper did it")
    evening.says(wren, "no spoilers!", reply_to=told)
    desk, reader = evening.window(mod), evening.window(wren)
    visitor = evening.window(None)
    expect(reader.line("no spoilers!").locator(".message__reply-text")).to_have_text("the lock keeper did it")

    desk.log.focus()
    desk.page.keyboard.press("ArrowUp")
    expect(desk.line("no spoilers!")).to_be_focused()
    desk.page.keyboard.press("ArrowUp")
    desk.page.keyboard.press("Enter")
    expect(desk.item("Reply")).to_be_focused()
    desk.page.keyboard.press("d")

    for window in (desk, reader, visitor):
        expect(window.log.locator(f'[data-message-id="{told}"]')).to_contain_text("Message removed")
        expect(window.line("no spoilers!").locator(".message__reply-text")).to_have_text("message removed")
        assert "lock keeper" not in window.page.content()
    expect(desk.log.locator(f'[data-message-id="{told}"]')).to_be_focused()


def test_a_timeout_is_two_presses_and_can_be_undone_from_where_it_is_said(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.says(gull, "spoilers ahead")
    desk, target = evening.window(mod), evening.window(gull)
    target.input.fill("what I was about to say")

    desk.open_menu("spoilers ahead")
    desk.item("Time out for 10 minutes").or_(desk.item("Time out for 10 min")).click()
    expect(desk.page.locator(".toast")).to_contain_text(f"{gull.name} cannot write for 10 min")
    expect(target.notice).to_contain_text("You are timed out here.")
    expect(target.notice).to_contain_text(re.compile(r"(9:5\d|10:00)"))
    target.input.press("Enter")
    expect(target.input).to_have_value("what I was about to say")

    desk.page.get_by_role("button", name="Undo").click()
    expect(target.notice).to_be_hidden()
    target.input.press("Enter")
    expect(desk.line("what I was about to say")).to_be_visible()


def test_a_ban_has_a_reason_its_target_reads_it_and_keeps_what_was_typed(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.says(gull, "cheap followers at example.org")
    desk, target = evening.window(mod), evening.window(gull)
    target.input.fill("even cheaper ones")
    desk.open_menu("cheap followers")
    desk.menu.get_by_role("menuitemcheckbox", name="Also remove what they wrote").click()
    desk.item("Ban because of advertising").click()
    expect(target.notice).to_contain_text("You are banned from this channel")
    expect(target.notice).to_contain_text("Reason: Advertising.")
    target.input.press("Enter")
    expect(target.input).to_have_value("even cheaper ones")
    expect(target.line("cheap followers")).to_have_count(0)
    assert "cheap followers" not in desk.page.content()


def test_by_touch_a_long_press_opens_the_menu_and_one_tap_deletes(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.says(gull, "press me")
    desk = evening.window(mod, **PHONE)
    box = desk.line("press me").bounding_box()
    assert box
    touch = desk.page.context.new_cdp_session(desk.page)
    point = {"x": box["x"] + box["width"] - 20, "y": box["y"] + 8}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(desk.menu).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(desk.menu).to_be_visible()
    desk.item("Delete message").tap()
    expect(desk.log).to_contain_text("Message removed")


def test_the_menu_offers_what_one_may_do_and_nothing_else(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.says(gull, "from gull")
    evening.says(evening.streamer, "from the streamer")
    for person, text, offered in (
        (None, "from gull", ["Copy text", "Mute for me"]),
        (gull, "from the streamer", ["Reply", "Copy text", "Mute for me"]),
        (gull, "from gull", ["Reply", "Copy text", "Delete message"]),
        (mod, "from the streamer", ["Reply", "Copy text", "Mute for me"]),
    ):
        window = evening.window(person)
        menu = window.open_menu(text)
        shown = menu.locator("[role^=menuitem]:visible [data-words]").all_text_contents()
        assert shown == offered, (person and person.name, text)
        expect(menu.locator("[data-seconds]:visible")).to_have_count(0)
    desk = evening.window(mod)
    desk.open_menu("from gull")
    expect(desk.menu.locator("[data-seconds]:visible")).to_have_count(4)


def test_the_panel_is_for_moderators_and_sets_modes_that_everybody_sees(evening: Evening):
    mod, wren = evening.moderator(), evening.person("wren")
    desk, reader = evening.window(mod), evening.window(wren)
    expect(reader.page.locator("#panel-button, #moderator-panel")).to_have_count(0)
    desk.page.get_by_role("button", name="Moderator panel").click()
    panel = desk.page.locator("#moderator-panel")
    expect(panel.locator("#people-note")).to_have_text("2 people")
    panel.get_by_role("button", name="10 s").click()
    modes = reader.page.locator("#chat-modes")
    expect(modes).to_contain_text("Slow mode, 10 s")
    expect(reader.told("Slow mode is on: one message every 10 s")).to_have_count(1)
    expect(panel.get_by_role("button", name="10 s")).to_have_attribute("aria-pressed", "true")
    panel.get_by_role("checkbox", name="Members only").click()
    expect(modes).to_contain_text("Only members can write")
    expect(panel.get_by_role("checkbox", name="Members only")).to_be_checked()
    reader.say("but I have something to say")
    expect(reader.notice).to_contain_text("Only members may write here")
    expect(reader.input).to_have_value("but I have something to say")
    panel.get_by_role("button", name=f"{wren.name}").click()
    expect(desk.item("Time out for 1 min")).to_be_visible()
    expect(desk.item("Reply")).to_be_hidden()


def test_slow_mode_counts_down_and_keeps_the_next_text(evening: Evening):
    wren = evening.person("wren")
    evening.backstage.change_channel(evening.slug, slow_mode_seconds=120)
    window = evening.window(wren)
    expect(window.page.locator("#chat-modes")).to_contain_text("Slow mode, 120 s")
    window.say("first")
    expect(window.line("first")).not_to_have_class(re.compile("pending"))
    window.say("second, too soon")
    expect(window.notice).to_contain_text(re.compile(r"Slow mode is on\. You can write again in (1:\d\d|2:00)"))
    expect(window.input).to_have_value("second, too soon")


def test_clearing_asks_first(evening: Evening):
    mod, wren = evening.moderator(), evening.person("wren")
    evening.says(wren, "all of this goes")
    desk, reader = evening.window(mod), evening.window(wren)
    desk.page.get_by_role("button", name="Moderator panel").click()
    desk.page.get_by_role("button", name="Clear the chat…").click()
    desk.page.get_by_role("button", name="Keep it").click()
    expect(reader.line("all of this goes")).to_be_visible()
    desk.page.get_by_role("button", name="Clear the chat…").click()
    desk.page.locator("#clear-dialog").get_by_role("button", name="Clear the chat").click()
    for window in (desk, reader):
        expect(window.told("The chat was cleared")).to_be_visible()
        assert "all of this goes" not in window.page.content()


def test_the_commands_of_moderators_do_what_the_menu_does(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.says(gull, "first from gull")
    evening.says(gull, "second from gull")
    desk, target = evening.window(mod), evening.window(gull)
    desk.say(f"/delete {gull.name}")
    expect(target.line("second from gull")).to_have_count(0)
    expect(target.line("first from gull")).to_be_visible()
    desk.say(f"/timeout {gull.name} 10m off topic")
    expect(target.notice).to_contain_text("Reason: off topic.")
    desk.say(f"/unban {gull.name}")
    expect(target.notice).to_be_hidden()
    desk.say("/slow 30")
    expect(target.told("Slow mode is on: one message every 30 s")).to_be_visible()
    desk.say("/slow off")
    expect(target.told("Slow mode is off")).to_be_visible()
    desk.say(f"/ban {gull.name}")
    expect(target.notice).to_contain_text("You are banned")
    for wrong, words in (
        ("/timeout", "Who, and for how many seconds?"),
        (f"/timeout {gull.name} 3", "from 10 seconds to 14 days"),
        ("/members perhaps", "On or off?"),
        ("/slow never", "For how many seconds"),
        (f"/ban {evening.streamer.name}", "You may not do that here."),
        ("/ban nobody-of-that-name", "There is no account called nobody-of-that-name."),
    ):
        desk.say(wrong)
        expect(desk.told(words).last).to_be_visible()
        desk.input.fill("")
    desk.say("/clearchat")
    expect(target.told("The chat was cleared")).to_be_visible()


def test_nothing_scrolls_from_under_an_open_menu(evening: Evening):
    mod, gull = evening.moderator(), evening.person("gull")
    evening.backstage.write(evening.slug, [f"line {number}" for number in range(60)])
    evening.says(gull, "the one that is meant")
    desk = evening.window(mod)
    desk.open_menu("the one that is meant")
    before = desk.line("the one that is meant").bounding_box()
    for number in range(12):
        evening.says(gull, f"and on it goes {number}")
    expect(desk.pill).to_have_text("12 new messages")
    expect(desk.menu).to_be_visible()
    assert desk.line("the one that is meant").bounding_box() == before
    desk.page.keyboard.press("Escape")
    desk.page.mouse.move(5, 5)
    expect(desk.line("and on it goes 11")).to_be_in_viewport()
