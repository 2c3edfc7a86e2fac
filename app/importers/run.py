"""An import from beginning to end: read, map, look up, save record by record, count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.access.actor import Actor
from app.access.rights import rights
from app.catalog.model import FileSpec, Import
from app.importers.errors import ImportStopped
from app.importers.finder import Finder, Key
from app.importers.mapper import Fault, Faulty, Mapper, Parsed
from app.importers.reader import (
    FileRecord,
    FileRow,
    SpooledLines,
    Table,
    fingerprint,
    grouped_records,
    joined_records,
    plain_records,
)
from app.importers.rejects import Rejects
from app.importers.state import Progress, begin, done_before, save
from app.records.errors import Refused, forbidden
from app.records.look import preview
from app.records.save import create, update
from app.records.tenant import Tenant
from forms.values import Text

CHUNK = 200
"""Records whose look-ups are made together, and after which the progress is written down."""

UNCONTESTED = 0.001
REST = 8
LONGEST_REST = 0.5
"""A save that waited longer than UNCONTESTED seconds for its turn is followed by a rest REST times
as long, at most LONGEST_REST seconds."""

Watch = Callable[[Progress, float], None]
"""Called after each chunk with the counts and the share of the file read (0 to 1)."""


@dataclass(frozen=True, slots=True)
class Job:
    """One import to be run: whose, by whom, which definition, from where."""

    tenant: Tenant
    actor: Actor
    definition: Import
    files: Mapping[str, Path]
    """File name of the definition → where it lies; one missing is looked for in `folder`."""
    folder: Path
    rejects: Path
    dry_run: bool = False
    rest: Callable[[float], None] = time.sleep

    def path(self, spec: FileSpec) -> Path:
        """Where a file of the definition lies: as given, else by its name, packed or not."""
        if spec.name in self.files:
            return self.files[spec.name]
        plain = self.folder / spec.name
        packed = plain.with_name(plain.name + ".gz")
        return packed if packed.exists() and not plain.exists() else plain


def run_import(job: Job, watch: Watch = lambda _progress, _share: None) -> Progress:
    """Run an import; safe to run again, and taken up where it was killed.

    A dry run reads, maps and validates every record and writes nothing; limits that hold over many
    records are judged only when records are saved. Raises ImportStopped where a file cannot be
    read on, and Refused where the actor may not import at all.
    """
    definition = job.definition
    if not rights(job.tenant.active().catalog, job.actor, definition.into).may("import"):
        raise forbidden(Text("导入此表单的记录", "import records of this form"))
    specs = [definition.file, *(s.file for s in definition.lines.values() if s.file)]
    paths = [job.path(spec) for spec in specs]
    for path in paths:
        if not path.is_file():
            raise ImportStopped("file_missing", path, 0, Text("找不到文件", "no such file"))
    marks = fingerprint(paths)
    progress = Progress(0) if job.dry_run else begin(job.tenant, definition.id, marks)
    with ExitStack() as stack:
        table = stack.enter_context(_table(paths[0], definition.file))
        records = _records(job, table, stack)
        rejects = stack.enter_context(
            Rejects(job.rejects, table.header, progress.position, job.actor.lang)
        )
        _Run(job, progress, marks, rejects).all(
            records, lambda: watch(progress, table.read_bytes / max(1, table.size))
        )
    if not job.dry_run:
        save(job.tenant, progress, "done")
    return progress


def _table(path: Path, spec: FileSpec) -> Table:
    delimiter = "\t" if spec.delimiter == "tab" else spec.delimiter
    table = Table(path, delimiter, spec.encoding)
    try:
        table.require([spec.heading(column) for column in spec.columns])
    except ImportStopped:
        table.close()
        raise
    return table


def _records(job: Job, table: Table, stack: ExitStack) -> Iterator[FileRecord]:
    definition = job.definition
    for name, spec in definition.lines.items():
        on = [(spec.file or definition.file).heading(column) for column in spec.on]
        if spec.file is None:
            return grouped_records(table.rows(), name, on)
        details = stack.enter_context(_table(job.path(spec.file), spec.file))
        spooled = stack.enter_context(SpooledLines(details.rows(), on))
        own = [definition.file.heading(column) for column in spec.on]
        return _all_used(
            joined_records(table.rows(stop=False), spooled, name, own), spooled, details.path
        )
    return plain_records(table.rows(stop=False))


def _all_used(
    records: Iterator[FileRecord], spooled: SpooledLines, path: Path
) -> Iterator[FileRecord]:
    yield from records
    for key, line in spooled.left():
        raise ImportStopped(
            "lines_without_record",
            path,
            line,
            Text(
                f"明细 {', '.join(key)} 在主文件中没有对应的记录；其余记录均已处理",
                f"line items of {', '.join(key)} belong to no record of the first file;"
                " all records were seen to",
            ),
        )


def _chunks(records: Iterator[FileRecord]) -> Iterator[list[FileRecord]]:
    """The records by `CHUNK`; where reading stops, those read before it are given first."""
    chunk: list[FileRecord] = []
    try:
        for record in records:
            chunk.append(record)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = []
    except ImportStopped:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


class _Run:
    """The state of one run."""

    def __init__(self, job: Job, progress: Progress, marks: str, rejects: Rejects) -> None:
        definition, tenant = job.definition, job.tenant
        zone = ZoneInfo(definition.zone) if definition.zone else tenant.active().zone
        self.job, self.progress, self.rejects = job, progress, rejects
        self.mapper = Mapper(tenant, definition, zone, tenant.now())
        self.existing = Finder(tenant, definition.into, definition.key)
        self.prefix = f"import:{definition.id}:{marks[:20]}:"
        self.recheck = progress.resumed
        self.refused: list[tuple[FileRow, Sequence[Fault]]] = []
        self.waited = tenant.db.waited

    def all(self, records: Iterator[FileRecord], told: Callable[[], None]) -> None:
        """Take all records, chunk by chunk."""
        after = (r for r in records if r.row.line > self.progress.position)
        for chunk in _chunks(after):
            self._chunk(chunk)
            self.progress.position = chunk[-1].row.line
            self._write_refused()
            if not self.job.dry_run:
                save(self.job.tenant, self.progress)
            told()

    def _chunk(self, chunk: Sequence[FileRecord]) -> None:
        parsed: list[Parsed] = []
        for record in chunk:
            try:
                one = self.mapper.parse(record)
            except Faulty as faulty:
                self._reject(record.row, faulty.faults)
                continue
            if one is not None:
                parsed.append(one)
        self.mapper.look_up(parsed)
        ready: list[tuple[Parsed, dict[str, Any], Key]] = []
        for one in parsed:
            try:
                submitted = self.mapper.submitted(one)
            except Faulty as faulty:
                self._reject(one.source.row, faulty.faults)
                continue
            key = tuple(submitted.get(name) for name in self.job.definition.key)
            ready.append((one, submitted, key))
        self.existing.load(key for _, _, key in ready)
        before = self._made_before(ready) if self.recheck else set()
        self.recheck = False
        for one, submitted, key in ready:
            self._take(one, submitted, key, before)
            self._give_way()

    def _give_way(self) -> None:
        """Rest after a save that had to wait for others: people are at work on the tenant.

        Each of them would wait for an import's save as it waits for theirs, and a database with one
        writer at a time has no other way to let them go first. Alone, an import never rests.
        """
        before, self.waited = self.waited, self.job.tenant.db.waited
        waited = self.waited - before
        if waited > UNCONTESTED:
            self.job.rest(min(waited * REST, LONGEST_REST))

    def _made_before(self, ready: Sequence[tuple[Parsed, dict[str, Any], Key]]) -> set[str]:
        return done_before(self.job.tenant, [self._key(one) for one, _, _ in ready])

    def _key(self, one: Parsed) -> str:
        return f"{self.prefix}{one.source.row.line}"

    def _take(self, one: Parsed, submitted: dict[str, Any], key: Key, before: set[str]) -> None:
        job, mode = self.job, self.job.definition.mode
        rid = None if None in key else self.existing.get(key)
        mark = self._key(one)
        if mark in before:
            self._accept(one)
            return
        if (rid is not None and mode == "insert") or (rid is None and mode == "update"):
            self.progress.skipped += 1
            return
        try:
            if job.dry_run:
                self._try(submitted, rid)
            elif rid is None:
                form = job.definition.into
                saved = create(job.tenant, job.actor, form, submitted, key=mark)
                if None not in key:
                    self.existing.learn(key, saved.id)
            else:
                self._change(rid, submitted, mark)
        except Refused as refused:
            if refused.code in {"forbidden", "busy"}:
                raise
            self._reject(one.source.row, _faults(refused, one))
        else:
            self._accept(one)

    def _try(self, submitted: dict[str, Any], rid: int | None) -> None:
        tenant, actor, form = self.job.tenant, self.job.actor, self.job.definition.into
        seen = preview(tenant, actor, form, submitted, rid=rid)
        if seen.errors:
            message = Text("有内容需要修改。", "Some fields need attention.")
            raise Refused("invalid", message, seen.errors)

    def _change(self, rid: int, submitted: dict[str, Any], mark: str) -> None:
        job = self.job
        update(job.tenant, job.actor, job.definition.into, rid, submitted, version=None, key=mark)

    def _accept(self, one: Parsed) -> None:
        self.progress.accepted += 1
        self.progress.lines += sum(len(items) for items in one.lines.values())

    def _reject(self, row: FileRow, faults: Sequence[Fault]) -> None:
        self.progress.rejected += 1
        for code in {fault.code for fault in faults}:
            self.progress.codes[code] = self.progress.codes.get(code, 0) + 1
        self.refused.append((row, faults))

    def _write_refused(self) -> None:
        """The chunk's refused rows, in the order of the file."""
        for row, faults in sorted(self.refused, key=lambda found: found[0].line):
            self.rejects.add(row, faults)
        self.refused.clear()
        self.rejects.flush()


def _faults(refused: Refused, one: Parsed) -> list[Fault]:
    if not refused.details:
        return [Fault(refused.code, (), one.head.line, refused.message)]
    found = []
    for detail in refused.details:
        line = one.head.line
        if len(detail.path) > 1 and isinstance(detail.path[1], int):
            items = one.lines.get(str(detail.path[0]), ())
            line = items[detail.path[1]].line if detail.path[1] < len(items) else line
        found.append(Fault(detail.code, tuple(detail.path), line, detail.message))
    return found
