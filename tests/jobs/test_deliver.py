"""Events reach each plugin, once where it succeeds, again where it fails."""

from __future__ import annotations

import pytest

from app.hooks import PluginError, hookimpl, load_plugins
from app.jobs.connect import Outside
from app.jobs.deliver import deliver
from app.jobs.notify import NOWHERE
from app.jobs.worker import Worker
from app.records import outbox
from app.records.anchors import next_anchor
from app.records.proof import anchors_file, verify_journal
from app.records.retention import next_due
from app.records.save import create
from app.storage.control import Control
from app.storage.databases import Installation
from forms.values import encode_id
from tests.records.shop import BOSS, Shop


class Ear:
    """A plugin that hears events, and fails the first times."""

    def __init__(self, failures: int = 0) -> None:
        self.heard: list[dict] = []
        self.failures = failures

    @hookimpl
    def record_event(self, tenant: str, event: dict) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("nobody answers")
        self.heard.append({**event, "tenant": tenant})


def _plugins(**ears: Ear) -> Outside:
    manager = load_plugins([])
    for name, ear in ears.items():
        manager.register(ear, name=name)
    return Outside(manager, lambda tenant: {}, NOWHERE)


def _settled(shop: Shop) -> None:
    deliver(shop.tenant, _plugins())


def test_each_plugin_hears_of_each_save_once(shop: Shop):
    _settled(shop)
    one, other = Ear(), Ear()
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    plugins = _plugins(one=one, other=other)
    deliver(shop.tenant, plugins)
    deliver(shop.tenant, plugins)
    (event,) = one.heard
    assert (event["act"], event["form"], event["record"]) == (
        "create",
        "claim",
        encode_id(saved.id),
    )
    assert (event["seq"], event["release"], event["tenant"]) == (1, 1, shop.tenant.id)
    assert len(other.heard) == 1 and other.heard[0]["key"] != event["key"]
    assert outbox.next_due(shop.db) is None


def test_a_plugin_that_fails_is_asked_again_alone(shop: Shop):
    _settled(shop)
    good, bad = Ear(), Ear(failures=2)
    create(shop.tenant, BOSS, "claim", shop.claim("1"))
    plugins = _plugins(good=good, bad=bad)
    for _ in range(3):
        deliver(shop.tenant, plugins)
        shop.clock.pass_by(minutes=5)
    assert len(good.heard) == len(bad.heard) == 1
    rows = shop.db.query("SELECT attempts, last_error FROM rf_outbox WHERE topic = 'record:bad'")
    assert rows == [(3, None)]


def test_an_effect_for_a_plugin_that_is_gone_waits_and_says_so(shop: Shop):
    _settled(shop)
    create(shop.tenant, BOSS, "claim", shop.claim("1"))
    deliver(shop.tenant, _plugins(gone=Ear(failures=1)))
    shop.clock.pass_by(minutes=1)
    deliver(shop.tenant, _plugins())
    ((status, error),) = shop.db.query(
        "SELECT status, last_error FROM rf_outbox WHERE topic = 'record:gone'"
    )
    assert status == "ready" and "check the setting `plugins`" in error


def test_plugins_are_loaded_by_name_and_trouble_is_told():
    assert load_plugins(["tests.jobs.listener"]).get_plugin("tests.jobs.listener") is not None
    with pytest.raises(PluginError, match="no_such_plugin"):
        load_plugins(["no_such_plugin"])


def test_a_visit_does_what_is_due_and_notes_what_comes(
    shop: Shop, installation: Installation, tmp_path
):
    control = Control(installation.settings)
    control.enter(shop.tenant.id)
    try:
        worker = Worker(_OneTenant(shop), control, _plugins(), tmp_path)
        create(shop.tenant, BOSS, "claim", shop.claim("1"))
        control.hint(shop.tenant.id, shop.tenant.now_us())
        worker.sweep_due()
        assert _due(control, shop, next_anchor(shop.db))
        shop.clock.pass_by(minutes=1)
        worker.sweep_due()
        assert _due(control, shop, next_due(shop.tenant))
        assert shop.db.query("SELECT count(*) FROM rf_journal WHERE anchor_no IS NULL") == [(0,)]
        assert anchors_file(tmp_path, shop.tenant.id).exists()
        worker.sweep_all()
        proved = verify_journal(shop.tenant, anchors_file(tmp_path, shop.tenant.id))
        assert (proved.findings, proved.unanchored) == ((), 0)
    finally:
        control.close()


def _due(control: Control, shop: Shop, at: int) -> bool:
    """Whether the hint is at that very moment."""
    before, then = (shop.tenant.id in control.due(one) for one in (at - 1, at))
    return then and not before


class _OneTenant:
    """The tenants of a process that has one."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def get(self, tenant_id: str):
        assert tenant_id == self._shop.tenant.id
        return self._shop.tenant

    def now_us(self) -> int:
        return self._shop.tenant.now_us()
