"""Acts on a record, posted from its page: decide, take, hand on, ask others, comment, interrupt.

Whatever cannot be done shows the record's page again, as it now stands, with everything that was
typed and who was quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.datastructures import MultiDict

from app.access.errors import AccessError
from app.access.signin import confirm_password
from app.records import (
    Refused,
    act,
    add_approver,
    attach,
    claim,
    comment,
    give_back,
    read,
    titles,
    transfer,
    update,
)
from app.web.desk.data import attach_posted, editable, released, submit_values, understand_texts
from app.web.desk.panel import FILES, Typed, typed_again
from app.web.desk.post import Posted, read_post
from app.web.desk.recordpage import existing, show_again
from app.web.i18n import gettext as _
from app.web.i18n import language, ngettext
from app.web.security import csrf
from forms.values import decode_id, encode_id

MOST = 100
HOW = ("before", "after", "parallel")
LOST = frozenset({"not_found", "forbidden", "no_flow"})
"""Refusals after which there is no page to show again."""


def add_routes(desk: Blueprint) -> None:
    """Everything that is posted from the record's page and the inbox."""
    post: dict[str, Any] = {"methods": ["POST"]}
    record = "/forms/<form_id>/<rid>"
    desk.add_url_rule(f"{record}/act", "act", do_act, **post)
    desk.add_url_rule(f"{record}/comment", "comment", do_comment, **post)
    desk.add_url_rule(f"{record}/interrupt", "interrupt", do_interrupt, **post)
    desk.add_url_rule(f"{record}/claim", "claim", do_claim, **post)
    desk.add_url_rule(f"{record}/give-back", "give_back", do_give_back, **post)
    desk.add_url_rule(f"{record}/transfer", "transfer", do_transfer, **post)
    desk.add_url_rule(f"{record}/add-approver", "add_approver", do_add, **post)
    desk.add_url_rule("/inbox/act", "act_on_many", do_many, **post)


def again(form_id: str, rid: str, data: MultiDict[str, str]) -> Any:
    """The page of a record with what was typed before signing in again."""
    notice = _("You are signed in again. Check what you typed and send it.")
    return show_again(form_id, rid, typed_again(form_id, data, notice), 200)


@csrf.exempt  # type: ignore[untyped-decorator]
def do_act(form_id: str, rid: str) -> Any:
    """Take an exit of a task, vote, send back, or save what was filled in so far.

    Protected inside: an expired page is shown again with nothing lost.
    """
    number, data = existing(rid), MultiDict(request.form)
    try:
        csrf.protect()
    except CSRFError:
        notice = _("This page had expired. Check it and send it again.")
        return show_again(form_id, rid, typed_again(form_id, data, notice), 400)
    release = released(form_id, data.get("_release"))
    unclear = attach_posted(release.form, request.files, data) | _keep_files(form_id, data)
    posted = read_post(release.form, data)
    unclear |= understand_texts(release.form, posted, number)
    if unclear:
        return _mend(form_id, rid, data, posted, unclear)
    name = data.get("_act", "")
    try:
        signature = _signed(data)
    except AccessError as refused:
        said = {"_password": refused.message.pick(language())}
        return _mend(form_id, rid, data, posted, said)
    values = submit_values(release.form, posted, data)
    options: dict[str, Any] = {"key": data.get("_key") or None, "task": _task(data)}
    try:
        if name == "_save":
            version = editable(data.get("_version"))
            saved = update(g.tenant, g.actor, form_id, number, values, version=version, **options)
            flash(_("Saved. The task is still open."), "success")
        else:
            saved = act(
                g.tenant,
                g.actor,
                form_id,
                number,
                name,
                values=values or None,
                comment=data.get("_comment", "").strip(),
                attachments=_files(data),
                signature=signature,
                to=data.get("_to", "") if name == "sent_back" else "",
                version=editable(data.get("_version")),
                release_no=release.no,
                **options,
            )
            done = saved.title or saved.number or encode_id(saved.id)
            flash(_("Done: %(name)s", name=done), "success")
    except Refused as refused:
        return _refused(form_id, rid, data, posted, refused)
    for warning in saved.warnings:
        flash(warning.message.pick(language()), "warning")
    return _back(form_id, rid)


