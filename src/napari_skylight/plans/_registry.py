"""The plans to choose from, in order, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from psygnal import Signal

from napari_skylight.plans._inspect import check_plan, plan_name
from napari_skylight.plans._params import sentence_case

__all__ = ["PlanRegistry"]


class PlanRegistry(Mapping[str, Callable[..., Any]]):
    """Plans by name, in the order they were added.

    `changed` is emitted after each change, on the thread that made it.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._plans: dict[str, Callable[..., Any]] = {}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        try:
            return self._plans[name]
        except KeyError:
            raise KeyError(f"There is no plan called {name}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._plans))

    def __len__(self) -> int:
        return len(self._plans)

    def add(self, plan: Callable[..., Any], name: str | None = None) -> Callable[[], None]:
        """Add `plan` under `name`, or the name it was defined under; returns its undo.

        A plan of the same name is replaced where it stands: a plan can be edited and added again.

        Raises
        ------
        TypeError
            If `plan` is no generator function, or has no ``MsgGenerator`` return annotation.
        """
        check_plan(plan)
        key = name or plan_name(plan)
        self._plans = {**self._plans, key: plan}
        self.changed.emit()

        def undo() -> None:
            if self._plans.get(key) is plan:
                self.remove(key)

        return undo

    def remove(self, name: str) -> None:
        """Forget the plan called `name`.

        Raises
        ------
        KeyError
            If there is none.
        """
        self[name]
        self._plans = {key: plan for key, plan in self._plans.items() if key != name}
        self.changed.emit()

    def title(self, name: str) -> str:
        """Return the plan's name as a person reads it: "Live view" for ``live_view``."""
        return sentence_case(name)
