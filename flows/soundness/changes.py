"""What a step fills and what it may empty, fact by fact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flows.model import Approve, Decide, Do, Flow, Setting, Start, Step, Task
from flows.soundness.emptiness import Emptiness
from flows.soundness.facts import ENDED, NOTHING, Facts, Frame
from flows.soundness.fields import brought, every_field, takes
from flows.soundness.world import World
from forms.expr import Expr
from forms.model import Field, Form, Lines

EVERY = "*"
"""Before a column that may have been emptied in every row, not in the row at hand only."""


@dataclass(slots=True)
class Changes:
    """The changes of one flow's steps. `always`: what no step can empty, once it was submitted."""

    flow: Flow
    world: World
    form: Form
    empty: Emptiness
    always: Facts = NOTHING
    _opened: dict[tuple[str, str], Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.always = self.empty.always(self.form)
        self.empty.brought = self._brought()

    def _brought(self) -> dict[str, tuple[tuple[str, Expr], ...]]:
        """Fields that only follow a link: people cannot write them and no step does."""
        written = {
            path
            for step in self.flow.steps.values()
            for path in (*(".".join(one.path) for one in step.sets), *_saved(step))
        }
        return brought(self.form, written)

    # -- what a new record has --------------------------------------------------------------

    def at_start(self) -> Facts:
        """What a record has when its flow begins."""
        entry = self.flow.top.steps[self.flow.top.entry]
        given = self.world.given
        found: set[str] = set()
        if given is not None:
            found |= self.always | given
            shut = frozenset(self._all())
        else:
            # Whoever makes a record may leave every field empty in a draft, and later any that
            # the form does not require.
            draft = isinstance(entry.body, Task)
            found |= self.always - self.opened(entry, "") if draft else self.always
            shut = frozenset(f.path for f in self._fields() if not takes(f))
        self._defaults(found, shut)
        return frozenset(found)

    def _defaults(self, found: set[str], shut: Facts) -> None:
        for one in self._fields():
            if one.path not in shut or one.default is None or isinstance(one.visible, Expr):
                continue
            sure = not isinstance(one.default, Expr) or not self.empty.of(
                one.default, frozenset(found), Frame(one.within)
            )
            if sure:
                found.add(one.path)

    # -- what steps do ----------------------------------------------------------------------

    def set_on_entry(self, step: Step, facts: Facts, row: str) -> tuple[Facts, Facts]:
        """The facts behind a step's `set`, and what it may have emptied. `row`: the row at hand."""
        emptied: set[str] = set()
        for one in step.sets:
            facts = self._set(one, facts, row, emptied)
        return facts, frozenset(emptied)

    def _set(self, one: Setting, facts: Facts, row: str, emptied: set[str]) -> Facts:
        path = ".".join(one.path)
        rows = len(one.path) == 2 and not one.current
        frame = Frame(one.path[0]) if rows else Frame()
        names = self.names_of(path, row if one.current else "")
        lacks = self.empty.of(one.value, facts, frame)
        found = self.empty.field_of(names[0])
        facts = self.drop(facts, names[0], one.current)
        if not lacks and not (found is not None and isinstance(found.visible, Expr)):
            return facts | set(names)
        emptied.update(self.gone(names[0], one.current))
        return facts

    def names_of(self, path: str, row: str) -> tuple[str, ...]:
        """The facts about a path: of the row at hand only, or of all rows and so of each."""
        lines, _, tail = path.partition(".")
        if row:
            return (f"{row}.{tail}",)
        return (path, *(f"{r}.{tail}" for r, of in self.empty.rows.items() if tail and of == lines))

    def gone(self, fact: str, current: bool) -> tuple[str, ...]:
        """The facts that fall with one: of the row at hand, so of "all rows", too."""
        head, _, tail = fact.partition(".")
        found = [fact, fact + ENDED]
        if tail and head in self.empty.rows:
            found.append(f"{self.empty.rows[head]}.{tail}")
        elif tail and not current:
            found.append(EVERY + fact)
            found += [f"{row}.{tail}" for row, of in self.empty.rows.items() if of == head]
        return tuple(found)

    def drop(self, facts: Facts, fact: str, current: bool) -> Facts:
        """The facts without what falls with one of them."""
        return facts - set(self.gone(fact, current)) if facts else facts

    def opened(self, step: Step, row: str) -> Facts:
        """What people can change, and so empty, while a task or approval is with them."""
        key = (step.path, row)
        found = self._opened.get(key)
        if found is None:
            found = self._opened[key] = frozenset(self._open(step, row))
        return found

    def _open(self, step: Step, row: str) -> Iterator[str]:
        body = step.body
        if isinstance(body, Task):
            listed: Iterable[str] = (*body.edit, *body.require)
            hidden = frozenset(body.hide)
        elif isinstance(body, Approve):
            listed = [p for level in body.levels.values() for p in (*level.edit, *level.require)]
            hidden = NOTHING
        else:
            return
        for path in listed:
            for one in self._meant(path):
                if one.path in hidden or one.within in hidden or one.formula is not None:
                    continue
                here = row if row and self.empty.rows.get(row) == one.within else ""
                for name in self.names_of(one.path, here):
                    yield from self.gone(name, bool(here))
                for target in one.fill:
                    yield f"{one.within}.{target}" if one.within else target

    def _meant(self, path: str) -> list[Field]:
        """The fields an entry of `edit` names; new rows leave columns empty."""
        if path == "*":
            return [one for one in self._fields() if takes(one)]
        found = self.form.field_at(path)
        if found is None:
            return []
        several = [found, *found.fields.values()] if isinstance(found, Lines) else [found]
        return [one for one in several if takes(one)]

    def required(self, paths: Iterable[str], row: str) -> Facts:
        """What `require` makes sure of."""
        found: set[str] = set()
        for path in paths:
            one = self.form.field_at(path)
            if one is None or isinstance(one.visible, Expr):
                continue
            here = row if row and self.empty.rows.get(row) == one.within else ""
            found.update(self.names_of(one.path, here))
        return frozenset(found)

    # -- fields -----------------------------------------------------------------------------

    def _fields(self) -> Iterator[Field]:
        return every_field(self.form)

    def _all(self) -> Iterator[str]:
        return (one.path for one in self._fields())


def _saved(step: Step) -> list[str]:
    """The fields a step writes beside its `set`."""
    match step.body:
        case Do() as body:
            return [".".join(path) for a in body.actions.values() for path in a.save]
        case Start() as body:
            return [body.save]
        case Decide() as body:
            return [
                path
                for policy in body.policies
                for name in policy.outputs
                for path in (name, f"{policy.lines}.{name}")
            ]
    return []
