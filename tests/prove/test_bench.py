"""The benchmark itself runs: every reference does the work it is compared by, and a goal can be missed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.contenders import Contender, Naive, Node, Streamzy, missing
from bench.run import measure
from bench.workloads import CHAT, FAN_OUT, NAIVE, NODE, WORKLOADS, Workload

pytestmark = pytest.mark.prove
CLOSED = Workload("tiny", "3 people", {"viewers": 2, "senders": 3, "window": 2, "pages": 2}, CHAT)
SLOW = next(workload for workload in WORKLOADS if workload.name == "slow-reader")


@pytest.mark.parametrize(
    "contender",
    [Streamzy, Naive, pytest.param(Node, marks=pytest.mark.skipif(Node.name in missing(), reason="not built"))],
)
def test_each_server_carries_every_load_without_losing_a_message(contender: type[Contender], tmp_path: Path) -> None:
    with contender(tmp_path / "server") as server:
        counted = measure(server, CLOSED, seconds=1)
    assert counted["acknowledged_per_second"] > 0
    assert counted["deliveries"] >= counted["acknowledged_per_second"]
    assert counted["ms_per_page"] > 0
    assert not any(counted[count] for count in report.MUST_BE_NOTHING if count in counted), counted


def test_who_stops_reading_costs_little_is_dropped_and_frees_the_descriptor(tmp_path: Path) -> None:
    with Streamzy(tmp_path / "server") as server:
        stalled = measure(server, replace(SLOW, options={}), seconds=60)  # at most: it ends once the reader is dropped
    assert stalled["dropped_reader"], "too little was sent to fill the socket's buffers and the megabyte behind them"
    assert stalled["freed_after_ms"] <= 1000, stalled
    assert stalled["memory_growth_mb"] <= 4, stalled
    assert (stalled["corrupt"], stalled["refused"], stalled["never_answered"]) == (0, 0, 0), stalled


def test_a_goal_is_missed_by_whoever_is_slower() -> None:
    def fan_out(ours: float) -> dict[str, list[dict[str, Any]]]:
        return {
            name: [{"cpu_us_per_delivery": cost, "delivery_p99": 10.0}]
            for name, cost in {"Streamzy": ours, NODE: 20.0, NAIVE: 80.0}.items()
        }

    reached = [reached for *_, reached in report.compared(FAN_OUT, fan_out(ours=16.0))]
    missed = [reached for *_, reached in report.compared(FAN_OUT, fan_out(ours=19.0))]
    assert (reached, missed) == ([True, True, True], [False, False, True])


def test_a_lost_message_fails_the_run() -> None:
    assert report.is_broken({"Streamzy": [{"lost": 0}, {"lost": 1}]})
    assert not report.is_broken({"Streamzy": [{"lost": 0}], NODE: [{"lost": 7}]})
