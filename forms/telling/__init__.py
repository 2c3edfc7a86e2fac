"""Expressions in words: `amount > 500 and reason == 'quality'` becomes "Amount > 500 and Reason is
“Quality fault”", in the language of whoever reads it.

`Words` holds what names and values are called; `tell` says an expression's value, `tell_condition`
what it says where it is a condition. What has no label is told by its id, never left out.
"""

from __future__ import annotations

from forms.telling.names import SYSTEM_LABELS, Labels, Words
from forms.telling.teller import labels_of, tell, tell_condition
from forms.telling.values import value_words

__all__ = ["SYSTEM_LABELS", "Labels", "Words", "labels_of", "tell", "tell_condition", "value_words"]
