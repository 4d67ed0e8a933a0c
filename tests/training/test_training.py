import numpy as np
import pytest
import torch
from toy import changed, group

from fperank.agreement.metrics import tau
from fperank.ground.errors import DataError
from fperank.network.losses import pair_loss
from fperank.network.model_file import normalise, save_model, to_tensor
from fperank.params.parameters import PredictParams, TrainParams
from fperank.scoring.scorer import Scorer, predict
from fperank.training import loop as training
from fperank.training.data import load_data
from fperank.training.pair_batches import pair_batches


@pytest.fixture
def own(params):
    return changed(
        group(params, TrainParams),
        backbone="shufflenet_v2_x0_5",
        input_size=32,
        crop_bottom=0,
        epochs=3,
        batch_pairs=40,
        threads=1,
    )


@pytest.fixture
def made(toy_input):
    return toy_input(400)


@pytest.fixture
def data(own, made, tmp_path):
    return load_data(made.pairs, tmp_path / "photos", own)


def run(data, params, scratch, on_epoch=lambda row: None):
    return training.train(data, params, "FLOW_CFS", "Toy", scratch, on_epoch)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.slow
def test_training_learns_the_toy_station_beyond_its_training_photos(own, data, made, tmp_path):
    model = run(data, changed(own, backbone="resnet18", epochs=5), tmp_path / "scratch")
    save_model(tmp_path / "model", model.state, model.description)
    scorer = Scorer.load(tmp_path / "model", PredictParams(threads=1, accelerator="cpu"))
    predictions, _ = predict(made.images, tmp_path / "photos", scorer)
    held_out = predictions[predictions["split"] != "train"]
    assert tau(held_out["value"].to_numpy(), held_out["score"].to_numpy()) > 0.5
    assert model.history["val_pair_accuracy"].iloc[-1] > 0.75


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(own, data, tmp_path):
    short = changed(own, epochs=1)
    first = run(data, short, tmp_path / "a").state
    assert same(first, run(data, short, tmp_path / "b").state)
    assert not same(first, run(data, changed(short, seed=2), tmp_path / "c").state)


class Killed(Exception):
    pass


