"""Two languages for our own words: catalogs read from the committed `.po` files, in memory.

English is the source language and needs no catalog. Reading a `.po` takes some milliseconds once
per process, so there is no compile step that somebody could forget.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import flask_babel
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, has_app_context, has_request_context, request
from flask_babel import Babel, Domain, get_locale

CATALOGS = Path(__file__).parent / "translations"
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
LANGUAGE_COOKIE = "rf_lang"


@cache
def catalog(language: str) -> NullTranslations:
    """Our words in one language ("zh" or "en"); untranslated words stay English."""
    path = CATALOGS / f"{language}.po"
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as source:
        entries = read_po(source, locale=LOCALES[language], domain="messages")
    compiled = io.BytesIO()
    write_mo(compiled, entries)
    compiled.seek(0)
    return Translations(compiled, domain="messages")


class _Catalogs(Domain):  # type: ignore[misc]
    """flask-babel's domain over the catalogs above; flask-admin brings its own domain."""

    def get_translations(self) -> NullTranslations:
        return catalog(language())


class _Babel(Babel):  # type: ignore[misc]
    domain_instance = _Catalogs()


def language() -> str:
    """The language of this request: "zh" or "en". Worked out once a request."""
    if not has_app_context():
        return "zh"
    known: str | None = g.get("language")
    if known is None:
        locale = get_locale()
        known = g.language = "zh" if locale is None or locale.language == "zh" else "en"
    return known


def choose() -> str:
    """Which language a request wants: the cookie, the signed-in person, the browser, Chinese."""
    if not has_request_context():
        return "zh"
    wish = request.cookies.get(LANGUAGE_COOKIE, "")
    if wish not in LOCALES:
        actor = getattr(g, "actor", None)
        wish = getattr(actor, "lang", "") or request.accept_languages.best_match(LOCALES) or "zh"
    return wish if wish in LOCALES else "zh"


def init_languages(app: Flask) -> None:
    """Install flask-babel (flask-admin needs it too) with our catalogs and our choice."""
    _Babel(app, default_locale="zh_Hans_CN", locale_selector=lambda: LOCALES[choose()])
    app.jinja_env.globals["language"] = language
    # The same catalogs by a shorter way: a page asks for dozens of words.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda word: catalog(language()).gettext(word),
        lambda one, many, count: catalog(language()).ngettext(one, many, count),
        newstyle=True,
    )


def gettext(word: str, **values: object) -> str:
    """One of our own words in the language of this request."""
    return str(flask_babel.gettext(word, **values))


def ngettext(one: str, many: str, num: int, **values: object) -> str:
    """The same for a number of things."""
    return str(flask_babel.ngettext(one, many, num, **values))
