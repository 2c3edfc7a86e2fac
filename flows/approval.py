"""How votes become an agreement: plain arithmetic over frozen approvers."""

from __future__ import annotations

APPROVED = "approved"
REJECTED = "rejected"
SENT_BACK = "sent_back"


def needed(need: str | int, count: int) -> int:
    """How many of `count` approvers have to agree ("60%" is rounded up)."""
    if isinstance(need, int):
        return need
    if need.endswith("%"):
        return -(-count * int(need[:-1]) // 100)
    return count if need == "all" else 1


def verdict(need: str | int, count: int, passed: int, rejected: int) -> str | None:
    """What `passed` and `rejected` votes of `count` approvers come to; None: not decided yet.

    `all` fails at the first rejection, `one` at the last, `first` is decided by the first vote, a
    number or percentage as soon as it is reached or cannot be reached any more.
    """
    if need == "first":
        return APPROVED if passed else REJECTED if rejected else None
    wanted = needed(need, count)
    if passed >= wanted:
        return APPROVED
    return REJECTED if count - rejected < wanted else None
