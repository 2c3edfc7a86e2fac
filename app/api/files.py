"""Files: uploaded before the record that names them is saved, given out only through it."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from app.api.entry import answer, open_form, open_record, read_id
from app.records import files
from app.web.downloads import download as send
from app.web.errors import ApiError
from forms.values import Text, encode_id


def add_files(api: Blueprint) -> None:
    """`/attachments` of a form, and of a record."""
    api.post("/forms/<form_id>/attachments")(upload)
    api.get("/forms/<form_id>/records/<record>/attachments/<attachment>")(download)


def upload(form_id: str) -> Response:
    """Keep a file for a field; its id goes into the values of the record saved next."""
    if form_id not in g.tenant.active().catalog.flows:
        open_form(form_id, "create", "update")
    else:
        open_form(form_id)
    if request.mimetype != "multipart/form-data":
        raise ApiError(
            "unsupported_media_type",
            Text("请以 multipart/form-data 发送。", "Send multipart/form-data."),
        )
    sent, field = request.files.get("file"), request.form.get("field", "")
    if sent is None:
        text = Text("缺少文件", "is missing")
        raise ApiError("bad_request", details=[("missing_member", ("file",), text)])
    file_id = files.attach(
        g.tenant, g.actor, form_id, field, sent.stream, sent.filename or "file", sent.mimetype
    )
    kept = files.attachments(g.tenant, g.actor, form_id, None, [file_id])[file_id]
    found = {"id": encode_id(kept.id), "name": kept.name, "type": kept.mime, "size": kept.size}
    return answer(found, 201)


def download(form_id: str, record: str, attachment: str) -> Response:
    """A file of a record the caller may read, as a download."""
    open_record(form_id, "read")
    opened = files.open_attachment(g.tenant, g.actor, form_id, read_id(record), read_id(attachment))
    return send(opened.stream, opened.name, opened.mime, opened.size)
