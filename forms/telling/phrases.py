"""How operators and functions are said, in Chinese and English.

`{0}`, `{1}` … stand for the arguments, `{all}` for all of them in a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from forms.values import Text

SYMBOLS = {"==": "=", "!=": "≠", "<": "<", "<=": "≤", ">": ">", ">=": "≥"}
ARITHMETIC = {"+": "+", "-": "−", "*": "×", "/": "÷"}

AND = Text(" 且 ", " and ")
OR = Text(" 或 ", " or ")
NOT = Text("并非（{0}）", "not ({0})")
IS = Text("{0}是{1}", "{0} is {1}")
IS_NOT = Text("{0}不是{1}", "{0} is not {1}")
IS_EMPTY = Text("{0}为空", "{0} is empty")
NOT_EMPTY = Text("{0}不为空", "{0} is not empty")
HOLDS = Text("{0}：{1}", "{0}: {1}")
ONE_OF = Text("{0}是{1}之一", "{0} is one of {1}")
NONE_OF = Text("{0}不是{1}中的任何一个", "{0} is none of {1}")
CONTAINS = Text("{0}中有{1}", "{0} has {1}")
CONTAINS_NOT = Text("{0}中没有{1}", "{0} does not have {1}")
IF = Text("如果{0}则为{1}，否则为{2}", "{1} if {0}, else {2}")
REMAINDER = Text("{0} 除以 {1} 的余数", "the remainder of {0} ÷ {1}")
THIS = Text("本单", "this record")
THIS_ROW = Text("本行", "this line")
ME = Text("当前用户", "the current user")
OF_KEY = Text("{1}（{0}）", "{1} ({0})")
BRACKETS = Text("（{0}）", "({0})")

WHERE = Text("{0}（{1}）", "{0} (where {1})")
LOOPS: Mapping[str, Text] = {
    "sum": Text("{0}的{1}之和", "the sum of {1} in {0}"),
    "avg": Text("{0}的{1}平均值", "the mean of {1} in {0}"),
    "min": Text("{0}的{1}最小值", "the least {1} in {0}"),
    "max": Text("{0}的{1}最大值", "the greatest {1} in {0}"),
    "count": Text("{0}的行数", "the number of lines in {0}"),
    "any": Text("{0}至少一行：{1}", "in at least one line of {0}: {1}"),
    "all": Text("{0}每一行：{1}", "in every line of {0}: {1}"),
}
"""Functions over lines; `{0}` the rows, `{1}` what is taken of each."""

COUNT_GIVEN = Text("{0}中有{1}的行数", "the number of lines in {0} with {1}")
"""`count(lines.x)`: the lines where x is not empty."""

ALWAYS = 0
"""The number of arguments under which functions of any number of them stand."""

FUNCTIONS: Mapping[tuple[str, int], Text] = {
    ("min", ALWAYS): Text("{all}中的最小者", "the least of {all}"),
    ("max", ALWAYS): Text("{all}中的最大者", "the greatest of {all}"),
    ("concat", ALWAYS): Text("{all}连成的文字", "{all} put together"),
    ("abs", 1): Text("{0}的绝对值", "{0} without its sign"),
    ("sign", 1): Text("{0}的正负", "the sign of {0}"),
    ("round", 1): Text("{0}（四舍五入）", "{0} (rounded)"),
    ("round", 2): Text("{0}（四舍五入到 {1} 位小数）", "{0} (rounded to {1} decimals)"),
    ("floor", 1): Text("{0}（向下取整）", "{0} (rounded down)"),
    ("ceil", 1): Text("{0}（向上取整）", "{0} (rounded up)"),
    ("portion", 4): Text(
        "{0}按 {1} / {2} 的份额（此前已分 {3}）",
        "the share of {0} for {1} of {2} (after {3})",
    ),
    ("money", 1): Text("{0}", "{0}"),
    ("money", 2): Text("{0} {1}", "{0} {1}"),
    ("amount", 1): Text("{0}", "{0}"),
    ("currency", 1): Text("{0}的币种", "the currency of {0}"),
    ("len", 1): Text("{0}的长度", "the length of {0}"),
    ("lower", 1): Text("{0}（小写）", "{0} (small letters)"),
    ("upper", 1): Text("{0}（大写）", "{0} (capital letters)"),
    ("trim", 1): Text("{0}（去掉首尾空白）", "{0} (without space around it)"),
    ("contains", 2): Text("{0}含有{1}", "{0} contains {1}"),
    ("starts_with", 2): Text("{0}以{1}开头", "{0} starts with {1}"),
    ("ends_with", 2): Text("{0}以{1}结尾", "{0} ends with {1}"),
    ("text", 1): Text("{0}", "{0}"),
    ("number", 1): Text("{0}中的数", "the number in {0}"),
    ("today", 0): Text("今天", "today"),
    ("now", 0): Text("现在", "now"),
    ("date", 1): Text("{0}当天", "the day of {0}"),
    ("date", 3): Text("{0}-{1}-{2}", "{0}-{1}-{2}"),
    ("datetime", 1): Text("{0}零时", "the start of {0}"),
    ("datetime", 3): Text("{0} {1}:{2}", "{0} {1}:{2}"),
    ("year", 1): Text("{0}的年份", "the year of {0}"),
    ("month", 1): Text("{0}的月份", "the month of {0}"),
    ("day", 1): Text("{0}的日", "the day of the month of {0}"),
    ("weekday", 1): Text("{0}的星期", "the weekday of {0}"),
    ("days_between", 2): Text("从{0}到{1}的天数", "days from {0} to {1}"),
    ("hours_between", 2): Text("从{0}到{1}的小时数", "hours from {0} to {1}"),
    ("add_days", 2): Text("{0}后 {1} 天", "{1} days after {0}"),
    ("add_months", 2): Text("{0}后 {1} 个月", "{1} months after {0}"),
    ("duration", 2): Text("{0} {1}", "{0} {1}"),
}
"""Functions of the table by their number of arguments. `if`, `coalesce`, `is_empty` and `has` have
words of their own."""

MEMBERS = Text("{0}的个数", "the number of {0}")
"""`len` of a list or of lines."""

WHERE_EMPTY = Text("{0}（为空时取 {1}）", "{0} ({1} if empty)")
"""`coalesce`."""

UNITS: Mapping[str, Text] = {
    "seconds": Text("秒", "seconds"),
    "minutes": Text("分钟", "minutes"),
    "hours": Text("小时", "hours"),
    "days": Text("天", "days"),
    "weeks": Text("周", "weeks"),
}

SIGNS: Mapping[str, Text] = {
    "negative": Text("负数", "negative"),
    "zero": Text("零", "zero"),
    "positive": Text("正数", "positive"),
}
"""What `sign` gives."""
