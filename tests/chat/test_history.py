"""Reading backwards: pages of older messages, for whoever may read the channel."""

from __future__ import annotations

from tests.chat.stage import Stage, on_both_stages, refusal


@on_both_stages
def test_pages_join_without_hole_or_overlap_down_to_the_first_message(stage: Stage) -> None:
    channel, reader = stage.channel(), stage.visitor().socket()
    stage.backstage.write(channel, [f"line {number}" for number in range(1, 124)])
    shown = reader.join(channel)["messages"]
    more = True
    while more:
        page = reader.call("history", {"channel": channel, "before": shown[0]["id"]})
        assert page["ok"]
        more = page["more"]
        assert len(page["messages"]) == (50 if more else 23)
        shown = page["messages"] + shown
    assert [message["id"] for message in shown] == list(range(1, 124))
    assert [message["text"] for message in shown] == [f"line {number}" for number in range(1, 124)]


def test_a_page_has_as_many_as_asked_for_up_to_a_hundred(stage: Stage) -> None:
    channel, reader = stage.channel(), stage.visitor().socket()
    stage.backstage.write(channel, ["wave"] * 101)

    def page(before: int, limit: int) -> tuple[list[int], bool]:
        answer = reader.call("history", {"channel": channel, "before": before, "limit": limit})
        return [message["id"] for message in answer["messages"]], answer["more"]

    assert page(before=102, limit=100) == (list(range(2, 102)), True)
    assert page(before=101, limit=100) == (list(range(1, 101)), False)
    assert page(before=11, limit=10) == (list(range(1, 11)), False), "exactly all of them: there are no more"
    assert page(before=2, limit=1) == ([1], False)
    assert page(before=1, limit=50) == ([], False)
    assert page(before=2**53 - 1, limit=1) == ([101], True)
    assert refusal(reader.call("history", {"channel": channel, "before": 5, "limit": 101})) == "bad_request"
    assert refusal(reader.call("history", {"channel": channel})) == "bad_request"


def test_history_is_for_whoever_may_read_and_nobody_else(stage: Stage) -> None:
    member, outsider = stage.viewer("maya"), stage.viewer("olga")
    private, accounts = stage.channel(members=(member,), access="private"), stage.channel(access="accounts")
    stage.backstage.write(private, ["a secret"])
    stage.backstage.write(accounts, ["for us"])

    def asks(person: str, channel: str) -> str:
        socket = {"member": member, "outsider": outsider, "visitor": stage.visitor()}[person].socket()
        answer = socket.call("history", {"channel": channel, "before": 2})
        return "reads" if answer["ok"] and len(answer["messages"]) == 1 else refusal(answer)

    assert asks("member", private) == "reads"
    assert asks("outsider", private) == "not_found"
    assert asks("visitor", private) == "not_found"
    assert asks("outsider", accounts) == "reads"
    assert asks("visitor", accounts) == "not_found"
    assert asks("member", "no-such-harbour") == "not_found"


def test_history_needs_no_joining_and_starts_no_live_feed(stage: Stage) -> None:
    here, there = stage.channel(), stage.channel()
    ada, reader = stage.viewer("ada").socket(), stage.visitor().socket()
    ada.send(here, "old")
    assert len(reader.call("history", {"channel": here, "before": 2})["messages"]) == 1
    reader.join(there)
    ada.send(here, "new")
    ada.send(there, "elsewhere")
    reader.wait_for_message("elsewhere")
    assert [message["text"] for message in reader.received("message")] == ["elsewhere"]


def test_reading_back_too_fast_is_refused_for_a_while_and_only_for_that_person(strict: Stage) -> None:
    channel, ada, boris = strict.channel(), strict.viewer("ada"), strict.viewer("boris")
    question = {"channel": channel, "before": 1}
    one, other = ada.socket(headers=strict.address()), ada.socket(headers=strict.address())
    for socket in (one, other, one, other, one):
        assert socket.call("history", question)["ok"]
    for socket in (one, other):
        answer = socket.call("history", question)
        assert refusal(answer) == "rate_limited"
        assert 1 <= answer["error"]["retry_after"] <= 60
    assert boris.socket(headers=strict.address()).call("history", question)["ok"]
