"""Uploaded files: kept in a folder for each request, within limits, until they have been read."""

from __future__ import annotations

import asyncio
import base64
import errno
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from gradio.data_classes import FileData, GradioRootModel
from gradio.route_utils import API_PREFIX, GradioMultiPartParser, MultiPartException
from gradio.routes import file_upload_statuses
from gradio.utils import get_upload_folder
from gradio_client.utils import strip_invalid_filename_characters
from python_multipart.exceptions import FormParserError
from starlette.requests import ClientDisconnect

from msr.config import LIMITS, Limits
from msr.schema import InputProblem
from msr.ui.bodies import Refused
from msr.ui.callers import name_of

_AT_LEAST = 2**20  # smallest size in bytes that an upload counts for
_KEPT = 600.0  # seconds until unread files may be removed to make room
_READ_OUT = 20.0  # seconds for which a page can still ask about the progress of an upload
_DATA = "data:"  # the beginning of a file that is sent as text
_SENT = "the file as a text that begins with data:image/png;base64, (a file that was uploaded is an object)"
_SUFFIXES = {"application/zip": ".zip", "text/csv": ".csv", "application/json": ".json"}  # pictures have none
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM = "The disk of the server is full. Try again later."


class UploadRefused(Exception):
    """An upload that is refused; `status` is the HTTP status, and the message is shown to the visitor."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class Upload:
    """The files of one request, from their arrival until they are read."""

    caller: str
    folder: Path
    size: int = _AT_LEAST
    files: set[str] = field(default_factory=set)
    done: float | None = None  # when the upload was complete


class Uploads:
    """The files of all callers: at most `max_held_bytes` in all, and a quarter of that for one caller."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._home: tempfile.TemporaryDirectory[str] | None = None  # made for the first upload, removed by `close`
        self._uploads: dict[Path, Upload] = {}
        self._lock = threading.Lock()

    def begin(self, caller: str) -> Upload:
        """Make a folder with a random name for the files of one request. Raises UploadRefused and OSError."""
        with self._lock:
            if self._home is None:
                Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
                self._home = tempfile.TemporaryDirectory(
                    prefix="msr-", dir=get_upload_folder(), ignore_cleanup_errors=True
                )
            upload = Upload(caller, Path(self._home.name).resolve() / secrets.token_urlsafe(18))
            self._check(caller, upload.size)
            upload.folder.mkdir()
            self._uploads[upload.folder] = upload
        return upload

    def grow(self, upload: Upload, size: int) -> None:
        """Count `size` more bytes, before they are written. Raises UploadRefused."""
        with self._lock:
            if upload.size + size > self._limits.max_upload_bytes + _AT_LEAST:
                most = self._limits.max_upload_bytes / 2**20
                raise UploadRefused(413, f"At most {most:g} MB are taken at a time. Bring fewer or smaller files.")
            self._check(upload.caller, size)
            upload.size += size

    def done(self, upload: Upload, files: Sequence[str]) -> None:
        """Record that the files are complete and where they are."""
        with self._lock:
            upload.files = set(files)
            upload.done = time.monotonic()

    def drop(self, upload: Upload) -> None:
        """Remove an upload and its files."""
        with self._lock:
            self._uploads.pop(upload.folder, None)
        shutil.rmtree(upload.folder, ignore_errors=True)

    def close(self) -> None:
        """Remove all files."""
        with self._lock:
            self._uploads.clear()
            if self._home is not None:
                self._home.cleanup()
                self._home = None

    def knows(self, path: Any) -> bool:
        """Is this the path of an uploaded file that is still kept?"""
        with self._lock:
            return any(str(path) in upload.files for upload in self._of(path))

    @contextmanager
    def reading(self, files: Sequence[str] | None, caller: str) -> Iterator[list[Path]]:
        """Lend files for reading that were uploaded or are sent as `data:` texts, then remove them.

        Other files are left alone. Raises InputProblem for a text that is not a file.
        """
        paths: list[str] = []
        try:
            for file in files or ():
                paths.append(self._written(file, caller) if file.startswith(_DATA) else file)
            yield [Path(path) for path in paths]
        finally:
            for path in paths:
                self._remove(path)

    def _written(self, text: str, caller: str) -> str:
        """Write a file that was sent as a text, and return its path. It counts like any upload of the caller."""
        kind, _, encoded = text.removeprefix(_DATA).partition(",")
        kind, *parameters = kind.lower().split(";")
        try:
            if "base64" not in parameters:
                raise ValueError
            data = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise InputProblem("A file that is sent as text must read data:image/png;base64,…") from None
        upload = None
        try:
            upload = self.begin(caller)
            self.grow(upload, len(data))
            path = upload.folder / f"picture{_SUFFIXES.get(kind, '')}"  # no title can be guessed from this name
            path.write_bytes(data)
            self.done(upload, [str(path)])
            return str(path)
        except UploadRefused as refused:
            raise InputProblem(str(refused)) from None
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise InputProblem(_NO_ROOM) from None
        finally:
            if upload is not None and upload.done is None:
                self.drop(upload)

    def _remove(self, path: str) -> None:
        with self._lock:
            found = [upload for upload in self._of(path) if path in upload.files]
            for upload in found:
                upload.files.discard(path)
        for upload in found:
            Path(path).unlink(missing_ok=True)
            if not upload.files:
                self.drop(upload)

    def _of(self, path: Any) -> list[Upload]:
        """The upload whose folder contains this path, as a list of at most one."""
        return [self._uploads[folder] for folder in Path(str(path)).parents if folder in self._uploads]

    def _check(self, caller: str, size: int) -> None:
        most = self._limits.max_held_bytes
        if self._held() + size > most or self._held(caller) + size > most / 4:
            late = time.monotonic() - _KEPT
            for upload in [u for u in self._uploads.values() if u.done is not None and u.done < late]:
                del self._uploads[upload.folder]
                shutil.rmtree(upload.folder, ignore_errors=True)
        if self._held() + size > most or self._held(caller) + size > most / 4:
            raise UploadRefused(507, "Too many uploaded files wait to be read. Try again in some minutes.")

    def _held(self, caller: str | None = None) -> int:
        return sum(u.size for u in self._uploads.values() if caller is None or u.caller == caller)


