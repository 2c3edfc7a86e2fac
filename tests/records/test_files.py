"""Attachments: taken for what they are, kept for whoever sent them, read through the record."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from app.records.files import (
    KEEP_UNSAVED,
    attach,
    attachments,
    open_attachment,
    sweep_uploads,
)
from app.records.look import preview
from app.records.save import create, delete, update
from app.records.sniff import kind_of, pixels_of
from tests.records.shop import AGENT, BOSS, NOBODY, PHONES, Shop, refused


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


JPEG = (
    b"\xff\xd8\xff\xe1"
    + struct.pack(">H", 60002)
    + bytes(60000)
    + b"\xff\xc0"
    + struct.pack(">HBHH", 17, 8, 600, 800)
    + bytes(20)
)
GIF = b"GIF89a" + struct.pack("<HH", 30, 20) + bytes(10)
WEBP = (
    b"RIFF"
    + bytes(4)
    + b"WEBPVP8X"
    + bytes(8)
    + (9).to_bytes(3, "little")
    + (4).to_bytes(3, "little")
)


def put(
    shop: Shop,
    content: bytes,
    path: str = "evidence",
    name: str = "a.bin",
    mime: str = "",
    actor=BOSS,
):
    return attach(shop.tenant, actor, "claim", path, io.BytesIO(content), name, mime)


@pytest.mark.parametrize(
    ("content", "mime", "pixels"),
    [
        (png(3, 4), "image/png", 12),
        (JPEG, "image/jpeg", 480_000),
        (GIF, "image/gif", 600),
        (WEBP, "image/webp", 50),
    ],
)
def test_pictures_are_known_by_their_header(content, mime, pixels):
    assert kind_of(content, "x") == mime
    assert pixels_of(content, mime) == pixels


def test_markup_is_text_and_programs_are_programs():
    assert kind_of(b"<svg xmlns='x'><script/></svg>", "a.svg") == "text/plain"
    assert kind_of(b"\x7fELF...", "photo.png") == "application/x-executable"
    assert kind_of(b"PK\x03\x04..", "a.xlsx").endswith("spreadsheetml.sheet")
    assert kind_of(b"\x00\x01", "a") == "application/octet-stream"


def test_e17_an_upload_is_its_senders_until_the_record_is_saved(shop: Shop):
    one = put(shop, b"hello", name="../../etc/pass\u202ewd.txt", mime="text/plain")
    with open_attachment(shop.tenant, BOSS, "claim", None, one).stream as stream:
        assert stream.read() == b"hello"
    refused("not_found", open_attachment, shop.tenant, AGENT, "claim", None, one)
    found = refused(
        "invalid", create, shop.tenant, AGENT, "claim", {"lines": [], "evidence": [one]}
    )
    assert "file_missing" in {d.code for d in found.details}
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1", evidence=[one]))
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", None, one)
    opened = open_attachment(shop.tenant, BOSS, "claim", saved.id, one)
    opened.stream.close()
    assert (opened.name, opened.mime, opened.inline) == ("passwd.txt", "text/plain", True)
    refused("not_found", open_attachment, shop.tenant, NOBODY, "claim", saved.id, one)
    refused("not_found", open_attachment, shop.tenant, PHONES, "claim", saved.id, one)
    known = attachments(shop.tenant, BOSS, "claim", saved.id, [one, 5])
    assert known[one].size == 5


def test_an_attachment_serves_one_record_and_one_field(shop: Shop):
    one = put(shop, b"hello")
    photo = put(shop, png(10, 10), "lines.photos", "p.png", "image/png")
    first = create(shop.tenant, BOSS, "claim", shop.claim("1", evidence=[one]))
    found = refused("invalid", create, shop.tenant, BOSS, "claim", shop.claim("1", evidence=[one]))
    assert [d.code for d in found.details] == ["file_missing"]
    found = refused(
        "invalid", create, shop.tenant, BOSS, "claim", shop.claim("1", evidence=[photo])
    )
    assert [(d.path, d.code) for d in found.details] == [(("evidence",), "file_missing")]
    second = create(shop.tenant, BOSS, "claim", shop.claim("1"))
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", second.id, one)
    update(shop.tenant, BOSS, "claim", first.id, {"evidence": []}, version=1)
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", first.id, one)


def test_a_deleted_record_shows_no_files(shop: Shop):
    one = put(shop, b"hello")
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1", evidence=[one]))
    delete(shop.tenant, BOSS, "claim", saved.id, version=1)
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", saved.id, one)


def test_e17_what_is_not_what_it_says_is_refused(shop: Shop):
    for content, path, mime in (
        (b"<svg/>", "lines.photos", "image/svg+xml"),
        (b"%PDF-1.7", "lines.photos", "application/pdf"),
        (GIF, "evidence", "image/png"),
        (b"MZ\x90", "evidence", ""),
    ):
        found = refused("invalid", put, shop, content, path, "x", mime)
        assert [d.code for d in found.details] == ["file_type"]
    found = refused("invalid", put, shop, png(60_000, 60_000), "lines.photos")
    assert [d.code for d in found.details] == ["file_pixels"]
    refused("not_found", put, shop, b"x", "contact")
    refused("forbidden", put, shop, b"x", actor=NOBODY)


def test_e17_a_file_too_large_leaves_nothing_behind(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.records.files.DEFAULT_SIZE", 1000)
    refused("too_large", put, shop, bytes(1001))
    put(shop, bytes(1000))
    assert shop.count("rf_attachment") == 1


def test_uploads_nobody_saves_are_swept_after_a_day(shop: Shop):
    kept = put(shop, b"kept")
    saved = create(shop.tenant, BOSS, "claim", shop.claim("1", evidence=[kept]))
    gone = put(shop, b"gone")
    shop.clock.pass_by(seconds=KEEP_UNSAVED / 1_000_000 + 10)
    sweep_uploads(shop.tenant)
    refused("not_found", open_attachment, shop.tenant, BOSS, "claim", None, gone)
    open_attachment(shop.tenant, BOSS, "claim", saved.id, kept).stream.close()


def test_a_preview_tells_nothing_of_somebody_else_s_upload(shop: Shop):
    theirs, own = put(shop, b"x"), put(shop, b"y", actor=PHONES)
    photo = put(shop, png(1, 1), "lines.photos")
    values = shop.claim("1", evidence=[own, theirs])
    values["lines"][0]["photos"] = [photo]
    seen = preview(shop.tenant, PHONES, "claim", values)
    assert seen.values["evidence"] == [own]
    assert seen.values["lines"][0]["photos"] is None
    assert {error.path for error in seen.errors if error.code == "file_missing"}
