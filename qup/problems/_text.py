"""Text files that users wrote: UTF-8, with a byte-order mark or without.

A file in another encoding is refused in one line that guesses which, for a wrong guess taken would change problems
without a word.
"""

from qup.errors import SettingsError

MARKS = {b"\xff\xfe\x00\x00": "UTF-32", b"\x00\x00\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"Byte-order marks, the longer ones first."
MAGIC = {
    b"\x1f\x8b": "gzip (a name that ends in .gz is unpacked)",
    b"PK\x03\x04": "a zip archive or an Excel sheet",
    b"PAR1": "Parquet (its name ends in .parquet)",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"%PDF": "PDF",
    b"version https://git-lfs": "a pointer of Git LFS (git lfs pull fetches the file)",
}
"First bytes of files that are no problems in text."
LATIN = {"windows-1252", "iso-8859-1", "iso-8859-15"}
"What cannot be told apart by the letters of most European languages."
SAMPLE = 1 << 16
"Bytes that a guess looks at."


def decoded(raw: bytes, name: str) -> str:
    """The text in the bytes of the file called `name`.

    Raises:
        SettingsError: they are not UTF-8; the message says what they look like and how to convert them.
    """
    for magic, kind in MAGIC.items():
        if raw.startswith(magic):
            raise SettingsError(f"{name}: expected text in UTF-8, got {kind}")
    wide = _wide(raw[:SAMPLE])
    if wide:
        raise _foreign(name, wide, "")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _undecodable(name, error) from error


def _wide(raw: bytes) -> str | None:
    """The encoding of two or four bytes a letter that the bytes are in; one without a mark shows in its null bytes."""
    for mark, encoding in MARKS.items():
        if raw.startswith(mark):
            return encoding
    low, high = raw[1::2].count(0), raw[::2].count(0)
    if max(low, high) * 5 > len(raw):
        return "UTF-16LE" if low > high else "UTF-16BE"
    return None


def _undecodable(name: str, error: UnicodeDecodeError) -> SettingsError:
    """The error for a byte that UTF-8 has no room for: a file that is cut or damaged, or one in another encoding."""
    # The codec counts from behind the mark, which `object` lacks as well.
    raw, line = error.object, error.object.count(b"\n", 0, error.start) + 1
    if error.reason == "unexpected end of data":
        return SettingsError(f"{name}, line {line}: cut in the middle of a letter: was it copied or fetched in full?")
    where = f" (byte 0x{raw[error.start]:02x} in line {line})"
    start = max(0, error.start - SAMPLE // 2)
    sample = raw[start : start + SAMPLE]
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if sum(letter > "\x7f" for letter in text) > 2 * bad:
        return SettingsError(f"{name} is damaged{where}: all else in it is UTF-8; fetch or write it again")
    return _foreign(name, _guess(sample), where)


def _guess(raw: bytes) -> str:
    import chardet

    guess: str | None = chardet.detect(raw)["encoding"]
    return "Windows-1252" if guess is None or guess.lower() in LATIN else guess


def _foreign(name: str, encoding: str, where: str) -> SettingsError:
    told = "Windows-1252 or latin-1" if encoding == "Windows-1252" else encoding
    return SettingsError(
        f"{name} is not UTF-8{where}: it looks like {told}; convert it with: "
        f"iconv -f {encoding} -t UTF-8 {name} > converted-{name}"
    )
