"""Which of the things in a module are plans."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from napari_skylight.plans._inspect import check_plan, is_meant_as_plan

__all__ = ["plans_in"]


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
