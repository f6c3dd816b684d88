"""A socket lives no longer than the session it was opened with: nobody speaks or listens on one that has ended."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from threading import Thread

import pytest

from tests.chat.raw_socket import RawPolling, RawWebSocket
from tests.chat.stage import PASSWORD, Stage, on_every_stage, on_every_transport, refusal
from tests.chat_socket import ChatSocket
from tests.visitor import Visitor

SOON = 2.0  # seconds after the answer, whatever ended the session
NEW = "Nebelhorn-8-abends"


def again(person: Visitor, stage: Stage) -> Visitor:
    """The same account in another browser."""
    return stage.visitor().sign_in(person.name, PASSWORD)


def revoke(person: Visitor, other: Visitor) -> None:
    """End ``person``'s session from the list in ``other``'s browser."""
    ids = set(re.findall(r"/account/sessions/(\d+)/revoke", other.get("/account/sessions").text))
    assert len(ids) == 1, "the list shows one browser besides this one"
    assert other.post_form(f"/account/sessions/{ids.pop()}/revoke", on="/account/sessions").ok


def revoke_others(other: Visitor) -> None:
    """End all sessions but ``other``'s."""
    assert other.post_form("/account/sessions/revoke-others", on="/account/sessions").ok


def change_password(person: Visitor) -> None:
    """Choose another one."""
    answer = person.post_form("/account/password", current_password=PASSWORD, new_password=NEW, confirm_password=NEW)
    assert answer.status_code == 200, answer.text[:2000]


# What ends the session of the first browser, done from the second one or on the command line; and the reason given.
ENDINGS: dict[str, tuple[str, Callable[[Stage, Visitor, Visitor], object]]] = {
    "signing out": ("logout", lambda stage, one, other: one.sign_out()),
    "ending it from another browser": ("revoked", lambda stage, one, other: revoke(one, other)),
    "ending all others": ("revoked", lambda stage, one, other: revoke_others(other)),
    "changing the password": ("password_changed", lambda stage, one, other: change_password(other)),
}
BY_COMMAND = {"disable": "disabled", "reset-password": "password_changed", "make-admin": "role_changed"}


def check_cut(socket: ChatSocket, reason: str) -> None:
    """The socket is told why, and closed."""
    assert socket.wait_for_event("signed_out", SOON)["reason"] == reason
    socket.wait_until_cut(SOON)
    assert len(socket.received("signed_out")) == 1


@on_every_transport
@pytest.mark.parametrize("how", sorted(ENDINGS))
def test_whatever_ends_a_session_cuts_all_its_sockets_and_no_others(stage: Stage, how: str) -> None:
    reason, end = ENDINGS[how]
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris"), stage.channel()
    elsewhere = again(ada, stage)
    speaker, silent, polling = ada.socket(), ada.socket(), ada.socket(transport="polling")
    bystanders = [boris.socket(), stage.visitor().socket()]
    if reason != "password_changed":  # which ends every session of the account
        bystanders.append(elsewhere.socket())
    for socket in (silent, polling, *bystanders):
        socket.join(channel)
    assert speaker.send(channel, "still here")["ok"]
    end(stage, ada, elsewhere)
    for socket in (speaker, silent, polling):
        check_cut(socket, reason)
    assert bystanders[0].send(channel, "so am I")["ok"]
    for socket in bystanders:
        socket.wait_for_message("so am I")
        assert not socket.received("signed_out")
    assert not silent.received("message")[1:], "somebody whose session has ended goes on listening"


@pytest.mark.parametrize("command", sorted(BY_COMMAND))
def test_what_is_done_on_the_command_line_cuts_sockets_too(stage: Stage, command: str) -> None:
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris").socket(), stage.channel()
    silent, polling = ada.socket(), ada.socket(transport="polling")
    for socket in (silent, polling, boris):
        socket.join(channel)
    stage.server.run_flask("users", command, ada.name)
    for socket in (silent, polling):
        check_cut(socket, BY_COMMAND[command])
    assert boris.send(channel, "anybody?")["ok"]
    boris.wait_for_message("anybody?")
    assert not silent.received("message")


def test_after_a_new_password_the_browser_that_chose_it_comes_back(stage: Stage) -> None:
    ada, channel = stage.viewer("ada"), stage.channel()
    before = ada.socket()
    change_password(ada)
    check_cut(before, "password_changed")  # its session is another one now, under another token
    assert ada.socket().send(channel, "it is still me")["ok"]


def test_an_old_cookie_is_a_visitors(stage: Stage) -> None:
    ada = stage.viewer("ada")
    private, public = stage.channel(members=(ada,), access="private"), stage.channel()
    kept = {"Cookie": ada.cookie_header}
    assert ada.socket().join(private)["me"]["username"] == ada.name
    ada.sign_out()
    for transport in ("websocket", "polling"):
        replayed = ChatSocket(stage.server.url, kept, transport=transport)
        try:
            assert refusal(replayed.call("join", {"channel": private})) == "not_found"
            assert replayed.join(public)["me"] is None
            assert refusal(replayed.send(public, "me again")) == "not_signed_in"
        finally:
            replayed.close()
    assert stage.backstage.ids(public) == []


def test_a_token_nobody_gave_out_is_refused_not_taken_for_a_visitor(stage: Stage) -> None:
    socket = RawWebSocket(stage.server.url, connect=False)
    socket.write('40{"token":"' + "x" * 43 + '"}')
    answer = socket.receive()
    assert answer.startswith("44"), answer
    assert "not_signed_in" in answer
    socket.close()