def do_claim(form_id: str, rid: str) -> Any:
    """Take a task from the pool."""
    return _handle(form_id, rid, claim, _("The task is yours now."), stay=True)


def do_give_back(form_id: str, rid: str) -> Any:
    """Give a task back to the pool."""
    return _handle(form_id, rid, give_back, _("The task is back in the pool."))


def do_transfer(form_id: str, rid: str) -> Any:
    """Give one's task to somebody else."""
    to = _user(request.form.get("_user", ""))
    said = request.form.get("_comment", "").strip()
    return _handle(form_id, rid, transfer, _("Handed over."), to=to, comment=said)


def do_add(form_id: str, rid: str) -> Any:
    """Ask somebody else as well."""
    how = request.form.get("_how", "before")
    if how not in HOW:
        abort(400)
    user, said = _user(request.form.get("_user", "")), request.form.get("_comment", "").strip()
    return _handle(
        form_id, rid, add_approver, _("They are asked as well."), user=user, how=how, comment=said
    )


def do_interrupt(form_id: str, rid: str) -> Any:
    """Withdraw, or whatever else leaves the path."""
    number, data = existing(rid), request.form
    try:
        act(
            g.tenant,
            g.actor,
            form_id,
            number,
            data.get("_act", ""),
            comment=data.get("_comment", "").strip(),
            key=data.get("_key") or None,
        )
    except Refused as refused:
        return _refused(form_id, rid, MultiDict(data), None, refused)
    flash(_("Done."), "success")
    return _back(form_id, rid)


@csrf.exempt  # type: ignore[untyped-decorator]
def do_comment(form_id: str, rid: str) -> Any:
    """Say something about a record."""
    number, data = existing(rid), MultiDict(request.form)
    try:
        csrf.protect()
    except CSRFError:
        notice = _("This page had expired. Check it and send it again.")
        return show_again(form_id, rid, Typed(data, notice=notice), 400)
    _keep_files(form_id, data, "_comment_files")
    files = _files(data, "_comment_files")
    try:
        comment(
            g.tenant,
            g.actor,
            form_id,
            number,
            data.get("_text", "").strip(),
            files,
            key=data.get("_key") or None,
        )
    except Refused as refused:
        return _refused(form_id, rid, data, None, refused)
    return redirect(url_for("desk.record", form_id=form_id, rid=rid) + "#timeline", 303)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of many."""

    url: str
    title: str
    done: bool
    said: str
    why: str


def do_many() -> Any:
    """The same act on many tasks, each by the same path as alone, with a list of results."""
    name, said = request.form.get("act", ""), request.form.get("comment", "").strip()
    picked = [one.split(" ") for one in request.form.getlist("pick")][:MOST]
    back = request.form.get("back") or url_for("desk.inbox")
    if not picked:
        flash(_("Nothing was selected."), "warning")
        return redirect(own(back), 303)
    lang, results = language(), []
    for parts in picked:
        if len(parts) not in (2, 3):
            abort(400)
        form_id, rid = parts[0], existing(parts[1])
        task = existing(parts[2]) if len(parts) == 3 else None
        title, why = parts[1], ""
        try:
            saved = act(g.tenant, g.actor, form_id, rid, name, task=task, comment=said)
            title = saved.title or saved.number or title
        except Refused as refused:
            why = _told(refused, lang)
            title = title_of(form_id, rid) or title
        results.append(
            Result(
                url_for("desk.record", form_id=form_id, rid=parts[1]),
                title,
                not why,
                _("not done") if why else _("done"),
                why,
            )
        )
    done = sum(one.done for one in results)
    summary = ngettext("%(num)d done", "%(num)d done", done)
    if done < len(results):
        left = len(results) - done
        summary += "; " + ngettext("%(num)d not done", "%(num)d not done", left)
    return render_template(
        "desk/many.html", title=_("Result"), results=results, summary=summary, back_url=own(back)
    )


def title_of(form_id: str, rid: int) -> str:
    """A record's title, where the person may see it."""
    found = titles(g.tenant, g.actor, form_id, [rid]) if form_id else {}
    return found[rid].title if rid in found else ""


