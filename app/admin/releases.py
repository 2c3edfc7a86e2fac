"""Releases: what was published, what each changed, going back to one."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, g, redirect, request
from flask_admin import BaseView, expose
from flask_babel import gettext as _

from app.access.users import user_names
from app.admin.rows import may, moment
from app.catalog.plan import plan
from app.records.errors import Refused
from app.records.losses import example_words, harmful, losses, words
from app.records.releases import load_catalog, releases, rollback
from app.web.i18n import language

COUNTED = 50_000
"""Values of a field looked at for a page; the command line counts all."""


class Releases(BaseView):  # type: ignore[misc]
    """The list of releases; one release compared with the one before it."""

    def is_accessible(self) -> bool:
        """Only roles with the right `releases`."""
        return may("releases")

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """401 leads to the sign-in page, 403 says no."""
        abort(401 if g.actor is None else 403)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> Any:
        """All releases, the newest first."""
        found = releases(g.tenant)
        names = user_names(g.db, [one.created_by for one in found if one.created_by])
        rows = [
            {
                "no": one.no,
                "hash": one.hash[:12],
                "when": moment(one.created_at),
                "who": names.get(one.created_by or 0, ""),
                "note": one.note,
                "failing": one.failing,
                "despite": one.despite,
                "active": one.active,
                "url": self.get_url(".compare", no=one.no),
            }
            for one in found
        ]
        return self.render("back_office/releases.html", releases=rows)

    @expose("/<int:no>/")  # type: ignore[untyped-decorator]
    def compare(self, no: int) -> Any:
        """What a release changed against the one before it, going back to it, and what that would
        lose of values whose type differs."""
        found = {one.no: one for one in releases(g.tenant)}
        if no not in found:
            abort(404)
        earlier = max((one for one in found if one < no), default=0)
        new, old = load_catalog(g.db, no), load_catalog(g.db, earlier) if earlier else None
        if new is None:
            abort(404)
        lang = language()
        changes = [str(change.words.pick(lang)) for change in plan(old, new).changes]
        losing = [] if found[no].active else losses(g.tenant, g.actor, new, most=COUNTED)
        return self.render(
            "back_office/release.html",
            release=found[no],
            earlier=earlier,
            changes=changes,
            losing=[
                {
                    "words": words(loss).pick(lang),
                    "examples": [example_words(one) for one in loss.examples],
                }
                for loss in losing
                if harmful([loss])
            ],
        )

    @expose("/<int:no>/activate", methods=["POST"])  # type: ignore[untyped-decorator]
    def activate(self, no: int) -> Any:
        """Put a release into force again."""
        try:
            rollback(g.tenant, g.actor, no, request.form.get("note", "")[:500])
        except Refused as refused:
            flash(refused.message.pick(language()), "danger")
            return redirect(self.get_url(".compare", no=no))
        flash(_("Release %(no)d is in force.", no=no), "success")
        return redirect(self.get_url(".index"))
