"""A small pack to import into: traders, wares, deals with lines and a limit over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.access.actor import SYSTEM
from app.catalog.sources import Sources
from app.importers.run import Job, Watch, run_import
from app.importers.state import Progress
from app.records import publish
from app.records.tenant import Tenant

FILES: Mapping[str, str] = {
    "pack.yaml": "pack: trade\nlabel: Trade\nversion: '1'\n",
    "forms/ware.yaml": """\
form: ware
label: {zh: 货品, en: Ware}
title: "{code}"
fields:
  code: {type: text, required: true, index: true}
  name: {type: text}
  stock: {type: decimal, min: 0, default: 0}
unique:
  one_code: {fields: [code]}
""",
    "forms/deal.yaml": """\
form: deal
label: {zh: 交易, en: Deal}
title: "{deal_no}"
fields:
  deal_no: {type: text, required: true, index: true}
  day: {type: date, required: true}
  note: {type: text, max: 20}
  lines:
    type: lines
    min: 1
    fields:
      ware: {type: link, to: ware, required: true}
      pieces: {type: integer, min: 1, required: true}
  pieces: {type: integer, formula: sum(lines.pieces)}
unique:
  one_no: {fields: [deal_no]}
""",
    "aggregates/left.yaml": """\
aggregate: left
per: ware
measures:
  held: {from: ware, sum: stock}
  sold: {from: deal.lines, by: ware, sum: pieces}
never:
  oversold: {when: sold > held, message: {zh: "只剩 {held - sold}", en: "Only {held - sold} left"}}
""",
    "roles/keeper.yaml": "role: keeper\nlabel: Keeper\ncan: {ware: {actions: [read, create]}}\n",
    "roles/loader.yaml": (
        "role: loader\nlabel: Loader\nincludes: [keeper]\ncan: {ware: {actions: [import]}}\n"
    ),
    "imports/wares.yaml": """\
import: wares
into: ware
file: {name: wares.csv, columns: {code: text, name: text, stock: decimal}}
key: code
mode: MODE
map: {code: code, name: name, stock: stock}
rejects: wares_rejected.csv
""",
    "imports/deals.yaml": """\
import: deals
into: deal
file: {name: deals.csv, columns: {deal_no: text, day: date, note: text}}
key: deal_no
mode: insert
map:
  deal_no: deal_no
  day: day
  note: note
  lines:
    file: {name: deal_lines.csv, columns: {deal_no: text, code: text, pieces: integer}}
    on: deal_no
    map:
      ware: {find: ware, by: {code: code}, missing: reject}
      pieces: pieces
rejects: deals_rejected.csv
""",
}


def sources(mode: str = "insert") -> Sources:
    """The pack's files; `mode` is that of the import of wares."""
    return Sources({f"packs/trade/{n}": t.replace("MODE", mode) for n, t in FILES.items()})


def publish_trade(tenant: Tenant, mode: str = "insert") -> None:
    """Put the pack into force."""
    publish(tenant, SYSTEM, sources(mode))


def import_file(
    tenant: Tenant,
    name: str,
    folder: Path,
    *,
    dry_run: bool = False,
    watch: Watch = lambda _progress, _share: None,
) -> Progress:
    """Run one import from a folder; rejects go beside the files."""
    definition = tenant.active().catalog.imports[name]
    job = Job(tenant, SYSTEM, definition, {}, folder, folder / definition.rejects, dry_run)
    return run_import(job, watch)


def write_wares(folder: Path, rows: list[str]) -> None:
    """`wares.csv` with these rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wares.csv").write_text("code,name,stock\n" + "".join(f"{r}\n" for r in rows))


def write_deals(folder: Path, deals: Mapping[str, list[tuple[str, str]]]) -> None:
    """`deals.csv` and `deal_lines.csv`: deal number → (ware, pieces)."""
    heads = "".join(f"{no},2026-03-01,\n" for no in deals)
    lines = "".join(f"{no},{code},{n}\n" for no, items in deals.items() for code, n in items)
    (folder / "deals.csv").write_text("deal_no,day,note\n" + heads)
    (folder / "deal_lines.csv").write_text("deal_no,code,pieces\n" + lines)
