"""Rows of CSV that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io

# How a cell begins that a spreadsheet takes for a formula: it could send the other cells away.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def row(*cells: str) -> str:
    """One line of CSV with its end, in which no cell is a formula."""
    written = io.StringIO()
    csv.writer(written).writerow([f"'{cell}" if cell.startswith(DANGEROUS) else cell for cell in cells])
    return written.getvalue()
