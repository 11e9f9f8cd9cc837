"""The docks and the sample data of the manifest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_skylight.devices import sim
from napari_skylight.plugin._attachments import attach, attach_with_devices, docks_of, link_of
from napari_skylight.plugin._saving import open_file, record_to, save_stacks
from napari_skylight.viewer import show_run_images
from napari_skylight.widgets import DevicesPanel, PlanControl, PlotPanel, RunsPanel

if TYPE_CHECKING:
    from napari.types import LayerDataTuple
    from napari.viewer import Viewer

    from napari_skylight.session import RunRecord

STAINS = {"DAPI": "blue", "GFP": "green", "RFP": "red"}


class PlanControlDock(PlanControl):
    """The dock "Plan control" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        session = attach_with_devices(napari_viewer)
        link = link_of(napari_viewer)

        def shown() -> int:
            live = [
                each for each in session.caches if each.kind == "live" and not each.is_processed
            ]
            return sum(link.counts(cache).shown for cache in live)

        super().__init__(
            session,
            shown,
            lambda: link.skipped,
            partial(save_stacks, napari_viewer),
            partial(record_to, napari_viewer),
            partial(open_file, napari_viewer),
        )
        docks_of(napari_viewer).add(self, "Plan control", is_main=True)


class DevicesDock(DevicesPanel):
    """The dock "Devices" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(attach_with_devices(napari_viewer))
        docks_of(napari_viewer).add(self, "Devices")


class RunsDock(RunsPanel):
    """The dock "Runs" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        session = attach(napari_viewer)
        link = link_of(napari_viewer)

        def show_images(record: RunRecord) -> None:
            kept = session.runs.images(record)
            show_run_images(link, record, kept or session.earlier_runs.images(record) or [])

        super().__init__(session, show_images, partial(open_file, napari_viewer))
        docks_of(napari_viewer).add(self, "Runs")


class PlotDock(PlotPanel):
    """The dock "Plot" of the manifest."""

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__(attach(napari_viewer))
        docks_of(napari_viewer).add(self, "Plot")


def sample_image() -> list[LayerDataTuple]:
    """Return one image of the simulated specimen, a layer for each stain."""
    sample = sim.sample_image(channels=tuple(STAINS))
    return [
        (
            data,
            {
                "name": channel,
                "colormap": STAINS[channel],
                "blending": "additive",
                "scale": (sample.pixel_size, sample.pixel_size),
                "units": "um",
            },
            "image",
        )
        for channel, data in zip(sample.channels, sample.data, strict=True)
    ]
