"""A process of your own: each frame's change since the frame before, as a live layer.

Choose it in *Live view* under *More*, *Process*.
"""

import numpy as np
from numpy.typing import NDArray


class Change:
    def __init__(self) -> None:
        self.before: NDArray | None = None

    def __call__(self, frame: NDArray) -> NDArray:
        now = frame.astype(np.float32)  # a copy: the frame is valid during the call only
        change = np.zeros_like(now) if self.before is None else np.abs(now - self.before)
        self.before = now
        return change


if __name__ == "__main__":
    import napari

    from napari_skylight import attach

    viewer = napari.Viewer()
    attach(viewer).add_process(Change)
    viewer.window.add_plugin_dock_widget("napari-skylight", "Plan control")
    napari.run()
