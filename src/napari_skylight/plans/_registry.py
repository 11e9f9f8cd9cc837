"""The plans to choose from, in order, by name."""

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

__all__ = ["OfferedPlan", "PlanRegistry", "plans_in"]

BY_HAND = "added by hand"


@dataclass(frozen=True)
class OfferedPlan:
    """A plan, what it is called, and where it is from."""

    name: str
    plan: Callable[..., Any]
    origin: str
    """In words that go on a sentence: "built in", "from my_plans.py"."""


class PlanRegistry(Mapping[str, Callable[..., Any]]):
    """Plans by name, in the order they were added.

    `changed` is emitted after each change, on the thread that made it.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._offered: dict[str, OfferedPlan] = {}  # replaced as a whole, to be read at any time
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
        """Add `plan` under `name`, or the name it was defined under; returns its undo.

        A plan of the same name and origin is replaced where it stands: a plan can be edited and
        added again. One that is offered under this name already stays as it is.

        Raises
        ------
        TypeError
            If `plan` is no generator function, or has no ``MsgGenerator`` return annotation.
        ValueError
            If there is a plan of that name from elsewhere.
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
        """Offer `plans` instead of those called `instead_of`, in one change.

        A plan of the same name keeps its place in the order.

        Returns
        -------
        names : list of str
            Of the plans that are offered now.
        problems : list of ValueError
            One for each plan left out because its name is taken by one from elsewhere.
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
            ordered = [name for name in before if name in both]
            self._offered = {name: both[name] for name in (*ordered, *both)}
            has_changed = list(self._offered.items()) != list(before.items())
        if has_changed:
            announce(self.changed)
        return list(new), problems

    def remove(self, name: str) -> None:
        """Forget the plan called `name`.

        Raises
        ------
        KeyError
            If there is none.
        """
        with self._lock:
            self._named(name)
            self._offered = {key: plan for key, plan in self._offered.items() if key != name}
        announce(self.changed)

    def title(self, name: str) -> str:
        """Return the plan's name as a person reads it: "Live view" for ``live_view``."""
        return sentence_case(name)

    def origin(self, name: str) -> str:
        """Return where the plan is from: "built in", "from my_plans.py", "added by hand".

        Raises
        ------
        KeyError
            If there is none.
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
    """Return the plans of `module`, and what is wrong with those that are no good, by name.

    Its plans are what its ``__all__`` names. Without one: its public generator functions, except
    those that it has imported, or that are annotated as returning what no plan does.
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
            problems[name] = AttributeError(f"__all__ names {name}, which is not there.")
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
