"""From the bytes of a table to its text: UTF-8, or UTF-16 and UTF-32 with a byte order mark."""

import codecs
from typing import Final

from simjob.core.usertables.problems import UnreadableTableError

PARQUET: Final = b"PAR1"
# UTF-32 comes first: its mark begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_CSV: Final = 'save the sheet as "CSV UTF-8"'
_FILES: Final = (
    (b"PK\x03\x04", f"is an Excel, LibreOffice or Numbers file, or a ZIP: {_AS_CSV}"),
    (b"\xd0\xcf\x11\xe0", f"is an old Excel file: {_AS_CSV}"),
    (b"\x1f\x8b", "is compressed with gzip: unpack it first"),
    (b"ARROW1", "is an Arrow or Feather file: write it as Parquet"),
    (b"\x89HDF", "is an HDF5 file: write it as Parquet, or as CSV in UTF-8"),
    (b"MATLAB 5.0", "is a MATLAB file: write it with writetable, as CSV in UTF-8"),
    (b"\x93NUMPY", "is a NumPy file: write it with numpy.savetxt and a header, or as Parquet"),
)


def decode(data: bytes) -> str:
    """Return the text. Raise UnreadableTableError if the bytes are not a text: it says what they seem to be."""
    for start, what in _FILES:
        if data.startswith(start):
            raise UnreadableTableError(f"it {what}")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableTableError(
            f"line {line}: byte 0x{data[error.start]:02x} is not {encoding.removesuffix('-sig').upper()}. In Excel, "
            f"{_AS_CSV}; elsewhere: iconv -f WINDOWS-1252 -t UTF-8"
        ) from error
