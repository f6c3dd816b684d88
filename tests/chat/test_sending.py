"""Saying something: acknowledged once it is on disk, stored once however often it is sent, or refused with a reason."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from tests.chat.stage import PASSWORD, Stage, on_both_stages, refusal
from tests.chat_socket import ChatSocket

MARK = "qzvmarkqzv"  # occurs nowhere else


def send_together(sockets: list[ChatSocket], payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Send the same from several sockets without waiting; return the acknowledgements."""
    answers: list[dict[str, Any]] = []
    all_there = Event()

    def note(answer: dict[str, Any]) -> None:
        answers.append(answer)
        if len(answers) == len(sockets):
            all_there.set()

    for socket in sockets:
        socket.client.emit("send", payload, callback=note)
    assert all_there.wait(20), answers
    return answers


def test_a_message_reaches_everybody_in_the_channel_its_author_too(stage: Stage) -> None:
    keeper, boris = stage.viewer("keeper"), stage.viewer("boris")
    channel = stage.channel(keeper)
    sockets = [keeper.socket(), boris.socket(), stage.visitor().socket()]
    for socket in sockets:
        socket.join(channel)
    answer = sockets[0].send(channel, "ahoy")
    heard = [socket.wait_for_message("ahoy") for socket in sockets]
    assert heard[0] == heard[1] == heard[2]
    assert heard[0]["id"] == answer["id"] == 1
    assert heard[0]["sent_at"] == answer["sent_at"]
    assert heard[0]["channel"] == channel
    assert heard[0]["kind"] == "text"
    assert heard[0]["author"]["username"] == keeper.name
    assert heard[0]["author"]["badges"] == ["streamer"]
    assert sockets[1].join(channel)["messages"] == [heard[0]], "live and from history it is the same"


@on_both_stages
def test_when_the_acknowledgement_comes_the_row_is_there(stage: Stage) -> None:
    channel, ada, reader = stage.channel(), stage.viewer("ada").socket(), stage.visitor().socket()
    reader.join(channel)
    for number in range(1, 11):
        assert ada.send(channel, f"line {number}")["id"] == number
        assert stage.backstage.ids(channel) == list(range(1, number + 1))
    ada.client.emit("send", {"channel": channel, "text": "nobody asked", "nonce": "x"})
    reader.wait_for_message("nobody asked")
    assert stage.backstage.ids(channel)[-1] == 11, "nothing is shown either before it is stored"


@on_both_stages
def test_the_same_nonce_is_stored_once_in_turn_and_together(stage: Stage) -> None:
    ada = stage.viewer("ada")
    channel, sockets, reader = stage.channel(), [ada.socket() for _ in range(6)], stage.visitor().socket()
    reader.join(channel)
    first = sockets[0].send(channel, "once", nonce="n1")
    again = sockets[1].send(channel, "once more, with other words", nonce="n1")
    assert (again["id"], again["sent_at"]) == (first["id"], first["sent_at"])
    answers = send_together(sockets, {"channel": channel, "text": "all at once", "nonce": "n2"})
    assert {answer["id"] for answer in answers} == {2}, answers
    assert sockets[0].send(channel, "end", nonce="n3")["id"] == 3, "the doubles left no hole"
    reader.wait_for_message("end")
    assert [message["text"] for message in reader.received("message")] == ["once", "all at once", "end"]
    assert stage.backstage.ids(channel) == [1, 2, 3]


def test_a_nonce_is_its_authors_and_its_channels_alone(stage: Stage) -> None:
    here, there = stage.channel(), stage.channel()
    ada, boris = stage.viewer("ada").socket(), stage.viewer("boris").socket()
    assert ada.send(here, "hers", nonce="same")["id"] == 1
    assert boris.send(here, "his", nonce="same")["id"] == 2
    assert ada.send(there, "elsewhere", nonce="same")["id"] == 1


def test_ids_stay_dense_across_what_is_refused(stage: Stage) -> None:
    channel, ada = stage.channel(), stage.viewer("ada").socket()
    refused = ("", "x" * 501, "/nosuch", "<script>alert(1)</script>", "\u200b", "/me")
    for number, text in enumerate(refused, start=1):
        assert ada.send(channel, "fine")["id"] == number
        refusal(ada.send(channel, text))
    assert stage.backstage.ids(channel) == list(range(1, len(refused) + 1))


