"""The session: an engine with its devices, plans and frame caches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from pathlib import Path
from typing import Any

from bluesky import plans as bp

from napari_skylight.engine import EngineBusyError
from napari_skylight.engine.actions import Action
from napari_skylight.plans import PlanRegistry, live_view, record, snap
from napari_skylight.plans.spec import PlanSpec
from napari_skylight.recording import OWN_METADATA, FileNames, FileSettings
from napari_skylight.session._choices import Choices
from napari_skylight.session._device_control import DeviceControl
from napari_skylight.session._document_images import HasDocuments
from napari_skylight.session._earlier_runs import EarlierRuns, store_runs
from napari_skylight.session._end_signals import close_on_signals, forget
from napari_skylight.session._export_runs import Exports
from napari_skylight.session._plan_sources import PlanSources
from napari_skylight.session._processing import make_processes
from napari_skylight.session._run_history import KeptImages, RunHistory, RunRecord
from napari_skylight.session._run_metadata import metadata_of
from napari_skylight.session._saves import Looks, Saves
from napari_skylight.session._tasks import RunInfo, SessionState
from napari_skylight.session._tiled_link import TiledLink

BUILT_IN = live_view, snap, record, bp.count, bp.scan, bp.rel_scan, bp.list_scan, bp.grid_scan


class Session(DeviceControl):
    """An engine with its devices, plans and frame caches.

    Methods never block. Signals are emitted on the thread where the change happens. SIGTERM and
    SIGHUP close a session made in the main thread first, unless the script handles them.

    Parameters
    ----------
    home : Path, optional
        The folder of the user's files, such as `home_folder`: plans in ``plans``, values used last
        in ``choices.json``. Its plans, and those of other distributions, are loaded at the start.
        Without it, nothing is kept on disk, and only `reload_plans` loads plans.
    runs_folder : Path, optional
        The folder for the documents of runs, such as ``data_folder() / "runs"``. Default: ``runs``
        in `home`; without both, they are not stored.

    Attributes
    ----------
    home : Path or None
    closed : bool
    engine : RunEngine
    caches : CacheStore
        The frame caches that plans stash into.
    processes : Processes
        The processes of frames by name: the built-in ones and the user's.
    recordings : Recordings
        The recordings to files, and their settings.
    plans : PlanRegistry
        The plans by name: `live_view`, `snap`, `record`, some of bluesky's, and the user's.
    devices : Mapping of str to device
        The connected devices by name.
    tasks : Tasks
        The running plan.
    runs : RunHistory
        The runs of this session, newest first.
    earlier_runs : EarlierRuns
        The runs of earlier sessions in `run_store`, newest first.
    run_store : RunStore
        Writes the documents of runs to a folder.
    saves : Saves
        The images being saved to files, by `save`.
    values : RunValues
        The numbers in the events of the newest run.
    progress : RunProgress
        How far the running plan is, and what it waits for.
    state_changed, run_changed : SignalInstance
        Emitted with the new `state` or `run`.
    devices_changed, microscope_changed, plans_changed : SignalInstance
        Emitted when devices or plans were added, removed or replaced.
    motion_changed : SignalInstance
        Emitted when `is_moving` may have changed.
    plan_chosen : SignalInstance
        Emitted with the name of a plan that forms should show with its `remembered` values.
    reported : SignalInstance
        Emitted with the new `problem`.
    problem_updated : SignalInstance
        Emitted with `problem` when a cache has refused more frames and only their number is new.
    """

    def __init__(self, home: Path | None = None, runs_folder: Path | None = None) -> None:
        super().__init__()
        self.home = home
        self.plans = PlanRegistry()
        for plan in BUILT_IN:
            self.plans.add(plan, origin="built in")
        self._sources = PlanSources(self.plans, self.plans_folder, self._problems)
        self.processes = make_processes(self.engine, self.caches, self.recordings, self._problems)
        self._choices = Choices(
            self.plans, self.devices, self.caches, self.processes, home, self._problems
        )
        self.runs = RunHistory(self.engine, self.tasks, self.caches)
        if runs_folder is None and home is not None:
            runs_folder = home / "runs"
        self.run_store = store_runs(self.engine, self.tasks, runs_folder, self._problems)
        self.saves = Saves(self.caches, self.runs, self.recordings, self.report)
        self.earlier_runs = EarlierRuns(self.run_store, self.runs, self.caches, self._problems)
        self._exports = Exports()
        self._tiled = TiledLink(self.engine, self._problems)
        self.state_changed = self.tasks.state_changed
        self.run_changed = self.tasks.run_changed
        self.plans_changed = self.plans.changed
        self.plan_chosen = self._choices.plan_chosen
        self.reported = self._problems.changed
        self.problem_updated = self._problems.updated
        self.caches.added.connect(self._problems.follow)
        close_on_signals(self)
        if home is not None:
            self.reload_plans()

    @property
    def state(self) -> SessionState:
        """The state of the running plan; idle only once the lights are off, after `engine`."""
        return self.tasks.state

    @property
    def run(self) -> RunInfo | None:
        """The running or last plan."""
        return self.tasks.run

    @property
    def actions(self) -> Mapping[str, Action]:
        """The actions of the running plan, by name."""
        return self.tasks.actions

    def start(self, plan: str, values: Mapping[str, Any] | None = None) -> Future[Any]:
        """Run `plan` with `values`, by parameter name; devices are given by name.

        Other parameters take their defaults; without `values`, all take the `remembered` values.
        The future ends as that of `RunEngine`, when `state` and `run` are up to date.

        EngineBusyError if a plan is running or a microscope is being opened; KeyError if there is
        no such plan; ParameterError if a value is missing or not allowed.
        """
        with self._lock:
            self._check_idle(f"{self.run.title if self.run else 'A plan'} is running.")
            if self.opening:
                raise EngineBusyError("A microscope is being opened: wait until it is open.")
            run, messages, actions = self._choices.prepare(plan, values)
            metadata = {OWN_METADATA: metadata_of(run)}
            started = self.tasks.start(run, messages, actions, metadata)
        self._choices.save()
        return started

    def request(self, action: str, state: bool = True) -> bool:
        """Request `action` of the running plan; return False if the plan does not offer it."""
        found = self.actions.get(action)
        return found is not None and found.request(state)

    def pause(self) -> None:
        """Pause the plan, if it is running."""
        if self.state is SessionState.RUNNING:
            self.progress.expect_answer()
            self.engine.request_pause()

    def resume(self) -> Future[Any] | None:
        """Resume the paused plan; return None if none is paused."""
        self.progress.expect_answer()
        return self.tasks.resume()

    def stop(self) -> Future[Any]:
        """Stop all motion; end the plan after its cleanup, and call it a success."""
        self.progress.expect_answer()
        self._sets.stop(plan=False)
        return self.engine.stop()

    def abort(self) -> Future[Any]:
        """Stop all motion; end the plan after its cleanup, and mark its runs as aborted."""
        self.progress.expect_answer()
        self._sets.stop(plan=False)
        self.tasks.expect_abort()
        return self.engine.abort()

    def halt(self) -> Future[Any]:
        """Stop all motion; end the plan without its cleanup."""
        self.progress.expect_answer()
        self._sets.stop(plan=False)
        self.tasks.expect_abort()
        return self.engine.halt()

    def follow(self, engine: HasDocuments) -> Callable[[], None]:
        """Show the images of another engine, such as `bluesky.RunEngine`; return the undo.

        Of each data key the newest image is shown, and the numbers in `values`. Its runs are listed
        in `runs` when they end, and stored.
        """
        self._check_open()
        followers = self._images, self.runs, self.values, self.run_store
        undo = [each.follow(engine) for each in followers]

        def unfollow() -> None:
            for each in undo:
                each()

        return unfollow

    def clear_stacks(self) -> None:
        """Delete the frames in all stacks."""
        for cache in self.caches:
            if cache.kind == "stack":
                cache.clear()

    def save(
        self,
        images: Iterable[KeptImages] | None = None,
        *,
        names: FileNames | None = None,
        settings: FileSettings | None = None,
        sample: str | None = None,
        looks: Looks | None = None,
    ) -> Future[tuple[Path, ...]]:
        """Save the frames kept now to files, on a thread; frames stashed later are not in them.

        Saves made meanwhile wait. Needs the extra ``record``. The future ends with the paths, one
        for each image; problems are reported too, and leave no file behind.

        Parameters
        ----------
        images : iterable of KeptImages, optional
            Default: all stacks. `RunHistory.images` returns those of a run.
        names : FileNames, optional
            Template and folder; default: those of `recordings`, as for `settings` and `sample`.
        settings : FileSettings, optional
            Format and compression.
        sample : str, optional
            For the field ``{sample}`` of the template.
        looks : mapping of (str, str) to ImageLook, optional
            Colours and contrast by cache and image key.

        Raises
        ------
        ValueError
            There are no frames.
        """
        self._check_open()
        return self.saves.start(images, names, settings, sample, looks)

    @property
    def plans_folder(self) -> Path | None:
        """The folder of the user's plans, which need not exist; None without a `home`."""
        return None if self.home is None else self.home / "plans"

    def add_plan(self, plan: Callable[..., Any], name: str | None = None) -> Callable[[], None]:
        """Add a plan, or replace one that was added by this method; return the undo.

        TypeError if `plan` is no generator function annotated as returning a ``MsgGenerator``;
        ValueError if another plan has the name.
        """
        return self.plans.add(plan, name)

    def add_process(
        self, process: Callable[..., Any], name: str | None = None
    ) -> Callable[[], None]:
        """Add a choice to *process* in `live_view`, or replace it; return the undo.

        A function of a frame, which returns another; or a class, with no argument or `frames`,
        whose instances are such functions. A class may keep frames: every run makes an instance for
        each camera. TypeError if it is neither; ValueError if a built-in process has the name.
        """
        return self.processes.add(process, name)

    def reload_plans(self) -> Future[tuple[str, ...]]:
        """Load the plans of `plans_folder` and of other distributions again, on a thread.

        Plans whose files are gone are removed; those of a broken file, and a running plan, stay.
        The future ends with the message, also reported, of each file, plan or entry point that
        cannot be loaded.
        """
        self._check_open()
        return self._sources.reload()

    def spec(self, plan: str) -> PlanSpec:
        """Return the parameters of `plan`, with the connected devices as choices.

        KeyError if there is no such plan; UnresolvableAnnotationError if it needs a device and none
        that fits is connected.
        """
        return self._choices.spec(plan)

    @property
    def last_plan(self) -> str:
        """The plan chosen or started last, also in an earlier session; it may not be loaded."""
        return self._choices.last_plan

    def remember(self, plan: str, values: Mapping[str, Any]) -> None:
        """Keep `values` for the next form of `plan`, and the next start without values.

        They are saved when a plan starts, and on `close`.
        """
        self._choices.remember(plan, values)

    def remembered(self, plan: str) -> Mapping[str, Any]:
        """Return the values used last for `plan`, as far as they are allowed, over its defaults.

        Raises as `spec` does.
        """
        return self._choices.remembered(plan)

    def choose(self, plan: str, values: Mapping[str, Any]) -> None:
        """Show `plan` with `values`, as far as they are allowed, in every form.

        KeyError if there is no such plan; EngineBusyError if one is running, which the forms show.
        """
        self.plans[plan]
        if self.state.busy:
            raise EngineBusyError("Stop the plan before choosing another.")
        self._choices.choose(plan, values)

    @property
    def problem(self) -> str:
        """The message of the last problem; empty when it no longer holds."""
        return self._problems.text

    @property
    def last_exception(self) -> BaseException | None:
        """The exception behind `problem`, if there is one."""
        return self._problems.exception

    def report(self, error: BaseException | str | None) -> None:
        """Show a problem in every dock; None takes the last one back."""
        self._problems.report(error)

    def store_runs(self, folder: Path | None) -> None:
        """Write the documents of the next runs to `folder`, and list its runs; without it, none."""
        if folder != self.run_store.folder:
            self.run_store.folder = folder
            self.earlier_runs.reload()

    def write_to_tiled(self, server: str) -> None:
        """Write the documents of the next runs to a Tiled server too; "" ends that.

        `server` is its address, or "embedded" for a catalogue in the folder ``tiled`` beside the
        runs. It is connected with the next run. Needs the extra ``tiled``.
        """
        self._tiled.set_server(server, (self.run_store.folder or Path.cwd()).parent / "tiled")

    def export(self, record: RunRecord, folder: Path) -> Future[Path]:
        """Copy the documents of a run, and its image files, to a new folder in `folder`.

        The future ends with the path of that folder, or with OSError. ValueError if the documents
        of the run were not stored.
        """
        return self._exports.start(self.earlier_runs.files(record), folder)

    def close(self, timeout: float = 3.0) -> None:
        """Stop the plan and all motion, end every thread and release the microscope.

        Pending futures end as cancelled. It takes about `timeout` seconds if a plan or a device
        hangs. Closing twice is allowed.
        """
        with self._lock:
            if self.closed:
                return
            self.closed = True
        self.devices.give_up()
        ending: list[Future[Any]] = [self._sets.stop(plan=False), self.engine.stop()]
        wait_for_futures(ending, timeout * 0.4)
        self._sets.give_up()
        self.tasks.expect_abort()
        self.devices.darken(timeout * 0.1)
        self.recordings.close(timeout)  # a disk may pause for a second or two
        self.processes.close(timeout * 0.1)
        self._sources.close(timeout * 0.1)
        self._choices.close(timeout * 0.1)
        self.saves.close(timeout * 0.2)
        self.engine.close(timeout * 0.1)
        self._images.close(timeout * 0.1)
        self.devices.close(timeout * 0.2)
        self.run_store.close(timeout)  # a busy disk may take its time; no more than that
        self.earlier_runs.close(timeout * 0.1)
        self._exports.close(timeout * 0.1)
        self._tiled.close(timeout * 0.3)
        for cache in self.caches:
            cache.clear()
        forget(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
