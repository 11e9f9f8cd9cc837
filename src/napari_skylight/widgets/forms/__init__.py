"""The form of a plan: a field for each parameter, with an editor for its kind of value."""

from napari_skylight.widgets.forms._number_field import NumberField
from napari_skylight.widgets.forms._param_form import ParamForm

__all__ = ["NumberField", "ParamForm"]
