"""Everything that can be wrong with a form or options definition: stable codes and their words.

Problems of expressions have codes of their own, beginning with `expr_` (see `forms.expr`).
"""

from __future__ import annotations

from collections.abc import Mapping

from forms.problems import Path, Problem

CODES: Mapping[str, str] = {
    # -- shape
    "not_a_mapping": "a map of keys is expected here",
    "not_a_list": "a list is expected here",
    "bad_text": "a text is expected here: a string, or {{zh: …, en: …}}",
    "unknown_language": "there is no language {key!r}",
    "bad_id": "{key!r} is no id: lower-case letters, digits and _ only, starting with a letter",
    "reserved_name": "{key!r} is a name of the system and cannot be a field",
    "unknown_key": "unknown key {key!r}",
    "not_true_or_false": "true or false is expected here",
    "bad_count": "a whole number is expected here",
    "bad_after": "there is no {key!r} to stand after",
    "bad_was": "`was` is the former id; {key!r} is still in use or is no id",
    # -- fields
    "no_fields": "there are no fields",
    "too_many_fields": "{count} fields are more than the {max} allowed",
    "missing_type": "the field has no type",
    "unknown_type": "there is no field type {value!r}",
    "key_not_for_type": "{key!r} does not belong to a field of type {type}",
    "lines_in_lines": "lines cannot stand inside lines",
    "index_not_for_type": "a field of type {type} cannot be indexed",
    "index_in_many": "a field that holds many values cannot be indexed",
    "bad_limit": "this limit is not a value that the field could hold",
    "min_over_max": "min ({low}) is more than max ({high}): no value would be allowed",
    "max_without_many": "max counts values; this field holds only one",
    "unknown_format": "there is no text format {value!r}",
    "format_on_lines": "a text of several lines cannot have a format",
    "unknown_rounding": "there is no rounding {value!r}",
    "round_unused": "round works on computed amounts; this field has no formula",
    "money_needs_round": "an amount is multiplied or divided here, so the field has to say how to "
    "round it",
    "bad_currency": "{value!r} is no currency: write a three-letter code or an expression giving "
    "one",
    # -- rules and values of fields
    "formula_not_for_type": "a field of type {type} cannot have a formula",
    "formula_and_default": "a formula is always computed; its default would never be used",
    "formula_and_required": "a formula is computed, nobody can be required to fill it in",
    "formula_and_readonly": "a formula is always read-only; leave readonly out",
    "formula_and_fill": "{target!r} has a formula and cannot be filled",
    "default_not_for_type": "a field of type {type} cannot have a default",
    "bad_default": "the default {value!r} is not a value of this field: {why}",
    "default_needs_quotes": "the default {value!r} is read as an expression; a text constant "
    "stands in quotes",
    "required_but_hidden": "the field is required and never visible: nobody could fill it in",
    "required_but_readonly": "the field is required and read-only, and has neither default nor "
    "fill: nobody could fill it in",
    "formula_cycle": "formulas depend on each other in a circle: {cycle}",
    "default_cycle": "defaults or fills depend on each other in a circle: {cycle}",
    "visible_cycle": "what is visible depends on itself in a circle: {cycle}",
    # -- choices
    "missing_options": "a choice needs its options",
    "bad_options": "options are the id of an options definition, a list of ids, or a map",
    "unknown_options": "there is no options definition {value!r}",
    "no_options": "the list of options is empty",
    "bad_option": "{value!r} is no option id: quote it, and use letters, digits, _ and - only",
    "repeated_option": "the option {value!r} is there twice",
    "under_unknown": "there is no choice {key!r} here to stand under",
    "under_no_choice": "{key!r} is no choice of one option: nothing can stand under it",
    "under_other_options": "options stand under those of their own list, and {key!r} has another",
    "under_no_parents": "no option of this list says under which other it stands (`parent`)",
    "under_circle": "the choices stand under each other in a circle through {key!r}",
    # -- links
    "missing_target": "a link needs the form it goes to",
    "unknown_target": "there is no form {value!r}",
    "unknown_target_lines": "the form {form!r} has no lines {value!r}",
    "fill_unknown": "there is no field {key!r} here to fill",
    "fill_itself": "a link cannot fill itself",
    "fill_from_many": "a field that holds many links cannot fill others",
    "fill_not_for_type": "a field of type {type} cannot be filled",
    "fill_twice": "{key!r} is already filled by {other!r}",
    # -- lines and uniqueness
    "unique_empty": "unique names no field",
    "unique_unknown": "there is no field {value!r} to be unique",
    "unique_not_for_type": "{value!r} is of type {type}, which cannot be unique",
    "unique_repeated": "{value!r} is named twice",
    # -- parts of a form
    "row_title_reads_totals": "the title of rows reads the totals {names}; it can read the row and "
    "what that links to",
    "title_not_text": "the title is a text with placeholders",
    "template_too_long": "a template may have at most {max} characters",
    "template_value": "{text!r} is {type} and cannot be shown in a text",
    "unbalanced_brace": "a brace is not closed or not opened",
    "number_no_pattern": "numbering needs a pattern",
    "number_no_seq": "the pattern has no {{seq:5}}: every record would get the same number",
    "number_seq_twice": "the pattern counts twice",
    "number_seq_digits": "say how many digits the count has, as in {{seq:5}}",
    "number_placeholder": "there is no placeholder {{{name}}} in a number",
    "number_repeats": "the count starts over each {reset}, but the pattern does not show it: "
    "numbers would repeat",
    "number_too_long": "a pattern has at most {max} printable characters",
    "number_bad_reset": "{value!r} is no way to start the count over",
    "number_bad_at": "{value!r} is no moment to number at",
    "number_and_field": "the form numbers its records and has a field `number`: one of them "
    "has to go",
    "check_without_that": "a check needs `that`, the condition to hold",
    "check_bad_at": "`at` is a list of moments: words such as submit, or ids of steps",
    "list_unknown": "there is no field {value!r} to list",
    "list_not_for_type": "{value!r} is of type {type} and cannot be used here",
    "list_repeated": "{value!r} is named twice",
    "section_unknown": "there is no field {value!r} to show in a section",
    "section_repeated": "{value!r} is already shown in section {other!r}",
    "section_empty": "the section shows no field",
    "bad_keep": "this is no time to keep records for",
    "keep_unknown": "there is no date {value!r} to count from",
    # -- options definitions
    "options_without_values": "an options definition needs values",
    "too_many_options": "{count} options are more than the {max} allowed",
    "attribute_bad_type": "an attribute is a list of ids, or one of the types allowed",
    "attribute_reserved": "{key!r} is a key of every option and cannot be an attribute",
    "attribute_missing": "the attribute {key!r} is not given",
    "attribute_bad_value": "{value!r} is no value of the attribute {key!r}",
    "option_unknown_parent": "there is no option {value!r} to stand under",
    "option_parent_cycle": "options stand under each other in a circle: {cycle}",
    "option_bad_date": "a date YYYY-MM-DD is expected here",
    "option_from_after_until": "the option would end before it begins",
}


def problem(
    code: str,
    path: Path,
    *,
    allowed: str = "",
    suggestion: str = "",
    offset: int | None = None,
    on_key: bool = False,
    **params: object,
) -> Problem:
    """A problem with a code's words; the parameters fill its placeholders."""
    return Problem(
        code, tuple(path), CODES[code].format(**params), allowed, suggestion, offset, on_key
    )
