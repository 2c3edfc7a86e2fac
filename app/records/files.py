"""Attachments: uploaded before the record is saved, read through a record one may see.

Until its record is saved an upload belongs to whoever sent it and to nobody else; after a day it
is swept away. What a file is, its content says; the name is only a name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from io import BufferedReader
from typing import TYPE_CHECKING

from app.access.actor import Actor
from app.records.acted import ACT_FILES
from app.records.errors import Refused, forbidden, not_found
from app.records.plan import ids_in
from app.records.prepare import Context, context, facts_for, load
from app.records.seeing import demand_read
from app.records.sniff import HEAD_BYTES, IMAGES, INLINE, MOST_PIXELS, kind_of, pixels_of
from app.storage.blobs import Attachment, Readable, find_attachment, insert_attachment
from app.storage.errors import AttachmentError
from forms.model import Field
from forms.validate_result import FieldError
from forms.values import Text, new_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

DEFAULT_SIZE = 25 << 20
"""Bytes a file may have where its field says nothing."""
MOST_UNSAVED = 100
"""Uploads of one person that belong to no record yet."""
KEEP_UNSAVED = 24 * 3600 * 1_000_000
"""Microseconds an upload waits for its record."""
_NAME = 200


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An attachment to send: `inline` says whether a browser may show it in place."""

    stream: BufferedReader
    name: str
    mime: str
    size: int
    inline: bool


def attach(
    tenant: Tenant,
    actor: Actor,
    form_id: str,
    path: str,
    stream: Readable,
    name: str,
    mime: str = "",
) -> int:
    """Take an upload for a file or image field ("lines.photos"); its id goes into the record. The
    path "@" takes one that comes with an act or a comment.

    `mime` is what the client claims: where the content is something else, the file is refused.
    Raises Refused forbidden, not_found, too_large, or invalid with `file_type` or `file_pixels`.
    """
    ctx = context(tenant, tenant.active(), actor, form_id)
    field = None if path == ACT_FILES else _writable(ctx, path)
    largest = (field.size if field is not None else None) or DEFAULT_SIZE
    _room(ctx)
    watched = _Watched(stream)
    try:
        sha256, size = tenant.files.put(watched, largest)
    except AttachmentError as error:
        raise _too_large(largest) from error
    shown = _safe_name(name)
    found = kind_of(watched.head, shown)
    pictures = field is not None and field.type == "image"
    _acceptable(pictures, path, found, mime, watched.head)
    made = Attachment(
        new_id(), ctx.plan.key, None, path, sha256, shown, found, size, ctx.at, actor.me
    )
    sql, params = insert_attachment(made)
    tenant.db.execute_now(sql, params)
    return made.id


def open_attachment(
    tenant: Tenant, actor: Actor, form_id: str, rid: int | None, attachment_id: int
) -> OpenFile:
    """The content of an attachment of a record one may read, in a field that is not hidden.

    `rid` None: one's own upload that is not saved yet. Raises Refused not_found. Close the stream.
    """
    ctx = context(tenant, tenant.active(), actor, form_id)
    if rid is None:
        found = _own_upload(ctx, attachment_id)
    else:
        ctx, shown = _seen(ctx, rid)
        known = find_attachment(tenant.db, attachment_id, ctx.plan.key, rid)
        if known is None or attachment_id not in shown:
            raise not_found()
        found = known
    try:
        stream = tenant.files.open(found)
    except AttachmentError as error:
        raise not_found() from error
    return OpenFile(stream, found.name, found.mime, found.size, found.mime in INLINE)


def attachments(
    tenant: Tenant, actor: Actor, form_id: str, rid: int | None, ids: Collection[int]
) -> dict[int, Attachment]:
    """What is known of attachments, for pages: only those one could open. Raises Refused
    not_found for a record one may not read."""
    ctx = context(tenant, tenant.active(), actor, form_id)
    shown: Collection[int] = ()
    if rid is not None:
        ctx, shown = _seen(ctx, rid)
    if not ids:
        return {}
    marks = ", ".join("?" * len(ids))
    rows = tenant.db.query(
        "SELECT id, form, record_id, field, sha256, name, mime, size, created_at, created_by,"
        f" deleted_at FROM rf_attachment WHERE form = ? AND deleted_at IS NULL AND id IN ({marks})",
        (ctx.plan.key, *sorted(ids)),
    )
    found = [Attachment(*row) for row in rows]
    return {
        one.id: one
        for one in found
        if (one.record_id is not None and one.record_id == rid and one.id in shown)
        or (one.record_id is None and one.created_by == actor.me)
    }


def sweep_uploads(tenant: Tenant) -> int:
    """Drop uploads nobody saved within a day, and files no attachment needs; files removed."""
    before = tenant.now_us() - KEEP_UNSAVED
    tenant.db.execute_now(
        "UPDATE rf_attachment SET deleted_at = ?"
        " WHERE record_id IS NULL AND deleted_at IS NULL AND created_at < ?",
        (tenant.now_us(), before),
    )
    return tenant.files.sweep(tenant.db, before / 1_000_000)


