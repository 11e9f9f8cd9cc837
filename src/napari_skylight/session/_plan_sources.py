"""Plans of the user's folder and of other distributions."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from importlib.metadata import EntryPoint
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from napari_skylight import _entry_points
from napari_skylight.plans import OfferedPlan, PlanRegistry, plans_in
from napari_skylight.plans.spec import check_plan
from napari_skylight.session._coalescing_task import CoalescingTask
from napari_skylight.session._problems import Problems, SeveralProblems, in_words

GROUP = "napari_skylight.plans"
SLOW_SECONDS = 10.0
"""How long loading may take before the file or package it waits for is reported."""


class PlanSources:
    """Loads the plans of entry points and of `folder` into `plans`."""

    def __init__(self, plans: PlanRegistry, folder: Path | None, problems: Problems) -> None:
        self._plans = plans
        self._folder = PlanFolder(folder) if folder is not None else None
        self._problems = problems
        self._things: dict[EntryPoint, Any] = {}  # loaded from entry points
        self._names: list[str] = []
        self._loading = ""  # the entry point that is being imported
        self._task = CoalescingTask("skylight-load-plans", self._load_and_report)
        self._closed = False

    def reload(self) -> Future[tuple[str, ...]]:
        """Load all plans on a thread; the future ends with the problems."""
        future = self._task.ask()
        future.add_done_callback(self._problems.report_failure)
        return future

    def close(self, seconds: float) -> None:
        """Report nothing more; wait up to `seconds` for what is being loaded."""
        self._closed = True
        self._task.wait(seconds)

    def _load_and_report(self) -> tuple[str, ...]:
        slow = threading.Timer(SLOW_SECONDS, self._report_slow)
        slow.name, slow.daemon = "skylight-slow-plans", True
        slow.start()
        try:
            return self._load()
        finally:
            slow.cancel()

    def _report_slow(self) -> None:
        what = self._loading or (self._folder.loading if self._folder is not None else "")
        if what and not self._closed:
            problem = f"Loading plans waits for {what}; the plans after it are not loaded yet."
            self._problems.report(problem, about=self, stands=True)

    def _load(self) -> tuple[str, ...]:
        plans, problems = self._installed()
        if self._folder is not None:
            own, wrong = self._folder.load()
            plans += own
            problems += wrong
        if self._closed:
            return ()
        self._names, taken = self._plans.exchange(plans, instead_of=self._names)
        problems += taken
        if problems:
            self._problems.report(SeveralProblems.of(problems), about=self, stands=True)
        else:
            self._problems.take_back(self)
        return tuple(map(in_words, problems))

    def _installed(self) -> tuple[list[OfferedPlan], list[Exception]]:
        plans: list[OfferedPlan] = []
        problems: list[Exception] = []
        for point in _entry_points.offered(GROUP):
            try:
                if point not in self._things:
                    self._loading = f"{_entry_points.owner(point)} ({point.name})"
                    self._things[point] = _entry_points.load(point)
                plans += _plans_of(point, self._things[point], problems)
            except _entry_points.EntryPointError as error:
                problems.append(error)
        self._loading = ""
        return plans, problems


def _plans_of(point: EntryPoint, thing: Any, problems: list[Exception]) -> Iterator[OfferedPlan]:
    """Yield the plan, or the plans of the module, that an entry point names."""
    owner = _entry_points.owner(point)
    if not isinstance(thing, ModuleType):
        try:
            check_plan(thing)
        except TypeError as error:
            problems.append(TypeError(f"{owner}: its entry point {point.name}: {error}"))
        else:
            yield OfferedPlan(point.name, thing, f"from {owner}")
        return
    plans, wrong = plans_in(thing)
    for name, fault in wrong.items():
        problems.append(TypeError(f"{owner}: {thing.__name__}.{name}: {in_words(fault)}"))
    for name, plan in plans.items():
        yield OfferedPlan(name, plan, f"from {owner}")


PACKAGE = "napari_skylight_own_plans"
"""The package of the files, so that they can import from each other."""

_loading = threading.Lock()  # all sessions of a process share the modules


class PlanFileError(Exception):
    """A file of plans, or a plan in it, cannot be loaded; the message names file and line."""


class PlanFolder:
    """The plans in the ``.py`` files of `folder`.

    Files whose names begin with an underscore are helpers: ``from ._helpers import raster``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, bytes] = {}
        self._plans: dict[str, Sequence[OfferedPlan]] = {}
        self._problems: list[PlanFileError] = []
        self.loading = ""  # the file that is being imported

    def load(self) -> tuple[list[OfferedPlan], list[PlanFileError]]:
        """Return the plans, and the problems of files and plans that cannot be loaded.

        If any file has changed, all are imported again. A broken file keeps its former plans.
        """
        with _loading:
            files = sorted(self._folder.glob("[!._]*.py"))
            read = {file.name: _content(file) for file in sorted(self._folder.glob("*.py"))}
            if read != self._read or self._problems:
                self._problems = []
                self._import(files)
                self._read = read
        return [plan for plans in self._plans.values() for plan in plans], self._problems

    def _import(self, files: list[Path]) -> None:
        before, before_plans = _make_package(self._folder), self._plans
        self._plans = {}
        for file in files:
            name, self.loading = f"{PACKAGE}.{file.stem}", file.name
            try:
                if "." in file.stem:
                    raise ImportError("its name has more than one dot: rename it.")
                self._plans[file.name] = self._plans_of(file, importlib.import_module(name))
            except BaseException as error:  # noqa: BLE001 - the user's file may raise
                # anything; Ctrl-C goes to the main thread
                self._plans[file.name] = kept = before_plans.get(file.name, ())
                if kept and name in before:
                    sys.modules[name] = before[name]
                self._problems.append(_file_error(file, error, kept=bool(kept)))
        self.loading = ""

    def _plans_of(self, file: Path, module: ModuleType) -> list[OfferedPlan]:
        plans, problems = plans_in(module)
        for name, error in problems.items():
            where = _where(file, _line_of(getattr(module, name, None)))
            self._problems.append(PlanFileError(f"{where}: {in_words(error)}"))
        return [OfferedPlan(name, plan, f"from {file.name}") for name, plan in plans.items()]


class _Loader(SourceFileLoader):
    """Ignores ``__pycache__``, which misses the second of two edits within a second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class _Finder:
    """Finds the modules of the package; plans may import them while they run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE}.") or not path:
            return None
        return FileFinder(path[0], (_Loader, [".py"])).find_spec(name)


def _make_package(folder: Path) -> dict[str, ModuleType]:
    """Replace the package in `sys.modules`; return its modules, which a running plan keeps."""
    names = [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]
    before = {name: sys.modules.pop(name) for name in names}
    package = ModuleType(PACKAGE, f"The plans in {folder}.")
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    linecache.checkcache()
    return before


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # the import reports it
        return b""


def _file_error(file: Path, error: BaseException, *, kept: bool) -> PlanFileError:
    """Return an error that names the line of `file` where `error` was raised."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        line, reason = error.lineno, error.msg
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(file)), 0)
        reason = in_words(error)
    stays = " Its plans stay as they were." if kept else ""
    problem = PlanFileError(f"{_where(file, line)}: {reason.rstrip('.')}.{stays}")
    problem.__cause__ = error
    return problem


def _where(file: Path, line: int | None) -> str:
    return f"{file.name}, line {line}" if line else file.name


def _line_of(function: Any) -> int | None:
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    return code.co_firstlineno if code is not None else None
