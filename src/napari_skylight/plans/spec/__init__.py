"""The parameters of a plan, read from its signature, for forms, menus and scripts.

`create_plan_spec` describes a plan; `find_problems` and `check_arguments` check values for it;
`resolve_arguments` turns names into devices and adds actions; `collect_arguments` returns the
``(args, kwargs)`` to call the plan with.
"""

from annotated_types import Unit

from napari_skylight.plans.spec import _bluesky_forms  # noqa: F401 - registers them
from napari_skylight.plans.spec._annotations import (
    Bounds,
    ChoicesOf,
    Spread,
    Wording,
    container_of,
    element_of,
)
from napari_skylight.plans.spec._arguments import (
    check_arguments,
    collect_arguments,
    find_problems,
    resolve_arguments,
)
from napari_skylight.plans.spec._create_spec import check_plan, create_plan_spec, register_form
from napari_skylight.plans.spec._params import (
    ParamDescription,
    ParameterError,
    ParamKind,
    PlanSpec,
    UnresolvableAnnotationError,
    sentence_case,
)
from napari_skylight.plans.spec._supported_types import field_type, say_kind, values_of
from napari_skylight.plans.spec._value_checks import find_alternative, find_problem
from napari_skylight.plans.spec._value_text import find_choice, read_number, say_choice, say_number

__all__ = [
    "Bounds",
    "ChoicesOf",
    "ParamDescription",
    "ParamKind",
    "ParameterError",
    "PlanSpec",
    "Spread",
    "Unit",
    "UnresolvableAnnotationError",
    "Wording",
    "check_arguments",
    "check_plan",
    "collect_arguments",
    "container_of",
    "create_plan_spec",
    "element_of",
    "field_type",
    "find_alternative",
    "find_choice",
    "find_problem",
    "find_problems",
    "read_number",
    "register_form",
    "resolve_arguments",
    "say_choice",
    "say_kind",
    "say_number",
    "sentence_case",
    "values_of",
]
