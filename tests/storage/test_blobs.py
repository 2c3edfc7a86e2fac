"""Attached files: whole or not at all, once each, only through their record."""

from __future__ import annotations

import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.storage.blobs import Attachment, BlobStore, find_attachment, insert_attachment
from app.storage.errors import AttachmentError
from forms.values import new_id


@pytest.fixture
def store(tmp_path):
    return BlobStore(tmp_path / "files")


def files(store):
    return [path for path in store._folder.rglob("*") if path.is_file()]


def row_of(store, content, record_id=1, **more):
    sha256, size = store.put(io.BytesIO(content), 1 << 20)
    values = {"form": "order", "field": "photo", "name": "a.jpg", "mime": "image/jpeg"}
    return Attachment(
        id=new_id(),
        record_id=record_id,
        sha256=sha256,
        size=size,
        created_at=1,
        created_by=7,
        **(values | more),
    )


def test_a_file_comes_back_and_equal_files_are_one(store):
    content = b"x" * 200_000
    first, second = row_of(store, content), row_of(store, content)
    assert first.sha256 == hashlib.sha256(content).hexdigest()
    with store.open(second) as file:
        assert file.read() == content
    assert len(files(store)) == 1
    assert store.verify(first)


def test_too_large_leaves_nothing_behind(store):
    with pytest.raises(AttachmentError) as caught:
        store.put(io.BytesIO(b"x" * 100), 99)
    assert caught.value.code == "too_large"
    assert files(store) == []
    assert store.put(io.BytesIO(b"x" * 100), 100)[1] == 100


def test_a_broken_stream_leaves_nothing_behind(store):
    class Broken:
        def read(self, size):
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store.put(Broken(), 100)
    assert files(store) == []


def test_eight_uploads_of_one_content_make_one_whole_file(store):
    content = b"y" * 500_000
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: store.put(io.BytesIO(content), 1 << 20), range(8)))
    assert len(set(results)) == 1
    assert [path.stat().st_size for path in files(store)] == [500_000]


def test_changed_or_missing_files_are_noticed(store):
    row = row_of(store, b"content")
    (path,) = files(store)
    path.chmod(0o640)
    path.write_bytes(b"CONTENT")
    assert not store.verify(row)
    path.write_bytes(b"short")
    with pytest.raises(AttachmentError) as caught:
        store.open(row)
    assert caught.value.code == "damaged"
    path.unlink()
    with pytest.raises(AttachmentError) as caught:
        store.open(row)
    assert caught.value.code == "missing"


def test_a_row_is_found_only_through_its_own_record(store, tenant_db):
    row = row_of(store, b"mine", record_id=11)
    waiting = row_of(store, b"not saved yet", record_id=None)
    with tenant_db.write() as tx:
        tx.queue(*insert_attachment(row))
        tx.queue(*insert_attachment(waiting))
    assert find_attachment(tenant_db, row.id, "order", 11) == row
    assert find_attachment(tenant_db, row.id, "order", 12) is None
    assert find_attachment(tenant_db, row.id, "return_request", 11) is None
    assert find_attachment(tenant_db, row.id, "order", None) is None
    assert find_attachment(tenant_db, waiting.id, "order", None) == waiting


def test_a_sweep_removes_what_no_row_needs(store, tenant_db):
    kept, gone = row_of(store, b"kept"), row_of(store, b"gone")
    with tenant_db.write() as tx:
        tx.queue(*insert_attachment(kept))
    (store._folder / "incoming" / "broken-off").write_bytes(b"half")
    assert store.sweep(tenant_db, time.time() - 60) == 0
    assert store.sweep(tenant_db, time.time() + 1) == 2
    store.open(kept).close()
    with pytest.raises(AttachmentError):
        store.open(gone)
