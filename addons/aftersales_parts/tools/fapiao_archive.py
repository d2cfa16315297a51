"""Zip files from outside: read in memory only, within limits, whatever they claim about themselves.

An OFD file is a zip, too. Nothing is ever written to a disk, so that names of members can't lead
anywhere; they are shown only.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from .fapiao_data import FapiaoError

# XML shrinks to a thirtieth, blanks to a thousandth: what shrinks more is made to harm
MAX_RATIO = 300
# below this size a high ratio does no harm, and short texts of blanks have one
SMALL = 1024 * 1024
CHUNK = 64 * 1024
# what the directory has of each file: its name, and a few figures
ENTRY_BYTES = 1024
_UTF8_FLAG = 0x800
_ENCRYPTED = 0x1
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    LookupError,
)


@dataclass(frozen=True)
class Limits:
    """What is taken in at most: bytes of one file and of all together, and how many files."""

    file_bytes: int
    total_bytes: int
    files: int


class Archive:
    """The members of a zip, by their place in it."""

    def __init__(self, raw, limits):
        """Open the zip ``raw`` and check what its directory says.

        :param bytes raw: the zip
        :raises FapiaoError: damaged, encrypted, or beyond the limits
        """
        self._limits = limits
        self._left = limits.total_bytes
        directory = ENTRY_BYTES * (limits.files + 1)
        if len(raw) > limits.total_bytes + directory:
            raise self._get_size_error()
        try:
            stream = io.BytesIO(raw)
            # by what the library itself goes by, before it takes in a directory of millions
            end = zipfile._EndRecData(stream)
            if end and end[zipfile._ECD_SIZE] > directory:
                raise FapiaoError("archive_files", limit=limits.files)
            self._zip = zipfile.ZipFile(stream)
            self._infos = [info for info in self._zip.infolist() if not info.is_dir()]
        except _DAMAGED as error:
            raise FapiaoError("archive") from error
        if len(self._infos) > limits.files:
            raise FapiaoError("archive_files", limit=limits.files)
        if sum(info.file_size for info in self._infos) > limits.total_bytes:
            raise self._get_size_error()
        for info in self._infos:
            self._check_ratio(info.file_size, info.compress_size)
        self.names = [get_name(info) for info in self._infos]

    def _get_size_error(self):
        return FapiaoError("archive_size", limit=self._limits.total_bytes // 2**20)

    def _check_ratio(self, size, packed):
        if size > SMALL and size > MAX_RATIO * max(packed, 1):
            raise FapiaoError("archive_ratio")

    def inflate(self, index):
        """Return the bytes of one member.

        :raises FapiaoError: damaged, encrypted, or larger than what is taken in
        """
        info = self._infos[index]
        if info.flag_bits & _ENCRYPTED:
            raise FapiaoError("archive_encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FapiaoError("archive")
        limit = self._limits.file_bytes
        if info.file_size > limit:
            raise FapiaoError("size", limit=limit // 2**20)
        chunks, size = [], 0
        try:
            with self._zip.open(info) as stream:
                # the directory may lie about sizes: what counts is what comes out
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise FapiaoError("size", limit=limit // 2**20)
                    if size > self._left:
                        raise self._get_size_error()
                    self._check_ratio(size, info.compress_size)
                    chunks.append(chunk)
        except _DAMAGED as error:
            raise FapiaoError("archive") from error
        self._left -= size
        return b"".join(chunks)


def is_zip(raw):
    """Tell whether the bytes are a zip, and so an archive or an OFD file."""
    return raw.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_ofd(names):
    """Tell by the names in a zip whether it is an OFD file."""
    return any(name.replace("\\", "/").lstrip("./").casefold() == "ofd.xml" for name in names)


def is_office(names):
    """Tell by the names in a zip whether it is a document of an office program."""
    return "[Content_Types].xml" in names


def get_name(info):
    """Return the name of a member as its producer most likely wrote it.

    Without the flag for UTF-8, Python takes names for CP437, while Chinese tools store GBK.
    """
    name = info.filename
    if info.flag_bits & _UTF8_FLAG:
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def get_base_name(name):
    """Return the last part of a member's name, without any folder that it claims."""
    return name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def is_noise(name):
    """Tell whether the member is what operating systems leave in archives."""
    base = get_base_name(name)
    return (
        "__MACOSX/" in name or base.startswith(".") or base.lower() in ("thumbs.db", "desktop.ini")
    )
