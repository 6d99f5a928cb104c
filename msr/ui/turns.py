"""The queue, shared fairly: nobody fills it alone, and nothing stays in it that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fastapi
from gradio.queueing import Event, Queue

from msr.ui.callers import Callers, name_of

MOST, EACH = 32, 8  # events that wait, of all callers and of one
_SESSIONS = 500  # whose answers are kept until they are read


class Turns(Queue):
    """Gradio's queue with a share for each caller. `refused` is told of what was not taken in: session, function."""

    def __init__(self, blocks: Any, callers: Callers, refused: Callable[[str, Any], None]) -> None:
        like = blocks._queue  # as `Blocks.queue` made it
        super().__init__(like.live_updates, like.max_thread_count, like.update_intervals, MOST, blocks)
        self._callers = callers
        self._refused = refused

    async def push(self, body: Any, request: fastapi.Request, username: str | None) -> Any:
        """Takes an event in, unless all places are taken, or those of this caller."""
        await self._drop_forgotten()
        who = name_of(request, username)
        if sum(name_of(event.request, event.username) == who for event in self._waiting()) >= EACH:
            said = f"{EACH} of your requests wait already. Try again when one of them is done."
            answer: Any = (False, said, "queue_full")
        else:
            answer = await super().push(body=body, request=request, username=username)
        if not answer[0] and body.fn_index in self.blocks.fns:
            self._refused(body.session_hash or "", self.blocks.fns[body.fn_index].fn)
        return answer

    def waits(self, session: str, function: Any) -> bool:
        """Whether a call of this function is in the queue for this session."""
        return any(event.session_hash == session and event.fn.fn == function for event in self._waiting())

    def _waiting(self) -> Iterator[Event]:
        for queue in list(self.event_queue_per_concurrency_id.values()):
            yield from list(queue.queue)

    async def _drop_forgotten(self) -> None:
        for event in [event for event in self._waiting() if self._callers.forgot(event)]:
            await self.clean_events(event_id=event._id)
        # Gradio keeps answers that nobody fetched, and beyond 2,000 sessions drops the oldest, also one in use.
        busy = {event.session_hash for event in self.event_ids_to_events.values()}
        idle = (s for s in list(self.pending_messages_per_session) if s not in busy and not self._callers.reads(s))
        for session, _ in zip(idle, range(len(self.pending_messages_per_session) - _SESSIONS), strict=False):
            self.pending_messages_per_session.pop(session, None)
            self.pending_event_ids_session.pop(session, None)