# --- those who do not go willingly ------------------------------------------------------------------------------------


@on_every_transport
def test_a_client_that_ignores_the_goodbye_is_hung_up_on(stage: Stage) -> None:
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris").socket(), stage.channel()
    rude = RawWebSocket(stage.server.url, {"Cookie": ada.cookie_header})
    assert rude.ask("join", {"channel": channel})["ok"]
    ada.sign_out()
    assert json.loads(rude.receive_until('42["signed_out"')[2:]) == ["signed_out", {"reason": "logout"}]
    assert rude.receive_until("42") == "", "the line stays open"
    assert boris.send(channel, "gone?")["ok"]
    rude.close()


@on_every_transport
def test_pretending_to_have_left_does_not_save_a_socket_from_being_cut(stage: Stage) -> None:
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris").socket(), stage.channel()
    sly = RawWebSocket(stage.server.url, {"Cookie": ada.cookie_header})
    assert sly.ask("join", {"channel": channel})["ok"]
    for name in ("disconnect", "connect", "*"):
        sly.write(f'4277["{name}",{{}}]')
        assert "bad_request" in sly.receive_until("4377")
    ada.sign_out()
    assert boris.send(channel, "among ourselves")["ok"]
    assert sly.receive_until('42["signed_out"')
    assert sly.receive_until("42") == "", "it hears what is said"
    sly.close()


def test_a_poller_between_two_polls_is_told_too(stage: Stage) -> None:
    ada, channel = stage.viewer("ada"), stage.channel()
    poller = RawPolling(stage.server.url, {"Cookie": ada.cookie_header})
    poller.post(f'421["join",{{"channel":"{channel}"}}]')
    poller.poll()  # the answer; nobody polls now
    ada.sign_out()
    goodbye = poller.poll().text
    assert '42["signed_out",{"reason":"logout"}]\x1e41' in goodbye
    assert poller.post('422["join",{"channel":"x"}]').status_code in (200, 400)
    assert stage.visitor().socket().join(channel)["viewers"] == 1, "it still counts"
    poller.close()


@on_every_transport
def test_a_poller_that_never_asks_again_holds_nobody_up(stage: Stage) -> None:
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris").socket(), stage.channel()
    gone = RawPolling(stage.server.url, {"Cookie": ada.cookie_header})
    assert gone.post(f'421["join",{{"channel":"{channel}"}}]').status_code == 200
    began = time.monotonic()
    ada.sign_out()
    assert time.monotonic() - began < SOON, "signing out waited for a client that is not there"
    assert boris.send(channel, "still served")["ok"]
    gone.close()


# --- who is faster ----------------------------------------------------------------------------------------------------


class Hammer(Thread):
    """Says numbered lines, one at a time, until the line is dead; never mind what it is told."""

    def __init__(self, url: str, cookie: str, channel: str) -> None:
        super().__init__()
        self.socket = RawWebSocket(url, {"Cookie": cookie})
        self.channel = channel
        self.next = 0
        self.accepted: list[int] = []
        self.refused: list[tuple[int, str]] = []

    def run(self) -> None:
        while not self.socket.ended:
            number = self.next
            self.next += 1
            payload = {"channel": self.channel, "text": f"line {number}", "nonce": f"n{number}"}
            self.socket.write(f"42{number}" + json.dumps(["send", payload]))
            answer = self.socket.receive_until("43")
            told = json.loads(answer[len(f"43{number}") :])[0] if answer else None
            if told and told["ok"]:
                self.accepted.append(number)
            elif told:
                self.refused.append((number, told["error"]["code"]))
        self.socket.close()


def check_race(stage: Stage, end: Callable[[Visitor], object]) -> None:
    """Ada's browser speaks without pause while her session ends: what she says after that is nowhere."""
    ada, boris, channel = stage.viewer("ada"), stage.viewer("boris").socket(), stage.channel()
    boris.join(channel)
    hammer = Hammer(stage.server.url, ada.cookie_header, channel)
    hammer.start()
    boris.wait_for(lambda events: sum(name == "message" for name, _ in events) > 20)
    end(ada)
    said_before = hammer.next  # what has a higher number was said after the answer
    hammer.join(SOON)
    assert not hammer.is_alive(), "the line is still open"
    assert boris.send(channel, "silence")["ok"]
    boris.wait_for_message("silence")
    heard = [int(text.split()[1]) for text in (m["text"] for m in boris.received("message")) if text != "silence"]
    assert heard == sorted(set(heard)), "doubled or out of order"
    assert max(heard) < said_before, "heard, though it was said after the session had ended"
    # The last one may have been stored while the line was cut, which took its acknowledgement along.
    assert heard[: len(hammer.accepted)] == hammer.accepted, f"refused: {hammer.refused[:5]}"
    assert len(heard) - len(hammer.accepted) in (0, 1)
    assert len(stage.backstage.ids(channel)) == len(heard) + 1, "stored, though nobody heard it"


@pytest.mark.prove
@on_every_stage
def test_what_races_a_sign_out_is_stored_before_it_or_not_at_all(stage: Stage) -> None:
    for _ in range(3):
        check_race(stage, lambda ada: ada.sign_out())


@pytest.mark.prove
@on_every_stage
def test_what_races_a_disabling_on_the_command_line_is_stored_before_it_or_not_at_all(stage: Stage) -> None:
    check_race(stage, lambda ada: stage.server.run_flask("users", "disable", ada.name))
