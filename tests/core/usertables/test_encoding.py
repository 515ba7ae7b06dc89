import pytest
from simjob.core.usertables import encoding
from simjob.core.usertables.problems import UnreadableTableError

TEXT = "mesh\r\nfein, ü\r\n"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode(), id="UTF-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="UTF-8 with a mark"),
        pytest.param(TEXT.encode("utf-16"), id="UTF-16"),
        pytest.param(f"\ufeff{TEXT}".encode("utf-16-be"), id="UTF-16 big endian"),
        pytest.param(TEXT.encode("utf-32"), id="UTF-32"),
    ],
)
def test_a_byte_order_mark_decides_the_encoding(data: bytes) -> None:
    assert encoding.decode(data) == TEXT


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param("mesh\ngröße\n".encode("latin-1"), "line 2: byte 0xf6 is not UTF-8", id="Latin-1"),
        pytest.param(b"\xff\xfea", "line 1: byte 0x61 is not UTF-16", id="half a UTF-16 character"),
        pytest.param(b"\x1f\x8b\x08", "it is compressed with gzip: unpack it first", id="gzip"),
        pytest.param(
            b"\xd0\xcf\x11\xe0", 'it is an old Excel file: save the sheet as "CSV UTF-8"', id="an old Excel file"
        ),
        pytest.param(b"ARROW1\0\0", "it is an Arrow or Feather file: write it as Parquet", id="Arrow"),
        pytest.param(b"\x93NUMPY\x01", "it is a NumPy file", id="NumPy"),
    ],
)
def test_other_file_formats_are_named(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableTableError) as refusal:
        encoding.decode(data)
    assert str(refusal.value).startswith(message)
