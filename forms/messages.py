"""What is said to people about a submitted value: one table of stable codes, in zh and en.

Every message says what is wrong and what is allowed. Placeholders in braces are filled from the
parameters an error carries; both languages of a code use the same ones (a test holds them to it).
"""

from __future__ import annotations

from collections.abc import Mapping

from forms.values import Text

MESSAGES: Mapping[str, Text] = {
    # -- the submission as a whole
    "unknown_field": Text(
        "没有名为“{name}”的字段{hint}", "There is no field called “{name}”{hint}"
    ),
    "not_a_mapping": Text(
        "应为字段名到值的对象，收到的是{got}",
        "An object of field names and values is expected, not {got}",
    ),
    "readonly": Text(
        "此字段不能修改：请不要提交它，或提交现有的值",
        "This field cannot be changed: leave it out, or send the value it has",
    ),
    "required": Text("必须填写", "This has to be filled in"),
    "check_failed": Text("不符合规则“{name}”", "The rule “{name}” does not hold"),
    "calculation": Text("无法计算：{reason}", "This cannot be calculated: {reason}"),
    # -- text
    "not_text": Text("应为文本，收到的是{got}", "A text is expected, not {got}"),
    "too_long": Text(
        "最多 {max} 个字符，现有 {length} 个",
        "At most {max} characters are allowed; this has {length}",
    ),
    "control_character": Text(
        "含有不允许的控制字符 {character}（第 {position} 个字符）：请删除",
        "Character {position} is the control character {character}: remove it",
    ),
    "line_break": Text(
        "只允许一行文本：请删除换行", "Only one line of text is allowed: remove the line breaks"
    ),
    "format_email": Text(
        "不是电子邮箱地址，应如 name@example.com",
        "This is no e-mail address; write it like name@example.com",
    ),
    "format_phone": Text(
        "不是电话号码：允许数字、空格、+ - ( )，共 5 至 20 位数字",
        "This is no phone number: 5 to 20 digits, with spaces and + - ( ) between them",
    ),
    "format_url": Text(
        "不是网址，应以 http:// 或 https:// 开头",
        "This is no web address; it starts with http:// or https://",
    ),
    "format_postcode": Text(
        "不是邮政编码：允许 3 至 10 位字母、数字、空格和连字符",
        "This is no postcode: 3 to 10 letters, digits, spaces and hyphens",
    ),
    "format_currency": Text(
        "不是货币代码：应为三个大写字母，如 CNY",
        "This is no currency code: three capital letters such as CNY",
    ),
    # -- numbers
    "not_a_number": Text(
        "应为数字（如 12.5），收到的是{got}", "A number such as 12.5 is expected, not {got}"
    ),
    "not_an_integer": Text("应为整数，收到的是{got}", "A whole number is expected, not {got}"),
    "full_width_digits": Text(
        "含有全角数字：请用半角 0-9 重新输入",
        "These are full-width digits: type them as plain 0-9",
    ),
    "thousand_separator": Text(
        "不要使用千位分隔符，小数点用“.”：1234.50",
        "Leave out thousand separators and use a point for decimals: 1234.50",
    ),
    "too_many_decimals": Text(
        "最多 {max} 位小数，现有 {decimals} 位：不会自动舍入",
        "At most {max} decimals are allowed; this has {decimals} and is not rounded for you",
    ),
    "out_of_range": Text(
        "数值过大：须在 -{limit} 与 {limit} 之间（不含）",
        "This number is too large: it has to lie between -{limit} and {limit}",
    ),
    "too_small": Text("不得小于 {min}", "This must not be less than {min}"),
    "too_large": Text("不得大于 {max}", "This must not be more than {max}"),
    "not_money": Text(
        '应为金额：12.30、"12.30 CNY" 或 {{"amount": "12.30", "currency": "CNY"}}，收到的是{got}',
        'An amount is expected: 12.30, "12.30 CNY" or {{"amount": "12.30", "currency": "CNY"}}, '
        "not {got}",
    ),
    "wrong_currency": Text(
        "币种应为 {expected}，收到的是 {got}", "The currency has to be {expected}, not {got}"
    ),
    "no_currency": Text(
        "不知道币种：请先填写决定币种的字段，或写明币种，如 12.30 CNY",
        "The currency is not known: fill in the field that decides it, or write it: 12.30 CNY",
    ),
    # -- yes or no, choices
    "not_boolean": Text(
        "应为是或否（true 或 false），收到的是{got}", "True or false is expected, not {got}"
    ),
    "not_an_option": Text(
        "“{value}”不是可选项{hint}；可选：{allowed}",
        "“{value}” is not an option{hint}; allowed: {allowed}",
    ),
    "option_expired": Text(
        "选项“{value}”在 {today} 不可用：请另选一项",
        "The option “{value}” is not available on {today}: choose another one",
    ),
    "option_not_under": Text(
        "“{value}”不属于“{head}”；可选：{allowed}",
        "“{value}” does not stand under “{head}”; allowed: {allowed}",
    ),
    "option_without_head": Text(
        "“{value}”属于“{above}”：请先选择上一级",
        "“{value}” stands under “{above}”: choose that first, in the field above",
    ),
    "option_not_top": Text(
        "“{value}”属于“{above}”：此处请选择“{above}”",
        "“{value}” stands under “{above}”: choose “{above}” here",
    ),
    "not_a_list": Text("应为列表，收到的是{got}", "A list is expected, not {got}"),
    "only_one": Text("只能有一个，收到 {count} 个", "Only one is allowed; there are {count}"),
    "too_many": Text(
        "最多 {max} 个，现有 {count} 个", "At most {max} are allowed; there are {count}"
    ),
    "repeated": Text("“{value}”重复", "“{value}” is given more than once"),
    # -- dates and times
    "not_a_date": Text(
        "应为日期 YYYY-MM-DD（如 2026-03-01），收到的是{got}",
        "A date YYYY-MM-DD such as 2026-03-01 is expected, not {got}",
    ),
    "not_a_datetime": Text(
        "应为日期时间 YYYY-MM-DDTHH:MM（可带秒和时区），收到的是{got}",
        "A date and time YYYY-MM-DDTHH:MM is expected (seconds and zone may follow), not {got}",
    ),
    "not_a_duration": Text(
        "应为时长，如 2h30m、1d 或 PT90M，收到的是{got}",
        "A duration such as 2h30m, 1d or PT90M is expected, not {got}",
    ),
    "date_out_of_range": Text(
        "年份须在 {min} 与 {max} 之间", "The year has to lie between {min} and {max}"
    ),
    # -- links, people, files
    "not_an_id": Text(
        "应为 13 个字符的记录编号，收到的是{got}",
        "A record id of 13 characters is expected, not {got}",
    ),
    "link_missing": Text(
        "所选记录不存在，或您无权查看：请重新选择",
        "The chosen record does not exist or is not visible to you: choose again",
    ),
    "link_refused": Text(
        "所选记录不符合此处的条件：请从列表中选择",
        "The chosen record does not meet this field's condition: choose one from the list",
    ),
    "user_missing": Text("没有这个用户：请重新选择", "There is no such user: choose again"),
    "department_missing": Text(
        "没有这个部门：请重新选择", "There is no such department: choose again"
    ),
    "file_missing": Text(
        "文件不存在或已删除：请重新上传", "The file does not exist any more: upload it again"
    ),
    # -- lines
    "not_rows": Text("应为行的列表，收到的是{got}", "A list of rows is expected, not {got}"),
    "unknown_row": Text(
        "此记录中没有该行：新增行请不要带 id",
        "This record has no such row: leave out the id to add a row",
    ),
    "repeated_row": Text("同一行出现了两次", "The same row is given twice"),
    "too_few_rows": Text(
        "至少需要 {min} 行，现有 {count} 行", "At least {min} rows are needed; there are {count}"
    ),
    "too_many_rows": Text(
        "最多 {max} 行，现有 {count} 行", "At most {max} rows are allowed; there are {count}"
    ),
    "repeated_in_rows": Text(
        "与第 {row} 行重复：{fields} 在各行中必须不同",
        "This repeats row {row}: {fields} must differ from row to row",
    ),
}


