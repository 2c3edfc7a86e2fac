"""What a form alone says of its fields: which every record has, who may write which."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from forms.expr import Expr
from forms.model import Field, Form, Lines


def always_filled(form: Form) -> list[str]:
    """Facts of every record: required fields, in every row, and required rows."""
    found = []
    for one in form.fields.values():
        if isinstance(one, Lines):
            if one.visible is not True:
                continue
            if one.min or one.required is True:
                found.append(one.id)
            found += [
                inner.path
                for inner in one.fields.values()
                if inner.required is True and inner.visible is True
            ]
        elif one.required is True and one.visible is True:
            found.append(one.id)
    return found


def every_field(form: Form) -> Iterator[Field]:
    """The fields of a form and the columns of its lines."""
    for one in form.fields.values():
        yield one
        if isinstance(one, Lines):
            yield from one.fields.values()


def takes(one: Field) -> bool:
    """Whether people may write a field where all are open to them."""
    return one.formula is None and one.readonly is not True and one.visible is not False


def brought(form: Form, written: Collection[str] = ()) -> dict[str, tuple[tuple[str, Expr], ...]]:
    """Fields that only follow a link: neither people write them nor what is in `written`."""
    found: dict[str, tuple[tuple[str, Expr], ...]] = {}
    for one in every_field(form):
        for target, expr in one.fill.items():
            path = f"{one.within}.{target}" if one.within else target
            filled = form.field_at(path)
            if filled is None or takes(filled) or filled.default is not None:
                continue
            if path not in written:
                found[path] = (*found.get(path, ()), (one.id, expr))
    return found
