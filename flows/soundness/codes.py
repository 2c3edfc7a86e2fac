"""What can be wrong with a flow: stable codes, each with one line saying what it means."""

from __future__ import annotations

from collections.abc import Mapping

ERRORS: Mapping[str, str] = {
    "step_unreachable": "no way leads to the step",
    "no_way_to_end": "from the step no end can be reached",
    "exit_missing": "the step can come out in a way that no exit takes",
    "exit_never": "the exit is for an outcome that can never happen",
    "endless_cycle": "a record could go round in a circle for ever: no exit of it has a `max`",
    "exits_used_up": "every button of the step has a `max`: used up, nobody can leave it",
    "never_answered": "the step waits for the end of a record whose form has no flow",
    "may_be_empty": "an expression has no value on some way, which would stop the record",
    "nobody_by_then": "on some way nobody is named who could do the task",
    "nothing_to_judge": "a policy judges lines, and there may be none",
    "actor_not_passed": "the person of a step is asked for that not every way has passed",
    "all_excluded": "everybody who could decide is excluded",
    "hidden_but_required": "a field must be filled by people who do not see it",
    "readonly_but_required": "a field must be filled by people who cannot write it",
    "money_twice": "a way leads through a money action again, which would be taken for the first",
    "interrupt_never": "the record never rests in a stage of the interrupt",
    "action_unknown": "no connection can serve such an action",
    "argument_missing": "the action is not given what it must be given",
    "answer_unknown": "the action does not answer that",
    "event_unknown": "no connection tells such an event",
}

WARNINGS: Mapping[str, str] = {
    "else_never": "every value has its own exit already",
    "due_without_effect": "nothing happens at the due time",
    "link_may_be_empty": "an expression reads a field of another record that may be empty there",
    "argument_may_be_empty": "an action may be given nothing where it needs a value",
    "button_may_be_missing": "the condition of a button may have no value: it is not there then",
    "due_may_be_empty": "the due time is read from a field that may be empty",
    "if_nobody_missing": "a level may have nobody to decide, and nobody is named instead",
    "seen_only_at_work": "those who have the task may not read the record before and after",
    "cut_off_with_money": "a named end cancels steps beside it that move money",
    "stage_never": "no step enters the stage",
    "sla_never": "the clock of the promise never starts, or nothing ever stops it",
}

CODES: Mapping[str, str] = {**ERRORS, **WARNINGS}
