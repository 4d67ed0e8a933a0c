import collections
import json
import shutil
import sys
import tarfile

import numpy as np
import pytest
import torch
from seed_reference import (
    MEAN,
    STD,
    make_checkpoint,
    seed_score,
    trail_photo,
    trained_network,
    transforms_for,
)
from torchvision.transforms import CenterCrop, Compose, Grayscale, Normalize, Resize

from fperank import cli
from fperank.ground.errors import DataError
from fperank.handover.model import DESCRIPTION_FILE, WEIGHTS_FILE
from fperank.handover.photo_filter import PhotoFilter
from fperank.network.model_file import load_model
from fperank.network.ranknet import FlowRanker
from fperank.params.parameters import PredictParams
from fperank.photos.stretched import SeedView
from fperank.scoring.scorer import Scorer
from fperank.seed.checkpoint import import_checkpoint
from fperank.training.pretrained import load_pretrained

CPU = PredictParams(threads=2, accelerator="cpu")


@pytest.fixture(scope="module")
def network():
    return trained_network()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos of trail cameras: 4:3, 16:9, and sizes that no camera gives."""
    folder = tmp_path_factory.mktemp("photos")
    sizes = [(1280, 960), (1920, 1080), (1283, 961), (640, 480), (333, 500)]
    return [trail_photo(folder / f"{k}.jpg", size, k) for k, size in enumerate(sizes)]


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """A checkpoint in a folder of its own, as the seed's training leaves it."""
    path = tmp_path_factory.mktemp("saved") / "model.pth"
    torch.save(make_checkpoint(network), path)
    return path


def imported(model, output, **options):
    options = {"trust_pickle": True, "station": "West Brook 0"} | options
    return import_checkpoint(model, output, **options)


def seed_scores(network, aspect, antialias, photos):
    evaluation = transforms_for(aspect, antialias=antialias)["eval"]
    return [seed_score(network, evaluation, path) for path in photos]


def resaved(checkpoint, folder, **changes):
    folder.mkdir(exist_ok=True)
    torch.save({k: v for k, v in (checkpoint | changes).items() if v is not None}, folder / "m.pth")
    return folder / "m.pth"


@pytest.mark.parametrize(("aspect", "antialias"), [(4 / 3, False), (16 / 9, True)])
def test_scores_equal_those_of_the_seed(network, photos, tmp_path, aspect, antialias):
    torch.save(make_checkpoint(network, aspect, antialias=antialias), tmp_path / "model.pth")
    imported(tmp_path / "model.pth", tmp_path / "out")
    ours = Scorer.load(tmp_path / "out", CPU).score(photos)
    theirs = seed_scores(network, aspect, antialias, photos)
    assert ours.reason == {}
    assert max(theirs) - min(theirs) > 0.1
    assert ours.score.tolist() == pytest.approx(theirs, abs=1e-5, rel=0)


def test_the_antialias_setting_moves_scores_by_far_more_than_the_tolerance(network, photos):
    smoothed, plain = (seed_scores(network, 4 / 3, setting, photos) for setting in (True, False))
    assert min(abs(a - b) for a, b in zip(smoothed[:2], plain[:2], strict=True)) > 1e-3


