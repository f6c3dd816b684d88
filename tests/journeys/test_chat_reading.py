"""Reading: links that say where they lead, being called, muting, holding one's place, time, and the phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.evening import PHONE, ChatWindow, Evening

pytestmark = [pytest.mark.prove, pytest.mark.browser]

LINKS = [
    # what is written, what becomes a link, where that leads, what stands beside it
    ("see https://example.org/a?b=c#d.", "https://example.org/a?b=c#d", "https://example.org/a?b=c#d", ""),
    ("(https://example.org/x_(y))", "https://example.org/x_(y)", "https://example.org/x_(y)", ""),
    ("HTTPS://Example.org/Ä", "HTTPS://Example.org/Ä", "https://example.org/%C3%84", ""),
    (
        "https://аррӏе.com/sign-in",
        "https://аррӏе.com/sign-in",
        "https://xn--80ak6aa92e.com/sign-in",
        "xn--80ak6aa92e.com",
    ),
    ("https://bank.example@evil.example/", None, "https://bank.example@evil.example/", "evil.example"),
]


def check_links(window: ChatWindow) -> None:
    """Every link of LINKS, on lines of either origin."""
    for place, (_, shown, leads, beside) in enumerate(LINKS):
        line = window.log.locator("[data-message-id]").nth(place)
        link = line.locator("a")
        expect(link).to_have_attribute("href", leads)
        expect(link).to_have_attribute("rel", "noopener nofollow ugc")
        expect(link).to_have_attribute("target", "_blank")
        if shown:
            expect(link).to_have_text(shown)
        expect(line.locator(".message__host")).to_have_count(1 if beside else 0)
        if beside:
            expect(line).to_contain_text(f"[{beside}]")


def test_links_say_where_they_lead_drawn_by_the_server_or_live(evening: Evening):
    wren = evening.person("wren")
    for said, *_ in LINKS:
        evening.says(wren, said)
    window = evening.window(None)
    check_links(window)
    live = evening.window(None)
    live.page.evaluate("document.querySelectorAll('[data-message-id]').forEach((line) => line.remove())")
    for said, *_ in LINKS:
        evening.says(wren, said)
    expect(live.log.locator("[data-message-id]")).to_have_count(len(LINKS))
    check_links(live)


def test_what_only_looks_like_an_address_is_no_link(evening: Evening):
    wren = evening.person("wren")
    evening.backstage.write(
        evening.slug, ["javascript:alert(1) data:text/html,x //example.org ftp://example.org http://"]
    )
    evening.says(wren, "www.example.org and me@example.org, http://[")
    window = evening.window(None)
    expect(window.log.locator("[data-message-id]")).to_have_count(2)
    expect(window.log.locator("[data-message-id] a")).to_have_count(0)


def test_being_called_by_name_is_seen_heard_and_said(evening: Evening):
    wren, pelle = evening.person("wren"), evening.person("pelle")
    evening.says(pelle, f"before: @{wren.name.upper()} hello")
    window = evening.window(wren)
    evening.says(pelle, f"live: @{wren.name}, and not @{wren.name}x")
    for text in ("before:", "live:"):
        line = window.line(text)
        expect(line).to_have_class(re.compile("message--mention"))
        expect(line).to_contain_text("Mentions you:")
        expect(line.locator("strong")).to_have_count(1)
    expect(window.line("live:").locator("strong")).to_have_text(f"@{wren.name}")
    expect(window.line("live:").locator(".message__name")).to_have_text(f"@{wren.name}x")
    evening.says(wren, f"I am @{wren.name}")
    expect(window.line("I am")).not_to_have_class(re.compile("message--mention"))


def test_sound_and_notifications_are_for_whoever_asked(evening: Evening):
    wren, pelle = evening.person("wren"), evening.person("pelle")
    context = evening.context(wren)
    context.grant_permissions(["notifications"])
    context.add_init_script(
        """
        window.heard = [];
        window.Notification = class { constructor(title, { body }) { heard.push(`${title}: ${body}`); } close() {}
          static permission = "granted"; static async requestPermission() { return "granted"; } };
        window.AudioContext = class extends AudioContext { constructor() { super(); heard.push("sound"); } };
        Object.defineProperty(document, "hasFocus", { value: () => false });
        """
    )
    page = context.new_page()
    page.goto(f"/c/{evening.slug}")
    window = ChatWindow(page)
    expect(window.status).to_have_text("Connected")
    evening.says(pelle, f"@{wren.name} one")
    expect(window.line("one")).to_be_visible()
    assert page.evaluate("heard") == []
    page.get_by_label("Chat options").click()
    page.get_by_label("Notification when I am mentioned").check()
    page.get_by_label("Sound when I am mentioned").check()
    page.keyboard.press("Escape")
    evening.says(pelle, f"@{wren.name} two")
    evening.says(pelle, "three, for nobody")
    expect(window.line("three")).to_be_visible()
    assert page.evaluate("heard") == ["sound", f"{pelle.name} in {evening.slug.title()}: @{wren.name} two"]
    page.reload()
    page.get_by_label("Chat options").click()
    expect(page.get_by_label("Sound when I am mentioned")).to_be_checked()


def test_muting_hides_past_and_new_messages_on_this_device_and_can_be_undone(evening: Evening):
    wren, gull = evening.person("wren"), evening.person("gull")
    evening.says(gull, "past noise")
    window, other = evening.window(wren), evening.window(None)
    window.open_menu("past noise")
    window.item("Mute for me").click()
    expect(window.line("past noise")).to_be_hidden()
    evening.says(gull, "new noise")
    evening.says(wren, "a quiet word")
    expect(window.line("a quiet word")).to_be_visible()
    expect(window.line("new noise")).to_be_hidden()
    expect(other.line("new noise")).to_be_visible()
    window.page.reload()
    expect(window.status).to_have_text("Connected")
    expect(window.line("new noise")).to_be_hidden()
    window.page.get_by_label("Chat options").click()
    window.page.get_by_role("button", name=f"Show messages of {gull.name} again").click()
    expect(window.line("past noise")).to_be_visible()
    expect(window.line("new noise")).to_be_visible()


def test_reading_further_up_holds_its_place_while_a_pill_counts(evening: Evening):
    wren = evening.person("wren")
    evening.backstage.write(evening.slug, [f"line {number} of many" for number in range(60)])
    window = evening.window(None)
    window.log.hover()
    window.page.mouse.wheel(0, -200)
    expect(window.line("line 59 of many")).not_to_be_in_viewport()
    held = window.line("line 45 of many").bounding_box()
    for number in range(30):
        evening.says(wren, f"more {number}")
    expect(window.pill).to_have_text("30 new messages")
    assert window.line("line 45 of many").bounding_box() == held
    window.pill.click()
    expect(window.line("more 29")).to_be_in_viewport()
    expect(window.pill).to_be_hidden()


def test_each_line_tells_its_time(evening: Evening):
    evening.says(evening.person("wren"), "what time is it?")
    window = evening.window(None, timezone_id="Asia/Tokyo", locale="en-GB")
    time = window.line("what time is it?").locator("time")
    expect(time).to_have_text(re.compile(r"\d\d:\d\d"))
    expect(time).to_have_attribute("title", re.compile(r"\d{4}.*\d\d:\d\d"))
    assert (
        time.evaluate("(e) => new Date(e.dateTime).toLocaleTimeString('en-GB', {timeStyle: 'short'})")
        == time.inner_text()
    )


@pytest.mark.parametrize("query", ["", "?popout=1"])
def test_on_a_phone_the_composer_stays_and_nothing_scrolls_sideways(evening: Evening, query: str):
    evening.backstage.write(evening.slug, ["w" * 300, *(f"line {number}" for number in range(30))])
    window = evening.window(evening.person("wren"), query, **PHONE)
    expect(window.input).to_be_in_viewport(ratio=1)
    expect(window.page.locator("#chat-send")).to_be_in_viewport(ratio=1)
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 360
    window.input.tap()
    window.page.set_viewport_size({"width": 360, "height": 400})  # the keyboard takes its place
    expect(window.input).to_be_in_viewport(ratio=1)
    expect(window.page.locator("#chat-send")).to_be_in_viewport(ratio=1)
    window.say("from the phone")
    expect(window.line("from the phone")).to_be_in_viewport()
    window.page.get_by_role("button", name="Emoji").tap()
    expect(window.page.get_by_role("dialog", name="Emoji")).to_be_in_viewport(ratio=0.9)


@pytest.mark.parametrize("theme", ["dark", "light", "terminal"])
def test_the_theme_is_there_before_the_first_paint(evening: Evening, theme: str):
    context = evening.context(evening.person("wren"))
    context.add_cookies([{"name": "theme", "value": theme, "url": evening.server.url}])
    page = context.new_page()
    page.goto(f"/c/{evening.slug}", wait_until="commit")
    expect(page.locator("html")).to_have_attribute("data-theme", theme)


def test_a_stream_plays_beside_the_chat_once_it_is_asked_for(evening: Evening):
    wren, asked = evening.person("wren"), []
    evening.backstage.change_channel(evening.slug, stream_url="https://vimeo.com/76979871", rules="Be kind")
    context = evening.context(wren)
    context.on("request", lambda request: asked.append(request.url))
    context.route("https://player.vimeo.com/**", lambda route: route.fulfill(body="<p>the stream", status=200))
    page = context.new_page()
    page.goto(f"/c/{evening.slug}")
    window = ChatWindow(page)
    expect(window.status).to_have_text("Connected")
    window.input.fill("half a sent")
    expect(page.locator("iframe")).to_have_count(0)
    assert all(url.startswith((evening.server.url, "ws:")) for url in asked), "nobody else is told of this visit"
    page.get_by_role("link", name="Watch the stream").click()
    frame = page.locator("iframe")
    expect(frame).to_have_attribute("src", "https://player.vimeo.com/video/76979871?dnt=1")
    expect(frame).to_have_attribute("sandbox", "allow-scripts allow-same-origin allow-presentation")
    expect(page.frame_locator("iframe").locator("p")).to_have_text("the stream")
    expect(window.input).to_have_value("half a sent")
    expect(window.status).to_have_text("Connected")


def test_the_house_rules_stand_over_the_box_until_the_first_message(evening: Evening):
    wren = evening.person("wren")
    evening.backstage.change_channel(evening.slug, rules="Be kind\nNo spoilers")
    window = evening.window(wren, "?popout=1", viewport={"width": 300, "height": 500})
    rules = window.page.locator("#chat-rules")
    expect(rules).to_contain_text("No spoilers")
    expect(window.input).to_be_in_viewport(ratio=1)
    window.say("hello")
    expect(rules).to_be_hidden()
    window.page.reload()
    expect(window.status).to_have_text("Connected")
    expect(rules).to_be_hidden()
    evening.backstage.change_channel(evening.slug, rules="Be kind\nNo spoilers\nNo ads")
    window.page.reload()
    expect(rules).to_contain_text("No ads")
    rules.get_by_role("button", name="Got it").click()
    expect(rules).to_be_hidden()
    expect(window.input).to_be_focused()
    expect(evening.window(evening.streamer).page.locator("#chat-rules")).to_have_count(0)