# --- what may be said -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("\u200b\u2060\ufeff", "empty"),
        ("/me", "empty"),
        ("/me   ", "empty"),
        ("x" * 501, "too_long"),
        ("\N{GRINNING FACE}" * 501, "too_long"),
        ("x" * 60_000, "too_long"),
        ("/nosuch command", "unknown_command"),
        ("/", "unknown_command"),
        ("<img src=x onerror=alert(1)>", "blocked"),
        ("' OR 1=1 --", "blocked"),
        ("//<script>alert(1)</script>", "blocked"),
        ("/me <script>alert(1)</script>", "blocked"),
    ],
)
def test_what_cannot_be_said_is_refused_with_a_reason(stage: Stage, text: str, code: str) -> None:
    channel, ada = stage.channel(), stage.viewer("ada").socket()
    answer = ada.send(channel, text)
    assert refusal(answer) == code
    assert answer["error"]["message"], "words for a person"
    assert stage.backstage.ids(channel) == []


@on_both_stages
@pytest.mark.parametrize(
    ("text", "shown", "kind"),
    [
        ("x" * 500, "x" * 500, "text"),
        ("\N{GRINNING FACE}" * 500, "\N{GRINNING FACE}" * 500, "text"),
        (
            "don't SELECT your fighter; a < b && c > d -- ok?",
            "don't SELECT your fighter; a < b && c > d -- ok?",
            "text",
        ),
        ("List<String> and <user>", "List<String> and <user>", "text"),
        ("//x", "/x", "text"),
        ("///x", "//x", "text"),
        ("/me waves", "waves", "me"),
        ("  hello\nworld  ", "hello\nworld", "text"),
        ("e\u0301", "\u00e9", "text"),
        ("safe\u202egpj.exe", "safegpj.exe", "text"),
        ("nul\x00nul", "nulnul", "text"),  # PostgreSQL stores no NUL; SQLite would, and hide the error
        ("/menace", None, "unknown_command"),
        ("\ud800", None, "bad_request"),
    ],
)
def test_what_is_said_comes_as_it_was_meant(stage: Stage, text: str, shown: str | None, kind: str) -> None:
    channel, ada, reader = stage.channel(), stage.viewer("ada").socket(), stage.visitor().socket()
    reader.join(channel)
    answer = ada.send(channel, text)
    if shown is None:
        assert refusal(answer) == kind
        return
    assert answer["ok"], answer
    heard = reader.wait_for_message(shown)
    assert heard["kind"] == kind
    assert reader.join(channel)["messages"] == [heard]


@on_both_stages
def test_a_blocked_text_is_on_record_and_nowhere_in_clear(stage: Stage) -> None:
    channel, ada, reader = stage.channel(), stage.viewer("ada"), stage.visitor().socket()
    reader.join(channel)
    socket = ada.socket()
    assert refusal(socket.send(channel, f"<script>{MARK}</script>")) == "blocked"
    assert refusal(socket.send(channel, f"<script>{MARK}</script>")) == "blocked"
    events = stage.backstage.events("input.blocked", channel)
    assert len(events) == 2
    assert events[0].actor_name == ada.name
    details = events[0].details or {}
    assert details["rule"] == "html.script"
    assert details["length"] == len(f"<script>{MARK}</script>")
    assert details["text_hash"] == (events[1].details or {})["text_hash"], "one text, one hash"
    assert MARK not in "".join(stage.backstage.every_value()), "the text stands in the database"
    assert MARK not in stage.server.log
    socket.send(channel, "in peace")
    reader.wait_for_message("in peace")
    assert len(reader.received("message")) == 1, "what is blocked is shown to nobody"


# --- replies ----------------------------------------------------------------------------------------------------------


def test_a_reply_carries_what_it_answers(stage: Stage) -> None:
    channel, ada, boris = stage.channel(), stage.viewer("ada"), stage.viewer("boris").socket()
    first = ada.socket().send(channel, "who is there? " + "x" * 200)
    assert first["ok"]
    boris.join(channel)
    assert boris.send(channel, "it is I", reply_to=first["id"])["ok"]
    heard = boris.wait_for_message("it is I")
    assert heard["reply_to"]["id"] == first["id"]
    assert heard["reply_to"]["username"] == ada.name
    assert heard["reply_to"]["text"].startswith("who is there? x")
    assert len(heard["reply_to"]["text"]) <= 120
    assert boris.join(channel)["messages"][-1] == heard


def test_nobody_answers_what_is_not_there_or_stands_in_another_channel(stage: Stage) -> None:
    here, private, ada = stage.channel(), stage.channel(access="private"), stage.viewer("ada").socket()
    stage.backstage.write(private, ["a secret"] * 3)
    assert refusal(ada.send(here, "what?", reply_to=3)) == "not_found"
    assert stage.backstage.ids(here) == []


# --- who may speak ----------------------------------------------------------------------------------------------------


