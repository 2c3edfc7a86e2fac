"""REST API v1: JSON over the same use cases as every other way in, under `/api/v1`."""

from __future__ import annotations

from flask import Blueprint

from app.api.acting import add_acting
from app.api.delegations import add_delegations
from app.api.entry import enter
from app.api.events import add_events
from app.api.files import add_files
from app.api.flows import add_flows
from app.api.general import add_general
from app.api.records import add_records
from app.api.reports import add_reports
from app.api.trying import add_trying


def create_api() -> Blueprint:
    """The API's blueprint, to be registered on the app."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    api.before_request(enter)
    add_general(api)
    add_records(api)
    add_trying(api)
    add_files(api)
    add_flows(api)
    add_acting(api)
    add_events(api)
    add_reports(api)
    add_delegations(api)
    return api
