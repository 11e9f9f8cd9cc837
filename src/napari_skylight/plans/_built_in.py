"""The built-in plans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Unit
from bluesky import preprocessors as bpp
from bluesky.utils import Msg, MsgGenerator

from napari_skylight.engine import plan_stubs
from napari_skylight.engine.actions import Action, continuous
from napari_skylight.plans._acquisition import Illumination, acquisition
from napari_skylight.plans._live_loop import LiveActions, LiveLoop
from napari_skylight.plans._recording import Processors
from napari_skylight.plans.spec import ChoicesOf, Wording
from napari_skylight.protocols import (
    Camera,
    Focus,
    FrameCaches,
    FrameProcess,
    Light,
    RecordingSettings,
    Stage,
    StashRefused,
)

SNAPSHOT = Action(name="snapshot", description="Keep one frame of each camera.")
STASH = Action(
    name="stash",
    description="Keep every frame, or one per interval, until switched off.",
    togglable=True,
    toggle_states=("on", "off"),
)
CLEAR = Action(name="clear", description="Delete the frames kept so far.")
RECORD = Action(
    name="record",
    description="Write every frame of each camera to a file, until switched off.",
    togglable=True,
    toggle_states=("on", "off"),
)

ProcessFrames = Annotated[int, Ge(1), Le(1000), Unit("frames"), Wording("Process over")]


@continuous(pausable=True)
def live_view(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    stash_every: Annotated[float, Ge(0), Unit("s"), Wording(zero="every frame")] = 0.0,
    light: Light | None = None,
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    stage: Stage | None = None,
    focus: Focus | None = None,
    stream: bool = True,
    process: Sequence[FrameProcess] = (),
    process_frames: ProcessFrames = 20,
    snapshot: Action = SNAPSHOT,
    stash: Action = STASH,
    clear: Action = CLEAR,
    record: Action = RECORD,
) -> MsgGenerator[None]:
    """Show the cameras live until stopped.

    Frames that are only shown make no events; a snapshot is an event of the stream "snapshots", and
    each file that *record* writes has a stream of its own.

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to show.
    caches : FrameCaches
        The frame caches of the session.
    exposure : float, optional
        Exposure time of every camera, in ms; unchanged if not set.
    stash_every : float
        Interval between the frames that *stash* keeps, in s; 0 keeps every frame.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light. With two or more, the plan cycles through them, triggers each frame
        and shows each channel as a layer. The channel set before is restored at the end.
    stage : Stage, optional
        Its position is recorded with each frame.
    focus : Focus, optional
        Its position is recorded with each frame.
    stream : bool
        Let cameras that can stream run at their own rate; *stash* then keeps every frame. Without
        it, the plan triggers each frame.
    process : Sequence[FrameProcess]
        Shows what each process makes of the frames of each camera, as a layer of its own. *record*
        writes that, too.
    process_frames : int
        The number of frames of a running mean or median. They are kept in memory.
    snapshot, stash, clear, record : Action
        The buttons.
    """
    illumination = Illumination(light, channels)
    loop = LiveLoop(
        cameras,
        caches,
        illumination.readables(stage, focus),
        illumination,
        actions=LiveActions(snapshot, stash, clear, record),
        stash_every=stash_every,
        stream=stream,
        processors=_processors(process, process_frames, cameras, illumination),
    )
    plan = bpp.finalize_wrapper(loop.run(), loop.finish)
    yield from acquisition("live_view", plan, cameras, illumination, exposure)


def snap(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    frames: Annotated[int, Ge(1)] = 1,
    *,
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    light: Light | None = None,
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    stage: Stage | None = None,
    focus: Focus | None = None,
) -> MsgGenerator[None]:
    """Take a number of frames and keep them.

    Each frame is an event of the stream "primary" and a slice of the camera's snapshots.

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to take frames with.
    caches : FrameCaches
        The frame caches of the session.
    frames : int
        Number of frames for each camera and channel.
    exposure : float, optional
        Exposure time of every camera, in ms; unchanged if not set.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light to cycle through. The channel set before is restored at the end.
    stage : Stage, optional
        Its position is recorded with each frame.
    focus : Focus, optional
        Its position is recorded with each frame.
    """
    illumination = Illumination(light, channels)
    positions = illumination.readables(stage, focus)

    def take() -> MsgGenerator[None]:
        for _ in range(frames):
            for channel in illumination.sequence:
                yield Msg("checkpoint")
                yield from illumination.go_to(channel)
                stacks = [caches.stack(camera, channel=channel) for camera in cameras]
                yield from plan_stubs.read_and_stash(cameras, stacks, wait=True, along=positions)

    events = frames * len(illumination.sequence)
    yield from acquisition("snap", take(), cameras, illumination, exposure, num_points=events)


def record(
    cameras: Sequence[Camera],
    caches: FrameCaches,
    frames: Annotated[int | None, Ge(1)] = None,
    seconds: Annotated[float | None, Gt(0), Unit("s")] = None,
    *,
    folder: Path | None = None,
    name: str = "",
    sample: str = "",
    format: Literal["ome-zarr", "ome-tiff"] = "ome-zarr",
    compression: Literal["none", "zstd"] = "none",
    exposure: Annotated[float | None, Gt(0), Unit("ms")] = None,
    light: Light | None = None,
    channels: Annotated[Sequence[str], ChoicesOf(Light, "channel")] = (),
    stage: Stage | None = None,
    focus: Focus | None = None,
    stream: bool = True,
    process: Sequence[FrameProcess] = (),
    process_frames: ProcessFrames = 20,
) -> MsgGenerator[None]:
    """Write every frame of the cameras to files, and show them live.

    Each camera, and each channel, has a file, and a stream of documents about it. If a recording
    ends by itself, as when the disk is full, the others go on, and the plan fails at the end.

    Parameters
    ----------
    cameras : Sequence[Camera]
        The cameras to record.
    caches : FrameCaches
        The frame caches of the session.
    frames : int, optional
        Number of frames for each camera and channel; if not set, until stopped.
    seconds : float, optional
        Duration, in s, with pauses; if not set, until stopped.
    folder : Path, optional
        Where the files go; the session's folder if not set.
    name : str
        Template of the files' names, such as ``{date}_{sample}_{camera}``; the session's if empty.
    sample : str
        What ``{sample}`` in the names stands for; the session's if empty.
    format : str
        OME-Zarr, which can be read while it is written, or OME-TIFF.
    compression : str
        Lossless; it saves space and takes time.
    exposure : float, optional
        Exposure time of every camera, in ms; unchanged if not set.
    light : Light, optional
        Switched on while the plan runs, off when it pauses or ends.
    channels : Sequence[str]
        Channels of the light. With two or more, the plan cycles through them, triggers each frame
        and writes a file for each. The channel set before is restored at the end.
    stage : Stage, optional
        Its position is recorded with each frame.
    focus : Focus, optional
        Its position is recorded with each frame.
    stream : bool
        Let cameras that can stream run at their own rate. Such a recording ends when the disk does
        not keep up. Without it, the plan triggers each frame, and waits for the disk.
    process : Sequence[FrameProcess]
        Writes what each process makes of every frame, too, to a file for each camera and channel.
    process_frames : int
        The number of frames of a running mean or median. They are kept in memory.
    """
    illumination = Illumination(light, channels)
    loop = LiveLoop(
        cameras,
        caches,
        illumination.readables(stage, focus),
        illumination,
        stream=stream,
        processors=_processors(process, process_frames, cameras, illumination),
    )
    settings = RecordingSettings(
        folder=folder,
        name=name or None,
        sample=sample or None,
        format=format,
        compression=compression,
        frames=frames,
    )

    def take() -> MsgGenerator[None]:
        yield from bpp.finalize_wrapper(loop.record(settings, seconds), loop.finish)
        if loop.problems:
            raise StashRefused(" ".join(loop.problems))

    yield from acquisition("record", take(), cameras, illumination, exposure)


def _processors(
    processes: Sequence[FrameProcess],
    frames: int,
    cameras: Sequence[Camera],
    illumination: Illumination,
) -> Processors:
    return {
        (camera.name, channel): [each.processor(camera, channel, frames) for each in processes]
        for camera in cameras
        for channel in illumination.sequence
    }
