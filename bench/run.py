"""``make bench``: Streamzy and the naive reference do the same work by turns; ratios are what to believe.

QUICK=1 runs each once and briefly. Exit code 1: a message was lost, doubled, out of order, refused or unacknowledged.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import encryption
from bench.contenders import CHANNEL, Contender, Naive, Streamzy

FOLDER = Path(__file__).resolve().parent
NODE = shutil.which("node") or str(Path(sys.executable).parent / "node")
MUST_BE_NOTHING = ("lost", "doubled", "out_of_order", "refused", "unacknowledged", "dropped")
LIBRARIES = ("Flask-SocketIO", "python-socketio", "python-engineio", "gevent", "gunicorn", "SQLAlchemy")

Result = dict[str, Any]


def measure(contender: Contender, workload: dict[str, int]) -> Result:
    """Let the audience loose on one server; return what the load generator counted."""
    command = [NODE, str(FOLDER / "load.mjs"), "--port", str(contender.port), "--channel", CHANNEL]
    command += ["--pids", ",".join(map(str, contender.pids()))]
    for option, value in workload.items():
        command += [f"--{option}", str(value)]
    environment = {**os.environ, "COOKIE": contender.cookie}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=180, check=True)
    result: Result = json.loads(done.stdout)
    return result


def median(results: list[Result]) -> Result:
    """The run whose CPU per delivery is the median; what must be nothing is summed over all runs."""
    ordered = sorted(results, key=lambda result: result["cpu_us_per_delivery"])
    middle = dict(ordered[(len(ordered) - 1) // 2])
    middle["cpu_us_per_delivery"] = statistics.median(result["cpu_us_per_delivery"] for result in results)
    for count in MUST_BE_NOTHING:
        middle[count] = sum(result[count] for result in results)
    return middle


def fan_out(contenders: list[Contender], quick: bool) -> dict[str, Result]:
    """One sender, 200 viewers, 20 messages a second; the servers take turns."""
    workload = {"viewers": 200, "senders": 1, "rate": 20, "seconds": 3 if quick else 6}
    runs: dict[str, list[Result]] = {contender.name: [] for contender in contenders}
    for _ in range(1 if quick else 3):
        for contender in contenders:
            runs[contender.name].append(measure(contender, workload))
    return {name: median(results) for name, results in runs.items()}


def table(rows: dict[str, Result]) -> str:
    """The measurements as people read them."""
    head = f"{'':22}{'CPU µs/delivery':>16}{'delivery p50':>14}{'p99 ms':>9}{'ack p50':>9}{'p99 ms':>9}"
    lines = [head + f"{'lost':>6}{'doubled':>9}{'disordered':>12}"]
    for name, row in rows.items():
        lines.append(
            f"{name:22}{row['cpu_us_per_delivery']:16.1f}{row['delivery_p50']:14.1f}{row['delivery_p99']:9.1f}"
            f"{row['ack_p50']:9.1f}{row['ack_p99']:9.1f}{row['lost']:6}{row['doubled']:9}{row['out_of_order']:12}"
        )
    return "\n".join(lines)


def write_results(rows: dict[str, Result], ratio: float, ciphers: encryption.Figures) -> Path:
    """Keep the figures with what they were measured on."""
    path = FOLDER / "results" / "latest.json"
    path.parent.mkdir(exist_ok=True)
    measured_on = {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }
    figures = {"at": datetime.now(UTC).isoformat(), "on": measured_on, "fan_out": rows, "cpu_ratio": round(ratio, 3)}
    figures["encryption"] = ciphers
    path.write_text(json.dumps(figures, indent=2) + "\n")
    return path


def main() -> int:
    """Measure, print, and say whether every message came once and in order."""
    quick = bool(os.environ.get("QUICK"))
    print(
        "Fan-out: 1 sender, 20 messages a second, 200 viewers; " + ("one run" if quick else "median of 3 runs by turns")
    )
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="streamzy-bench-")))
        streamzy = running.enter_context(Streamzy(folder / "streamzy"))
        naive = running.enter_context(Naive(folder / "naive"))
        rows = fan_out([streamzy, naive], quick)
        ciphers = encryption.measure(folder, quick)
    ratio = rows[Streamzy.name]["cpu_us_per_delivery"] / rows[Naive.name]["cpu_us_per_delivery"]
    print(table(rows))
    print(f"Streamzy spends {ratio:.2f} of the naive server's CPU on a delivery.")
    print(f"\nEncryption, each beside the bare Fernet of the same work\n{encryption.table(ciphers)}")
    print(f"All figures: {write_results(rows, ratio, ciphers).relative_to(FOLDER.parent)}")
    broken = {count: rows[Streamzy.name][count] for count in MUST_BE_NOTHING if rows[Streamzy.name][count]}
    if broken:
        print(f"Not every message came once and in order: {broken}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
