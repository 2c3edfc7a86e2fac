"""Reading files: what they hold, where they are broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from app.importers.errors import ImportStopped
from app.importers.reader import (
    FileRecord,
    SpooledLines,
    Table,
    fingerprint,
    grouped_records,
    joined_records,
)


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_plain_and_gzip_read_alike_with_line_numbers(tmp_path: Path) -> None:
    text = 'a,b\n1,"x\ny"\n2,"£ "" z "\n'
    plain = write(tmp_path, "plain.csv", text)
    packed = tmp_path / "packed.csv"
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        with Table(path) as table:
            rows = [(row.line, dict(row.columns)) for row in table.rows()]
        assert rows == [(2, {"a": "1", "b": "x\ny"}), (4, {"a": "2", "b": '£ " z '})]


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path: Path) -> None:
    with Table(write(tmp_path, "f.csv", "\ufeffa\n1\n")) as table:
        assert table.header == ["a"]


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"", "file_empty", 1),
        (b"a,a\n", "column_twice", 1),
        (b"a,b\n1\n", "row_length", 2),
        (b"a,b\n1,2\n1,2,3\n", "row_length", 3),
        (b'a\n"x"y\n', "not_csv", 2),
        (b"a\n1\n\xff\xfe\n", "wrong_encoding", 2),
        (gzip.compress(b"a\n" + b"1\n" * 5000, mtime=0)[:-20], "file_damaged", 1),
    ],
)
def test_what_is_broken_is_named_with_its_line(
    tmp_path: Path, content: bytes, code: str, line: int
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(ImportStopped) as caught, Table(path) as table:
        list(table.rows())
    assert caught.value.code == code
    assert caught.value.line >= line
    assert caught.value.message.zh
    assert caught.value.message.en


def test_a_missing_file_and_a_missing_column_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ImportStopped) as caught, Table(tmp_path / "nope.csv"):
        pass
    assert caught.value.code == "file_missing"
    path = write(tmp_path, "f.csv", "order_no\n1\n")
    with Table(path) as table, pytest.raises(ImportStopped) as caught:
        table.require(["order_num"])
    assert "did you mean 'order_no'?" in caught.value.message.en


def shape(record: FileRecord) -> tuple[int, list[int]]:
    return record.row.line, [row.line for row in record.lines["lines"]]


def test_consecutive_rows_group_into_records(tmp_path: Path) -> None:
    with Table(write(tmp_path, "f.csv", "no,q\nA,1\nA,2\nB,3\nA,4\n")) as table:
        found = [shape(r) for r in grouped_records(table.rows(), "lines", ["no"])]
    assert found == [(2, [2, 3]), (4, [4]), (5, [5])]


def test_line_items_come_from_the_second_file_wherever_they_stand_in_it(tmp_path: Path) -> None:
    head = write(tmp_path, "h.csv", "no\nA\nB\nC\n")
    tail = write(tmp_path, "l.csv", 'no,q\nC,"a\nb"\nA,1\nA,2\nC,3\nA,4\nD,5\n')
    with (
        Table(head) as one,
        Table(tail) as two,
        SpooledLines(two.rows(), ["no"]) as spooled,
    ):
        records = list(joined_records(one.rows(), spooled, "lines", ["no"]))
        left = list(spooled.left())
    assert [shape(r) for r in records] == [(2, [4, 5, 7]), (3, []), (4, [2, 6])]
    assert records[2].lines["lines"][0].columns["q"] == "a\nb"
    assert left == [(("D",), 8)]


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one, same, other = (write(tmp_path, n, t) for n, t in (("a", "x"), ("b", "x"), ("c", "y")))
    assert fingerprint([one]) == fingerprint([same]) != fingerprint([other])
    assert fingerprint([one, other]) != fingerprint([other, one])
