"""The figures as people read them, and as they are kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from bench.contenders import FOLDER
from bench.workloads import GOALS, Workload

LATEST = FOLDER / "results" / "latest.json"
LIBRARIES = ("Flask-SocketIO", "python-socketio", "python-engineio", "gevent", "gunicorn", "SQLAlchemy")
REFERENCES = ("naive_server.py", "node_server.mjs", "floor.c", "load.mjs", "slow.mjs", "package-lock.json")
MUST_BE_NOTHING = (
    "lost",
    "doubled",
    "out_of_order",
    "refused",
    "unacknowledged",
    "dropped",
    "corrupt",
    "never_answered",
)

Runs = dict[str, list[dict[str, Any]]]


def middle(results: list[dict[str, Any]], figure: str) -> float | None:
    """The median of a figure; of what must be nothing, the sum."""
    values = [result[figure] for result in results if result.get(figure) is not None]
    if not values:
        return None
    return float(sum(values) if figure in MUST_BE_NOTHING else statistics.median(values))


def table(workload: Workload, runs: Runs) -> str:
    """One line for each contender."""
    counts = [name for name in MUST_BE_NOTHING[:6] if any(name in results[0] for results in runs.values())]
    columns = {**workload.figures, **{name: name.replace("_", " ") for name in counts}}
    lines = [f"{'':24}" + "".join(f"{title:>{len(title) + 3}}" for title in columns.values())]
    for name, results in runs.items():
        values = [(middle(results, figure), len(title) + 3) for figure, title in columns.items()]
        lines.append(f"{name:24}" + "".join(f"{'-' if v is None else f'{v:,.6g}':>{width}}" for v, width in values))
    return "\n".join(lines)


def compared(workload: Workload, runs: Runs) -> list[tuple[str, float, str, bool]]:
    """Each goal of ``workload``: what is compared, the ratio, the goal, whether it is reached."""
    found = []
    for goal in GOALS:
        if goal.workload != workload.name or not {goal.ours, goal.reference or goal.ours} <= set(runs):
            continue
        ours = middle(runs[goal.ours], goal.figure)
        theirs = middle(runs[goal.reference], goal.figure) if goal.reference else 1.0
        if ours is not None and theirs:
            ratio = ours / theirs
            label = workload.figures[goal.figure] + (f" / {goal.reference}" if goal.reference else "")
            found.append((label, round(ratio, 3), str(goal), goal.holds(ratio)))
    return found


def tell(workload: Workload, runs: Runs, seconds: int) -> bool:
    """Print what a workload came to, and keep it; returns whether it broke a promise."""
    how = f"median of {workload.rounds} runs by turns" if workload.rounds > 1 else "one run"
    print(f"\n{workload.name}: {workload.words}; {how}\n{table(workload, runs)}\n{ratios(workload, runs)}", flush=True)
    keep(workload, runs, seconds)
    return is_broken(runs)


def ratios(workload: Workload, runs: Runs) -> str:
    """The goals of ``workload`` in words."""
    return "\n".join(
        f"  {label}: {ratio:.2f}  (goal {goal}: {'reached' if reached else 'MISSED'})"
        for label, ratio, goal, reached in compared(workload, runs)
    )


def is_broken(runs: Runs) -> bool:
    """Whether one of Streamzy's messages did not come once and in order; says so."""
    broken = {
        (name, count): total
        for name, results in runs.items()
        if name.startswith("Streamzy")
        for count in MUST_BE_NOTHING
        if (total := middle(results, count))
    }
    for (name, count), total in broken.items():
        print(f"  {name}: {count.replace('_', ' ')}: {total:g}")
    return bool(broken)


def hashes() -> dict[str, str]:
    """The references' sources as measured: nobody wins by slowing them."""
    return {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:16] for name in REFERENCES}


def keep(workload: Workload, runs: Runs, seconds: int) -> None:
    """Write the figures of a workload beside those of the others, with what they were measured on."""
    of = ("of", "ratio", "goal", "reached")
    figures = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "title": workload.words,
        "seconds": seconds,
        "references": hashes(),
        "ratios": [dict(zip(of, found, strict=True)) for found in compared(workload, runs)],
        "runs": runs,
    }
    kept = json.loads(LATEST.read_text()).get("workloads", {}) if LATEST.exists() else {}
    keep_figures("workloads", {**kept, workload.name: figures})


def keep_figures(name: str, figures: Any) -> None:
    """Write figures under ``name``, and what they were measured on."""
    LATEST.parent.mkdir(exist_ok=True)
    kept: dict[str, Any] = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    kept["on"] = {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }
    kept[name] = figures
    LATEST.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