@pytest.mark.parametrize(
    ("schedule", "frozen", "optimizer"),
    [
        ("cosine", 3, "adamw"),
        pytest.param("cosine", 1, "adamw", marks=pytest.mark.slow),
        pytest.param("plateau", 1, "sgd", marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(
    own, data, tmp_path, schedule, frozen, optimizer
):
    settings = changed(
        own, lr_schedule=schedule, freeze_epochs=frozen, optimizer=optimizer, loss="rao_kupper"
    )
    whole = run(data, settings, tmp_path / "whole")

    def kill_after_second(row):
        if row["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        run(data, settings, tmp_path / "killed", kill_after_second)
    reported = []
    resumed = run(data, settings, tmp_path / "killed", lambda row: reported.append(row["epoch"]))
    assert reported == [1, 2, 3]
    assert same(resumed.state, whole.state)
    assert resumed.history.equals(whole.history)
    assert resumed.description == whole.description


def test_other_parameters_do_not_take_up_a_killed_run(own, data, tmp_path):
    def kill(row):
        raise Killed

    with pytest.raises(Killed):
        run(data, own, tmp_path / "scratch", kill)
    assert len(list((tmp_path / "scratch" / "checkpoints").iterdir())) == 1
    other = changed(own, epochs=1, learning_rate=0.01)
    fresh = run(data, other, tmp_path / "fresh")
    assert same(run(data, other, tmp_path / "scratch").state, fresh.state)


def test_a_frozen_backbone_keeps_weights_and_batchnorm_statistics(own, data):
    trainer = training.Trainer.start(data, changed(own, freeze_epochs=1))
    before = {k: v.clone() for k, v in trainer.network.state_dict().items()}
    trainer.run_epoch()
    after = trainer.network.state_dict()
    for name, value in before.items():
        changed_by_training = not torch.equal(value, after[name])
        assert changed_by_training == (not name.startswith("backbone.")), name
    trainer.run_epoch()
    unfrozen = trainer.network.state_dict()
    weight, statistic = "backbone.conv1.0.weight", "backbone.conv1.1.running_mean"
    assert not torch.equal(before[weight], unfrozen[weight])
    assert not torch.equal(before[statistic], unfrozen[statistic])
    assert [row["backbone_frozen"] for row in trainer.history] == [True, False]


def photos_through(module):
    """What goes through a module from now on: the number of photos, call by call."""
    counts = []
    module.register_forward_pre_hook(lambda _, given: counts.append(len(given[0])))
    return counts


def test_a_frozen_backbone_sees_each_photo_once_for_all_frozen_epochs(own, data):
    trainer = training.Trainer.start(data, changed(own, freeze_epochs=2))
    seen = photos_through(trainer.network.backbone)
    trainer.run_epoch()
    trainer.run_epoch()
    used = torch.cat([data.train.first, data.train.second, data.val.first, data.val.second])
    assert sum(seen) == len(used.unique())
    trainer.run_epoch()
    assert sum(seen) > 2 * len(used.unique())


def test_a_frozen_epoch_trains_as_if_every_batch_went_through_the_backbone(own, data):
    # AdamW would blow last-bit differences of tiny gradients up to whole steps.
    sgd = {"optimizer": "sgd", "lr_schedule": "constant", "learning_rate": 0.01}
    settings = changed(own, freeze_epochs=1, **sgd)
    trainer = training.Trainer.start(data, settings)
    trainer.run_epoch()

    slow = training.Trainer.start(data, settings)
    network, optimizer = slow.network.eval(), slow.optimizer
    seed = int(np.random.SeedSequence((settings.seed, 1)).generate_state(1)[0])

    def scores(photos):
        pixels = to_tensor(data.pixels[photos], slow.group.device)
        return network(normalise(pixels, data.mean, data.std))

    network.backbone.requires_grad_(False)
    for batch in pair_batches(data.train, 40, torch.Generator().manual_seed(seed)):
        difference = scores(data.train.first[batch]) - scores(data.train.second[batch])
        label = data.train.label[batch]
        optimizer.zero_grad()
        pair_loss(difference, label, settings.loss, network.tie_parameter).mean().backward()
        optimizer.step()
        slow.mean.update_parameters(network)
    for name, value in network.head.state_dict().items():
        torch.testing.assert_close(trainer.network.head.state_dict()[name], value)
    assert trainer.history[0]["val_loss"] == pytest.approx(
        float(slow.validate()[0].mean()), rel=1e-4
    )


def test_each_validation_photo_goes_through_the_network_once(own, data):
    trainer = training.Trainer.start(data, own)
    seen = photos_through(trainer.mean.module.backbone)
    trainer.validate()
    photos = torch.cat([data.val.first, data.val.second])
    assert sum(seen) == len(photos.unique()) < len(photos)


def test_changed_photos_reach_the_first_convolution_channels_last(own, data):
    trainer = training.Trainer.start(data, changed(own, epochs=1))
    strides = []
    trainer.network.backbone.conv1.register_forward_pre_hook(
        lambda _, given: strides.append(given[0].stride())
    )
    trainer.run_epoch()
    assert {stride[1] for stride in strides} == {1}


def test_bfloat16_is_for_the_backbone_and_for_training_alone(own, data, monkeypatch):
    """On any processor: one without the instructions for it is only slow."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    plain = training.Trainer.start(data, changed(own, precision="float32"))
    plain.run_epoch()
    short = training.Trainer.start(data, changed(own, precision="auto"))
    seen = set()
    for network in (short.network, short.mean.module):
        convolution = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
        convolution.register_forward_hook(
            lambda module, given, answer: seen.add((module.training, answer.dtype))
        )
    short.network.head.register_forward_pre_hook(lambda _, given: seen.add(given[0].dtype))
    short.run_epoch()
    assert seen == {(True, torch.bfloat16), (False, torch.float32), torch.float32}
    assert {weight.dtype for weight in short.network.parameters()} == {torch.float32}
    assert short.history[0]["train_loss"] == pytest.approx(plain.history[0]["train_loss"], rel=0.05)
    assert short.history[0]["train_loss"] != plain.history[0]["train_loss"]


def test_the_epoch_that_the_rule_names_is_kept_with_its_weights(own, data, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        training, "kept_epoch", lambda losses: asked.append(losses) or min(2, len(losses))
    )
    model = run(data, own, tmp_path)
    assert model.history["kept"].tolist() == [False, True, False]
    assert model.description.kept_epoch == 2
    trainer = training.Trainer.start(data, own)
    trainer.mean.module.load_state_dict(model.state)
    losses, accuracy = trainer.validate()
    assert torch.equal(losses, asked[-1][1])
    assert float(losses.double().mean()) == model.history["val_loss"][1]
    assert accuracy == model.history["val_pair_accuracy"][1]


def test_what_is_kept_is_a_running_mean_of_the_weights_of_the_last_ten_steps(own, data):
    trainer = training.Trainer.start(data, changed(own, batch_pairs=80))
    seen = []
    update = trainer.mean.update_parameters
    trainer.mean.update_parameters = lambda network: (
        seen.append(network.head[0].weight.detach().clone()),
        update(network),
    )
    trainer.run_epoch()
    trainer.run_epoch()
    assert len(seen) > 3
    mean = seen[0]
    for weight in seen[1:]:
        mean = mean + (weight - mean) / 10
    torch.testing.assert_close(trainer.mean.module.head[0].weight, mean)
    assert not torch.equal(trainer.network.head[0].weight, trainer.mean.module.head[0].weight)


def test_early_stopping_waits_its_epochs_and_ignores_frozen_ones(own, data):
    trainer = training.Trainer.start(
        data, changed(own, epochs=50, early_stopping_epochs=2, freeze_epochs=3)
    )

    def finished_after(*losses):
        trainer.history = [{"val_loss": loss} for loss in losses]
        trainer.val_losses = [torch.tensor([loss]) for loss in losses]
        return trainer.finished()

    assert not finished_after(0.5, 0.6, 0.7)
    assert not finished_after(0.5, 0.6, 0.7, 0.8)
    assert finished_after(0.5, 0.6, 0.7, 0.8, 0.9)
    assert not finished_after(0.5, 0.6, 0.7, 0.4, 0.9)


def test_early_stopping_waits_from_the_lowest_loss_and_not_from_the_epoch_kept(own, data):
    trainer = training.Trainer.start(data, changed(own, epochs=50, early_stopping_epochs=2))
    easy = torch.linspace(0, 1, 50)
    chance = torch.tensor([0.4, -0.4]).repeat(25)
    trainer.val_losses = [easy, easy + chance + 0.01, easy - chance + 0.01]
    trainer.history = [{"val_loss": float(losses.mean())} for losses in trainer.val_losses]
    assert training.kept_epoch(trainer.val_losses) == 3
    assert trainer.finished()


def test_a_tie_loss_learns_its_parameter(own, data, tmp_path):
    assert run(data, changed(own, epochs=1), tmp_path).description.tie_parameter != 0
    ranknet = run(data, changed(own, epochs=1, loss="ranknet"), tmp_path)
    assert ranknet.description.tie_parameter is None


def test_a_loss_that_is_no_number_stops_with_the_parameter_to_lower(own, data, tmp_path):
    wild = changed(own, learning_rate=1e30, optimizer="sgd", lr_schedule="constant")
    with pytest.raises(DataError, match=r"training ran away in epoch 1.*lower learning_rate"):
        run(data, wild, tmp_path)


def test_validation_does_not_depend_on_the_batch_size(own, data):
    figures = []
    for size in (8, 200):
        trainer = training.Trainer.start(data, changed(own, batch_pairs=size))
        figures.append(trainer.validate())
    (losses, accuracy), (again, accuracy_again) = figures
    assert torch.equal(losses, again)
    assert accuracy == accuracy_again
