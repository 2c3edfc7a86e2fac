"""What the people of the shop do with its returns: made up, but the same every time.

The files know which goods came back, not what anybody said or found. Here every return gets, by
plain arithmetic on its number, a way to come back and people who act at fixed hours after it was
asked for. Both sides read it: the one that lives the year through the product, and the one that
computes by SQL what must come of it. It says what people *do*, never what follows from it.
"""

from __future__ import annotations

import sqlite3

HOUR = 3600
HOURS = {
    "withdraw": 1,
    "approve_lead": 5,
    "approve_finance": 10,
    "approve_admin": 15,
    "resubmit": 24,
    "deliver": 72,
    "count": 76,
    "close_short": 80,
    "inspect": 96,
    "talk": 120,
    "mend": 130,
    "review_finance": 144,
    "review_lead": 150,
    "close": 152,
    "transfer": 160,
    "confirm": 164,
    "retry": 168,
}
"""Hours after the request at which people act; what is sent back is approved a day later."""
SENT_BACK = 24
"""Hours by which approvals come later for a request that was sent back."""
AGREED = 30
"""Percent agreed with the customer for goods that are badly damaged."""

PLAN = """
CREATE TABLE plan AS
WITH numbered AS (
    SELECT return_no, seq, CAST(strftime('%s', returned_at) AS INTEGER) AS asked_at,
        (CAST(substr(return_no, 2) AS INTEGER) * 7919 + 13) % 1000 AS x,
        (SELECT min(is_goods) FROM return_lines AS l WHERE l.return_no = r.return_no) AS goods
    FROM returns AS r)
SELECT return_no, seq, asked_at, x,
    CASE
        WHEN x < 30 THEN 'withdrawn' WHEN x < 70 THEN 'rejected' WHEN x < 90 THEN 'sent_back'
        WHEN x < 120 THEN 'never_sent' WHEN x < 150 THEN 'short'
        WHEN x < 180 AND goods THEN 'exchange' WHEN x < 200 AND goods THEN 'repair'
        ELSE 'plain' END AS fate,
    CASE x % 3 WHEN 0 THEN 'label' WHEN 1 THEN 'pick_up' ELSE 'store' END AS way,
    CASE x % 20 WHEN 0 THEN 'bank' WHEN 1 THEN 'balance' ELSE 'original' END AS method,
    x % 40 = 3 AS distrusted
FROM numbered;

CREATE TABLE plan_lines AS
WITH numbered AS (
    SELECT l.*, p.fate, (p.x * 31 + l.line_no * 17) % 100 AS y
    FROM return_lines AS l JOIN plan AS p USING (return_no)),
counted AS (
    SELECT *, CASE WHEN fate = 'short' THEN quantity / 2 ELSE quantity END AS received
    FROM numbered)
SELECT return_no, line_no, received,
    CASE y % 10 WHEN 0 THEN 'quality' WHEN 1 THEN 'not_as_described' WHEN 2 THEN 'transit'
        WHEN 3 THEN 'unwanted' WHEN 4 THEN 'wrong_size' ELSE 'not_stated' END AS reason,
    y % 2 = 0 AS intact,
    CASE WHEN NOT is_goods THEN 'perfect' WHEN y < 5 THEN 'slight' WHEN y < 8 THEN 'severe'
        ELSE 'perfect' END AS grade,
    CASE WHEN fate = 'repair' THEN 'repair' WHEN NOT is_goods THEN 'restock'
        WHEN y < 5 THEN 'discount' WHEN y < 11 THEN 'scrap' WHEN y < 13 THEN 'to_supplier'
        WHEN y < 15 THEN 'send_back' ELSE 'restock' END AS disposition,
    CASE WHEN fate = 'repair' THEN 'repair' WHEN is_goods AND y IN (13, 14) THEN 'nothing'
        WHEN fate = 'exchange' THEN 'exchange' ELSE 'refund' END AS settle,
    CASE WHEN y BETWEEN 20 AND 24 THEN 'merchant' WHEN y IN (25, 26) THEN 'carrier' END AS fault,
    CASE WHEN y BETWEEN 15 AND 19 AND received > 1 THEN received - 1 ELSE received END AS accepted
FROM counted;
CREATE UNIQUE INDEX plan_by_number ON plan (return_no);
CREATE UNIQUE INDEX plan_line ON plan_lines (return_no, line_no);
"""


def plan(db: sqlite3.Connection) -> None:
    """Give every return of the year its people."""
    db.executescript(PLAN)
