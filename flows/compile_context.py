"""What the parts of the flow compiler share: where an expression stands, who, how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from flows.durations import parse
from flows.model import Duration
from forms.compile_library import FormLibrary, Wrapped
from forms.expr import USER, Expr, Scope, Type, link
from forms.model import Form
from forms.problems import Noting, Path, Problem

if TYPE_CHECKING:
    from flows.policy.model import Policy

Raw = Mapping[str, Any]

HOPS = 3
"""How many links one path of a flow's expressions may follow."""


class Notes(Protocol):
    """The definition being compiled, and where its problems are noted."""

    @property
    def data(self) -> Raw:
        """The definition's plain values; its schema holds."""

    @property
    def library(self) -> FormLibrary:
        """The definitions around it."""

    @property
    def ids(self) -> Mapping[str, set[str]]:
        """The ids of every kind, also of definitions that have problems."""

    @property
    def problems(self) -> list[Problem]:
        """Where problems are noted."""

    def expr(
        self, value: object, path: Path, scope: Scope, expect: Type | Sequence[Type] | None = None
    ) -> Expr | None:
        """Compile an expression; problems are noted."""

    def condition(self, value: object, path: Path, scope: Scope) -> Expr | None:
        """Compile a condition; None where there is none or it always holds."""


@dataclass(frozen=True, slots=True)
class World(Noting):
    """Everything one flow is compiled against. `ends`: form → the outcomes its flow ends with."""

    at: Notes
    form: Form
    policies: Mapping[str, Policy]
    ends: Mapping[str, frozenset[str]]
    problems: list[Problem] = field(init=False)
    library: FormLibrary = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "problems", self.at.problems)
        object.__setattr__(self, "library", OwnRows(self.at.library, self.form.id))

    def duration(self, value: object, path: Path) -> Duration | None:
        """A length of time, written out or a policy's parameter `policy.parameter`."""
        text = str(value)
        found = parse(text)
        if found is not None:
            return found
        name, _, parameter = text.partition(".")
        policy = self.policies.get(name)
        if policy is None:
            if name not in self.at.ids.get("policy", ()):
                self.unknown("policy", name, self.policies, path)
            return None
        if parameter not in policy.params:
            self.unknown("parameter", parameter, policy.params, path)
            return None
        value = policy.params[parameter]
        if not isinstance(value, Duration):
            self.problem(
                "no_duration",
                path,
                f"{text} is {value}, not a length of time",
                "a parameter such as 3wd, or a length of time",
            )
            return None
        return replace(value, parameter=(name, parameter))

    def fields(self, target: str) -> Mapping[str, Type]:
        """The names of a form, or of its lines; nothing where there is no such."""
        return self.library.fields_of(target) or {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands. `path`: of its scope. `rows`: the names of rows around it (`as`) and
    their lines fields, the innermost last. `root`: where its steps stand in the definition."""

    path: str
    root: Path
    rows: tuple[tuple[str, str], ...] = ()

    def inside(self, path: str, root: Path, row: tuple[str, str] | None = None) -> Place:
        """A scope inside this one."""
        return Place(path, root, (*self.rows, row) if row else self.rows)


def scope(world: World, place: Place) -> Scope:
    """What expressions of a step see: the record's names, the rows around it, `this`, `me`."""
    form = world.form.id
    names = {**world.fields(form), "this": link(form), "me": USER}
    for name, lines in place.rows:
        names[name] = link(f"{form}.{lines}")
    return Scope(names, None, None, world.library, HOPS)


def row_scope(world: World, lines: str, extra: Mapping[str, Type] | None = None) -> Scope:
    """What expressions of a row see: its fields, the record's as `parent.`, `this` the row."""
    form = world.form.id
    own = link(f"{form}.{lines}")
    names = {**world.fields(f"{form}.{lines}"), "this": own, "me": USER, **(extra or {})}
    return Scope(names, world.fields(form), None, world.library, HOPS)


class OwnRows(Wrapped):
    """A library that leaves out the way from a form's own rows back to their record: expressions
    of its flow name the record's fields themselves."""

    __slots__ = ("_form",)

    def __init__(self, library: FormLibrary, form: str) -> None:
        super().__init__(library)
        self._form = form

    def fields_of(self, target: str) -> Mapping[str, Type] | None:
        """As the library's, without that way."""
        found = self._library.fields_of(target)
        if found is None or not target.startswith(f"{self._form}."):
            return found
        return {name: kind for name, kind in found.items() if name != self._form}
