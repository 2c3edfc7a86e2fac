"""What the check of a policy's rules found, as problems with their places."""

from __future__ import annotations

from app.catalog.compiling import Compiling
from flows.policy.examine import DEAD, GAP, IDLE, OVERLAP, SHADOWED, Finding
from flows.policy.model import Edition
from forms.problems import Path, Problem


def note_finding(finding: Finding, edition: Edition, at: Compiling) -> None:
    """Note a finding at its rule, a gap at the rules as a whole; an idle else as a warning."""
    head: Path = ("editions", edition.id) if edition.id else ()
    rule, shown = finding.rule, finding.shown
    path = rule.at if rule is not None else head or ("rules",)
    inherited = edition.id and path[: len(head)] != head
    where = f"in the edition {edition.id}: " if inherited else ""
    others = ", ".join(other.id for other in finding.others)
    if finding.kind == GAP:
        at.problem(
            "policy_gap",
            path,
            f"{where}no rule applies to {shown}",
            "a rule for it, or `else`",
            on_key=True,
        )
    elif finding.kind == OVERLAP:
        at.problem(
            "policy_overlap",
            path,
            f"{where}{others} applies, too: {shown}",
            "rules that do not meet, or `hit: first`",
            on_key=True,
        )
    elif finding.kind == SHADOWED:
        takes = "take" if len(finding.others) > 1 else "takes"
        at.problem(
            "policy_shadowed",
            path,
            f"{where}this rule never applies: {others} before it {takes} all it would match, "
            f"such as {shown}",
            "another order, or a narrower rule before it",
            on_key=True,
        )
    elif finding.kind == DEAD:
        at.problem(
            "policy_dead",
            path,
            f"{where}this rule never applies: no value of {shown} fits it",
            on_key=True,
        )
    elif finding.kind == IDLE:
        told = f"{where}the rules take every value, so nothing is left for else"
        idle = Problem("policy_idle_else", path, told, "leave else out", on_key=True)
        at.problems.append(idle.softened())
    else:
        at.problem(
            "policy_too_complex",
            path,
            f"{where}the rules are too many and too entangled to be checked",
            "fewer rules or inputs, or several policies one after the other",
            on_key=True,
        )
