"""Sending one-time codes: look up whom somebody means, and write to the address on file.

The web only wrote down what was typed. Nothing of what is found here finds its way back to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from app.access import portal as access
from app.access.actor import SYSTEM
from app.catalog.portals import Portal
from app.hooks import TryAgain
from app.letters import InDoubt, Letter, MailSettings, NotAnAddress, is_address, send
from app.records import outbox
from app.records.errors import Refused
from app.records.look import read
from app.records.tenant import Tenant
from forms.model import Form, Row
from forms.values import Text

log = structlog.get_logger(__name__)

TOPIC = "portal_code"
FORM = "@portal"
"""Stands where an effect of a record names its form."""
MOST = 20
_SUBJECT = Text("{code} 是您的验证码", "{code} is your code")
_BODY = Text(
    "您的验证码：{code}\n\n请在 {minutes} 分钟内在“{portal}”页面输入。如非本人操作，请忽略此邮件。",
    "Your code: {code}\n\nEnter it at “{portal}” within {minutes} minutes. "
    "If you did not ask for it, ignore this letter.",
)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom somebody means: the record they named, the one they are, the address on file."""

    record_id: int
    contact: int
    address: str


def send_code(tenant: Tenant, one: outbox.Claimed, mail: MailSettings, secret: str) -> None:
    """Send the code somebody asked for, if there is such a person. Raises to be tried again; each
    attempt sends a code of its own, and only the last one is good."""
    key = str(json.loads(one.payload)["ask"])
    asked = access.asked(tenant.db, key, tenant.now_us())
    if asked is None:
        return
    portal = tenant.active().catalog.portals.get(asked.portal)
    found = find(tenant, portal, asked.given) if portal is not None else None
    if portal is not None and found is not None:
        code = access.make_code()
        access.keep_code(
            tenant.db, secret, key, code, found.contact, found.record_id, found.address
        )
        words = {
            "code": code,
            "minutes": access.CODE_LIFE // 60_000_000,
            "portal": portal.label.pick(asked.lang),
        }
        letter = Letter(
            f"{one.once}:{one.attempts}",
            found.address,
            "",
            _SUBJECT.pick(asked.lang).format(**words),
            _BODY.pick(asked.lang).format(**words),
            asked.lang,
        )
        try:
            kept = send(letter, mail, tenant.id, tenant.now())
        except NotAnAddress as error:
            raise outbox.GiveUp(str(error), zh=f"邮件地址无效：{error}") from error
        except InDoubt as error:  # a new code makes the old one void: nobody gets two that are good
            raise TryAgain(str(error), zh=error.zh) from error
        if kept:
            log.info("letter kept as a file", tenant=tenant.id, file=kept)
    access.dealt_with(tenant.db, key)


def find(tenant: Tenant, portal: Portal, given: Mapping[str, str]) -> Found | None:
    """The one whose record has all that was typed; None where nobody has, or no address."""
    identify = portal.identify
    wanted = {path: _plain(given.get(path, "")) for path in identify.by}
    if not all(wanted.values()):
        return None
    for rid in _candidates(tenant, identify.form, identify.by[0], given[identify.by[0]].strip()):
        row = _row(tenant, identify.form, rid)
        if row is None or not all(
            _same(wanted[path], _text(tenant, identify.form, row, path)) for path in identify.by
        ):
            continue
        contact = row.get(identify.link) if identify.link else rid
        address = _text(tenant, identify.form, row, identify.code_to).strip()
        if isinstance(contact, int) and is_address(address):
            return Found(rid, contact, address)
    return None


def sample(tenant: Tenant, portal: Portal) -> list[str]:
    """What somebody could type to get in, from the newest record that has it all: for trying the
    product out. Empty where there is none."""
    identify = portal.identify
    table = tenant.active().tables.forms[identify.form].table
    rows = tenant.db.query(
        f"SELECT id FROM {table} WHERE deleted = 0 ORDER BY id DESC LIMIT {MOST}"
    )
    for (rid,) in rows:
        row = _row(tenant, identify.form, rid)
        if row is not None:
            given = {path: _text(tenant, identify.form, row, path) for path in identify.by}
            if find(tenant, portal, given) is not None:
                return list(given.values())
    return []


def _candidates(tenant: Tenant, form_id: str, field: str, typed: str) -> list[int]:
    """Records whose first text is what was typed, in one of three spellings (an index serves)."""
    tables = tenant.active().tables.forms[form_id]
    column = tables.columns[field].name
    spellings = list(dict.fromkeys((typed, typed.upper(), typed.lower())))
    marks = ", ".join("?" * len(spellings))
    rows = tenant.db.query(
        f"SELECT id FROM {tables.table} WHERE deleted = 0 AND {column} IN ({marks})"
        f" ORDER BY id DESC LIMIT {MOST}",
        spellings,
    )
    return [row[0] for row in rows]


def _row(tenant: Tenant, form_id: str, rid: int) -> Row | None:
    try:
        return read(tenant, SYSTEM, form_id, rid).row
    except Refused:
        return None


def _text(tenant: Tenant, form_id: str, row: Row, path: str) -> str:
    head, _, rest = path.partition(".")
    value = row.get(head)
    if rest and isinstance(value, int):
        form: Form = tenant.active().catalog.forms[form_id]
        below = _row(tenant, form.fields[head].to, value)
        value = below.get(rest) if below is not None else None
    return value if isinstance(value, str) else ""


def _same(typed: str, stored: str) -> bool:
    known = _plain(stored)
    digits = _digits(typed)
    return bool(known) and (typed == known or (digits != "" and digits == _digits(known)))


def _plain(text: str) -> str:
    return text.strip().casefold()


def _digits(text: str) -> str:
    """A phone number however it is written; "" for what is none."""
    bare = re.sub(r"[\s().+-]", "", text)
    return bare if bare.isdigit() and len(bare) >= 6 else ""
