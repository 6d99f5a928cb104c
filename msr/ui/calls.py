"""Calls of events: refused before they are queued if they cannot be meant, and answered in a sentence if they fail."""

from __future__ import annotations

import functools
import logging
import re
import traceback
from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from gradio_client.utils import construct_args

from msr.render.html import text
from msr.ui.bodies import Refused

log = logging.getLogger(__name__)

_CALL = re.compile(r"/gradio_api/(?:queue/join|(?P<route>run|api|call|call/v2)/(?P<name>[^/]+))/?")


class Calls:
    """The events of a page, by number and by name, with the arguments that each takes."""

    def __init__(self, page: Any) -> None:
        self._page = page

    def check(self, path: str, data: Any) -> None:
        """Raises Refused for a call of an event that is not there, or with other arguments than it takes."""
        found = _CALL.fullmatch(path)
        if found is None:
            return
        if not isinstance(data, dict):
            raise Refused(400, "Send a JSON object.")
        if found["route"] == "call/v2":
            self._check_named(found["name"], data)
            return
        function = self._function(found["route"], found["name"], data)
        taken = [len(function.inputs)]
        if found["route"] == "call":  # scripts leave out what only the page holds
            taken.append(sum(not block.skip_api for block in function.inputs))
        sent = data.get("data")
        if not isinstance(sent, list):
            raise Refused(400, '"data" must be the list of the arguments.')
        if len(sent) not in taken and not function.cancels:
            raise Refused(400, f"This endpoint takes {taken[-1]} arguments; there are {len(sent)}.")

    def _function(self, route: str | None, name: str | None, data: dict[str, Any]) -> Any:
        number = data.get("fn_index") if route != "call" else None
        if number is None and name is not None:
            function = next((fn for fn in self._page.fns.values() if fn.api_name == name), None)
        elif isinstance(number, int) and not isinstance(number, bool):
            function = self._page.fns.get(number)
        else:
            raise Refused(400, '"fn_index" must be the number of an endpoint.')
        if function is None:
            raise Refused(404, "There is no such endpoint here.")
        return function

    def _check_named(self, name: str, data: dict[str, Any]) -> None:
        if f"/{name}" not in self._named:
            raise Refused(404, "There is no such endpoint here.")
        parameters = self._named[f"/{name}"]["parameters"]
        try:
            construct_args(parameters, (), data)
        except (TypeError, ValueError):
            names = ", ".join(p["parameter_name"] for p in parameters)
            raise Refused(400, f"This endpoint takes these arguments: {names}.") from None

    @functools.cached_property
    def _named(self) -> dict[str, Any]:
        return self._page.get_api_info()["named_endpoints"]


class EndpointError(gr.Error):
    """An error that only programs get, because no page calls the endpoint. It is plain text and not escaped as HTML."""


def answer_plainly(app: Any, page: Any) -> None:
    """Make failed calls of `page` answer with one sentence in which nothing is markup, and log at most one line.

    An `EndpointError` keeps its words. `app` is Gradio's server. Gradio would print a traceback for each argument that
    it cannot read.
    """
    read, work = page.preprocess_data, page.process_api

    async def preprocess_data(*given: Any, **more: Any) -> Any:
        try:
            return await read(*given, **more)
        except gr.Error:
            raise
        except Exception:
            raise gr.Error("An argument is of another kind than this endpoint reads.") from None

    async def process_api(*given: Any, **more: Any) -> Any:
        try:
            return await work(*given, **more)
        except EndpointError:
            raise
        except gr.Error as error:
            said = text(error.message)
            raise gr.Error(said, error.duration, error.visible, text(error.title), print_exception=False) from None
        except Exception as error:
            log.warning("A call failed: %s", told(error))
            said = f"Something unforeseen happened ({type(error).__name__})."
            raise gr.Error(said, print_exception=False) from None

    page.preprocess_data, page.process_api = preprocess_data, process_api

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Any, error: RequestValidationError) -> JSONResponse:
        said = "The request lacks something, or holds a value of another kind than is read here."
        return JSONResponse({"detail": said}, 400)


def told(error: BaseException) -> str:
    """An error and where it was raised, in one line."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" in {frame.filename}, line {frame.lineno}" for frame in place)
    return f"{type(error).__name__}{where}: {str(error)[:200]!r}"
