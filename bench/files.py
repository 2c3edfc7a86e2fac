"""Files to import: sales with lines, like a shop's export, the same at each run."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path


def write_sales(
    folder: Path, orders: int, lines: int, parties: Sequence[str], skus: Sequence[str]
) -> None:
    """`sales.csv` and `sale_lines.csv`: `orders` sales of `lines` lines each."""
    dice = random.Random(7)
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    with (
        (folder / "sales.csv").open("w", newline="", encoding="utf-8") as heads,
        (folder / "sale_lines.csv").open("w", newline="", encoding="utf-8") as details,
    ):
        head, detail = csv.writer(heads), csv.writer(details)
        head.writerow(("sale_no", "sold_at", "party", "country", "currency"))
        detail.writerow(("sale_no", "line_no", "sku", "description", "quantity", "price"))
        for order in range(orders):
            at = begin + timedelta(minutes=20 * order)
            number = f"A{order:06}"
            party = dice.choice(parties)
            head.writerow((number, at.isoformat(), party, "United Kingdom", "GBP"))
            for line in range(lines):
                sku, price = dice.choice(skus), f"{dice.randint(19, 1995) / 100:.2f}"
                row = (number, line + 1, sku, "WHITE HANGING HEART", dice.randint(1, 24), price)
                detail.writerow(row)
