"""Writing: commands, completion, emoji, what was sent before, and one's own messages taken back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.journeys.evening import Evening

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def test_help_lists_what_one_may_do_and_an_unknown_command_is_never_sent(evening: Evening):
    wren, mod = evening.person("wren"), evening.moderator()
    window, desk, reader = evening.window(wren), evening.window(mod), evening.window(None)
    window.say("/help")
    expect(window.told("/users")).to_be_visible()
    expect(window.told("/timeout")).to_have_count(0)
    desk.say("/help")
    expect(desk.told("/timeout NAME SECONDS")).to_be_visible()
    for command in ("/timeout somebody 60", "/nonsense"):
        window.say(command)
        expect(window.told(f"There is no {command.split()[0]} here").last).to_be_visible()
        expect(window.input).to_have_value(command)
    window.say("/whoami")
    expect(window.told(f"You are {wren.name}")).to_be_visible()
    desk.say("/whoami")
    expect(desk.told("moderator of this channel")).to_be_visible()
    window.say("/users")
    expect(window.told("2 people and 1 visitor here")).to_be_visible()
    window.say("/time")
    expect(window.told("It is ")).to_be_visible()
    window.say("//shrug is literal")
    expect(reader.line("/shrug is literal")).to_be_visible()
    window.say("/me waves")
    expect(reader.log.locator(".message--action")).to_contain_text("waves")
    window.say("/clear")
    expect(window.log.locator("[data-message-id]")).to_have_count(0)
    expect(reader.line("/shrug is literal")).to_be_visible()
    assert reader.texts() == ["/shrug is literal", "waves"]


def test_tab_completes_commands_names_and_emoji(evening: Evening):
    pelle = evening.person("pelle")
    evening.says(pelle, "evening")
    window = evening.window(evening.person("wren"))
    box, list_ = window.input, window.page.locator("#chat-suggestions")
    box.press_sequentially("/wh")
    expect(list_.get_by_role("option")).to_have_count(1)
    box.press("Tab")
    expect(box).to_have_value("/whoami ")
    box.fill("")
    box.press_sequentially("hello @pel")
    expect(list_.get_by_role("option", selected=True)).to_have_text(f"@{pelle.name}")
    box.press("Tab")
    expect(box).to_have_value(f"hello @{pelle.name} ")
    box.press_sequentially(":otte")
    expect(list_.get_by_role("option").first).to_contain_text(":otter:")
    box.press("Tab")
    expect(box).to_have_value(f"hello @{pelle.name} \N{OTTER} ")
    box.press_sequentially("@")
    expect(list_).to_be_visible()
    box.press("Escape")
    expect(list_).to_be_hidden()
    box.fill("")
    box.press_sequentially("/")
    expect(list_.get_by_text("/clearchat")).to_have_count(0)
    box.press("ArrowDown")
    box.press("Enter")
    expect(box).to_have_value("/me ")
    box.fill("")
    box.press("Tab")
    expect(box).not_to_be_focused()


def test_the_names_of_emoji_become_emoji_and_other_colons_stay(evening: Evening):
    window, reader = evening.window(evening.person("wren")), evening.window(None)
    window.input.fill("ready :thumbsup: at 10:30:45, std::vector :no_such_thing:")
    window.input.press("Enter")
    expect(reader.line("ready \N{THUMBS UP SIGN} at 10:30:45, std::vector :no_such_thing:")).to_be_visible()
    window.input.press_sequentially("yes :smile:")
    expect(window.input).to_have_value("yes \N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}")


def test_the_picker_is_fetched_on_first_use_and_works_with_the_keyboard(evening: Evening):
    asked: list[str] = []
    context = evening.context(evening.person("wren"))
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(f"/c/{evening.slug}")
    expect(page.locator("#chat-status")).to_have_text("Connected")
    before = len(asked)
    page.locator("#chat-input").fill("tea ")
    page.get_by_role("button", name="Emoji").click()
    picker = page.get_by_role("dialog", name="Emoji")
    search = picker.get_by_role("searchbox")
    expect(search).to_be_focused()
    assert len(asked) > before
    assert all(url.startswith(evening.server.url) for url in asked)
    search.fill("teapot")
    search.press("ArrowDown")
    expect(picker.get_by_role("button", name="teapot")).to_be_focused()
    page.keyboard.press("Enter")
    expect(picker).to_be_hidden()
    expect(page.locator("#chat-input")).to_be_focused()
    expect(page.locator("#chat-input")).to_have_value("tea \N{TEAPOT}")
    page.get_by_role("button", name="Emoji").click()
    expect(picker.get_by_role("region", name="Used last")).to_contain_text("\N{TEAPOT}")
    page.keyboard.press("Escape")
    expect(page.locator("#chat-input")).to_be_focused()


def test_up_recalls_what_was_sent(evening: Evening):
    window = evening.window(evening.person("wren"))
    for text in ("first", "second"):
        window.say(text)
        expect(window.line(text)).to_be_visible()
    window.input.press("ArrowUp")
    expect(window.input).to_have_value("second")
    window.input.press("ArrowUp")
    expect(window.input).to_have_value("first")
    window.input.press("ArrowDown")
    window.input.press("ArrowDown")
    expect(window.input).to_have_value("")


def test_a_reply_quotes_what_it_answers_and_leads_there(evening: Evening):
    wren, pelle = evening.person("wren"), evening.person("pelle")
    asked = evening.says(pelle, "where is the sluice?")
    evening.backstage.write(evening.slug, [f"line {number}" for number in range(40)])
    window, reader = evening.window(wren), evening.window(None)
    window.line("where is the sluice?").scroll_into_view_if_needed()
    window.line("where is the sluice?").focus()
    window.page.keyboard.press("Enter")
    window.page.keyboard.press("r")
    quote = window.page.locator("#composer-reply")
    expect(quote).to_contain_text("where is the sluice?")
    expect(window.input).to_be_focused()
    window.input.press("Escape")
    expect(quote).to_be_hidden()
    window.open_menu("where is the sluice?")
    window.item("Reply").click()
    window.say("behind the mill")
    expect(quote).to_be_hidden()
    shown = reader.line("behind the mill").locator(".message__reply")
    expect(shown).to_contain_text(f"{pelle.name} where is the sluice?")
    shown.click()
    expect(reader.log.locator(f'[data-message-id="{asked}"]')).to_be_in_viewport()


def test_who_answers_what_is_deleted_meanwhile_loses_the_quote_not_the_text(evening: Evening):
    wren, pelle, mod = evening.person("wren"), evening.person("pelle"), evening.moderator()
    evening.says(pelle, "soon to be gone")
    window, desk = evening.window(wren), evening.window(mod)
    window.open_menu("soon to be gone")
    window.item("Reply").click()
    window.input.fill("my answer")
    desk.open_menu("soon to be gone")
    desk.item("Delete message").click()
    expect(window.page.locator("#composer-reply")).to_be_hidden()
    expect(window.told("The message you were answering was removed")).to_be_visible()
    expect(window.input).to_have_value("my answer")


def test_ones_own_message_can_be_taken_back(evening: Evening):
    window, reader = evening.window(evening.person("wren")), evening.window(None)
    window.say("that was too quick")
    expect(reader.line("that was too quick")).to_be_visible()
    window.open_menu("that was too quick")
    window.item("Delete message").click()
    for each in (window, reader):
        expect(each.log).to_contain_text("Message removed")
        assert "too quick" not in each.page.content()