def take_uploads(gradio_app: Any, uploads: Uploads, limits: Limits) -> None:
    """Replace Gradio's upload route, which shares equal files between callers and keeps incomplete ones.

    Gradio still decides who may upload.
    """
    path = f"{API_PREFIX}/upload"
    routers = [
        gradio_app.router,
        *(r.original_router for r in gradio_app.router.routes if hasattr(r, "original_router")),
    ]
    theirs = next(r for router in routers for r in router.routes if getattr(r, "path", None) == path)

    async def receive(request: Request, upload_id: str | None = None) -> Response:
        return await _receive(request, upload_id, uploads, limits)

    gradio_app.add_api_route(path, receive, methods=["POST"], dependencies=theirs.dependencies)
    gradio_app.router.routes.insert(0, gradio_app.router.routes.pop())


async def _receive(request: Request, upload_id: str | None, uploads: Uploads, limits: Limits) -> Response:
    """Answer an upload with the paths of its files, as Gradio does. A failed upload leaves no files."""
    upload = None
    try:
        upload = uploads.begin(name_of(request))
        parser = _FilesAlone(
            request.headers,
            _counted(request, upload, uploads),
            upload_dir=upload.folder,
            max_file_size=2 * limits.max_image_bytes,  # intake refuses earlier, and says why
            upload_id=upload_id,
            upload_progress=file_upload_statuses if upload_id else None,
        )
        files = _settled(upload.folder, (await parser.parse()).getlist("files"))
        uploads.done(upload, files)
        return JSONResponse(files)
    except (UploadRefused, Refused) as error:
        return PlainTextResponse(str(error), error.status)
    except MultiPartException as error:
        return PlainTextResponse(error.message, 413 if "maximum allowed size" in error.message else 400)
    except FormParserError:  # a boundary that is too long, or a part that makes no sense
        return PlainTextResponse("The upload is not a multipart form that can be read.", 400)
    except ClientDisconnect:
        return PlainTextResponse("The upload was broken off.", 400)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return PlainTextResponse(_NO_ROOM, 507)
    finally:
        if upload is not None and upload.done is None:
            uploads.drop(upload)
        if upload_id:
            file_upload_statuses.set_done(upload_id)
            asyncio.get_running_loop().call_later(_READ_OUT, file_upload_statuses.stop_tracking, upload_id)


class _FilesAlone(GradioMultiPartParser):
    """Refuses form fields that are not files, which would be kept in memory."""

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is None:
            raise MultiPartException("Only files can be uploaded.")


def _settled(folder: Path, arrived: Sequence[Any]) -> list[str]:
    """Move each file to its own folder and name, since names may be equal; return the paths."""
    paths = []
    for number, file in enumerate(arrived):
        file.file.close()
        name = strip_invalid_filename_characters(Path(file.filename or "").name).lstrip(".") or "file"
        path = folder / str(number) / name
        path.parent.mkdir()
        Path(file.file.name).rename(path)
        paths.append(str(path))
    return paths


async def _counted(request: Request, upload: Upload, uploads: Uploads) -> AsyncGenerator[bytes, None]:
    async for chunk in request.stream():
        uploads.grow(upload, len(chunk))
        yield chunk


class _Sent(GradioRootModel):
    root: list[FileData | str]


def upload_input(uploads: Uploads, **settings: Any) -> gr.File:
    """A `gr.File` that accepts only uploaded files; the original accepts any path or web address from an API caller.

    A file may also be a `data:` text, for clients that cannot upload. This is not a subclass, because Gradio writes a
    stub file beside the source of every component's subclass.
    """
    files: Any = gr.File(file_count="multiple", **settings)

    async def as_it_is(path: str | Path | None) -> str | None:
        return None if path is None else str(path)

    def uploaded(payload: Any) -> list[str] | None:
        """The paths of the files, or their texts. Raises gr.Error for a file that was not uploaded."""
        sent = [] if payload is None else [f if isinstance(f, str) else f.path for f in payload.root]
        if not all(file.startswith(_DATA) or uploads.knows(file) for file in sent):
            raise gr.Error("Files must be uploaded; paths and web addresses are not read.", print_exception=False)
        return None if payload is None else sent

    files.async_move_resource_to_block_cache = as_it_is
    files.data_model = _Sent
    files.api_info = lambda: {"type": "array", "items": {"type": "string", "description": _SENT}}
    files.preprocess = uploaded
    return files
