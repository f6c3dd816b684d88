"""A stream beside the chat: shown from hosts that the operator allows, and from nowhere else."""

from __future__ import annotations

import pytest

from app.channels.channel import Channel
from app.channels.stream import player_of
from app.extensions import db
from app.security.headers import CONTENT_SECURITY_POLICY
from tests.people import People, Person

SETTINGS = "/c/stella/settings"
ALLOWED = ("youtube", "twitch", "vimeo", "peertube:tube.example.org", "owncast:live.example.org:8443")
VIDEO = "dQw4w9WgXcQ"


@pytest.fixture
def stella(people: People) -> Person:
    """A streamer, signed in."""
    return people.streamer("stella")


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        (f"https://www.youtube.com/watch?v={VIDEO}&t=10s", f"https://www.youtube-nocookie.com/embed/{VIDEO}"),
        (f"http://youtu.be/{VIDEO}", f"https://www.youtube-nocookie.com/embed/{VIDEO}"),
        (f"youtube.com/live/{VIDEO}?si=x", f"https://www.youtube-nocookie.com/embed/{VIDEO}"),
        (
            "https://www.youtube.com/channel/UC" + "a" * 22,
            "https://www.youtube-nocookie.com/embed/live_stream?channel=UC" + "a" * 22,
        ),
        ("twitch.tv/stella", "https://player.twitch.tv/?channel=stella&parent=chat.example.org&autoplay=false"),
        (
            "https://www.twitch.tv/videos/12",
            "https://player.twitch.tv/?video=12&parent=chat.example.org&autoplay=false",
        ),
        ("https://vimeo.com/76979871", "https://player.vimeo.com/video/76979871?dnt=1"),
        ("https://vimeo.com/76979871/abcdef12", "https://player.vimeo.com/video/76979871?h=abcdef12&dnt=1"),
        ("https://vimeo.com/event/99", "https://vimeo.com/event/99/embed"),
        ("https://tube.example.org/w/abcdefghijk12", "https://tube.example.org/videos/embed/abcdefghijk12"),
        ("https://tube.example.org/videos/watch/9c9de5e8", "https://tube.example.org/videos/embed/9c9de5e8"),
        ("https://live.example.org:8443/", "https://live.example.org:8443/embed/video"),
    ],
)
def test_an_address_of_an_allowed_host_has_its_player(typed: str, source: str) -> None:
    player = player_of(typed, ALLOWED, "chat.example.org")
    assert player and player.source == source
    assert source.startswith(f"{player.origin}/") and player.origin.count("/") == 2


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://evil.example/watch?v=" + VIDEO,
        f"https://youtube.com.evil.example/watch?v={VIDEO}",
        f"https://evil.example@youtube.com/watch?v={VIDEO}",
        f"https://youtube.com:8080/watch?v={VIDEO}",
        f'https://youtube.com/watch?v={VIDEO}"onload=x',
        "https://youtube.com/watch?v=../../x",
        "https://twitch.tv/a/b",
        "https://twitch.tv/stella;frame-src *",
        "https://tube.example.org/w/x; script-src *",
        "https://live.example.org/",
        "https://other.example.org/w/abcdefghijk12",
        "ftp://vimeo.com/12",
        "https://[::1",
        "https://vimeo.com:99999/12",
    ],
)
def test_any_other_address_has_none(typed: str) -> None:
    assert player_of(typed, ALLOWED, "chat.example.org") is None
    assert player_of(f"https://youtu.be/{VIDEO}", (), "chat.example.org") is None, "none is allowed"


def policy_of(person: Person, path: str) -> str:
    """The policy of a page."""
    return person.get(path).headers["Content-Security-Policy"]


def test_the_page_may_frame_the_player_of_its_channel_and_nothing_else(people: People, stella: Person) -> None:
    visitor = people.visitor()
    assert policy_of(visitor, "/c/stella") == CONTENT_SECURITY_POLICY
    assert stella.post(SETTINGS, stream_url=f"https://youtu.be/{VIDEO}").status_code == 303
    assert policy_of(visitor, "/c/stella") == f"{CONTENT_SECURITY_POLICY}; frame-src https://www.youtube-nocookie.com"
    offered, watching = visitor.get("/c/stella").text, visitor.get("/c/stella?watch=1").text
    assert "<iframe" not in offered.partition("<template")[0], "nothing is loaded before it is asked for"
    assert f'src="https://www.youtube-nocookie.com/embed/{VIDEO}"' in watching, "without JavaScript, too"
    assert 'sandbox="allow-scripts allow-same-origin allow-presentation"' in watching
    for path in ("/", "/c/stella?popout=1", "/c/stella/settings"):
        assert policy_of(stella, path) == CONTENT_SECURITY_POLICY


def test_a_host_that_is_not_allowed_is_refused_in_words_and_what_was_typed_is_kept(stella: Person) -> None:
    answer = stella.post_form(SETTINGS, stream_url="https://evil.example/live", title="t", slow_mode="0")
    assert answer.status_code == 400
    assert "no stream that can be shown here" in answer.text and 'value="https://evil.example/live"' in answer.text
    assert stella.post_form(SETTINGS, stream_url="x" * 301).status_code == 400


@pytest.mark.settings(STREAM_HOSTS="none")
def test_an_operator_who_allows_no_host_has_no_foreign_frame(stella: Person) -> None:
    db.session.scalars(db.select(Channel)).one().stream_url = f"https://youtu.be/{VIDEO}"  # from before
    db.session.commit()
    assert policy_of(stella, "/c/stella") == CONTENT_SECURITY_POLICY
    assert "iframe" not in stella.get("/c/stella?watch=1").text
    assert stella.post(SETTINGS, title="Still to be saved").status_code == 303, "what is there is in nobody's way"
    assert stella.post(SETTINGS, stream_url="twitch.tv/stella").status_code == 400
