"""``python -m bench.plots`` draws the last figures for docs/performance.md, legible on light and dark pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.report import LATEST, middle
from tests.streamzy_server import ROOT

FOLDER = ROOT / "docs" / "performance"
BARS = (
    ("fan-out", "cpu_us_per_delivery", "CPU µs per delivery, less is better"),
    ("fan-out", "delivery_p99", "99 % of deliveries within ms, less is better"),
    ("closed-loop", "acknowledged_per_second", "messages acknowledged per second, more is better"),
    ("postgresql", "acknowledged_per_second", "messages acknowledged per second, more is better"),
    ("two-workers", "acknowledged_per_second", "messages acknowledged per second, more is better"),
    ("idle", "kb_per_connection", "KB of memory per idle connection, less is better"),
)
WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 720, 180, 80, 22, 12, 44
STYLE = (
    "text { font: 14px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600 } .bar { fill: #6e7781 } "
    ".ours { fill: #7a4dd8 } @media (prefers-color-scheme: dark) "
    "{ text { fill: #e6edf3 } .bar { fill: #8b949e } .ours { fill: #b392f0 } }"
)


def bars(title: str, values: dict[str, float]) -> str:
    """One SVG image: a bar for each contender."""
    height = TOP + len(values) * (BAR + GAP)
    scale = (WIDTH - LEFT - RIGHT) / max(values.values())
    parts = [f'<text class="title" x="0" y="20">{escape(title)}</text>']
    for number, (name, value) in enumerate(values.items()):
        y = TOP + number * (BAR + GAP)
        kind = "bar ours" if name.startswith("Streamzy") else "bar"
        length = max(value * scale, 1)
        parts += [
            f'<text x="0" y="{y + 16}">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>',
            f'<text x="{LEFT + length + 8:.1f}" y="{y + 16}">{value:,.4g}</text>',
        ]
    label = escape(f"{title}: " + ", ".join(f"{name} {value:,.4g}" for name, value in values.items()), {'"': "&quot;"})
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def draw(figures: dict[str, Any], folder: Path) -> list[Path]:
    """Draw what was measured into ``folder``; returns the files."""
    folder.mkdir(exist_ok=True)
    drawn = []
    for workload, figure, title in BARS:
        if workload not in figures["workloads"]:
            continue
        measured = figures["workloads"][workload]
        values = {name: middle(results, figure) for name, results in measured["runs"].items()}
        path = folder / f"{workload}-{figure.replace('_', '-')}.svg"
        path.write_text(bars(f"{measured['title']}: {title}", {n: v for n, v in values.items() if v is not None}))
        drawn.append(path)
    return drawn


if __name__ == "__main__":
    for path in draw(json.loads(LATEST.read_text()), FOLDER):
        print(path.relative_to(ROOT))
