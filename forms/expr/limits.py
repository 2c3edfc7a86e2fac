"""How large an expression, and anything it makes, may become."""

from __future__ import annotations

SOURCE_CHARS = 2_000
NODES = 400
NESTING = 32
"""Parentheses, calls and unary operators inside each other."""

TREE_DEPTH = 100
"""Levels of the whole tree: also a long chain `a + b + c …`, which is not nested in the text."""

LIST_ITEMS = 200
TEXT_CHARS = 10_000

DECIMALS = 12
"""Every number has at most this many decimals; a result with more is rounded half away from 0."""

INTEGER_DIGITS = 22
"""Decimals and amounts stay below 10^22: with twelve decimals that is 34 digits."""

STEPS = 1_000_000
"""Steps of one evaluation: rows of lines times the nodes evaluated for each."""

SQL_CHARS = 60_000
