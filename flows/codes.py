"""Every code the flow compiler gives to a problem, with one line saying what it means."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "flow_too_large": "a flow has more than 200 steps or 2,000 exits",
    "no_next": "a step leads nowhere",
    "end_goes_on": "an end has exits",
    "unknown_outcome": "the step never ends with this outcome",
    "late_without_due": "an exit `late` stands beside no due time",
    "one_due": "a due time is either `in` or `at`",
    "one_reminder": "a reminder is either `before` or `after`",
    "no_assignee": "`assignee` stands where nobody has the task yet",
    "unknown_parameter": "the policy has no such parameter",
    "no_duration": "the policy's parameter is no length of time",
    "set_formula": "a step writes a computed field",
    "policy_of_other_form": "the policy judges another form",
    "bad_switch": "the value has no set of exits",
    "save_no_link": "the field cannot keep the record that is started",
    "row_name_taken": "the name of the row is a name of the record already",
    "nobody_interrupts": "an interrupt names neither people nor an event",
    "unknown_stage_or_field": "there is no such stage, and no such field that holds a date",
}
