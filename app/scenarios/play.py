"""Play one scenario, step by step, and hold what came out against what is told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.access.actor import Actor
from app.catalog.model import Scenario
from app.records import Refused, act, arrive, claim, create, give_back, read, update
from app.records.flowview import TaskView
from app.records.tenant import Tenant
from app.scenarios.cast import ANYBODY
from app.scenarios.expect import Finding, Since, judge
from app.scenarios.names import Known, Unnamed
from app.scenarios.result import Failure, Outcome
from app.scenarios.script import Script
from app.scenarios.stage import Clock
from app.scenarios.world import Endless, World
from flows.events import Arrived

Raw = Mapping[str, Any]
DRAFT = "save"
_POOL = {"claim": claim, "give_back": give_back}
"""Acts that decide nothing: a task is taken from the pool, or given back."""


def play(
    tenant: Tenant, clock: Clock, scenario: Scenario, script: Script, letters: Path
) -> tuple[Outcome, World]:
    """Play it on a fresh tenant. What is refused without being told so ends the story there."""
    began = time.perf_counter()
    world = World.of(tenant, clock, scenario, letters)
    if scenario.now:
        clock.now = world.moment(scenario.now)
    failures: list[Failure] = []
    for number, step in enumerate((*scenario.given, *scenario.steps), 1 - len(scenario.given)):
        given = number < 1
        place = script.place(given, number + len(scenario.given) - 1 if given else number - 1)
        player = Player(world, step, given)
        findings = player.play()
        failures += [
            Failure(place, max(number, 0), one.what, one.expected, one.found) for one in findings
        ]
        if player.broken:
            break
    seconds = time.perf_counter() - began
    return (
        Outcome(scenario.id, scenario.label, script.heading, tuple(failures), seconds),
        world,
    )


class Player:
    """One step."""

    def __init__(self, world: World, step: Raw, given: bool = False) -> None:
        self.world = world
        self.step = step
        self.given = given
        self.broken = False
        self.known: Known | None = None

    def play(self) -> list[Finding]:
        """Do it; what is not as told."""
        world, step = self.world, self.step
        try:
            if "at" in step:
                world.pass_until(world.moment(str(step["at"])))
            since = Since.now(world)
            self.do()
            world.settle()
        except Refused as refused:
            return self._refused(refused)
        except (Unnamed, Endless) as wrong:
            self.broken = True
            return [Finding(self._verb(), "a step that can be done", str(wrong))]
        if step.get("refused"):
            self.broken = True
            return [Finding(self._verb(), f"refused with {step['refused']}", "it was done")]
        return judge(world, self.known, step.get("expect", {}), since)

    def _refused(self, refused: Refused) -> list[Finding]:
        told = self.step.get("refused")
        if told is None or told is False:
            self.broken = True
            return [Finding(self._verb(), "done", f"refused, {refused}")]
        codes = {refused.code, *(one.code for one in refused.details)}
        if told is True or str(told) in codes:
            world = self.world
            return judge(world, self._subject(), self.step.get("expect", {}), Since.now(world))
        return [Finding(self._verb(), f"refused with {told}", str(refused))]

    def _verb(self) -> str:
        for name in ("create", "act", "send", "wait", "answer", "update"):
            if name in self.step:
                return f"{name} {self.step[name]}"
        return "expect"

    def _subject(self) -> Known | None:
        text = self.step.get("on") or self.step.get("to") or self.step.get("update")
        if text is None or "create" in self.step:
            return None
        return self.world.names.record(str(text))

    def do(self) -> None:
        """Do it. Raises Refused, Unnamed."""
        step = self.step
        self.known = self._subject()
        if "create" in step:
            self._create()
        elif "act" in step:
            self._act()
        elif "send" in step:
            self._send()
        elif "answer" in step:
            self.world.recorder.expect(str(step["answer"]), [str(step.get("outcome", "done"))])
        elif "update" in step:
            self._update()
        if "wait" in step:
            self.world.pass_until(self.world.later(str(step["wait"])))

    def _actor(self, otherwise: str | None = None) -> Actor:
        names = self.world.names
        name = self.step.get("by", otherwise)
        return self.world.cast.actor(name, lambda alias: names.record(alias))

    def _create(self) -> None:
        step, world = self.step, self.world
        form, actor = str(step["create"]), self._actor()
        values = world.names.submitted(form, {**step.get("with", {})}, actor)
        chosen = step.get("act")
        moment = "save" if chosen == DRAFT else "submit"
        key = step.get("key")
        saved = create(
            world.tenant,
            actor,
            form,
            values,
            key=None if key is None else f"scenario {key}",
            moment=moment,
            act=None if chosen == DRAFT else chosen,
        )
        self.known = Known(form, saved.id)
        if "as" in step:
            world.names.records[str(step["as"])] = self.known

    def _update(self) -> None:
        step, world = self.step, self.world
        known, actor = self._must(), self._actor(ANYBODY)
        values = {**step.get("with", {}), **step.get("set", {})}
        submitted = world.names.submitted(known.form, values, actor, known)
        version = read(world.tenant, actor, known.form, known.id).row["version"]
        update(world.tenant, actor, known.form, known.id, submitted, version=version)

    def _act(self) -> None:
        step, world = self.step, self.world
        known, actor = self._must(), self._actor(ANYBODY)
        name = str(step["act"])
        if name in _POOL:
            _POOL[name](world.tenant, actor, known.form, known.id, task=self._task(known))
            return
        values = world.names.submitted(known.form, step.get("set", {}), actor, known)
        files = [
            world.names.upload(known.form, f"file-{n}.txt", actor)
            for n in range(int(step.get("files", 0)))
        ]
        act(
            world.tenant,
            actor,
            known.form,
            known.id,
            name,
            task=self._task(known),
            values=values,
            comment=str(step.get("comment", "")),
            attachments=files,
            signature=str(step.get("signature", "")),
            to=str(step.get("back_to", "")),
            key=None if step.get("key") is None else f"scenario {step['key']}",
        )

    def _task(self, known: Known) -> int | None:
        """The task of a row, where the step names one."""
        if "row" not in self.step:
            return None
        row, _ = self.world.names.value(known, str(self.step["row"]))
        found = [one for one in self.world.flow(known).tasks if one.row == row["id"]]
        offering = [one for one in found if self._offers(one)]
        if not offering:
            raise Unnamed(f"{self.step['row']} has no open task with {self.step['act']}")
        return offering[0].task.id

    def _offers(self, view: TaskView) -> bool:
        return not view.acts or any(one.name == self.step["act"] for one in view.acts)

    def _send(self) -> None:
        step, world = self.step, self.world
        known = self._must()
        name = str(step["send"])
        data = dict(step.get("with", {}))
        given = world.names.submitted(known.form, step.get("set", {}), self._actor(), known)
        saved = dict(_by_path(given))
        key = str(step.get("key") or f"{name}-{world.events()}")
        home = world.tenant.active().tables.forms[known.form]
        about = [world.names.value(known, str(step["row"]))[0]["id"]] if "row" in step else []
        told = Arrived(name, key, saved, data, frozenset(about))
        arrive(world.tenant, home.key, known.id, told)

    def _must(self) -> Known:
        if self.known is None:
            raise Unnamed("`on` names the record")
        return self.known


def _by_path(given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What an event writes, by field; of rows what is set in one of them."""
    for name, value in given.items():
        if not (isinstance(value, list) and value and isinstance(value[0], Mapping)):
            yield tuple(name.split(".")), value
            continue
        for row in value:
            yield from (((name, inner), one) for inner, one in row.items() if inner != "id")
