"""The standard actions of connections, in words."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

USES = {
    "payment.refund": _l("refund"),
    "payment.authorise": _l("hold an amount"),
    "payment.capture": _l("take the amount held"),
    "payment.release": _l("release the amount held"),
    "carrier.create_label": _l("make a label"),
    "carrier.void_label": _l("void the label"),
    "stock.move": _l("book stock"),
    "stock.reserve": _l("reserve stock"),
    "stock.release": _l("release reserved stock"),
}


def use_words(use: str) -> str:
    """What an action of a connection does; the name itself of those of plugins."""
    return str(USES.get(use, use))
