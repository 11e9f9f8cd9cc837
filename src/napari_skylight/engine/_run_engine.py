"""bluesky's RunEngine, run from any thread."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import ClassVar

from bluesky.run_engine import RunEngine as BlueskyRunEngine
from bluesky.run_engine import default_scan_id_source
from bluesky.utils import DuringTask
from psygnal import Signal

from ._commands import Commands
from ._errors import EngineBusyError
from ._offers import Offers

__all__ = ["RunEngine"]


class RunEngine(BlueskyRunEngine):
    """Thin for the moment."""

    state_changed: ClassVar[Signal] = Signal(str, str)

    def __init__(
        self,
        md=None,
        *,
        loop=None,
        preprocessors=None,
        md_validator=None,
        md_normalizer=None,
        scan_id_source=default_scan_id_source,
        call_returns_result=True,
    ):
        super().__init__(
            md,
            loop=loop,
            preprocessors=preprocessors,
            context_managers=[],
            md_validator=md_validator,
            md_normalizer=md_normalizer,
            scan_id_source=scan_id_source,
            during_task=DuringTask(),
            call_returns_result=call_returns_result,
        )
        self.pause_msg = ""
        self._offers = Offers()
        Commands(self, self._offers).install()

    def offer(self, actions):
        for action in actions:
            self._offers.add(action.event_map)

    def _submit(self, f, *args, **kw):
        fut = Future()

        def work():
            try:
                fut.set_result(f(*args, **kw))
            except Exception as e:
                fut.set_exception(e)

        threading.Thread(target=work, daemon=True, name="skylight-engine-caller").start()
        return fut

    def __call__(self, plan, subs=None, /, **kw):
        if not self._state.is_idle:
            raise EngineBusyError("busy")
        return self._submit(super().__call__, plan, subs, **kw)

    def resume(self):
        return self._submit(super().resume)

    def _quiet(self, f, *a):
        if self._state.is_idle:
            fut = Future()
            fut.set_result(None)
            return fut
        return self._submit(f, *a)

    def stop(self):
        return self._quiet(super().stop)

    def abort(self, reason=""):
        return self._quiet(super().abort, reason)

    def halt(self):
        return self._quiet(super().halt)

    def request_pause(self, defer=False):
        return self._quiet(super().request_pause, defer)

    def close(self, timeout: float = 5.0):
        self.halt()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
