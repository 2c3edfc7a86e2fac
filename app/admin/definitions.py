"""The definitions in force, as they are written: what a company's pages, rules and flows are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import abort, g, request
from flask_admin import BaseView, expose

from app.admin.rows import may
from app.catalog.schemas import KINDS, schema
from app.web.i18n import language


@dataclass(frozen=True, slots=True)
class File:
    """A file of the release. `kind` and `label` are in the reader's language."""

    path: str
    kind: str
    label: str
    lines: int
    url: str


class Definitions(BaseView):  # type: ignore[misc]
    """The files of the release in force, and each as it is written."""

    def is_accessible(self) -> bool:
        """Only roles with the right `definitions`."""
        return may("definitions")

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """401 leads to the sign-in page, 403 says no."""
        abort(401 if g.actor is None else 403)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> Any:
        """All files by kind, narrowed by a search in their paths, labels and texts."""
        search = request.args.get("search", "").strip()[:200]
        published = g.tenant.active()
        found = [
            self._file(path, text)
            for path, text in sorted(published.catalog.sources.files.items())
            if search.lower() in f"{path}\n{text}".lower()
        ]
        kinds: dict[str, list[File]] = {}
        for one in found:
            kinds.setdefault(one.kind, []).append(one)
        return self.render(
            "back_office/definitions.html", kinds=kinds, search=search, release=published.no
        )

    @expose("/file")  # type: ignore[untyped-decorator]
    def file(self) -> Any:
        """One file. It is found among the release's own, never on disk."""
        files: Mapping[str, str] = g.tenant.active().catalog.sources.files
        path = request.args.get("path", "")
        if path not in files:
            abort(404)
        shown = self._file(path, files[path])
        return self.render("back_office/definition.html", file=shown, text=files[path])

    def _file(self, path: str, text: str) -> File:
        raw = g.tenant.active().catalog.raw
        folder, _sep, name = path.removesuffix(".yaml").rpartition("/")
        kind = next((one for one in KINDS if name in raw.get(one, {}) and _holds(text, one)), "")
        data = raw.get(kind, {}).get(name, {})
        given = data.get("label")
        label = given.get(language()) if isinstance(given, Mapping) else given
        title = str(schema(kind)["title"]).partition(" · ") if kind else ("", "", folder)
        return File(
            path,
            (title[0] if language() == "zh" else title[2]) or folder,
            str(label or name),
            text.count("\n") + 1,
            self.get_url(".file", path=path),
        )


def _holds(text: str, kind: str) -> bool:
    """Whether a file's first key is the kind."""
    lines = (line for line in text.removeprefix("\ufeff").splitlines() if line[:1] not in ("", "#"))
    return next(lines, "").startswith(f"{kind}:")
