"""Takes a file out of a multipart request as it arrives; in memory is a piece of it at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from footfall.http.errors import UnsupportedMediaType
from footfall.kernel.errors import Invalid
from footfall.transfers.folder import MAX_UPLOAD_BYTES, Arriving, too_large

#: Of all other fields; a mapping of a thousand columns is 100 KiB.
_MAX_FIELD_BYTES: Final = 1 << 20
_MAX_PARTS: Final = 20
#: Written at once, so that a thread is not asked for each packet.
_WRITTEN_BYTES: Final = 1 << 20
_MAX_NAME_CHARACTERS: Final = 255


class Upload(NamedTuple):
    """What a form held beside the file's content."""

    file_name: str  #: as sent, for people; never a path
    fields: dict[str, str]


async def receive(request: Request[Any, Any, Any], arriving: Arriving, field: str | None) -> Upload:
    """Write the form's file into `arriving` and return the rest of it.

    Args:
        field: Name of the file's field; None: whichever holds a file.

    Raises:
        UnsupportedMediaType: The request is no multipart form.
        Invalid: The form is broken or has no file.
        TooLarge: The file, or the rest of the form, is.
    """
    content_type, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary")
    if content_type != "multipart/form-data" or not boundary:
        raise UnsupportedMediaType("Send the file as multipart/form-data.")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_UPLOAD_BYTES + _MAX_FIELD_BYTES:
        raise too_large()
    form = _Form(arriving, field)
    try:
        with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
            async for piece in _pieces(request.stream()):
                for event in parser.parse(piece):
                    form.take(event)
                if form.unwritten_bytes >= _WRITTEN_BYTES:
                    await asyncio.to_thread(form.write)
    except MultipartError as error:
        raise Invalid(f"The form is broken: {error}.", code="malformed_form") from error
    await asyncio.to_thread(form.write)
    if form.file_name is None:
        wanted = "a file" if field is None else f'a file in the field "{field}"'
        raise Invalid.at(f"/{field or 'file'}", "required", f"Send {wanted}.")
    return Upload(form.file_name, form.fields)


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for piece in stream:
        if piece:  # an empty one would tell the parser that this was all
            yield piece


class _Form:
    """The parts of a form, as they come."""

    def __init__(self, arriving: Arriving, field: str | None) -> None:
        self._arriving = arriving
        self._field = field
        self._name: str | None = None  # of the part under way, None for a file
        self._drops = False
        self._unwritten: list[bytes] = []
        self.unwritten_bytes = 0
        self._field_bytes = 0
        self.file_name: str | None = None
        self._parts: dict[str, bytearray] = {}

    @property
    def fields(self) -> dict[str, str]:
        """The texts of the form."""
        return {name: bytes(part).decode(errors="replace") for name, part in self._parts.items()}

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Take the next event of the parser."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event and not self._drops:
            if self._name is None:
                self._unwritten.append(bytes(event))
                self.unwritten_bytes += len(event)
            else:
                self._field_bytes += len(event)
                if self._field_bytes > _MAX_FIELD_BYTES:
                    raise too_large()
                self._parts[self._name] += event

    def _begin(self, part: MultipartSegment) -> None:
        name = part.name or ""
        is_file = part.filename is not None and self._field in {None, name}
        self._drops = part.filename is not None and (not is_file or self.file_name is not None)
        self._name = None if is_file else name
        if is_file and self.file_name is None:
            self.file_name = _shown_name(part.filename or "")
        elif part.filename is None:
            self._parts[name] = bytearray()

    def write(self) -> None:
        """Write what came of the file since the last time."""
        for piece in self._unwritten:
            self._arriving.write(piece)
        self._unwritten.clear()
        self.unwritten_bytes = 0


def _shown_name(sent: str) -> str:
    """Return the last part of a name as a store can hold it and a page can show it."""
    last = sent.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(letter if letter.isprintable() else "\ufffd" for letter in last)
    return clean.encode(errors="replace").decode()[:_MAX_NAME_CHARACTERS] or "file"
