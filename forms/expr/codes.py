"""Every code the expression language can report, with one line on what it means."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # -- the text
    "expr_empty": "there is nothing to evaluate",
    "expr_too_long": "more characters than allowed",
    "expr_too_deep": "nested too deeply, or too long a chain of operators",
    "expr_too_large": "too many parts, or a list with too many items",
    "expr_character": "a character that means nothing, or may not stand in a text",
    "expr_number": "a number with a leading zero or too many digits",
    "expr_quote": "a text that is never closed",
    "expr_syntax": "something stands where something else is expected",
    "expr_chained": "a chain of comparisons other than < <= > >=",
    # -- names
    "expr_unknown_name": "no field of that name is visible here",
    "expr_unknown_function": "no function of that name",
    "expr_unknown_target": "a link to a form of which nothing is known",
    "expr_no_parent": "parent.x where there is no parent record",
    "expr_hops": "a path that follows too many links",
    "expr_member": "a value that has no parts",
    "expr_attribute": "options without that attribute",
    "expr_aggregate": "an aggregate without one of its measures",
    # -- types
    "expr_types": "types that an operator or function does not take together",
    "expr_condition": "a value where a condition is needed",
    "expr_expected": "a result of another type than the place needs",
    "expr_option": "a literal that is not one of the choice's options",
    "expr_literal": "a literal that is not what this place needs",
    "expr_arguments": "too many or too few arguments",
    # -- lines
    "expr_lines": "lines used as one value, or a function over lines without any",
    "expr_nested_loop": "a function over lines inside another",
    "expr_where": "where in a function that takes none",
    # -- SQL
    "expr_not_in_sql": "the database cannot compute this",
    # -- while evaluating
    "expr_overflow": "an integer of 10^18 or more, another number of 10^22 or more",
    "expr_mixed_currency": "amounts of two currencies calculated with or put in order",
    "expr_date_range": "a date outside the years 1 to 9999",
    "expr_too_many_steps": "more rows of lines than one evaluation may go over",
    "expr_text_too_long": "a text result longer than allowed",
}
