"""Hangs the desk's pages into one blueprint."""

from __future__ import annotations

from flask import Blueprint

from app.web.desk import (
    account,
    acts,
    boards,
    delegations,
    drilling,
    flowpage,
    formpage,
    home,
    inbox,
    lists,
    live,
    messages,
    recordpage,
    sign,
)
from app.web.desk.shell import context

PARTS = (
    sign,
    account,
    delegations,
    home,
    lists,
    flowpage,
    formpage,
    live,
    recordpage,
    acts,
    inbox,
    boards,
    drilling,
    messages,
)


def create_desk() -> Blueprint:
    """All pages of the desk, under the tenant's address."""
    desk = Blueprint("desk", "app.web.desk")
    for part in PARTS:
        part.add_routes(desk)
    desk.before_request(sign.ask_to_sign_in)
    desk.app_context_processor(context)
    return desk
