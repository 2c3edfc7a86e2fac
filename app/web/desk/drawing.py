"""Drawing inputs fast: the templates' own HTML, kept as shells with holes.

`desk/fields.html` says how an input looks. Drawn once for a field in a certain state (required,
read-only, wrong …), the HTML is cut where name, value and messages stand; the next request only
fills the holes. What depends on more than that is drawn by the template each time.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from flask import current_app, request
from markupsafe import Markup, escape

from app.web.desk.fields import FieldView

HOLES = {
    "name": "\0a\0",
    "html_id": "\0b\0",
    "value": "\0c\0",
    "text": "\0d\0",
    "error": "\0e\0",
    "warning": "\0f\0",
    "currency": "\0g\0",
    "choices_url": "\0h\0",
    "upload_url": "\0i\0",
}
_NAMES = {hole: name for name, hole in HOLES.items()}
_CUT = re.compile("(\0[a-i]\0)")
_MOST = 256
"""Shells kept for one field."""


def draw_field(view: FieldView) -> Markup:
    """The HTML of an input with its label, help and messages."""
    variable = _variable(view)
    if variable is None:
        return Markup(_template().field(view))  # noqa: S704 - our template, escaping
    key = (
        request.script_root,
        view.required,
        view.readonly,
        view.visible,
        bool(view.error),
        bool(view.warning),
        view.currency is None,
        view.options if view.dated else None,
        variable,
    )
    shell = view.shells.get(key)
    if shell is None:
        if len(view.shells) >= _MOST:
            view.shells.clear()
        shell = view.shells[key] = _shell(view)
    parts = list(shell)
    for place in range(1, len(parts), 2):
        parts[place] = str(escape(getattr(view, parts[place])))
    return Markup("".join(parts))  # noqa: S704 - pieces of our template and escaped values


def _variable(view: FieldView) -> Any:
    """What the shell depends on besides the holes; None where it had better not be kept."""
    if view.widget in {"text", "area"}:
        return ""
    if view.widget in {"select", "radios"}:
        return view.value
    if view.widget == "checks":
        return tuple(view.value)
    if view.chips and (view.many or view.readonly or view.widget == "files"):
        return None
    return bool(view.value), bool(view.text)


def _shell(view: FieldView) -> tuple[str, ...]:
    """The HTML of a view, cut at its holes: literal, name, literal, name … literal."""
    holes: dict[str, Any] = {
        name: hole
        for name, hole in HOLES.items()
        if name not in {"value", "currency"} and getattr(view, name)
    }
    if view.currency is not None:
        holes["currency"] = HOLES["currency"]
    if view.widget in {"text", "area"} or (view.widget == "picker" and view.value):
        holes["value"] = HOLES["value"]
    html = str(_template().field(replace(view, **holes)))
    pieces = _CUT.split(html)
    return tuple(_NAMES[one] if n % 2 else one for n, one in enumerate(pieces))


def _template() -> Any:
    context: dict[str, Any] = {}
    current_app.update_template_context(context)
    return current_app.jinja_env.get_template("desk/fields.html").make_module(context)