class _Watched:
    """A stream that remembers its beginning."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._head = bytearray()

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        piece = self._stream.read(size)
        if len(self._head) < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - len(self._head)]
        return piece

    @property
    def head(self) -> bytes:
        """Its first bytes, as far as they were read."""
        return bytes(self._head)


def _writable(ctx: Context, path: str) -> Field:
    held = ctx.rights.may("create") or ctx.rights.may("update")
    if not held and ctx.plan.flow is None:  # in a flow, a task may open it: saving tells
        raise forbidden(Text("上传附件", "attach files here"))
    field = ctx.plan.form.field_at(path)
    if field is None or field.type not in ("file", "image") or _is_hidden(ctx, path):
        raise Refused("not_found", Text("没有这个附件字段。", "There is no such file field."))
    if not ctx.field_rights.may_write(path):
        raise forbidden(Text("修改此字段", "change this field"))
    return field


def _is_hidden(ctx: Context, path: str) -> bool:
    return not ctx.field_rights.may_see(path)


def _seen(ctx: Context, rid: int) -> tuple[Context, set[int]]:
    """The record one may read, and the attachments its fields show one."""
    ctx, record = load(ctx, rid, None)
    demand_read(ctx, facts_for(ctx, record.row), rid)
    open_ = [place for place in ctx.plan.files if not _is_hidden(ctx, place[1].path)]
    with_acts = ctx.tenant.db.query(
        "SELECT id FROM rf_attachment WHERE form = ? AND record_id = ? AND field = ?"
        " AND deleted_at IS NULL",
        (ctx.plan.key, rid, ACT_FILES),
    )
    return ctx, ids_in(tuple(open_), record.row) | {row[0] for row in with_acts}


def _own_upload(ctx: Context, attachment_id: int) -> Attachment:
    found = find_attachment(ctx.tenant.db, attachment_id, ctx.plan.key, None)
    if found is None or found.created_by != ctx.actor.me:
        raise not_found()
    return found


def _room(ctx: Context) -> None:
    rows = ctx.tenant.db.query(
        "SELECT count(*) FROM rf_attachment WHERE record_id IS NULL AND deleted_at IS NULL"
        " AND COALESCE(created_by, 0) = ? AND created_at > ?",
        (ctx.actor.me or 0, ctx.at - KEEP_UNSAVED),
    )
    if rows[0][0] >= MOST_UNSAVED:
        raise Refused(
            "bad_request",
            Text(
                f"尚未保存的文件最多 {MOST_UNSAVED} 个：请先保存或提交，再添加。",
                f"At most {MOST_UNSAVED} files may wait to be saved: save or send what you have,"
                " then add more.",
            ),
        )


def _acceptable(pictures: bool, path: str, found: str, claimed: str, head: bytes) -> None:
    """Refuse what is not what it says, programs, and pictures too large to decode."""
    if found == "application/x-executable":
        raise _refused(
            path, "file_type", "不接受程序文件。", "Programs are not accepted as attachments."
        )
    if pictures and found not in IMAGES:
        raise _refused(
            path,
            "file_type",
            "只接受 PNG、JPEG、GIF 或 WebP 图片。",
            "Only PNG, JPEG, GIF and WebP pictures are accepted.",
        )
    if claimed.startswith("image/") and claimed in IMAGES and found != claimed:
        raise _refused(
            path,
            "file_type",
            f"文件内容不是 {claimed}。",
            f"The content of this file is not {claimed}.",
        )
    if found in IMAGES:
        pixels = pixels_of(head, found)
        if pixels is None or pixels > MOST_PIXELS:
            raise _refused(
                path,
                "file_pixels",
                f"图片尺寸无法识别或超过 {MOST_PIXELS // 1_000_000} 百万像素。",
                "The picture's size cannot be read or is over"
                f" {MOST_PIXELS // 1_000_000} megapixels.",
            )


def _safe_name(name: str) -> str:
    """The last part of a name, without anything that could steer a terminal, path or header."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip(". ")
    stem, dot, suffix = kept.rpartition(".")
    if len(kept) > _NAME and dot and len(suffix) < 12:
        return stem[: _NAME - len(suffix) - 1] + dot + suffix
    return kept[:_NAME] or "file"


def _refused(path: str, code: str, zh: str, en: str) -> Refused:
    message = Text(zh, en)
    return Refused("invalid", message, [FieldError(code, tuple(path.split(".")), message)])


def size_shown(size: int) -> str:
    """A size in bytes as people say it."""
    if size >= 1 << 20:
        return f"{size / (1 << 20):.1f}".removesuffix(".0") + " MB"
    return f"{size / 1024:.0f} KB"


def _too_large(limit: int) -> Refused:
    shown = size_shown(limit)
    return Refused(
        "too_large",
        Text(
            f"文件过大：最多 {shown}，请换小一点的文件。",
            f"The file is too large: at most {shown}. Choose a smaller one.",
        ),
    )
