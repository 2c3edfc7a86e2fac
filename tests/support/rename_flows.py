"""Rename the ids of policies, flows, notifications, connections, portals and scenarios by script.

Steps, stages, acts, ends, policies, their parameters, inputs and rules are ids like any other; what
the engine itself says (done, approved, late, failed.declined) and what connectors say stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.rename import Renamer

Node = object
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_REFERENCE = re.compile(r"^[a-z][a-z0-9_]*([./\[].*)?$")
_CALLED = re.compile(r"^([a-z_]+)\((.*)\)(.*)$")
ENGINE = frozenset("done late approved rejected sent_back until else true false none".split())
GROUPS = ("policies", "params", "inputs", "rules", "stages", "steps", "acts", "ends", "slas")


def _map(node: Node) -> Mapping[str, Node]:
    return node if isinstance(node, Mapping) else {}


def _list(node: Node) -> list[Node]:
    return list(node) if isinstance(node, list) else []


class Found:
    """The ids of all policies and flows."""

    def __init__(self, documents: Iterable[Mapping[str, Node]]) -> None:
        for group in GROUPS:
            setattr(self, group, set())
        self.policies: set[str]
        self.params: set[str]
        self.inputs: set[str]
        self.rules: set[str]
        self.stages: set[str]
        self.steps: set[str]
        self.acts: set[str]
        self.ends: set[str]
        self.slas: set[str]
        for document in documents:
            kind = next(iter(document))
            if kind == "policy":
                self.policies.add(str(document["policy"]))
                for key in ("params", "inputs", "rules"):
                    getattr(self, key).update(_map(document.get(key)))
            elif kind == "flow":
                self.stages |= set(_map(document.get("stages")))
                self.slas |= set(_map(document.get("slas")))
                self._steps(_map(document.get("steps")))

    def _steps(self, steps: Mapping[str, Node]) -> None:
        for name, raw in steps.items():
            step = _map(raw)
            self.steps.add(name)
            if "task" in step and isinstance(step.get("next"), Mapping):
                self.acts |= set(_map(step["next"])) - ENGINE
            if "end" in step and step["end"] not in ENGINE:
                self.ends.add(str(step["end"]))
            self._steps(_map(_map(step.get("each")).get("steps")))
            for branch in _map(_map(step.get("parallel")).get("branches")).values():
                self._steps(_map(branch))

    @property
    def words(self) -> set[str]:
        """Every id found."""
        return set().union(*(getattr(self, group) for group in GROUPS))


class FlowRenamer:
    """Rewrites the definitions that a `Renamer` of forms hands over."""

    def __init__(self, base: Renamer, found: Found, name: Callable[[str], str]) -> None:
        self.base, self.found, self.name = base, found, name

    def _one(self, word: Node, known: set[str]) -> str:
        text = str(word)
        return self.name(text) if text in known and text not in ENGINE else text

    def _who(self, people: Node) -> Node:
        def one(kind: str, value: Node) -> Node:
            if kind == "role":
                return self.base.role(value)
            if kind == "actor_of":
                return self._one(value, self.found.steps)
            return self.base.expr(value)

        return [{k: one(k, v) for k, v in _map(entry).items()} for entry in _list(people)]

    def _paths(self, paths: Node) -> Node:
        return paths if isinstance(paths, str) else [self.base.path(p) for p in _list(paths)]

    def _exprs(self, values: Node) -> Mapping[str, Node]:
        return {self.base.path(k): self.base.expr(v) for k, v in _map(values).items()}

    # Policies ---------------------------------------------------------------------------------

    def policy(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A policy."""
        found = self.found
        out = dict(d)
        out["policy"] = self._one(d["policy"], found.policies)
        for key, rewrite in {
            "for": self.base.target,
            "as_of": self.base.expr,
            "branch": self.base.path,
            "params": lambda p: {
                self._one(k, found.params): self._verdict(v) for k, v in _map(p).items()
            },
            "inputs": lambda i: {
                self._one(k, found.inputs): self.base.expr(v) for k, v in _map(i).items()
            },
            "outputs": lambda o: {self.base.path(k): v for k, v in _map(o).items()},
            "rules": lambda r: {
                self._one(k, found.rules): self._rule(_map(v)) for k, v in _map(r).items()
            },
            "else": self._then,
            "public": self._says,
        }.items():
            if out.get(key) is not None:
                out[key] = rewrite(out[key])
        return out

    def _rule(self, rule: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(rule)
        if "when" in out:
            out["when"] = {
                self._one(k, self.found.inputs): self._condition(v)
                for k, v in _map(out["when"]).items()
            }
        if "then" in out:
            out["then"] = self._then(out["then"])
        if "says" in out:
            out["says"] = self._says(out["says"])
        return out

    def _condition(self, raw: Node) -> Node:
        if isinstance(raw, list):
            return [self._condition(item) for item in raw]
        if not isinstance(raw, str):
            return raw
        known = self.base.values | self.found.params
        return _WORD.sub(lambda m: self._one(m[0], known), raw)

    def _then(self, values: Node) -> Mapping[str, Node]:
        return {self.base.path(k): self._verdict(v) for k, v in _map(values).items()}

    def _verdict(self, value: Node) -> Node:
        known = self.base.values | self.found.params
        return self.name(value) if isinstance(value, str) and value in known else value

    def _says(self, text: Node) -> Node:
        if isinstance(text, Mapping):
            return {k: self._says(v) for k, v in text.items()}
        place = re.compile(r"\{([a-z0-9_]+)\}")
        return place.sub(lambda m: "{" + self._one(m[1], self.found.params) + "}", str(text))

    # Flows ------------------------------------------------------------------------------------

    def flow(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A flow."""
        found = self.found
        out = dict(d)
        out["flow"] = self.base.form(d["flow"])
        if "stages" in d:
            out["stages"] = {self._one(k, found.stages): v for k, v in _map(d["stages"]).items()}
        if "slas" in d:
            out["slas"] = {
                self._one(k, found.slas): self._sla(_map(v)) for k, v in _map(d["slas"]).items()
            }
        if "interrupts" in d:
            out["interrupts"] = {
                k: self._interrupt(_map(v)) for k, v in _map(d["interrupts"]).items()
            }
        if "steps" in d:
            out["steps"] = self._steps(d["steps"])
        return out

    def _sla(self, sla: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(sla)
        for key in ("from", "to"):
            if key in out:
                stage = str(out[key]) in self.found.stages
                out[key] = self.name(str(out[key])) if stage else self.base.path(out[key])
        for key in ("within", "warn"):
            if key in out:
                out[key] = self._length(out[key])
        if "pause" in out:
            out["pause"] = [self._one(s, self.found.stages) for s in _list(out["pause"])]
        return out

    def _length(self, duration: Node) -> str:
        policy, dot, param = str(duration).partition(".")
        if not dot:
            return policy
        return f"{self._one(policy, self.found.policies)}.{self._one(param, self.found.params)}"

    def _interrupt(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(raw)
        for key, rewrite in {
            "by": self._who,
            "in": lambda s: [self._one(one, self.found.stages) for one in _list(s)],
            "to": lambda s: self._one(s, self.found.steps),
            "when": self.base.expr,
        }.items():
            if out.get(key) is not None:
                out[key] = rewrite(out[key])
        return out

    def _steps(self, steps: Node) -> Mapping[str, Node]:
        return {
            self._one(k, self.found.steps): self._step(_map(v)) if isinstance(v, Mapping) else v
            for k, v in _map(steps).items()
        }

    def _step(self, step: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(step)
        for key, rewrite in {
            "stage": lambda s: self._one(s, self.found.stages),
            "after": lambda s: self._one(s, self.found.steps),
            "set": self._exprs,
            "due": lambda due: self._due(_map(due)),
            "task": lambda task: self._people(_map(task)),
            "approve": lambda approve: self._approve(_map(approve)),
            "decide": self._policies,
            "switch": self.base.expr,
            "do": lambda do: {k: self._action(_map(v)) for k, v in _map(do).items()},
            "wait": lambda w: {
                k: self.base.expr(v) if k == "until" else v for k, v in _map(w).items()
            },
            "each": lambda each: self._each(_map(each)),
            "parallel": lambda p: self._parallel(_map(p)),
            "start": lambda start: self._start(_map(start)),
            "end": lambda end: self._one(end, self.found.ends),
        }.items():
            if out.get(key) is not None:
                out[key] = rewrite(out[key])
        if "next" in out:
            out["next"] = self._next(out["next"], step)
        return out

    def _next(self, after: Node, step: Mapping[str, Node]) -> Node:
        if not isinstance(after, Mapping):
            return self._one(after, self.found.steps)

        def target(value: Node) -> Node:
            if not isinstance(value, Mapping):
                return value if value is None else self._one(value, self.found.steps)
            out = dict(value)
            out["to"] = self._one(out["to"], self.found.steps)
            if "when" in out:
                out["when"] = self.base.expr(out["when"])
            return out

        return {self._outcome(k, step): target(v) for k, v in after.items()}

    def _outcome(self, name: str, step: Mapping[str, Node]) -> str:
        """How an exit is called: by what people, policies, or ends of other flows say."""
        found = self.found
        if {"decide", "switch"} & set(step):
            words = ("true", "false", "else", "negative", "zero", "positive")
            return name if name in words else self._one_value(name)
        if "task" in step:
            return self._one(name, found.acts)
        if {"start", "each", "parallel"} & set(step):
            return self._one(name, found.ends)
        if {"approve", "do", "wait", "set"} & set(step):
            return name
        return self._one(name, (found.acts | found.ends | self.base.values) - ENGINE)

    def _one_value(self, name: str) -> str:
        return self.name(name) if name in self.base.values else name

    def _due(self, due: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(due)
        if "at" in out:
            out["at"] = self.base.expr(out["at"])
        if "in" in out:
            out["in"] = self._length(out["in"])
        if "escalate" in out:
            out["escalate"] = self._who(out["escalate"])
        return out

    def _people(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(raw)
        for key in ("by", "exclude", "if_nobody"):
            if key in out:
                out[key] = self._who(out[key])
        for key in ("edit", "require", "hide"):
            if key in out:
                out[key] = self._paths(out[key])
        if "when" in out:
            out["when"] = self.base.expr(out["when"])
        if "due" in out:
            out["due"] = self._due(_map(out["due"]))
        return out

    def _approve(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(self._people(raw))
        levels = _map(raw.get("levels")).items()
        if "levels" in raw:
            out["levels"] = {k: self._people(_map(v)) for k, v in levels}
        return out

    def _policies(self, names: Node) -> Node:
        if isinstance(names, list):
            return [self._one(n, self.found.policies) for n in names]
        return self._one(names, self.found.policies)

    def _action(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(raw)
        if "with" in out:
            out["with"] = {k: self.base.expr(v) for k, v in _map(out["with"]).items()}
        if "save" in out:
            out["save"] = {self.base.path(k): v for k, v in _map(out["save"]).items()}
        for key in ("when", "key"):
            if key in out:
                out[key] = self.base.expr(out[key])
        return out

    def _each(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        return {**raw, "over": self.base.expr(raw["over"]), "steps": self._steps(raw["steps"])}

    def _parallel(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        branches = _map(raw["branches"]).items()
        return {**raw, "branches": {k: self._steps(v) for k, v in branches}}

    def _start(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(raw)
        out["form"] = self.base.form(raw["form"])
        if "with" in out:
            out["with"] = self._exprs(out["with"])
        if "rows" in out:
            out["rows"] = {
                self.base.path(k): {
                    key: self.base.expr(v) if key == "over" else self._exprs(v)
                    for key, v in _map(rows).items()
                }
                for k, rows in _map(out["rows"]).items()
            }
        if "save" in out:
            out["save"] = self.base.path(out["save"])
        return out

    # What listens and what is outside ---------------------------------------------------------

    def notification(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A notification."""
        out = dict(d)
        if "event" in d:
            many = isinstance(d["event"], list)
            found = [self._event(str(e)) for e in (_list(d["event"]) if many else [d["event"]])]
            out["event"] = found if many else found[0]
        if "to" in d:
            out["to"] = self._who(d["to"])
        if "text" in d:
            out["text"] = {k: self.base.text(v) for k, v in _map(d["text"]).items()}
        if "when" in out:
            out["when"] = self.base.expr(out["when"])
        return out

    def _event(self, event: str) -> str:
        form, _, rest = event.partition(".")
        what, _, name = rest.partition(".")
        groups = {
            "stage": self.found.stages,
            "ended": self.found.ends,
            "sla": self.found.slas,
            "remind": self.found.steps,
            "late": self.found.steps,
        }
        first, dot, last = name.partition(".")
        known = groups.get(what, set())
        tail = f".{self._one(first, known)}{dot}{last}" if name else ""
        return f"{self.base.form(form)}.{what}{tail}"

    def connection(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A connection; what actions are called with is the connector's, not ours."""
        out = dict(d)
        settings = dict(_map(d.get("settings")))
        if d.get("plugin") == "records":
            settings["form"] = self.base.form(settings["form"])
            for key, rewrite in {
                "values": lambda v: {self.base.path(k): a for k, a in _map(v).items()},
                "set": lambda v: {self.base.path(k): self.base.value(c) for k, c in v.items()},
                "give": lambda v: {k: self.base.path(f) for k, f in _map(v).items()},
                "done": lambda v: [self._one(e, self.found.ends) for e in _list(v)],
            }.items():
                if key in settings:
                    settings[key] = rewrite(settings[key])
        if settings:
            out["settings"] = settings
        if "serves" in d:
            out["serves"] = {
                k: self.base.expr(v, names=False) for k, v in _map(d["serves"]).items()
            }
        if "events" in d:
            out["events"] = {k: self._match(_map(v)) for k, v in _map(d["events"]).items()}
        return out

    def _match(self, raw: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(raw)
        match = _map(raw["match"])
        out["match"] = {
            "form": self.base.form(match["form"]),
            "field": self.base.path(match["field"]),
        }
        if "save" in out:
            out["save"] = {self.base.path(k): v for k, v in _map(out["save"]).items()}
        return out

    def portal(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A portal."""
        out = dict(d)
        out["role"] = self.base.role(d["role"])
        identify = dict(_map(d.get("identify")))
        if identify:
            identify["form"] = self.base.form(identify["form"])
            identify["by"] = self._paths(identify["by"])
            for key in ("code_to", "as"):
                if key in identify:
                    identify[key] = self.base.path(identify[key])
            out["identify"] = identify
        out["start"] = [self.base.form(f) for f in _list(d.get("start"))]
        show = dict(_map(d.get("show")))
        if isinstance(show.get("fields"), list):
            show["fields"] = self._paths(show["fields"])
        if isinstance(show.get("stages"), list):
            show["stages"] = [self._one(s, self.found.stages) for s in _list(show["stages"])]
        out["show"] = show
        if "policy" in d:
            out["policy"] = self._policies(d["policy"])
        if "ask" in d:
            ask = dict(_map(d["ask"]))
            ask["form"] = self.base.form(ask["form"])
            ask["at"] = [self._one(s, self.found.stages) for s in _list(ask["at"])]
            out["ask"] = ask
        return out

    def then(self, steps: Node) -> Node:
        """What happened to a made-up record since."""

        def words(text: str) -> str:
            return _WORD.sub(lambda m: m[0] if m[0] == "it" else self.base.path(m[0]), text)

        def one(step: Mapping[str, Node]) -> Mapping[str, Node]:
            out = dict(step)
            if "act" in out:
                out["act"] = self._one(out["act"], self.found.acts)
            for key in ("record", "each"):
                if key in out:
                    out[key] = words(str(out[key]))
            if "set" in out:
                out["set"] = {words(k): filled(v) for k, v in _map(out["set"]).items()}
            return out

        def filled(value: Node) -> Node:
            if isinstance(value, Mapping):
                return {k: made(v) for k, v in value.items()}
            reads = isinstance(value, str) and value.startswith("it.")
            return words(str(value)) if reads else self.base.value(value)

        def made(value: Node) -> Node:
            if isinstance(value, Mapping):
                return {self.base.value(k): v for k, v in value.items()}
            return [self.base.value(v) for v in value] if isinstance(value, list) else value

        return [one(_map(step)) for step in _list(steps)]

    # Scenarios --------------------------------------------------------------------------------

    def scenario(self, d: Mapping[str, Node]) -> Mapping[str, Node]:
        """A scenario: its records, acts and expectations."""
        out = dict(d)
        steps = [*_list(d.get("given")), *_list(d.get("steps"))]
        aliases = {str(_map(s).get("as")) for s in steps} - {"None"}
        for key in ("given", "steps"):
            if key in d:
                out[key] = [self._told(_map(s), aliases) for s in _list(d[key])]
        if "people" in d:
            out["people"] = {k: self._person(_map(v)) for k, v in _map(d["people"]).items()}
        if "settings" in d:
            out["settings"] = self._settings(_map(d["settings"]))
        return out

    def _person(self, person: Mapping[str, Node]) -> Mapping[str, Node]:
        out = dict(person)
        if "roles" in out:
            out["roles"] = [self.base.role(r) for r in _list(out["roles"])]
        return out

    def _settings(self, settings: Mapping[str, Node]) -> Mapping[str, Node]:
        """Overlays by kind and id, written without their first key."""
        found: dict[str, Node] = {}
        for kind, entries in settings.items():
            renamed = {}
            for name, patch in _map(entries).items():
                whole = self.base.document({kind: name, **_map(patch)})
                renamed[str(whole[kind])] = {k: v for k, v in whole.items() if k != kind}
            found[kind] = renamed
        return found

    def _told(self, step: Mapping[str, Node], aliases: set[str]) -> Mapping[str, Node]:
        out = dict(step)
        if "create" in out:
            out["create"] = self.base.form(out["create"])
        if "act" in out:
            out["act"] = self._one(out["act"], self.found.acts)
        for key in ("on", "to", "update", "answer"):
            if isinstance(out.get(key), str):
                out[key] = self._reference(str(out[key]))
        if "row" in out:
            out["row"] = _WORD.sub(lambda m: self.base.path(m[0]), str(out["row"]))
        for key in ("with", "set"):
            if key in out and not ("send" in step or "answer" in step):
                out[key] = self._values(out[key], aliases)
        if "expect" in out:
            out["expect"] = self._expected(_map(out["expect"]), aliases)
        return out

    def _reference(self, text: str) -> str:
        head, dot, tail = text.partition(".")
        if head in self.base.forms and not dot:
            return self.base.form(head)
        return head + dot + _WORD.sub(lambda m: self.base.path(m[0]), tail)

    def _values(self, values: Node, aliases: set[str]) -> Node:
        if isinstance(values, list):
            return [self._values(v, aliases) for v in values]
        if isinstance(values, Mapping):
            return {
                _WORD.sub(lambda m: self.base.path(m[0]), k): self._values(v, aliases)
                for k, v in values.items()
            }
        if isinstance(values, str):
            if _REFERENCE.match(values) and re.split(r"[.\[]", values)[0] in aliases:
                return self._reference(values)
            return self._one(values, self.base.values)
        return values

    def _expected(self, expect: Mapping[str, Node], aliases: set[str]) -> Mapping[str, Node]:
        known = self.found.steps | self.found.stages | self.found.rules | self.base.values
        known |= self.found.acts | self.found.ends | self.base.roles

        words = self.base.fields | self.base.forms | self.found.policies | self.found.slas
        grammar = {"stage", "step", "outcome", "title", "number", "tasks", "messages"}

        def named(match: re.Match[str]) -> str:
            kept = match[0] in grammar or match[0] in aliases
            return match[0] if kept else self._one(match[0], words)

        def key(text: str) -> str:
            called = _CALLED.match(text)
            if called is None:
                return _WORD.sub(named, text)
            return f"{called[1]}({_WORD.sub(named, called[2])}){called[3]}"

        def places(text: str) -> str:
            path, dot, level = text.partition(".")
            return "/".join(self._one(part, known) for part in path.split("/")) + dot + level

        def value(node: Node) -> Node:
            if isinstance(node, list):
                return [value(v) for v in node]
            if isinstance(node, Mapping):  # of tasks: steps to people
                return {places(k): value(v) for k, v in node.items()}
            if isinstance(node, str) and _REFERENCE.match(node):
                if re.split(r"[.\[]", node)[0] in aliases:
                    return self._reference(node)
                return places(node)
            return node

        outside = {"calls", "messages", "incident"}
        return {key(k): v if k in outside else value(v) for k, v in expect.items()}
