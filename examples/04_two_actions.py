"""A live view with two buttons: Mark keeps a frame, Go back moves the stage to where it was."""

from bluesky import plan_stubs as bps
from bluesky.preprocessors import run_decorator
from bluesky.utils import MsgGenerator

from napari_skylight import Action, Camera, FrameCaches, Light, continuous
from napari_skylight.engine.plan_stubs import read_and_stash, stash, wait_for_actions
from napari_skylight.protocols import Stage

MARK = Action(name="mark", description="Keep a frame and remember its position.")
GO_BACK = Action(name="go_back", description="Move the stage to the last mark.")


@continuous(pausable=True)
@run_decorator()
def explore(
    camera: Camera,
    stage: Stage,
    light: Light,
    caches: FrameCaches,
    mark: Action = MARK,
    go_back: Action = GO_BACK,
) -> MsgGenerator:
    """Look around; mark positions and go back to the last one."""
    clicks = {**mark.event_map, **go_back.event_map}
    marked = None
    yield from bps.abs_set(light, True, wait=True)  # the engine switches it off at the end
    while True:
        yield from bps.checkpoint()
        click = yield from wait_for_actions(clicks, timeout=0)  # the oldest click, or None
        name = click[0] if click else ""
        if name == "mark":
            marked = (yield from bps.rd(stage.x)), (yield from bps.rd(stage.y))
            yield from read_and_stash([camera], [caches.stack(camera)], wait=True, along=[stage])
        if name == "go_back" and marked:
            yield from bps.mv(stage.x, marked[0], stage.y, marked[1])
        if name:
            clicks[name].reset()  # answered: the button is ready again
        yield from bps.trigger(camera, wait=True)
        frame = yield from bps.read(camera)
        position = yield from bps.read(stage)
        yield from stash(caches.live(camera), {**frame, **position}, group=None, wait=True)


if __name__ == "__main__":
    import napari

    from napari_skylight import attach

    viewer = napari.Viewer()
    attach(viewer).add_plan(explore)
    viewer.window.add_plugin_dock_widget("napari-skylight", "Plan control")
    viewer.window.add_plugin_dock_widget("napari-skylight", "Devices")  # to move the stage
    napari.run()
