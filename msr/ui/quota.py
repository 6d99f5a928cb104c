"""What callers may hold of the server: places in the queue, uploads, memory of sessions. Installed with one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder

from msr.ui.callers import Attendance
from msr.ui.studio import Studio
from msr.ui.turns import Turns
from msr.ui.uploads import take_uploads

_SESSIONS = 1_000  # whose states are kept, such as which run a page shows


def limit(app: Any, page: Any, studio: Studio) -> None:
    """Sets all limits; `app` is the server that `page` was mounted in, last."""
    gradio_app = app.routes[-1].app
    turns = Turns(page, studio.callers, studio.visits.refused)
    page._queue = turns
    studio.visits.waits = turns.waits
    gradio_app.state_holder = _Sessions()
    gradio_app.state_holder.set_blocks(page)
    gradio_app.state_holder.capacity = _SESSIONS
    take_uploads(gradio_app, studio.uploads, studio.limits)
    app.router.lifespan_context = _cleaning_up(app.router.lifespan_context, studio)
    app.add_middleware(Attendance, callers=studio.callers)


def _cleaning_up(lifespan: Any, studio: Studio) -> Any:
    @asynccontextmanager
    async def cleaning_up(app: Any) -> AsyncIterator[Any]:
        async with lifespan(app) as state:
            yield state
        studio.uploads.close()

    return cleaning_up


class _Sessions(StateHolder):
    """Sessions without what Gradio remembers of each, for links that the page does not offer: every component's
    settings, and the last input of each, however large."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = _Session(self.blocks)
        return super().__getitem__(session_id)


class _Session(SessionState):
    def __init__(self, blocks: Any) -> None:
        # As if there were no components, whose settings Gradio would gather first; that holds up everybody, and any
        # request may name a new session.
        without_components: Any = SimpleNamespace(default_config=blocks.default_config, blocks={})
        super().__init__(without_components)

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values = {}

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass
