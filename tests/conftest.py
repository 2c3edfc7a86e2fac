"""Fixtures every test folder may use: the databases, each test on both of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from app.storage.databases import Installation, StorageSettings, TenantDatabase
from tests.support.chromium import NO_CHROMIUM, chromium_path
from tests.support.postgres import postgres_server
from tests.support.statements import POSTGRES_LOG

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# How fast something is is measured (`make bench`), not tested: a busy machine fails nothing.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

BACKENDS = ("sqlite", "postgres")
LEFT_OUT = pytest.StashKey[int]()
_ran: Counter[str] = Counter()
_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL that lives as long as the tests of this process."""
    with postgres_server() as (url, log):
        os.environ[POSTGRES_LOG] = str(log)
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without it these tests fail on CI and are left out elsewhere."""
    found = chromium_path()
    if found is None:
        pytest.fail(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a database; a test that asks for it runs once on each."""
    return request.param


@pytest.fixture
def storage_settings(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> StorageSettings:
    """Settings of an empty installation on the test's database."""
    if backend == "sqlite":
        return StorageSettings(folder=tmp_path)
    return StorageSettings(folder=tmp_path, url=request.getfixturevalue("postgres_url"))


@pytest.fixture
def installation(storage_settings: StorageSettings) -> Iterator[Installation]:
    """An installation without tenants, closed after the test."""
    opened = Installation(storage_settings)
    yield opened
    opened.close()


@pytest.fixture
def tenant_id() -> str:
    """A tenant id no other test of the run has used."""
    return f"t{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def tenant_db(installation: Installation, tenant_id: str) -> TenantDatabase:
    """A fresh tenant's database with its system tables."""
    return installation.create(tenant_id)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium the browser tests are left out, told in one line; on CI they fail."""
    if chromium_path() is not None or os.environ.get("CI") == "true":
        return
    browser = [item for item in items if item.get_closest_marker("browser")]
    if browser:
        config.hook.pytest_deselected(items=browser)
        items[:] = [item for item in items if item not in browser]
        config.stash[LEFT_OUT] = len(browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if report.when == "call" and not report.skipped:
        name = getattr(item, "callspec", None) and item.callspec.params.get("backend")
        if name in BACKENDS:
            report.user_properties.append(("backend", name))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for key, value in report.user_properties:
        if key == "backend" and report.when == "call":
            _ran[value] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A suite that ran on one database only proves half: in a full run the numbers must match."""
    if _is_full_run(session.config) and len({_ran[name] for name in BACKENDS}) > 1:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if chromium_path() is None:
        left_out = terminalreporter.config.stash.get(LEFT_OUT, None)
        count = f"{left_out} " if left_out else ""
        terminalreporter.write_line(f"{count}{NO_CHROMIUM}", yellow=True)
    if _ran:
        counts = ", ".join(f"{name}: {_ran[name]}" for name in BACKENDS)
        terminalreporter.write_line(f"backend {counts}")
        if _is_full_run(terminalreporter.config) and len({_ran[n] for n in BACKENDS}) > 1:
            terminalreporter.write_line("the databases did not run the same tests", red=True)


def _is_full_run(config: pytest.Config) -> bool:
    """Neither narrowed by name, mark or path, nor one worker's share."""
    if config.option.keyword or config.option.markexpr or getattr(config.option, "lf", False):
        return False
    return config.args_source.name != "ARGS" and not hasattr(config, "workerinput")
