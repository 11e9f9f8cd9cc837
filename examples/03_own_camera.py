"""A camera of your own, with an exposure time that can be changed while it runs.

Replace `expose` with the call of your camera's SDK.
"""

import asyncio
import time

import numpy as np
from ophyd_async.core import (
    AsyncStatus,
    StandardReadable,
    soft_signal_r_and_setter,
    soft_signal_rw,
)

HEIGHT, WIDTH = 480, 640


def expose(milliseconds: float) -> np.ndarray:
    """Block for one exposure and return the frame."""
    time.sleep(milliseconds / 1000)
    return np.random.poisson(10 * milliseconds, (HEIGHT, WIDTH)).astype(np.uint16)


class NoiseCamera(StandardReadable):
    def __init__(self, name: str) -> None:
        dark = np.zeros((HEIGHT, WIDTH), np.uint16)
        with self.add_children_as_readables():
            self.exposure = soft_signal_rw(float, 20.0, units="ms")
            self.image, self._set_image = soft_signal_r_and_setter(np.ndarray, dark)
        super().__init__(name)

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        milliseconds = await self.exposure.get_value()
        self._set_image(await asyncio.to_thread(expose, milliseconds))


if __name__ == "__main__":
    from napari_skylight import Session

    with Session() as session:
        session.add_device(NoiseCamera("noise")).result(timeout=10)
        session.set("noise.exposure", 50).result(timeout=5)
        session.start("snap", {"cameras": ["noise"], "frames": 2}).result(timeout=30)

        stack = session.caches.stack(session.devices["noise"]).reader().take("noise-image")
        print(f"{len(stack.frames)} frames of {WIDTH} × {HEIGHT}, mean {stack.data.mean():.0f}")
