import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from training_process import ROOT, noise, settings

from fperank.ground.errors import ParameterError
from fperank.training.loop import Trainer
from fperank.training.pair_batches import pair_batches
from fperank.training.processes import ProcessGroup, process_group


def start(folder, way):
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, ROOT / "tests" / "training_process.py", folder, way],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def trained(folder):
    process = start(folder, "train")
    _, printed = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("group") / "first")


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def wait_for(there):
    end = time.monotonic() + 120
    while not there():
        assert time.monotonic() < end, "waited two minutes"
        time.sleep(0.1)


def ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # One that has ended and that nobody has asked for yet.
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return status.stdout.startswith("Z")


@pytest.mark.slow
def test_all_processes_have_the_same_weights_through_the_unfreezing(both):
    first, second = both
    for one, other in zip(first["states"], second["states"], strict=True):
        assert same(one, other)
    assert first["history"] == second["history"]
    assert [row["backbone_frozen"] for row in first["history"]] == [True, False]
    frozen, unfrozen = first["states"]
    changed = {name for name in frozen if not torch.equal(frozen[name], unfrozen[name])}
    assert {"backbone.conv1.weight", "backbone.bn1.running_mean", "head.0.weight"} <= changed


@pytest.mark.slow
def test_training_together_gives_the_same_bits_again(both, tmp_path):
    again = trained(tmp_path / "again")
    assert same(again[0]["states"][1], both[0]["states"][1])


@pytest.mark.slow
def test_a_step_together_is_a_step_by_the_mean_of_the_gradients(both):
    """The first, frozen epoch: two batches of twenty pairs, one for each process."""
    own = settings(freeze_epochs=1)
    data = noise()
    alone = Trainer.start(data, own)
    alone.features = alone._frozen_features()
    alone.network.backbone.eval().requires_grad_(False)
    generator = alone._generator(1, rank=0)
    batches = pair_batches(data.train, own.batch_pairs, generator, 2)
    assert [len(batch) for batch in batches] == [20, 20]
    losses = [alone._pair_losses(batch, generator).mean() for batch in batches]
    torch.stack(losses).mean().backward()
    for group in alone.optimizer.param_groups:
        group["lr"] = own.learning_rate
    alone.optimizer.step()
    for name, value in both[0]["states"][0].items():
        torch.testing.assert_close(alone.network.state_dict()[name], value, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fail", "killed"])
def test_when_one_process_fails_all_end_and_say_so(tmp_path, way):
    process = start(tmp_path / "group", way)
    _, printed = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "one of the processes that train together has failed" in printed


@pytest.mark.slow
def test_when_the_first_process_is_killed_the_others_end(tmp_path):
    folder = tmp_path / "group"
    process = start(folder, "wait")
    pids = [folder / "0.pid", folder / "1.pid"]
    wait_for(lambda: all(path.exists() and path.read_text() for path in pids))
    other = int(pids[1].read_text())
    assert not ended(other)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: ended(other))


def test_one_process_starts_no_others_and_changes_nothing():
    with process_group(1, "cpu") as group:
        assert group == ProcessGroup(torch.device("cpu"))
        numbers = torch.arange(3.0)
        group.average([numbers])
        assert numbers.tolist() == [0, 1, 2]
        assert group.own([1, 2, 3]) == [1, 2, 3]
        assert np.isnan(group.mean(float("nan")))


def test_more_processes_than_graphics_cards_are_refused(monkeypatch):
    monkeypatch.setattr("fperank.training.processes.choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with (
        pytest.raises(ParameterError, match=r"processes is 3.*for 2: set processes to 2 at most"),
        process_group(3, "cuda"),
    ):
        pass
    with pytest.raises(ParameterError, match="set processes to"), process_group(2, "mps"):
        pass