def test_the_archive_and_both_forms_of_a_checkpoint_give_the_same_model(saved, network, tmp_path):
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(saved, "./model.pth")
    torch.save(make_checkpoint(network), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for k, model in enumerate((saved, tmp_path / "model.tar.gz", tmp_path / "old.pth")):
        imported(model, tmp_path / f"out-{k}")
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        assert len({(tmp_path / f"out-{k}" / name).read_bytes() for k in range(3)}) == 1


def test_the_description_tells_what_the_checkpoint_told(saved, tmp_path):
    told = imported(saved, tmp_path / "out", variable="STAGE_FT", timezone="America/Denver")
    assert load_model(tmp_path / "out")[1] == told
    assert told.view == SeedView(
        resized_height=480, resized_width=640, height=384, width=512, antialias=True
    )
    assert (told.mean, told.std) == ([0.41, 0.45, 0.39], [0.21, 0.2, 0.23])
    assert (told.kept_epoch, told.variable, told.station) == (8, "STAGE_FT", "West Brook 0")
    assert (told.timezone, told.photo_filter, told.loss) == ("America/Denver", None, "ranknet")


@pytest.mark.parametrize("folder", [".", "../input"])
def test_the_seeds_files_beside_the_checkpoint_are_read(network, tmp_path, folder):
    output = tmp_path / "output"
    model = resaved(make_checkpoint(network), output)
    beside = output / folder
    beside.mkdir(exist_ok=True)
    # By the rules of jsonlite 1.8 (auto_unbox), with the keys that rank-input.R gives it.
    options = {"min_hour": 6, "max_hour": 19, "min_month": 4, "max_month": 11, "seed": 1}
    rank_input = {
        "model_code": "RANK-STAGE-20240402",
        "variable_id": "STAGE_FT",
        "station": {"id": 29, "name": "West Brook 0"},
        "args": {"options": options, "args": ["RANK-STAGE-20240402"]},
    }
    (beside / "rank-input.json").write_text(json.dumps(rank_input))
    (beside / "station.json").write_text('{"name": "other", "timezone": "America/New_York"}')
    told = imported(model, tmp_path / "out", station=None)
    assert (told.station, told.variable) == ("West Brook 0", "STAGE_FT")
    assert told.timezone == "America/New_York"
    assert told.photo_filter == PhotoFilter(min_hour=6, max_hour=19, min_month=4, max_month=11)
    assert load_model(tmp_path / "out")[1] == told
    del options["min_hour"], options["max_month"]
    (beside / "rank-input.json").write_text(json.dumps(rank_input))
    told = imported(model, tmp_path / "defaults")
    assert told.photo_filter == PhotoFilter(min_hour=7, max_hour=19, min_month=4, max_month=12)
    options["max_hour"] = 24
    (beside / "rank-input.json").write_text(json.dumps(rank_input))
    with pytest.raises(DataError, match=r"rank-input.json: args.options.max_hour: Input should be"):
        imported(model, tmp_path / "second")


def test_the_weights_serve_as_pretrained_ones(saved, tmp_path, monkeypatch):
    imported(saved, tmp_path / "out")
    (tmp_path / "weights").mkdir()
    shutil.copy(tmp_path / "out" / WEIGHTS_FILE, tmp_path / "weights" / "seed.safetensors")
    monkeypatch.chdir(tmp_path)
    network = FlowRanker("resnet18", [256, 64], "davidson", 96, 128)
    load_pretrained(network, "resnet18", "seed.safetensors")
    fitted, _ = load_model(tmp_path / "out")
    assert all(torch.equal(v, fitted.state_dict()[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("attribute", "expected"), [(True, True), (False, False), (None, False), ("warn", False)]
)
def test_the_antialias_setting_follows_the_resize_that_was_saved(
    network, tmp_path, attribute, expected
):
    checkpoint = make_checkpoint(network)
    checkpoint["transforms"]["eval"].transforms[0].antialias = attribute
    told = imported(resaved(checkpoint, tmp_path), tmp_path / "out")
    assert told.view.antialias is expected


def test_where_the_resize_does_not_tell_the_option_is_asked_for(network, tmp_path):
    checkpoint = make_checkpoint(network)
    del checkpoint["transforms"]["eval"].transforms[0].antialias
    model = resaved(checkpoint, tmp_path)
    with pytest.raises(DataError, match=r"does not say .* add --no-antialias for a model"):
        imported(model, tmp_path / "out")
    assert imported(model, tmp_path / "out", antialias=False).view.antialias is False


def test_without_transforms_the_sizes_follow_from_the_aspect(network, tmp_path):
    model = resaved(make_checkpoint(network, 16 / 9), tmp_path, transforms=None)
    with pytest.raises(DataError, match="add --no-antialias"):
        imported(model, tmp_path / "out")
    told = imported(model, tmp_path / "out", antialias=True)
    assert told.view == SeedView(
        resized_height=480, resized_width=853, height=384, width=682, antialias=True
    )
    assert told.mean == [0.41, 0.45, 0.39]


def test_another_input_size_is_taken_over(network, photos, tmp_path):
    # What --input-size 240 makes of train.py's arithmetic, for photos of 4:3.
    whole, middle = [240, 320], [192, 256]
    steps = [Resize(whole, antialias=True), CenterCrop(middle), Normalize(MEAN, STD)]
    checkpoint = make_checkpoint(network) | {"transforms": {"eval": Compose(steps)}}
    told = imported(resaved(checkpoint, tmp_path), tmp_path / "out")
    view = SeedView(resized_height=240, resized_width=320, height=192, width=256, antialias=True)
    assert told.view == view
    theirs = [seed_score(network, Compose(steps), path) for path in photos]
    ours = Scorer.load(tmp_path / "out", CPU).score(photos)
    assert ours.score.tolist() == pytest.approx(theirs, abs=1e-5, rel=0)


@pytest.mark.parametrize("beside", [True, False])
def test_the_input_size_of_a_checkpoint_without_steps_is_found(network, tmp_path, beside):
    checkpoint = make_checkpoint(network)
    checkpoint["params"]["input_shape"] = [np.int32(192), np.int32(256)]
    model = resaved(checkpoint, tmp_path, transforms=None)
    if beside:
        # By the rules of Python's json, of the names of train.py's options.
        (tmp_path / "args.json").write_text('{"input_size": 241, "decolorize": false}')
    told = imported(model, tmp_path / "out", antialias=False)
    sizes = (told.view.resized_height, told.view.resized_width, told.view.height, told.view.width)
    assert sizes == ((241, 321, 192, 257) if beside else (240, 320, 192, 256))


def test_a_model_without_normalisation_sees_colours_as_they_are(network, photos, tmp_path):
    steps = [Resize([480, 640], antialias=True), CenterCrop([384, 512])]
    checkpoint = make_checkpoint(network) | {"transforms": {"eval": Compose(steps)}}
    told = imported(resaved(checkpoint, tmp_path), tmp_path / "out")
    assert (told.mean, told.std) == ([0.0] * 3, [1.0] * 3)
    theirs = [seed_score(network, Compose(steps), path) for path in photos]
    ours = Scorer.load(tmp_path / "out", CPU).score(photos)
    assert ours.score.tolist() == pytest.approx(theirs, abs=1e-5, rel=0)
    model = resaved(checkpoint, tmp_path, transforms=None)
    (tmp_path / "args.json").write_text('{"input_size": 480, "normalize": false}')
    assert imported(model, tmp_path / "by-options", antialias=True).std == [1.0] * 3


def test_a_model_of_photos_without_colours_is_refused_whatever_tells_it(network, tmp_path):
    model = resaved(make_checkpoint(network), tmp_path, transforms=None)
    (tmp_path / "args.json").write_text('{"input_size": 480, "decolorize": true}')
    words = r"trained with the seed's option --decolorize, .* Train again without the option"
    with pytest.raises(DataError, match=words):
        imported(model, tmp_path / "out", antialias=True)


def test_numbers_and_tables_of_other_kinds_change_nothing(network, saved, tmp_path):
    checkpoint = make_checkpoint(network)
    optimizer = checkpoint["optimizer_state_dict"]
    optimizer["state"] = collections.defaultdict(dict, optimizer["state"])
    changes = {"epoch": np.array(7), "training_loss": np.array(0.44), "dtype": torch.float32}
    imported(resaved(checkpoint, tmp_path, **changes), tmp_path / "out")
    imported(saved, tmp_path / "same")
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        same = (tmp_path / "same" / name).read_bytes()
        assert (tmp_path / "out" / name).read_bytes() == same


def test_weights_without_the_prefix_of_data_parallel_are_taken_too(network, saved, tmp_path):
    checkpoint = make_checkpoint(network)
    plain = {k.removeprefix("module."): v for k, v in checkpoint["model_state_dict"].items()}
    imported(resaved(checkpoint, tmp_path, model_state_dict=plain), tmp_path / "out")
    imported(saved, tmp_path / "same")
    assert (tmp_path / "out" / WEIGHTS_FILE).read_bytes() == (
        tmp_path / "same" / WEIGHTS_FILE
    ).read_bytes()


def test_without_the_users_word_the_file_is_not_even_opened(tmp_path):
    absent = tmp_path / "absent.pth"
    with pytest.raises(DataError, match=r"can run any code of whoever made it.*--trust-pickle"):
        imported(absent, tmp_path / "out", trust_pickle=False)


def test_what_exists_is_not_overwritten(saved, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="out exists already: name a folder that does not"):
        imported(saved, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failed_import_leaves_nothing(saved, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fperank.handover.model.write_json", full)
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        imported(saved, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_names_that_cannot_be_are_told(saved, tmp_path):
    for options, words in (
        ({"station": None}, "names the station: add --station with its name"),
        ({"variable": "FLOW"}, "variable 'FLOW' is unknown; allowed: FLOW_CFS, STAGE_FT"),
        ({"timezone": "EST5"}, "timezone 'EST5' is not a name of the IANA list"),
    ):
        with pytest.raises(DataError, match=words):
            imported(saved, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_another_network_is_refused(network, tmp_path):
    checkpoint = make_checkpoint(network)
    state = checkpoint["model_state_dict"]
    broken = {
        "1 weights are missing: head.4.bias": {
            k: v for k, v in state.items() if "fclayers.4.bias" not in k
        },
        "another name or size": state | {"module.extra.weight": torch.ones(2)},
        "or no value": state | {"module.fclayers.4.bias": torch.tensor([float("nan")])},
        "no model_state_dict": None,
    }
    for words, weights in broken.items():
        model = resaved(checkpoint, tmp_path, model_state_dict=weights)
        with pytest.raises(DataError, match=words):
            imported(model, tmp_path / "out")


def test_other_ways_of_preparing_photos_are_refused(network, tmp_path):
    sizes, colours = ([480, 640], [384, 512]), ([0.5] * 3, [0.2] * 3)
    bad = {
        "--decolorize, on photos without colours: fperank shows": [
            *(Resize(sizes[0]), Grayscale(3), CenterCrop(sizes[1]), Normalize(*colours))
        ],
        "by Resize, Normalize: only Resize, CenterCrop, Normalize can be imported, for after": [
            *(Resize(sizes[0]), Normalize(*colours)),
        ],
        "which is bilinear": [Resize(sizes[0], interpolation=0), CenterCrop(sizes[1])],
        "that cannot be": [Resize(sizes[1]), CenterCrop(sizes[0])],
        "sizes or colours": [Resize(sizes[0]), CenterCrop(sizes[1]), Normalize([0.5], [0.2])],
        "no usable size": [Resize(480), CenterCrop(384)],
    }
    for words, steps in bad.items():
        evaluation = {"eval": Compose(steps)}
        model = resaved(make_checkpoint(network), tmp_path, transforms=evaluation)
        with pytest.raises(DataError, match=words):
            imported(model, tmp_path / "out")


@pytest.fixture
def fperank(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["fperank", "import-seed", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code, " ".join((printed.out + printed.err).split())

    return run


def test_the_command_asks_for_the_users_word_and_says_what_it_wrote(fperank, saved, tmp_path):
    code, told = fperank(saved, tmp_path / "out", "--station", "West Brook 0")
    assert code == 1
    assert "was not opened: a checkpoint is a pickle, a kind of file that can run any code" in told
    options = ("--trust-pickle", "--station", "West Brook 0", "--no-antialias")
    code, told = fperank(saved, tmp_path / "out", *options)
    assert (code, "FLOW_CFS at West Brook 0, epoch 8" in told) == (0, True)
    assert "stretched to 640 x 480 pixels, not smoothed (no antialias)" in told
    assert "the middle 512 x 384 is scored" in told


def test_the_help_says_why_the_word_is_needed(fperank):
    code, told = fperank("--help")
    plain = " ".join(told.replace("│", " ").split())
    assert code == 0
    for words in ("--trust-pickle", "can run any code", "whose maker you trust"):
        assert words in plain
