"""Django, set up for one process; the database is made at first use."""

from __future__ import annotations

import os
from collections.abc import Callable

import django
from django.conf import settings
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse


class Nothing(BaseStorage):
    """Messages for the next page, kept nowhere."""

    def _get(self, *_args: object, **_kwargs: object) -> tuple[list[object], bool]:
        return [], True

    def _store(self, *_args: object, **_kwargs: object) -> list[object]:
        return []


def who_asks(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """One look-up of the user each request."""
    from django.contrib.auth.models import User

    def middleware(request: HttpRequest) -> HttpResponse:
        request.user = User.objects.get(username="clerk")
        request.session = {}
        return get_response(request)

    return middleware


settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BENCH_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": "PRAGMA journal_mode=wal; PRAGMA synchronous=full;",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "viewflow",
        "viewflow.workflow",
        "bench.twins.viewflow_twin",
    ],
    MESSAGE_STORAGE="bench.twins.viewflow_twin.wsgi.Nothing",
    MIGRATION_MODULES=dict.fromkeys(["auth", "contenttypes", "viewflow"]),
    MIDDLEWARE=[
        "bench.twins.viewflow_twin.wsgi.who_asks",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    ROOT_URLCONF="bench.twins.viewflow_twin.urls",
    SECRET_KEY="measured, never deployed",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    "django.template.context_processors.request",
                ]
            },
        }
    ],
    USE_TZ=True,
)
django.setup()


def _prepare() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    User.objects.get_or_create(username="clerk", defaults={"is_superuser": True, "is_staff": True})


_prepare()

from django.core.handlers.wsgi import WSGIHandler  # noqa: E402 - after the set-up

app = WSGIHandler()
