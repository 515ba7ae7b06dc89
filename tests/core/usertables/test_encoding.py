import pytest
from simjob.core.usertables import encoding
from simjob.core.usertables.problems import UnreadableTableError

TEXT = "mesh\r\nfein, ü\r\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        f"\ufeff{TEXT}".encode("utf-16-be"),
        TEXT.encode("utf-32"),
    ],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16", "UTF-16 big endian", "UTF-32"],
)
def test_a_byte_order_mark_decides_the_encoding(data: bytes) -> None:
    assert encoding.decode(data) == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("mesh\ngröße\n".encode("latin-1"), "line 2: byte 0xf6 is not UTF-8"),
        (b"\xff\xfea", "line 1: byte 0x61 is not UTF-16"),
        (b"\x1f\x8b\x08", "it is compressed with gzip: unpack it first"),
        (b"\xd0\xcf\x11\xe0", 'it is an old Excel file: save the sheet as "CSV UTF-8"'),
        (b"ARROW1\0\0", "it is an Arrow or Feather file: write it as Parquet"),
        (b"\x93NUMPY\x01", "it is a NumPy file"),
    ],
)
def test_other_file_formats_are_named(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableTableError) as refusal:
        encoding.decode(data)
    assert str(refusal.value).startswith(message)
