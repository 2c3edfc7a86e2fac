"""What each function says of itself: how a call is written, and what it gives."""

from __future__ import annotations

from forms.values import Text

HELP: dict[str, tuple[tuple[str, ...], Text]] = {
    "if": (
        ("if(condition, a, b)",),
        Text(
            "条件成立取 a，不成立取 b，条件为空则为空",
            "a where the condition is true, b where it is false, null where it is unknown",
        ),
    ),
    "coalesce": (
        ("coalesce(a, b, …)",),
        Text("第一个非空的值", "the first value that is not null"),
    ),
    "is_empty": (
        ("is_empty(x)",),
        Text("为空：无值、无文字、无条目", "true for null, no text, no items, no rows"),
    ),
    "min": (
        ("min(a, b, …)", "min(lines.x where c)"),
        Text("最小值；按行时忽略空值", "the least; over lines null cells are left out"),
    ),
    "max": (
        ("max(a, b, …)", "max(lines.x where c)"),
        Text("最大值；按行时忽略空值", "the greatest; over lines null cells are left out"),
    ),
    "sum": (
        ("sum(lines.x where c)",),
        Text("各行之和；没有行时为 0", "the sum over the rows; 0 where there are none"),
    ),
    "avg": (
        ("avg(lines.x where c)",),
        Text("各行平均值；没有值时为空", "the mean of the cells that are not null; null of none"),
    ),
    "count": (
        ("count(lines where c)", "count(lines.x where c)"),
        Text("行数；给出 x 时只数非空的", "how many rows; with x only those where it is not null"),
    ),
    "any": (
        ("any(lines.a > lines.b where c)",),
        Text("至少一行成立", "true where the condition holds for at least one row"),
    ),
    "all": (
        ("all(lines.a <= lines.b where c)",),
        Text("每一行都成立；没有行时成立", "true where it holds for every row; true of none"),
    ),
    "abs": (("abs(x)",), Text("绝对值", "without its sign")),
    "sign": (
        ("sign(x)",),
        Text("符号：'negative'、'zero' 或 'positive'", "'negative', 'zero' or 'positive'"),
    ),
    "round": (
        ("round(x)", "round(x, decimals)"),
        Text(
            "四舍五入（远离零）；金额默认到最小货币单位",
            "rounded half away from zero: to an integer, to so many decimals, "
            "an amount without decimals given to its currency's smallest coin",
        ),
    ),
    "floor": (("floor(x)",), Text("向下取整", "the integer at or below; of money the whole units")),
    "ceil": (("ceil(x)",), Text("向上取整", "the integer at or above; of money the whole units")),
    "portion": (
        ("portion(total, part, whole, done)",),
        Text(
            "累计取整的份额：各份之和恰为总额",
            "the share of a total for `part` of `whole` after `done`, rounded cumulatively "
            "down to the smallest coin: the parts add up exactly",
        ),
    ),
    "money": (
        ("money(x)", "money(x, 'CNY')"),
        Text(
            "把数变为金额（默认表单货币）",
            "a number as an amount, in the form's currency or the one given",
        ),
    ),
    "amount": (("amount(m)",), Text("金额的数值", "the number of an amount, without its currency")),
    "currency": (("currency(m)",), Text("金额的币种", "the currency code of an amount")),
    "len": (
        ("len(x)",),
        Text(
            "字数或条数；空为 0", "characters of a text, items of a list, rows of lines; 0 of null"
        ),
    ),
    "lower": (("lower(text)",), Text("小写", "small letters (Latin, Greek, Cyrillic)")),
    "upper": (("upper(text)",), Text("大写", "capital letters (Latin, Greek, Cyrillic)")),
    "trim": (("trim(text)",), Text("去掉首尾空白", "without white space at both ends")),
    "concat": (
        ("concat(a, b, …)",),
        Text("连接文字，空值略过", "the texts joined; null adds nothing"),
    ),
    "contains": (("contains(text, part)",), Text("含有", "true where the part occurs in the text")),
    "starts_with": (
        ("starts_with(text, part)",),
        Text("以此开头", "true where the text begins so"),
    ),
    "ends_with": (("ends_with(text, part)",), Text("以此结尾", "true where the text ends so")),
    "has": (
        ("has(many, value)",),
        Text("多选中含有该值", "true where the many values hold this one"),
    ),
    "text": (("text(x)",), Text("写成文字", "a number, date, choice or boolean written out")),
    "number": (
        ("number(text)",),
        Text(
            "读出数字，读不出为空", "the number a text writes in digits; null where it writes none"
        ),
    ),
    "today": (("today()",), Text("今天（业务时区）", "the business date")),
    "now": (("now()",), Text("现在", "this moment")),
    "date": (
        ("date('2026-01-31')", "date(year, month, day)", "date(datetime)"),
        Text("日期；不存在的日期为空", "a date; null where the calendar has none"),
    ),
    "datetime": (
        ("datetime('2026-01-31T18:30')", "datetime(date)", "datetime(date, hour, minute)"),
        Text(
            "某日某时（业务时区）",
            "an instant, in the business time zone; null where there is none",
        ),
    ),
    "year": (("year(d)",), Text("年", "the year of a date or moment")),
    "month": (("month(d)",), Text("月", "the month, 1 to 12")),
    "day": (("day(d)",), Text("日", "the day of the month")),
    "weekday": (("weekday(d)",), Text("星期几：1 为星期一", "1 for Monday to 7 for Sunday")),
    "days_between": (
        ("days_between(from, to)",),
        Text("相隔天数", "calendar days from one to the other; negative where `to` comes first"),
    ),
    "hours_between": (
        ("hours_between(from, to)",),
        Text("相隔小时", "hours from one moment to the other"),
    ),
    "add_days": (
        ("add_days(d, n)",),
        Text("加 n 天", "n days later (of a moment: n times 24 hours)"),
    ),
    "add_months": (
        ("add_months(date, n)",),
        Text("加 n 月，遇月末取月末", "the same day n months later, or that month's last"),
    ),
    "duration": (
        ("duration(n, 'hours')",),
        Text(
            "时长：秒、分、时、天、周",
            "a length of time in 'seconds', 'minutes', 'hours', 'days' or 'weeks'",
        ),
    ),
}
