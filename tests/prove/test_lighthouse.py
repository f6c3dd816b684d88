"""What Lighthouse says of the pages that a newcomer sees first, on the slow phone that it plays."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.browser import NAMES
from tests.journeys.conftest import world  # noqa: F401 - a fixture
from tests.journeys.world import CHANNEL, World
from tests.streamzy_server import BIN, ROOT

RUNS = 1 if os.environ.get("QUICK") else 3
PROGRAM = ROOT / ".lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
AT_LEAST = {"performance": 90, "accessibility": 95, "best-practices": 95}
MOST_BYTES = 100_000

pytestmark = [pytest.mark.prove, pytest.mark.browser]


def look_at(url: str, folder: Path) -> dict[str, Any]:
    """One run of Lighthouse in a browser of its own; returns its report."""
    node = shutil.which("node", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    chromium = next((found for name in NAMES if (found := shutil.which(name))), None)
    assert node and chromium and PROGRAM.exists(), "something is not installed: `make prove` does that"
    report = folder / "report.json"
    command = [
        node,
        str(PROGRAM),
        url,
        "--quiet",
        "--no-enable-error-reporting",
        "--output=json",
        f"--output-path={report}",
        f"--only-categories={','.join(AT_LEAST)}",
        "--chrome-flags=--headless=new --no-sandbox --disable-background-networking --disable-component-update",
    ]
    ended = subprocess.run(
        command, env={**os.environ, "CHROME_PATH": chromium}, capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    told: dict[str, Any] = json.loads(report.read_text())
    assert "runtimeError" not in told, told["runtimeError"]
    return told


def what_is_wrong(report: dict[str, Any]) -> list[str]:
    """The audits that did not pass, for whoever has to mend them."""
    return [f"{each['id']}: {each['title']}" for each in report["audits"].values() if (each["score"] or 0) < 0.9]


@pytest.mark.parametrize("address", ["/", f"/c/{CHANNEL}"])
def test_a_first_look_is_fast_accessible_and_asks_nobody_else(
    world: World,  # noqa: F811 - the fixture
    address: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reports = [look_at(f"{world.server.url}{address}", tmp_path) for _ in range(RUNS)]
    scores = {
        name: statistics.median(round(100 * report["categories"][name]["score"]) for report in reports)
        for name in AT_LEAST
    }
    asked = reports[0]["audits"]["network-requests"]["details"]["items"]
    weight = sum(each["transferSize"] for each in asked)
    said = ", ".join(f"{name} {score:.0f}" for name, score in scores.items())
    with capsys.disabled():
        sys.stdout.write(f"\n{address}, median of {RUNS}: {said}; {weight:,} bytes in {len(asked)} answers\n")
    for name, least in AT_LEAST.items():
        assert scores[name] >= least, (name, what_is_wrong(reports[0]))
    assert len(asked) >= 4, "hardly anything was loaded"
    assert all(each["url"].startswith((world.server.url, "ws://127.0.0.1", "data:")) for each in asked), asked
    assert weight < MOST_BYTES
