"""What ends a transition early: facts that are missing, an event declined, an incident."""

from __future__ import annotations

from flows.messages import INCIDENTS, incident, say
from flows.state import Declined
from forms.expr import EvalError
from forms.messages import message
from forms.types import Invalid
from forms.values import Text


class Missing(Exception):
    """Facts are missing; they stand in the work's wants."""


class Refusal(Exception):
    """The event is declined."""

    def __init__(self, answer: Declined) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Trouble(Exception):
    """The flow cannot go on here. `outcome`: the one by which the step could not be left."""

    def __init__(self, code: str, message: Text, outcome: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.outcome = outcome


def trouble(code: str, what: Text | str = "", outcome: str = "") -> Trouble:
    """An incident in its words."""
    return Trouble(code, incident(code, what), outcome)


def unable(where: Text | None, wrong: Invalid | EvalError) -> Trouble:
    """An incident: a value cannot be computed, or the field cannot take it."""
    if isinstance(wrong, EvalError):
        reason = wrong.message
    else:
        reason = message(wrong.code, wrong.params)
    if where is not None:
        reason = Text(f"{where.zh}：{reason.zh}", f"{where.en}: {reason.en}")
    return Trouble("bad_value", say(INCIDENTS["bad_value"], what=reason))
