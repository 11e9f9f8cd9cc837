"""A plan of your own: a live view with one button, Keep."""

from bluesky import plan_stubs as bps
from bluesky.preprocessors import run_decorator
from bluesky.utils import MsgGenerator

from napari_skylight import Action, Camera, FrameCaches, Light, continuous
from napari_skylight.engine.plan_stubs import read_and_stash, stash, wait_for_actions

KEEP = Action(name="keep", description="Keep one frame.")


@continuous(pausable=True)
@run_decorator()
def watch(camera: Camera, light: Light, caches: FrameCaches, keep: Action = KEEP) -> MsgGenerator:
    """Watch one camera; Keep stores a frame."""
    yield from bps.abs_set(light, True, wait=True)  # the engine switches it off, however this ends
    while True:
        yield from bps.checkpoint()
        if (yield from wait_for_actions(keep.event_map, timeout=0)):
            yield from read_and_stash([camera], [caches.stack(camera)], wait=True)
            keep.event_map["keep"].reset()
        yield from bps.trigger(camera, wait=True)
        reading = yield from bps.read(camera)
        yield from stash(caches.live(camera), reading, group=None, wait=True)


if __name__ == "__main__":
    import napari

    from napari_skylight import attach

    viewer = napari.Viewer()
    attach(viewer).add_plan(watch)
    viewer.window.add_plugin_dock_widget("napari-skylight", "Plan control")
    napari.run()
