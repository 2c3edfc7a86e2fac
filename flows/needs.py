"""Facts to fetch before a transition, in one batch."""

from __future__ import annotations

from flows.advance.ahead import ahead

__all__ = ["ahead"]
