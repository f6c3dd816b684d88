"""The chat on a person's screen: nothing typed is lost, nothing is shown twice, and the page says how things stand."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.journeys.world import PASSWORD, World
from tests.streamzy_server import StreamzyServer
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

OpenWindow = Callable[..., BrowserContext]
numbers = iter(range(2, 1000))
SOON_MS = 3_000  # within which a loss is said in words


@contextmanager
def standing_still(server: StreamzyServer) -> Iterator[None]:
    """The server does nothing meanwhile, as on a machine that is overwhelmed: lines stay open, nobody is answered."""
    processes = server.processes()
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@pytest.fixture
def channel(world: World) -> str:
    """A public channel of this test's own."""
    slug = f"quay-{next(numbers)}"
    world.backstage.open_channel(slug, world.backstage.create_account(f"keeper-of-{slug}"))
    return slug


@pytest.fixture
def writer(world: World, channel: str) -> str:
    """The name of a viewer of this test's own."""
    name = f"wren-at-{channel}"
    world.newcomer(name)
    return name


@pytest.fixture
def talker(world: World, channel: str) -> Iterator[Visitor]:
    """Somebody else, who talks without a browser."""
    visitor = Visitor(world.server.url).register(f"pelle-at-{channel}", PASSWORD)
    yield visitor
    visitor.leave()


def opened(context: BrowserContext, channel: str) -> Page:
    """The channel's page, connected."""
    page = context.new_page()
    page.goto(f"/c/{channel}")
    expect(page.locator("#chat-status")).to_have_text("Connected")
    return page


def say(page: Page, text: str) -> None:
    """Type and press Enter."""
    page.locator("#chat-input").fill(text)
    page.keyboard.press("Enter")


def texts(page: Page) -> list[str]:
    """What stands on the screen, in order."""
    return page.locator(".message:not(template *) .message__text").all_inner_texts()


def wait_for_end(page: Page, reached: bool) -> None:
    """Wait until the log is scrolled to its end, or is not. Playwright's own way evaluates text, which CSP forbids."""
    page.evaluate(
        """reached => new Promise((done) => {
            const log = document.querySelector("#chat-log");
            const look = () => (log.scrollHeight - log.scrollTop - log.clientHeight < 2) === reached
                ? done() : requestAnimationFrame(look);
            look();
        })""",
        reached,
    )


def test_ones_own_line_stands_there_at_once_and_is_confirmed_when_it_is_stored(
    world: World, window_of: OpenWindow, channel: str, writer: str
) -> None:
    page, reader = opened(window_of(writer), channel), opened(window_of("guest"), channel)
    with standing_still(world.server):
        say(page, "ahoy")
        line = page.locator("#chat-log .message", has_text="ahoy")
        expect(line).to_have_count(1)
        expect(line).to_contain_text("Sending")
        expect(page.locator("#chat-input")).to_have_value("")
        assert line.get_attribute("data-message-id") in (None, "")
    expect(line).to_have_attribute("data-message-id", "1")
    expect(line).not_to_contain_text("Sending")
    expect(reader.locator("[data-message-id='1'] .message__text")).to_have_text("ahoy")
    assert texts(page) == texts(reader) == ["ahoy"]


@pytest.mark.prove
def test_a_line_whose_fate_is_unknown_is_sent_again_and_stands_there_once(
    world: World, window_of: OpenWindow, channel: str, writer: str
) -> None:
    page, reader = opened(window_of(writer), channel), opened(window_of("guest"), channel)
    say(page, "before")
    expect(reader.locator("[data-message-id='1']")).to_be_visible()
    with standing_still(world.server):
        say(page, "in between")
        page.context.set_offline(True)
        page.context.set_offline(False)
        page.evaluate("dispatchEvent(new Event('online'))")
    # Whether it was stored before the line broke or not: it is asked for again under the same name.
    expect(page.locator("[data-message-id='2'] .message__text")).to_have_text("in between")
    say(page, "after")
    for each in (page, reader):
        expect(each.locator("[data-message-id='3'] .message__text")).to_have_text("after")
        assert texts(each) == ["before", "in between", "after"]
    assert world.backstage.ids(channel) == [1, 2, 3]


