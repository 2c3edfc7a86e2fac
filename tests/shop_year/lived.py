"""What must come of the shop's returns when people act as planned, computed by plain SQL.

Independent of the product on purpose, like `expected`: the rules of the pack and of the shop's
overlay are written down once more here, as SQL over the files and over what people do. The only
Python is the order of time, since what is left of an order line depends on who came before.
"""

from __future__ import annotations

import heapq

from tests.shop_year.expected import AMOUNT, OVER, TAKE, Expected
from tests.shop_year.people import AGREED, HOUR, HOURS, SENT_BACK, plan

DAY = 24 * HOUR
EXPIRES = 21 * DAY

TABLES = """
CREATE TABLE lived (return_no TEXT PRIMARY KEY, outcome TEXT, verdict TEXT, level INTEGER,
    review TEXT, refund INTEGER NOT NULL DEFAULT 0, repaid INTEGER NOT NULL DEFAULT 0,
    taken INTEGER NOT NULL DEFAULT 0, settled_at INTEGER);
CREATE TABLE credits (order_no TEXT, line_no INTEGER, given INTEGER NOT NULL,
    units INTEGER NOT NULL, PRIMARY KEY (order_no, line_no));
CREATE TABLE worth (return_no TEXT, line_no INTEGER, worth INTEGER, percent INTEGER,
    PRIMARY KEY (return_no, line_no));
"""

# The return policy, line by line: what nobody can trace, what is used, what is late, is put before
# a person; the clock starts with the sale, on the day it was placed.
VERDICT = """
SELECT max(CASE
    WHEN l.order_no = '' THEN 1
    WHEN l.days <= 15 AND p.reason IN ('quality', 'not_as_described', 'transit') THEN 0
    WHEN l.days <= 7 AND p.intact THEN 0
    ELSE 1 END)
FROM (SELECT r.*, julianday(date(t.returned_at)) - julianday(date(o.placed_at)) AS days
      FROM return_lines AS r JOIN returns AS t USING (return_no)
      LEFT JOIN orders AS o ON o.order_no = r.order_no) AS l
JOIN plan_lines AS p USING (return_no, line_no) WHERE return_no = ?
"""

CLAIM = """
SELECT sum(CASE WHEN l.order_no = '' THEN (l.quantity * l.price + 50) / 100
    ELSE ((b.quantity * b.price + 50) / 100) * l.quantity / b.quantity END)
FROM return_lines AS l LEFT JOIN order_lines AS b
    ON b.order_no = l.order_no AND b.line_no = l.order_line_no
WHERE l.return_no = ?
"""

GIVE_BACK_ASKED = """
UPDATE asked SET quantity = quantity - (
    SELECT sum(l.quantity) FROM return_lines AS l WHERE l.return_no = ?1
    AND l.order_no = asked.order_no AND l.order_line_no = asked.line_no)
WHERE EXISTS (SELECT 1 FROM return_lines AS l WHERE l.return_no = ?1
    AND l.order_no = asked.order_no AND l.order_line_no = asked.line_no)
"""

# Our fault and the carrier's are paid wholly, slight damage by 80 %, severe is talked over.
PERCENT = f"""
CASE WHEN p.accepted = 0 OR p.received = 0 OR p.settle IN ('repair', 'nothing') THEN 0
    WHEN coalesce(p.fault, CASE WHEN p.reason IN ('quality', 'not_as_described') THEN 'merchant'
        WHEN p.reason = 'transit' THEN 'carrier' ELSE '' END) IN ('merchant', 'carrier') THEN 100
    WHEN p.grade = 'severe' THEN {AGREED}
    WHEN p.grade = 'slight' THEN 80 ELSE 100 END
"""

TALKED = f"""
SELECT count(*) FROM plan_lines AS p
WHERE p.return_no = ? AND p.grade = 'severe' AND {PERCENT} = {AGREED}
"""

# Parts of an order line are rounded so that all of them add up to what was paid for it.
SETTLE = f"""
INSERT INTO worth (return_no, line_no, worth, percent)
SELECT return_no, line_no,
    CASE WHEN accepted > 0 AND received > 0 AND settle IN ('refund', 'exchange')
        THEN base * percent / 100 END, percent
FROM (
    SELECT l.return_no, l.line_no, p.accepted, p.received, p.settle, {PERCENT} AS percent,
        CASE WHEN l.order_no = '' THEN (p.accepted * l.price + 50) / 100
        ELSE min(
            b.total * (coalesce(c.units, 0) + p.accepted) / b.quantity
                - b.total * coalesce(c.units, 0) / b.quantity,
            b.total - coalesce(c.given, 0)) END AS base
    FROM return_lines AS l JOIN plan_lines AS p USING (return_no, line_no)
    LEFT JOIN (SELECT *, {AMOUNT} AS total FROM order_lines) AS b
        ON b.order_no = l.order_no AND b.line_no = l.order_line_no
    LEFT JOIN credits AS c ON c.order_no = l.order_no AND c.line_no = l.order_line_no
    WHERE l.return_no = ?)
"""

CREDIT = """
INSERT INTO credits (order_no, line_no, given, units)
SELECT l.order_no, l.order_line_no, ?2 * sum(w.worth), ?2 * sum(p.accepted)
FROM return_lines AS l JOIN plan_lines AS p USING (return_no, line_no)
JOIN worth AS w USING (return_no, line_no)
WHERE l.return_no = ?1 AND l.order_no <> '' AND w.worth IS NOT NULL
GROUP BY l.order_no, l.order_line_no
ON CONFLICT (order_no, line_no)
DO UPDATE SET given = given + excluded.given, units = units + excluded.units
"""

