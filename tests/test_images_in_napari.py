"""The images of plans that stash nothing, as layers in napari."""

from threading import Thread

import numpy as np
from bluesky import RunEngine
from bluesky import plans as bp

from napari_skylight.testing import FakeCamera


def shows(qtbot, viewer, name, value):
    def check():
        assert name in viewer.layers
        assert (viewer.layers[name].data == value).all()

    qtbot.waitUntil(check, timeout=5000)
    return viewer.layers[name]


def test_the_images_of_count_are_a_layer_with_scale(qtbot, shown, plugin_session, camera):
    plugin_session.start("count", {"detectors": ["camera"], "num": 3})
    layer = shows(qtbot, shown, "camera", 3)
    np.testing.assert_allclose(layer.scale, 0.5)
    plugin_session.start("live_view")  # shows its frames in the same layer
    qtbot.waitUntil(lambda: layer.data[0, 0] > 10, timeout=5000)
    plugin_session.stop().result(timeout=5)
    assert list(shown.layers) == [layer]


def test_the_images_of_another_engine_are_a_layer_while_its_plan_runs(qtbot, shown, plugin_session):
    engine = RunEngine({}, context_managers=[])
    plugin_session.follow(engine)
    camera = FakeCamera(name="other", seconds=0.01)
    running = Thread(target=engine, args=(bp.count([camera], 200),))
    running.start()
    qtbot.waitUntil(lambda: "other" in shown.layers, timeout=5000)
    assert running.is_alive()
    layer = shown.layers["other"]
    qtbot.waitUntil(lambda: layer.data[0, 0] > 20, timeout=5000)
    running.join(10)
    shows(qtbot, shown, "other", 200)