@pytest.mark.prove
def test_a_line_sent_into_a_crash_is_stored_once_after_it(
    world: World, window_of: OpenWindow, channel: str, writer: str, talker: Visitor
) -> None:
    page = opened(window_of(writer), channel)
    processes = world.server.processes()
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)  # what is sent now is taken by the kernel and read by nobody
    say(page, "into the storm")
    expect(page.locator("#chat-log .message", has_text="into the storm")).to_be_visible()
    world.server.kill9()
    expect(page.locator("#chat-status")).to_have_text(re.compile("Reconnecting|Offline"), timeout=SOON_MS)
    world.server.start()
    expect(page.locator("#chat-status")).to_have_text("Connected", timeout=20_000)
    expect(page.locator("[data-message-id='1'] .message__text")).to_have_text("into the storm")
    socket = talker.socket()
    assert [message["text"] for message in socket.join(channel)["messages"]] == ["into the storm"]
    assert texts(page) == ["into the storm"]


@pytest.mark.prove
def test_what_was_said_while_one_was_away_comes_once_and_in_order(
    window_of: OpenWindow, channel: str, writer: str, talker: Visitor
) -> None:
    context, socket = window_of(writer), talker.socket()
    page = opened(context, channel)
    assert socket.send(channel, "one")["ok"]
    expect(page.locator("[data-message-id='1']")).to_be_visible()
    context.set_offline(True)
    expect(page.locator("#chat-status")).to_have_text("Offline", timeout=SOON_MS)
    for text in ("two", "three", "four"):
        assert socket.send(channel, text)["ok"]
    context.set_offline(False)
    expect(page.locator("#chat-status")).to_have_text("Connected", timeout=20_000)
    assert socket.send(channel, "five")["ok"]
    expect(page.locator("[data-message-id='5']")).to_be_visible()
    assert texts(page) == ["one", "two", "three", "four", "five"]


@pytest.mark.prove
def test_scrolling_up_stops_the_chat_and_a_pill_counts_what_comes(
    world: World, window_of: OpenWindow, channel: str, writer: str, talker: Visitor
) -> None:
    world.backstage.write(channel, [f"line {number}" for number in range(60)])
    page, socket = opened(window_of(writer), channel), talker.socket()
    log, pill = page.locator("#chat-log"), page.locator("#new-messages")
    wait_for_end(page, True)
    expect(pill).to_be_hidden()
    log.hover()
    page.mouse.wheel(0, -400)
    wait_for_end(page, False)
    before = log.evaluate("log => log.scrollTop")
    for number, words in ((1, "1 new message"), (2, "2 new messages")):
        assert socket.send(channel, f"news {number}")["ok"]
        expect(pill).to_have_text(words)
    assert log.evaluate("log => log.scrollTop") == before, "what one reads moved"
    pill.click()
    expect(pill).to_be_hidden()
    wait_for_end(page, True)
    assert socket.send(channel, "news 3")["ok"]
    expect(page.locator("[data-message-id='63']")).to_be_in_viewport()
    expect(pill).to_be_hidden()


@pytest.mark.prove
def test_older_lines_come_at_the_top_without_a_jump(
    world: World, window_of: OpenWindow, channel: str, writer: str
) -> None:
    world.backstage.write(channel, [f"line {number}" for number in range(1, 121)])
    page = opened(window_of(writer), channel)
    log, first = page.locator("#chat-log"), page.locator("[data-message-id='71']")
    log.focus()
    place = "line => line.getBoundingClientRect().top"
    log.evaluate("log => { log.scrollTop = 1 }")
    expect(page.locator("[data-message-id='21']")).to_be_attached()
    top = first.evaluate(place)
    expect(first).to_be_in_viewport()
    expect(log).not_to_have_attribute("aria-busy", "true")
    assert abs(first.evaluate(place) - top) < 2
    log.evaluate("log => { log.scrollTop = 1 }")
    expect(page.locator("[data-message-id='1']")).to_be_attached()
    assert texts(page) == [f"line {number}" for number in range(1, 121)]


