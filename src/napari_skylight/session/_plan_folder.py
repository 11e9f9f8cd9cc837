"""Plans from a folder of Python files, read again when asked."""

from __future__ import annotations

import importlib
import inspect
import linecache
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from napari_skylight.plans import OfferedPlan, plans_in
from napari_skylight.session._error_text import in_words

PACKAGE = "napari_skylight_own_plans"
"""The package that the files are modules of, so that one can import from another."""

_loading = threading.Lock()  # the modules of the package are the process's


class PlanFileError(Exception):
    """A file of plans, or a plan in it, is no good; the message names file and line."""


class PlanFolder:
    """The plans that the ``.py`` files of `folder` define.

    Files whose names begin with an underscore hold no plans; the others can import from them:
    ``from ._helpers import raster``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, bytes] = {}
        self._plans: dict[str, Sequence[OfferedPlan]] = {}
        self._problems: list[PlanFileError] = []
        self.loading = ""
        """The file that is being run; empty when none is."""

    def load(self) -> tuple[list[OfferedPlan], list[PlanFileError]]:
        """Return the plans, and what is wrong with files and plans that are no good.

        Files that have not changed are not run again, unless another has. What a file gave before
        it was broken stays.
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
        before, before_plans = _forget_modules(), self._plans
        _make_package(self._folder)
        self._plans = {}
        for file in files:
            name, self.loading = f"{PACKAGE}.{file.stem}", file.name
            try:
                if "." in file.stem:
                    raise ImportError("its name has a dot too many: rename it.")
                self._plans[file.name] = self._plans_of(file, importlib.import_module(name))
            except BaseException as error:  # noqa: BLE001 - whatever a person's file does; no
                # Ctrl-C gets here: that is the main thread's
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
    """Never from ``__pycache__``: two edits within a second can look the same to it."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class _Finder:
    """Finds the modules of the package, for as long as the process lives: plans may import late."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{PACKAGE}.") or not path:
            return None
        return FileFinder(path[0], (_Loader, [".py"])).find_spec(name)


def _make_package(folder: Path) -> None:
    package = ModuleType(PACKAGE, f"The plans in {folder}.")
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    linecache.checkcache()


def _forget_modules() -> dict[str, ModuleType]:
    """Take the package out of `sys.modules`; plans under way keep what they have."""
    names = [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # importing it will say why
        return b""


def _file_error(file: Path, error: BaseException, *, kept: bool) -> PlanFileError:
    """Return an error that names the line of `file` that failed, `error` being its cause."""
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
