"""Files as they are: hashed by content, exported byte for byte."""

from __future__ import annotations

from pathlib import Path

from app.catalog.check import check
from app.catalog.sources import Sources, content_hash, export, read_tenant, tenants
from tests.catalog.support import ROOT, shown

FILES = {
    "packs/p/pack.yaml": b"pack: p\nlabel: P\n",
    "packs/p/forms/a.yaml": "\ufeffform: a\r\nfields: {x: {type: text}}  # 注释\r\n".encode(),
    "packs/q/pack.yaml": b"pack: q\nlabel: Q\n",
    "tenants/t/tenant.yaml": b"tenant: t\nlabel: T\npacks: [p]\n",
    "tenants/u/tenant.yaml": b"tenant: u\nlabel: U\npacks: [q]\n",
}


def folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def test_a_tenant_consists_of_its_files_and_those_of_its_packs(tmp_path: Path) -> None:
    root = folder(tmp_path, FILES)
    sources, problems = read_tenant(root, "t")
    assert problems == []
    assert sorted(sources.files) == [
        "packs/p/forms/a.yaml",
        "packs/p/pack.yaml",
        "tenants/t/tenant.yaml",
    ]
    assert tenants(root) == ["t", "u"]


def test_export_gives_back_every_byte(tmp_path: Path) -> None:
    sources, _ = read_tenant(folder(tmp_path, FILES), "t")
    assert export(sources) == {name: FILES[name] for name in sources.files}


def test_the_hash_is_of_the_content_alone() -> None:
    one = {"a.yaml": "x: 1\n", "b.yaml": "y: 2\n"}
    assert content_hash(one) == content_hash(dict(reversed(one.items())))
    assert Sources(one).hash == content_hash(one)
    others = [
        {"a.yaml": "x: 1\r\n", "b.yaml": "y: 2\n"},
        {"a.yaml": "\ufeffx: 1\n", "b.yaml": "y: 2\n"},
        {"a.yaml": "x: 1\ny: 2\n", "b.yaml": ""},
        {"a.yamlx": ": 1\n", "b.yaml": "y: 2\n"},
        {"a.yaml": "x: 1\n"},
    ]
    assert len({content_hash(files) for files in [one, *others]}) == 6


def test_check_tells_what_is_below_a_path(tmp_path: Path) -> None:
    broken = {
        **FILES,
        "packs/p/forms/b.yaml": b"form: b\nfields: {x: {type: txt}}\n",
        "packs/q/forms/c.yaml": b"form: c\nfields: \xff\n",
        "tenants/t/forms/d.yml": b"form: d\n",
    }
    root = folder(tmp_path, broken)
    everything = [
        "packs/p/forms/b.yaml:2:20 unknown_type",
        "packs/q/forms/c.yaml:2:9 not_utf8",
        "tenants/t/forms/d.yml:1:1 wrong_file_name",
    ]
    assert shown(check(root)) == everything
    assert shown(check(root / "packs")) == everything[:2]
    assert shown(check(root / "packs" / "q")) == everything[1:2]
    assert shown(check(root / "packs" / "p" / "forms" / "b.yaml")) == everything[:1]
    assert shown(check(root / "tenants" / "u")) == []


def test_the_definitions_of_the_project_have_no_problem() -> None:
    found = check(ROOT / "definitions")
    assert [str(p) for p in found if p.stands_in_the_way] == []
