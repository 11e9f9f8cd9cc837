"""Every example runs, and the README shows what is run."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from napari_skylight import Session
from napari_skylight.session import SessionState
from napari_skylight.testing import Documents, FakeCamera, FakeLight, wait_until

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_can_be_loaded(example):
    assert runpy.run_path(str(example))["__doc__"]


def test_the_plan_in_the_readme_is_the_one_in_the_example():
    example = EXAMPLES[0].read_text()
    plan = example.split('"""\n\n', 1)[1].split("\n\n\nif __name__")[0]
    assert f"```python\n{plan}\n```" in (ROOT / "README.md").read_text()
    assert len([line for line in plan.splitlines() if line.strip()]) <= 20


def test_the_plan_in_the_readme_runs():
    watch = runpy.run_path(str(EXAMPLES[0]))["watch"]
    camera, light, documents = FakeCamera(seconds=0.002), FakeLight(), Documents()
    with Session() as session:
        session.add_device(camera).result(timeout=5)
        session.add_device(light).result(timeout=5)
        session.add_plan(watch)
        session.engine.subscribe(documents)
        session.start("watch")
        wait_until(lambda: session.caches.live(camera).counts.stashed > 3)
        assert light.on
        assert session.request("keep")
        wait_until(lambda: documents.events("primary"))
        session.stop().result(timeout=5)
        assert session.state is SessionState.IDLE
        assert not light.on
        (event,) = documents.events("primary")
        kept = session.caches.stack(camera).reader().take("camera").data
        np.testing.assert_array_equal(kept[0], event["data"]["camera"])
