"""Every code this package gives to a problem, with one line saying what it means.

The codes of forms and options are in `forms.codes`, those of expressions begin with `expr_`;
docs/errors.md lists them all.
"""

from __future__ import annotations

from collections.abc import Mapping

YAML: Mapping[str, str] = {
    "quote_expression": "YAML takes this text apart or refuses it; it must stand in quotes",
    "boolean_word_key": "the key on, off, yes or no is a boolean to other YAML readers: quote it",
    "yaml_syntax": "this is not YAML: a bracket or quote is open, or the indentation does not fit",
    "duplicate_key": "a key stands twice in one map",
    "empty_key": "there is a ':' with no key before it",
    "complex_key": "a map or list is used as a key",
    "merge_key": "merge keys (`<<`) are not allowed",
    "anchor": "anchors (`&name`) are not allowed",
    "alias": "aliases (`*name`) are not allowed",
    "tag": "tags (`!name`) are not allowed",
    "several_documents": "a second document starts; one definition a file",
    "tab": "a tab stands in the file; indent with spaces",
    "control_character": "an invisible character stands in the file",
    "not_utf8": "the file is not UTF-8",
    "empty_file": "the file has no definition",
    "not_a_map": "the file is not a map that begins with `<kind>: <id>`",
    "too_large": "the file is larger than 512 KiB",
    "too_many_nodes": "the file has more than 40,000 values",
    "too_deep": "maps and lists are nested more than 32 levels deep",
}

FILES: Mapping[str, str] = {
    "unknown_kind": "the first key is no kind of definition",
    "wrong_folder": "the file stands in the folder of another kind",
    "wrong_file_name": "the file is not named after the id, or does not end in .yaml",
    "missing_file": "pack.yaml or tenant.yaml is missing",
    "unknown_pack": "there is no pack of that name",
    "pack_cycle": "packs require each other in a circle",
    "redefined": "a definition of a pack is defined again without `extends`",
    "nothing_to_extend": "`extends` names a pack that has no such definition",
    "nothing_to_remove": "an overlay removes what is not there",
    "incomplete_new_id": "an overlay changes an id that is not there, and is incomplete as new",
    "bad_after": "`after` names no sibling",
}

SHAPE: Mapping[str, str] = {
    "unknown_key": "the key is not known at this place",
    "missing_key": "a key that must be there is missing",
    "empty_value": "nothing stands where a value is needed",
    "wrong_type": "a text, number, list or map stands where something else is needed",
    "not_allowed": "the word is none of those allowed",
    "not_boolean": "yes, no, on and off are texts; write true or false",
    "out_of_range": "the number is too small or too large",
    "too_few": "there are too few entries",
    "too_many": "there are too many entries",
    "too_long": "the text is too long",
    "duplicate_item": "an entry is in the list twice",
    "one_key": "exactly one of several keys must be there",
    "step_kind": "a step has no kind or several",
    "bad_id": "an id has other characters than lower-case letters, digits and _",
    "bad_path": "this is no path to a field",
    "bad_duration": "this is no duration",
    "bad_keep": "this is no time to keep records for",
    "bad_time": "this is no time of day or span of the day",
    "bad_date": "this is no date",
    "no_working_time": "no weekday of a calendar has working hours",
    "hours_overlap": "two spans of a day's working hours overlap",
    "holiday_and_workday": "a day is both a holiday and a working day",
    "bad_zone": "this is not written like a time zone",
    "unknown_zone": "there is no such time zone",
    "bad_currency": "this is no currency code",
    "bad_event": "this is no event",
    "bad_capability": "this is no capability of a connection",
    "bad_need": "this is no way for approvers to agree",
    "secret_not_by_reference": "a secret stands in a definition; only its name may",
}

REFERENCES: Mapping[str, str] = {
    "unknown_form": "there is no such form",
    "unknown_lines": "the form has no such lines",
    "unknown_field": "the form, its lines or the file have no such field",
    "unknown_role": "there is no such role",
    "unknown_report": "there is no such report",
    "unknown_policy": "there is no such policy",
    "unknown_calendar": "there is no such calendar",
    "unknown_document": "there is no such document",
    "unknown_stage": "the flow has no such stage",
    "unknown_step": "there is no such step in this scope",
    "unknown_input": "the policy has no such input",
    "unknown_output": "the policy has no such output",
    "unknown_signoff": "the document has no such signoff",
    "unknown_department": "the demo data have no such department",
    "unknown_person": "the scenario has no such person",
    "unknown_alias": "no record of the scenario is called so",
    "alias_twice": "two records of a scenario are called the same",
    "flow_without_form": "a flow has the id of its form, and there is no such form",
}

RULES: Mapping[str, str] = {
    "include_cycle": "roles include each other in a circle",
    "title_shows_hidden": "the title of a form shows a field that a role hides",
    "missing_by": "rows counted by an aggregate need a link to its `per`",
    "by_no_link": "`by` is no link to the aggregate's `per`",
    "aggregate_reads_link": "a total would depend on another record, whose change cannot move it",
    "aggregate_reads_clock": "a total would change with the time or the person",
    "aggregate_reads_aggregate": "a total would depend on another total",
    "never_always": "a `never` that always holds would refuse every change",
    "empty_report": "the report shows nothing",
    "bad_group": "rows cannot be grouped by such a value",
    "unit_without_date": "a unit of time stands beside something that is no date",
    "datetime_without_unit": "a moment needs a unit to group by",
    "bad_measure": "such a value cannot be added up, compared or divided",
    "where_not_here": "a measure made of other measures has no rows to choose from",
    "unknown_column": "the report has no such group, measure or column",
    "top_without_sort": "`top` needs `sort`",
    "chart_needs_groups": "this chart needs a group and a measure",
    "compare_needs_dates": "a comparison needs a group by a unit of time",
    "of_not_counted": "a measure of another report must be counted there, not computed",
    "groups_differ": "reports that share a measure are grouped alike",
    "ratio_of_ratio": "a ratio of a ratio is not computed",
    "filter_unused": "no report on the dashboard has this filter",
    "key_not_mapped": "the key of an import is not in its map",
    "key_not_unique": "the form does not say that the key of the import occurs once",
    "required_not_mapped": "a required field is filled by nothing",
    "formula_not_filled": "a computed field cannot be filled from a file",
    "find_no_link": "what is found does not fit the field",
    "lines_need_map": "lines need a map of their own, and only lines",
    "wrong_value": "the value of a column cannot become the field's",
}

CODES: Mapping[str, str] = {**YAML, **FILES, **SHAPE, **REFERENCES, **RULES}
