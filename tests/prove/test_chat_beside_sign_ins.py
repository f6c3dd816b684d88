"""While others sign in, the chat goes on: bcrypt works in one native thread that yields to everything else."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.contenders import PASSWORD, Streamzy
from bench.report import MUST_BE_NOTHING
from bench.run import measure
from bench.sign_ins import A_SECOND, SignIns
from bench.workloads import WORKLOADS

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 1 if QUICK else 3
WORKLOAD = next(workload for workload in WORKLOADS if workload.name == "sign-ins")
SECONDS = 4 if QUICK else 8
# The aim is 1.2; 1.0 and 1.4 were measured, 1.9 before pages were drawn in slices. bcrypt costs the chat nothing (at 4
# rounds it is the same): what is left is the event loop's own work for a sign-in, most of it one transaction's.
MOST = 3.0 if QUICK else 2.0
pytestmark = pytest.mark.prove


def test_a_message_arrives_as_soon_while_three_a_second_sign_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calm: list[dict[str, Any]] = []
    busy: list[dict[str, Any]] = []
    signed_in = 0
    with Streamzy(tmp_path / "server", BCRYPT_ROUNDS="12") as streamzy:
        streamzy.server.create_user("guest", PASSWORD)
        for _ in range(ROUNDS):
            calm.append(measure(streamzy, WORKLOAD, SECONDS))
            with SignIns(streamzy.url, "guest") as sign_ins:
                busy.append(measure(streamzy, WORKLOAD, SECONDS))
            signed_in += sign_ins.done
    before, beside = (statistics.median(run["delivery_p99"] for run in runs) for runs in (calm, busy))
    with capsys.disabled():
        sys.stdout.write(
            f"\n99 % of deliveries to 200 viewers: {before:.1f} ms in peace {[r['delivery_p99'] for r in calm]}, "
            f"{beside:.1f} ms beside {signed_in} sign-ins {[r['delivery_p99'] for r in busy]}: "
            f"ratio {beside / before:.2f}\n"
        )
    assert signed_in >= ROUNDS * SECONDS * A_SECOND * 0.7, "hardly anybody signed in"
    assert not any(run[count] for run in calm + busy for count in MUST_BE_NOTHING if count in run)
    assert beside <= MOST * before
