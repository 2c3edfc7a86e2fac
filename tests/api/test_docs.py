"""docs/api.md: every code is in it, every example runs."""

from __future__ import annotations

import json
import re
import shlex
from io import BytesIO
from pathlib import Path
from typing import Any

from app.records.errors import STATUS
from app.web.errors import CODES
from tests.api.shop import PNG, Shop

DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_code_is_documented_with_its_status() -> None:
    table = dict(re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", DOCUMENT, re.M))
    assert {code: str(status) for code, (status, _) in CODES.items()} == table


def test_use_cases_refuse_with_known_codes() -> None:
    for code, status in STATUS.items():
        assert CODES[code][0] == status, code


def test_the_examples_run(shop: Shop) -> None:
    known = {"BASE": shop.api(), "TOKEN": shop.token("admin")["Authorization"].split()[1]}
    ran = 0
    for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.S):
        for command in re.split(r"^(?=curl )", block, flags=re.M)[1:]:
            answer, method = run(shop, expand(command, known))
            assert answer.status_code in (200, 201, 204), f"{command}\n{answer.text}"
            remember(command, answer.json if answer.data else None, known, method)
            ran += 1
    assert ran > 15


def expand(command: str, known: dict[str, str]) -> list[str]:
    """The words of a command line, variables filled in, as a shell would."""
    text = command.replace("\\\n", " ")
    for name in sorted(known, key=len, reverse=True):
        text = text.replace(f"'${name}'", known[name]).replace(f"${name}", known[name])
    assert "$" not in text, text
    return shlex.split(text)


def run(shop: Shop, words: list[str]):
    """What curl would send, sent to the app."""
    method, headers, query, data, form, address = "", {}, [], None, {}, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d" and "-G" not in words:
            data = next(rest)
        elif word in ("-d", "--data-urlencode"):
            name, _, value = next(rest).partition("=")
            query.append((name, value))
        elif word == "-F":
            name, _, value = next(rest).partition("=")
            form[name] = (BytesIO(PNG), value[1:]) if value.startswith("@") else value
        elif not word.startswith("-"):
            address = word
    method = method or ("POST" if data is not None or form else "GET")
    answer = shop.app.test_client().open(
        address, method=method, headers=headers, query_string=query, data=data or form or None
    )
    return answer, method


def remember(command: str, found: Any, known: dict[str, str], method: str) -> None:
    """`$CUSTOMER` is the id of the customer just created, and so on."""
    made = re.search(r"/forms/([a-z_]+)/records ", command)
    if made and method == "POST":
        assert isinstance(found["id"], str)
        known.setdefault(made[1].upper(), found["id"])
    if method == "GET" and "lines" in json.dumps(found) and known.get("ORDER") == found.get("id"):
        known["ORDER_LINE"] = found["values"]["lines"][0]["id"]
