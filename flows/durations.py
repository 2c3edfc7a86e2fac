"""Lengths of time as written: `30m 2h 5d` pass on the clock, `8wh 3wd` in working time."""

from __future__ import annotations

import re

from flows.model import Duration

UNITS = ("m", "h", "d", "wh", "wd")

LIMITS = {"m": 5_270_400, "h": 87_840, "d": 3_660, "wh": 87_840, "wd": 3_660}
"""The most of each unit a part may hold: ten years."""

_DURATION = re.compile(r"[0-9]{1,7}(?:wh|wd|m|h|d)(?: [0-9]{1,7}(?:wh|wd|m|h|d)){0,3}")
_PART = re.compile(r"([0-9]+)([a-z]+)")

_WORDS = {
    "zh": {"m": "分钟", "h": "小时", "d": "天", "wh": "个工作小时", "wd": "个工作日"},
    "en": {"m": "minute", "h": "hour", "d": "day", "wh": "working hour", "wd": "working day"},
}


def parse(text: str) -> Duration | None:
    """Read `3wd` or `1d 12h` (up to four parts, each at most ten years); None for anything else."""
    if not _DURATION.fullmatch(text):
        return None
    parts = tuple((int(amount), unit) for amount, unit in _PART.findall(text))
    if any(amount > LIMITS[unit] for amount, unit in parts):
        return None
    return Duration(parts)


def written(duration: Duration) -> str:
    """The duration as a definition writes it; `parse` reads it back."""
    return " ".join(f"{amount}{unit}" for amount, unit in duration.parts)


def words(duration: Duration, language: str) -> str:
    """The duration for people ("zh" or "en"): `3个工作日`, `3 working days`."""
    if language == "zh":
        return "".join(f"{amount}{_WORDS['zh'][unit]}" for amount, unit in duration.parts)
    named = (
        f"{amount} {_WORDS['en'][unit]}{'' if amount == 1 else 's'}"
        for amount, unit in duration.parts
    )
    return " ".join(named)