@pytest.mark.prove
def test_whoever_writes_too_fast_keeps_the_text_and_sees_how_long_to_wait(
    window_of: OpenWindow, channel: str, writer: str
) -> None:
    page = opened(window_of(writer), channel)
    for number in range(30):
        say(page, f"line {number}")
    expect(page.locator("[data-message-id='30']")).to_be_visible()
    say(page, "one too many")
    notice = page.locator("#composer-notice")
    expect(notice).to_contain_text("You can write again in")
    expect(page.locator("#chat-input")).to_have_value("one too many")
    expect(page.locator("#chat-log .message", has_text="one too many")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("#chat-input")).to_have_value("one too many")
    assert len(texts(page)) == 30


@pytest.mark.prove
def test_signing_out_in_another_tab_leaves_a_reader_with_their_draft(
    window_of: OpenWindow, channel: str, writer: str, talker: Visitor
) -> None:
    context, socket = window_of(writer), talker.socket()
    page, other = opened(context, channel), opened(context, channel)
    page.locator("#chat-input").fill("half a sent")
    other.locator("form[action='/logout'] [type=submit]").first.click()
    expect(other.get_by_role("link", name="Sign in").first).to_be_visible()
    expect(page.locator("#composer-notice")).to_contain_text("You signed out in another tab")
    expect(page.locator("#chat-input")).to_have_value("half a sent")
    expect(page.locator("#chat-status")).to_have_text("Connected", timeout=20_000)
    page.locator("#chat-input").focus()
    page.keyboard.press("Enter")
    assert socket.send(channel, "they still read")["ok"]
    expect(page.locator("[data-message-id='1'] .message__text")).to_have_text("they still read")
    expect(page.locator("#chat-input")).to_have_value("half a sent")
    expect(page.locator("#composer-notice").get_by_role("link", name="Sign in again")).to_be_visible()
    assert texts(page) == ["they still read"], "a visitor does not write"


def test_commands_are_carried_out_on_ones_own_screen_and_never_sent(
    world: World, window_of: OpenWindow, channel: str, writer: str
) -> None:
    page, reader = opened(window_of(writer), channel), opened(window_of("guest"), channel)
    say(page, "/help")
    expect(page.locator("#chat-log .system").first).to_be_visible()
    say(page, "/nosuch thing")
    expect(page.locator("#chat-input")).to_have_value("/nosuch thing")
    say(page, "//shrug")
    say(page, "/me waves")
    for each in (page, reader):
        expect(each.locator("[data-message-id='1'] .message__text")).to_have_text("/shrug")
        expect(each.locator("[data-message-id='2'].message--action .message__text")).to_have_text("waves")
    expect(reader.locator("#chat-log .system")).to_have_count(0)
    say(page, "/clear")
    expect(page.locator("#chat-log [data-message-id]")).to_have_count(0)
    expect(reader.locator("#chat-log [data-message-id]")).to_have_count(2)
    assert world.backstage.ids(channel) == [1, 2]


def test_markup_is_shown_letter_by_letter_and_never_becomes_any(
    window_of: OpenWindow, world: World, channel: str, talker: Visitor
) -> None:
    hostile = [
        "<script>document.title = 'owned'</script>",
        "<img src=x onerror=\"document.title = 'owned'\">",
        "<a href=javascript:alert(1)>x</a>",
        "</bdi></div><style>*{display:none}</style>",
        "&lt;b&gt;&#60;i&#62;{{ 7*7 }}${7*7}",
    ]
    live = opened(window_of("guest"), channel)
    world.backstage.write(channel, hostile)  # past every check, as if somebody had got it into the database
    assert talker.socket().send(channel, "end")["ok"]  # the page sees that it missed something, and fetches it
    expect(live.locator("[data-message-id='6']")).to_be_visible()
    drawn = opened(window_of("guest"), channel)  # and here the server has drawn it
    for page in (live, drawn):
        assert texts(page) == [*hostile, "end"]
        assert page.locator("#chat-log .message__text *").count() == 0
        assert "owned" not in page.title()