SUMS = """
SELECT coalesce(sum(CASE WHEN p.settle = 'refund' THEN w.worth END), 0),
    coalesce(sum(CASE WHEN p.settle = 'exchange' THEN w.worth END), 0),
    coalesce(sum(CASE WHEN p.settle = 'exchange' AND w.worth > 0
        THEN (p.accepted * l.price + 50) / 100 END), 0),
    max(p.settle = 'repair' AND p.received > 0)
FROM return_lines AS l JOIN plan_lines AS p USING (return_no, line_no)
JOIN worth AS w USING (return_no, line_no) WHERE return_no = ?
"""


class Lived(Expected):
    """The shop's year as it must come out of its flow."""

    def _decide(self) -> None:
        plan(self.db)
        self.db.executescript(TABLES)
        asked = self.db.execute("SELECT asked_at, seq, return_no FROM plan").fetchall()
        self._agenda = [(at, seq, 0, "ask", number) for at, seq, number in asked]
        heapq.heapify(self._agenda)
        while self._agenda:
            at, seq, _, what, number = heapq.heappop(self._agenda)
            match what:
                case "ask":
                    self._ask(at, seq, number)
                case "free":
                    self.db.execute(GIVE_BACK_ASKED, (number,))
                case "settle":
                    self._settle(at, seq, number)
                case "take_back":
                    self.db.execute(CREDIT, (number, -1))

    def _later(self, at: int, seq: int, what: str, number: str) -> None:
        heapq.heappush(self._agenda, (at, seq, 1, what, number))

    def _one(self, sql: str, *params: object) -> tuple[int, ...]:
        return tuple(self.db.execute(sql, params).fetchone())

    def _ask(self, at: int, seq: int, number: str) -> None:
        (bad,) = self._one(
            "SELECT count(*) FROM return_lines WHERE return_no = ? AND quantity <= 0", number
        )
        (over,) = self._one(OVER, number)
        verdict = "invalid" if bad else "over" if over else "accepted"
        self.db.execute("UPDATE returns SET verdict = ? WHERE return_no = ?", (verdict, number))
        if verdict != "accepted":
            self._note(number, verdict)
            return
        self.db.execute(TAKE, (number,))
        (fate,) = self._one("SELECT fate FROM plan WHERE return_no = ?", number)
        (review,) = self._one(VERDICT, number)
        (claim,) = self._one(CLAIM, number)
        level = 1 if claim <= 50_000 else 2 if claim <= 500_000 else 3
        self._note(number, None, verdict="review" if review else "auto", level=level)
        asks = ("approve_lead", "approve_finance", "approve_admin")[level - 1]
        accepted = at + HOURS[asks] * HOUR if review else at
        if review and str(fate) == "sent_back":
            accepted += SENT_BACK * HOUR
        match str(fate):
            case "withdrawn":
                self._over(at + HOURS["withdraw"] * HOUR, seq, number, "withdrawn")
            case "rejected" if review:
                self._over(at + HOURS["approve_lead"] * HOUR, seq, number, "refused")
            case "never_sent":
                self._over(accepted + EXPIRES, seq, number, "expired")
            case _:
                (talked,) = self._one(TALKED, number)
                hours = HOURS["talk"] if talked else HOURS["inspect"]
                self._later(at + hours * HOUR, seq, "settle", number)

    def _over(self, at: int, seq: int, number: str, outcome: str) -> None:
        self._note(number, outcome)
        self._later(at, seq, "free", number)

    def _settle(self, at: int, seq: int, number: str) -> None:
        self.db.execute(SETTLE, (number,))
        self.db.execute(CREDIT, (number, 1))
        refund, swapped, sent, repaired = self._one(SUMS, number)
        asked, distrusted = self._one(
            "SELECT asked_at, distrusted FROM plan WHERE return_no = ?", number
        )
        review = "unneeded" if refund <= 100_000 else "one" if refund <= 1_000_000 else "two"
        outcome = "completed" if refund or swapped or repaired else "unpaid"
        if refund and distrusted and review != "unneeded":
            self._later(asked + HOURS["close"] * HOUR, seq, "take_back", number)
            outcome, refund = "unpaid", 0
        balance = sent - swapped
        self._note(
            number,
            outcome,
            review=review if refund else None,
            refund=refund,
            repaid=max(-balance, 0),
            taken=max(balance, 0),
            settled_at=at,
        )

    def outcomes(self) -> dict[str, int]:
        """How many returns came to each outcome; those never taken by why."""
        return dict(self.db.execute("SELECT outcome, count(*) FROM lived GROUP BY outcome"))

    def stock(self) -> dict[str, int]:
        """Stock per SKU: corrections, less sales and replacements, plus what was put back."""
        found = self.db.execute(
            "SELECT sku, sum(quantity) FROM ("
            " SELECT sku, quantity FROM adjustments WHERE kind = 'stock' UNION ALL"
            " SELECT sku, -quantity FROM order_lines WHERE is_goods UNION ALL"
            " SELECT sku, accepted * (disposition IN ('restock', 'discount'))"
            "  - accepted * (settle = 'exchange' AND coalesce(worth, 0) > 0)"
            " FROM return_lines JOIN plan_lines USING (return_no, line_no)"
            " JOIN worth USING (return_no, line_no) WHERE is_goods) GROUP BY sku"
        )
        return dict(found.fetchall())

    def _note(self, number: str, outcome: str | None, **more: object) -> None:
        self.db.execute("INSERT OR IGNORE INTO lived (return_no) VALUES (?)", (number,))
        for name, value in {"outcome": outcome, **more}.items():
            self.db.execute(f"UPDATE lived SET {name} = ? WHERE return_no = ?", (value, number))