class _Shown(dict[str, object]):
    """Parameters of a message: one left out shows as nothing instead of failing."""

    def __missing__(self, key: str) -> str:
        return ""


def message(code: str, params: Mapping[str, object] | None = None) -> Text:
    """The message of a code with its placeholders filled; an unlisted code speaks for itself.

    A parameter that is a `Text` is shown in each message's own language.
    """
    template = MESSAGES.get(code)
    if template is None:
        return Text(code, code)
    params = params or {}
    zh = {key: v.zh if isinstance(v, Text) else v for key, v in params.items()}
    en = {key: v.en if isinstance(v, Text) else v for key, v in params.items()}
    return Text(template.zh.format_map(_Shown(zh)), template.en.format_map(_Shown(en)))


_NAMES: tuple[tuple[type, Text], ...] = (
    (bool, Text("布尔值", "a truth value")),
    (dict, Text("对象", "an object")),
    (list, Text("列表", "a list")),
    (tuple, Text("列表", "a list")),
)
_SHOWN = 40


def got(raw: object) -> Text:
    """How a refused value is quoted back: its kind, or its first characters."""
    if raw is None:
        return Text("空值", "nothing")
    for kind, name in _NAMES:
        if isinstance(raw, kind):
            return name
    shown = str(raw)[: _SHOWN + 1]
    if len(shown) > _SHOWN:
        shown = shown[:_SHOWN] + "…"
    shown = "".join(char if char.isprintable() else "�" for char in shown)
    return Text(f"“{shown}”", f"“{shown}”")


def did_you_mean(suggestion: str) -> Text:
    """The tail of a message that offers a near word; empty where there is none."""
    if not suggestion:
        return Text()
    return Text(f"（是否想写“{suggestion}”？）", f" (did you mean “{suggestion}”?)")
