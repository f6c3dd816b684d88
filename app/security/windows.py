"""Sliding windows in the memory of this process: the last acts of each key, and when there is room for another."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

import gevent
from limits import RateLimitItem

SWEEP_SECONDS = 10
AT_ONCE = 500  # keys that are looked at before the others in this process have their turn


class LocalWindows:
    """Looked at thousands of times a second, and on a clock that nobody sets."""

    def __init__(self) -> None:
        self._acts: dict[str, deque[float]] = {}
        self._ends: dict[str, float] = {}
        self._sweeps_at = 0.0

    def hit(self, windows: Mapping[str, RateLimitItem]) -> float:
        """Count one act in each of ``windows``, by key; or in none, and return the seconds until there is room."""
        moment = time.monotonic()
        wait = 0.0
        for key, item in windows.items():
            acts = self._acts.get(key)
            if acts and len(acts) >= item.amount:
                wait = max(wait, acts[0] + item.get_expiry() - moment)
        if wait > 0:
            return wait
        for key, item in windows.items():
            self._acts.setdefault(key, deque(maxlen=item.amount)).append(moment)
            self._ends[key] = moment + item.get_expiry()
        if moment >= self._sweeps_at:
            self._sweeps_at = moment + SWEEP_SECONDS
            gevent.spawn(self._sweep)
        return 0.0

    def _sweep(self) -> None:
        for number, key in enumerate(list(self._ends), start=1):
            if self._ends[key] <= time.monotonic():
                del self._ends[key], self._acts[key]
            if number % AT_ONCE == 0:
                gevent.sleep(0)
