"""The plans offered, by name."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from psygnal import Signal

from napari_skylight._signals import announce
from napari_skylight.plans.spec import check_plan, sentence_case
from napari_skylight.plans.spec._create_spec import is_meant_as_plan, plan_name

BY_HAND = "added by hand"


@dataclass(frozen=True)
class OfferedPlan:
    """A plan with its name and origin."""

    name: str
    plan: Callable[..., Any]
    origin: str
    """As in "built in", "from my_plans.py"."""


class PlanRegistry(Mapping[str, Callable[..., Any]]):
    """Plans by name, in the order they were added; may be used from any thread.

    `changed` is emitted after each change, on the thread that made it.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._offered: dict[str, OfferedPlan] = {}  # replaced as a whole, read without the lock
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Callable[..., Any]:
        return self._named(name).plan

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._offered))

    def __len__(self) -> int:
        return len(self._offered)

    def add(
        self, plan: Callable[..., Any], name: str | None = None, origin: str = BY_HAND
    ) -> Callable[[], None]:
        """Add `plan` under `name`, by default its own; return a function that removes it.

        A plan of the same name and origin is replaced and keeps its place in the order.

        Raises
        ------
        TypeError
            If `plan` is not a generator function or has no ``MsgGenerator`` return annotation.
        ValueError
            If a plan of another origin has that name.
        """
        check_plan(plan)
        key = name or plan_name(plan)
        with self._lock:
            there = self._offered.get(key)
            if there is not None and there.plan is plan:
                return lambda: None
            if there is not None and there.origin != origin:
                raise _taken(there, origin)
            self._offered = {**self._offered, key: OfferedPlan(key, plan, origin)}
        announce(self.changed)

        def undo() -> None:
            if key in self._offered and self._offered[key].plan is plan:
                self.remove(key)

        return undo

    def exchange(
        self, plans: Iterable[OfferedPlan], instead_of: Collection[str] = ()
    ) -> tuple[list[str], list[ValueError]]:
        """Replace the plans named `instead_of` by `plans`, in one change.

        Plans of the same name keep their place in the order.

        Returns
        -------
        names : list of str
            The names of the plans added.
        problems : list of ValueError
            One for each plan left out because a plan of another origin has its name.
        """
        with self._lock:
            before = self._offered
            kept = {name: plan for name, plan in before.items() if name not in instead_of}
            new: dict[str, OfferedPlan] = {}
            problems = []
            for plan in plans:
                there = kept.get(plan.name) or new.get(plan.name)
                if there is None:
                    new[plan.name] = plan
                else:
                    problems.append(_taken(there, plan.origin))
            both = {**kept, **new}
            self._offered = {name: both[name] for name in (*before, *both) if name in both}
            has_changed = list(self._offered.items()) != list(before.items())
        if has_changed:
            announce(self.changed)
        return list(new), problems

    def remove(self, name: str) -> None:
        """Remove the plan `name`.

        Raises
        ------
        KeyError
            If there is no such plan.
        """
        with self._lock:
            self._named(name)
            self._offered = {key: plan for key, plan in self._offered.items() if key != name}
        announce(self.changed)

    def title(self, name: str) -> str:
        """Return the plan's name in words: "Live view" for ``live_view``."""
        return sentence_case(name)

    def origin(self, name: str) -> str:
        """Return the plan's origin: "built in", "from my_plans.py", "added by hand".

        Raises
        ------
        KeyError
            If there is no such plan.
        """
        return self._named(name).origin

    def _named(self, name: str) -> OfferedPlan:
        try:
            return self._offered[name]
        except KeyError:
            raise KeyError(f"There is no plan called {name}.") from None


def _taken(there: OfferedPlan, origin: str) -> ValueError:
    return ValueError(
        f"There is a plan called {there.name} already ({there.origin}): give the one {origin} "
        "another name."
    )


def plans_in(
    module: ModuleType,
) -> tuple[dict[str, Callable[..., Any]], dict[str, Exception]]:
    """Return the plans of `module`, and the errors of those that cannot be used, by name.

    The plans are the names in ``__all__``; without one, the public generator functions that the
    module defines, except those annotated as returning something else.
    """
    named = getattr(module, "__all__", None)
    if named is None:
        named = [name for name, thing in vars(module).items() if _is_meant(module, name, thing)]
    plans: dict[str, Callable[..., Any]] = {}
    problems: dict[str, Exception] = {}
    for name in map(str, named):
        try:
            plan = getattr(module, name)
            check_plan(plan)
        except AttributeError:
            problems[name] = AttributeError(f"__all__ names {name}, which is not defined.")
        except TypeError as error:
            problems[name] = error
        else:
            plans[name] = plan
    return plans, problems


def _is_meant(module: ModuleType, name: str, thing: Any) -> bool:
    return (
        not name.startswith("_")
        and inspect.isfunction(thing)
        and thing.__module__ == module.__name__
        and is_meant_as_plan(thing)
    )
