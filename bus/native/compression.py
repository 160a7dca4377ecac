"""The four codecs of the record batch, by well-kept libraries, with a bound on what they unpack.

number  name    library    form
------  ----    -------    ----
1       gzip    zlib       RFC 1952, one member or several
2       snappy  cramjam    written in xerial's framing, as Java does; read in it or as a raw block
3       lz4     lz4        one frame, its blocks independent, or Java refuses it
4       zstd    zstandard  one frame or several

xerial's framing: magic 82 'SNAPPY' 00, version int32 1, compatible int32 1, then blocks of int32
length and raw snappy. All big endian.

Libraries are imported when their codec is first used. What is unpacked comes from a peer: output is
taken piece by piece and never grows beyond `limit` and one piece more, whatever the input claims.
"""

import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TypeAlias, TypeVar

from bus.errors import CorruptBatch, UnsupportedCompressionType

Data: TypeAlias = bytes | bytearray | memoryview

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4

NAMES = {"none": 0, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}

_XERIAL_MAGIC = b"\x82SNAPPY\0"
_XERIAL_HEADER = _XERIAL_MAGIC + (1).to_bytes(4, "big") + (1).to_bytes(4, "big")
_XERIAL_BLOCK = 32 * 1024  # Java's

_PIECE = 1 << 20  # bytes taken from a decoder at a time
_ZSTD_WINDOW_MAX = 1 << 27  # the library's own bound; of a window only what is written is touched
_ZSTD_CHECKSUM_FLAG = 4
_ZSTD_RLE = 1  # a block of one byte, repeated


class _Bad(Exception):
    """The input is damaged; the message says how, of "they"."""


def compress(codec: int, data: Data) -> bytes:
    """`data` packed by codec 1 to 4. Raises UnsupportedCompressionType for another number."""
    return _find(_COMPRESSORS, codec)(data)


def decompress(codec: int, data: Data, limit: int) -> bytes:
    """At most `limit` bytes unpacked from all of `data`.

    Raises CorruptBatch if it is damaged, cut short, has something behind its end, or would unpack
    to more; UnsupportedCompressionType for a number other than 1 to 4.
    """
    pieces_of = _find(_DECOMPRESSORS, codec)
    pieces: list[bytes] = []
    left = limit
    try:
        for piece in pieces_of(bytes(data), limit):
            left -= len(piece)
            if left < 0:
                raise _too_long(limit)
            pieces.append(piece)
    except _Bad as error:
        raise CorruptBatch(f"Compressed records (codec {codec}) are no good: {error}.") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_long(limit: int) -> _Bad:
    return _Bad(f"they unpack to more than the {limit} bytes allowed")


def _gzip(data: Data) -> bytes:
    return zlib.compress(data, wbits=31)


def _gunzip(data: bytes, limit: int) -> Iterator[bytes]:
    while True:
        decoder = zlib.decompressobj(wbits=31)
        try:
            while not decoder.eof:
                piece = decoder.decompress(data, _PIECE)
                if not piece and not decoder.eof:
                    raise _Bad("they are cut short")
                yield piece
                data = decoder.unconsumed_tail
        except zlib.error as error:
            raise _Bad(str(error)) from None
        data = decoder.unused_data
        if not data:
            return


def _snappy(data: Data) -> bytes:
    raw = import_module("cramjam").snappy
    view = memoryview(data)
    parts = [_XERIAL_HEADER]
    for start in range(0, len(view), _XERIAL_BLOCK):
        block = bytes(raw.compress_raw(view[start : start + _XERIAL_BLOCK]))
        parts += [len(block).to_bytes(4, "big"), block]
    return b"".join(parts)


def _unsnappy(data: bytes, limit: int) -> Iterator[bytes]:
    cramjam = import_module("cramjam")
    for block in _xerial_blocks(data) if data.startswith(_XERIAL_MAGIC) else [data]:
        try:
            # The claimed size is allocated at once, so it is asked for first.
            if cramjam.snappy.decompress_raw_len(block) > limit:
                raise _too_long(limit)
            yield bytes(cramjam.snappy.decompress_raw(block))
        except cramjam.DecompressionError as error:
            raise _Bad(str(error)) from None


def _xerial_blocks(data: bytes) -> Iterator[bytes]:
    position = len(_XERIAL_HEADER)
    if len(data) < position:
        raise _Bad("they are cut short")
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise _Bad("they are cut short")
        yield data[start:position]


def _lz4(data: Data) -> bytes:
    lz4 = import_module("lz4.frame")
    packed: bytes = lz4.compress(data, block_linked=False, store_size=False)
    return packed


def _unlz4(data: bytes, limit: int) -> Iterator[bytes]:
    decoder = import_module("lz4.frame").LZ4FrameDecompressor()
    try:
        yield decoder.decompress(data, max_length=_PIECE)
        while not decoder.eof:
            if decoder.needs_input:
                raise _Bad("they are cut short")
            yield decoder.decompress(b"", max_length=_PIECE)
    except (RuntimeError, EOFError) as error:
        raise _Bad(str(error)) from None
    if decoder.unused_data:
        raise _Bad("bytes follow their end")


def _zstd(data: Data) -> bytes:
    packed: bytes = import_module("zstandard").ZstdCompressor().compress(data)
    return packed


def _unzstd(data: bytes, limit: int) -> Iterator[bytes]:
    """Block by block, for the library's decoder gives all that its input unpacks to at once."""
    zstandard = import_module("zstandard")
    position = 0
    try:
        while True:
            decoder = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX).decompressobj()
            for end in _zstd_blocks(
                data, position, zstandard.frame_header_size(data[position : position + 18])
            ):
                yield decoder.decompress(data[position:end])
                position = end
            if not decoder.eof:
                raise _Bad("they are cut short")
            if position == len(data):
                return
    except zstandard.ZstdError as error:
        raise _Bad(str(error)) from None


def _zstd_blocks(data: bytes, start: int, header_size: int) -> Iterator[int]:
    """Where the frame header and each block of the frame at `start` end (RFC 8878, 3.1.1)."""
    position = start + header_size
    if position > len(data):
        raise _Bad("they are cut short")
    checksum_size = 4 if data[start + 4] & _ZSTD_CHECKSUM_FLAG else 0
    yield position
    last = 0
    while not last:
        header = int.from_bytes(data[position : position + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        position += 3 + (1 if kind == _ZSTD_RLE else size) + (checksum_size if last else 0)
        if position > len(data):
            raise _Bad("they are cut short")
        yield position


_Compress: TypeAlias = Callable[[Data], bytes]
_Decompress: TypeAlias = Callable[[bytes, int], Iterator[bytes]]
_COMPRESSORS: dict[int, _Compress] = {GZIP: _gzip, SNAPPY: _snappy, LZ4: _lz4, ZSTD: _zstd}
_DECOMPRESSORS: dict[int, _Decompress] = {
    GZIP: _gunzip,
    SNAPPY: _unsnappy,
    LZ4: _unlz4,
    ZSTD: _unzstd,
}
_Codec = TypeVar("_Codec", _Compress, _Decompress)


def _find(table: dict[int, _Codec], codec: int) -> _Codec:
    try:
        return table[codec]
    except KeyError:
        raise UnsupportedCompressionType(f"There is no compression with number {codec}.") from None