def own(address: str) -> str:
    """An address inside this tenant; the inbox for any other."""
    root = request.script_root + "/"
    inside = address.startswith(root) and not address.startswith("//") and "\\" not in address
    return address if inside else url_for("desk.inbox")


def _handle(
    form_id: str, rid: str, use: Callable[..., Any], said: str, *, stay: bool = False, **more: Any
) -> Any:
    number, data = existing(rid), request.form
    task = _task(data)
    try:
        use(g.tenant, g.actor, form_id, number, task=task, key=data.get("_key") or None, **more)
    except Refused as refused:
        return _refused(form_id, rid, MultiDict(data), None, refused)
    flash(said, "success")
    return _back(form_id, rid, data.get("_task") if stay else None)


def _back(form_id: str, rid: str, task: str | None = None) -> Any:
    """The record's page; the inbox, for whoever may not see the record any more."""
    try:
        read(g.tenant, g.actor, form_id, existing(rid))
    except Refused:
        return redirect(url_for("desk.inbox"), 303)
    return redirect(url_for("desk.record", form_id=form_id, rid=rid, task=task), 303)


def _refused(
    form_id: str, rid: str, data: MultiDict[str, str], posted: Posted | None, refused: Refused
) -> Any:
    """The page again, saying why."""
    if refused.code in LOST:
        raise refused
    notice = "" if refused.details else refused.message.pick(language())
    if refused.code == "stale":
        notice = _(
            "Somebody else changed the same fields meanwhile. What you typed is below: compare it "
            "with the record, then send it again."
        )
        data.pop("_version", None)
    typed = Typed(data, posted, {}, refused.details, notice)
    return show_again(form_id, rid, typed, refused.status)


def _mend(
    form_id: str, rid: str, data: MultiDict[str, str], posted: Posted, errors: dict[str, str]
) -> Any:
    return show_again(form_id, rid, Typed(data, posted, errors), 422)


def _told(refused: Refused, lang: str) -> str:
    parts = [refused.message.pick(lang)]
    parts += [one.message.pick(lang) for one in refused.details]
    return " ".join(dict.fromkeys(parts))


def _signed(data: MultiDict[str, str]) -> str:
    """The name signed with, once the password was right. Raises AccessError."""
    name = data.get("_sign_name", "").strip()
    if not name or "_sign_name" not in data or data.get("_act") in ("_save", ""):
        return ""
    confirm_password(g.db, g.actor.user_id, data.get("_password", ""))
    return name[:200]


def _keep_files(
    form_id: str, data: MultiDict[str, str], name: str = "_attachments"
) -> dict[str, str]:
    """Files posted with the page itself (no script)."""
    problems = {}
    for file in request.files.getlist(f"{name}@file"):
        if not file.filename:
            continue
        try:
            made = attach(
                g.tenant, g.actor, form_id, FILES, file.stream, file.filename, file.mimetype
            )
        except Refused as refused:
            problems[name] = f"{file.filename}: {_told(refused, language())}"
        else:
            data.add(name, encode_id(made))
    return problems


def _files(data: MultiDict[str, str], name: str = "_attachments") -> list[int]:
    found = []
    for one in data.getlist(name):
        if one:
            try:
                found.append(decode_id(one))
            except ValueError:
                abort(400)
    return found


def _task(data: MultiDict[str, str]) -> int | None:
    text = data.get("_task", "")
    return existing(text) if text else None


def _user(text: str) -> int:
    try:
        return decode_id(text)
    except ValueError:
        return 0
