"""The beginning of the shop's year, as files of their own."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

from tests.shop_year.expected import SHOP_DATA, rows

Keep = Callable[[dict[str, str]], bool]


def cut(folder: Path, orders: int, source: Path = SHOP_DATA) -> Path:
    """Write the first `orders` orders, and what happened until the last of them, into `folder`."""
    heads = list(rows(source / "orders.csv.gz"))[:orders]
    kept = {row["order_no"] for row in heads}
    until = max(row["placed_at"] for row in heads)
    returned = {
        r["return_no"] for r in rows(source / "returns.csv.gz") if r["returned_at"] <= until
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, keep in (
        ("orders", lambda row: row["order_no"] in kept),
        ("order_lines", lambda row: row["order_no"] in kept),
        ("returns", lambda row: row["return_no"] in returned),
        ("return_lines", lambda row: row["return_no"] in returned),
        ("stock_adjustments", lambda row: row["booked_at"] <= until),
    ):
        _copy(source / f"{name}.csv.gz", folder / f"{name}.csv.gz", keep)
    return folder


def _copy(source: Path, target: Path, keep: Keep) -> None:
    with gzip.open(target, "wt", encoding="utf-8", newline="", compresslevel=1) as stream:
        writer: csv.DictWriter[str] | None = None
        for row in rows(source):
            if writer is None:
                writer = csv.DictWriter(stream, list(row), lineterminator="\n")
                writer.writeheader()
            if keep(row):
                writer.writerow(row)