def test_a_visitor_does_not_speak(stage: Stage) -> None:
    channel = stage.channel()
    assert refusal(stage.visitor().socket().send(channel, "hello?")) == "not_signed_in"
    assert stage.viewer("ada").socket().send(channel, "hello")["ok"]
    assert len(stage.backstage.ids(channel)) == 1


def test_an_outsider_does_not_speak_where_they_may_not_read(stage: Stage) -> None:
    member, outsider = stage.viewer("maya"), stage.viewer("olga").socket()
    private = stage.channel(members=(member,), access="private")
    assert member.socket().send(private, "among us")["ok"]
    assert refusal(outsider.send(private, "let me in")) == "not_found"
    assert refusal(outsider.send("no-such-harbour", "anybody?")) == "not_found"
    assert len(stage.backstage.ids(private)) == 1


def test_in_members_only_mode_members_speak_and_others_read(stage: Stage) -> None:
    keeper, member, root, boris = (stage.viewer(name) for name in ("keeper", "maya", "rosa", "boris"))
    stage.backstage.promote(root.name)
    channel = stage.channel(keeper, members=(member,), members_only=True)
    for person in (keeper, member, root):
        assert person.socket().send(channel, "hear, hear")["ok"]
    reader = boris.socket()
    assert len(reader.join(channel)["messages"]) == 3
    assert refusal(reader.send(channel, "me too")) == "members_only"


def test_a_change_of_mode_is_felt_by_who_is_there_already(stage: Stage) -> None:
    channel, boris = stage.channel(), stage.viewer("boris").socket()
    boris.join(channel)
    assert boris.send(channel, "first")["ok"]
    stage.backstage.change_channel(channel, members_only=True)  # by another process: heard within half a second
    for _ in range(2000):
        answer = boris.send(channel, "again")
        if not answer["ok"]:
            break
    assert refusal(answer) == "members_only"


def test_nothing_is_said_in_a_disabled_channel(stage: Stage) -> None:
    channel, boris = stage.channel(), stage.viewer("boris").socket()
    boris.join(channel)
    assert boris.send(channel, "first")["ok"]
    stage.backstage.change_channel(channel, disabled_at="now")
    assert refusal(boris.send(channel, "too late")) == "not_found", "at once, whatever was heard of it yet"
    assert stage.backstage.ids(channel) == [1]


def test_with_a_given_password_nothing_works_until_it_is_changed(stage: Stage) -> None:
    channel, ada = stage.channel(), stage.viewer("ada")
    stage.backstage.require_new_password(ada.name)
    socket = ada.socket()
    for event, payload in (("join", {"channel": channel}), ("history", {"channel": channel, "before": 2})):
        assert refusal(socket.call(event, payload)) == "must_change_password"
    assert refusal(socket.send(channel, "hello")) == "must_change_password"
    new = "Nebelhorn-8-abends"
    ada.post_form("/account/password", current_password=PASSWORD, new_password=new, confirm_password=new)
    assert ada.socket().send(channel, "hello")["ok"]


# --- how often --------------------------------------------------------------------------------------------------------


def test_the_thirty_first_message_in_a_minute_is_one_too_many_over_all_sockets(strict: Stage) -> None:
    channel, ada = strict.channel(), strict.viewer("ada")
    one, other = ada.socket(), ada.socket(transport="polling")
    for number in range(15):
        assert one.send(channel, f"one {number}")["ok"]
        assert other.send(channel, f"other {number}")["ok"]
    for socket in (one, other):
        answer = socket.send(channel, "and another")
        assert refusal(answer) == "rate_limited"
        assert 1 <= answer["error"]["retry_after"] <= 60
    ada.close_sockets()
    assert refusal(ada.socket().send(channel, "from a new socket")) == "rate_limited", "reconnecting refills nothing"
    assert strict.viewer("boris").socket().send(channel, "my first")["ok"], "others have a limit of their own"
    assert len(strict.backstage.ids(channel)) == 31


def test_what_is_refused_for_its_text_costs_too(strict: Stage) -> None:
    channel, ada = strict.channel(), strict.viewer("ada").socket()
    for _ in range(30):
        assert refusal(ada.send(channel, "<script>x</script>")) == "blocked"
    assert refusal(ada.send(channel, "hello")) == "rate_limited", "an attacker tries for free"


def test_no_message_pushes_the_others_off_the_screen(stage: Stage) -> None:
    channel, ada, reader = stage.channel(), stage.viewer("ada").socket(), stage.visitor().socket()
    reader.join(channel)
    assert ada.send(channel, "top" + "\n" * 200 + "bottom")["ok"]
    assert reader.wait_for_message("top\n\nbottom")
    assert ada.send(channel, "\n".join("x" * 100))["ok"]
    assert reader.wait_for_message("x\n" * 11 + " ".join("x" * 89))
