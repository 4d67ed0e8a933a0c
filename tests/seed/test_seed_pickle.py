import argparse
import collections
import io
import operator
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest
import torch
from seed_reference import transforms_for
from torchvision.transforms import InterpolationMode

from fperank.ground.errors import DataError
from fperank.seed.pickles import ALLOWED, Recorded, load_checkpoint


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def evil_calls(marker):
    return {
        "posix.system": Calls(os.system, f"touch {marker}"),
        "builtins.eval": Calls(eval, f"open({str(marker)!r}, 'w')"),
        "builtins.exec": Calls(exec, f"open({str(marker)!r}, 'w')"),
        "builtins.bytearray": Calls(bytearray, 10**13),
        "pickle.loads": Calls(pickle.loads, pickle.dumps(Calls(os.mkdir, str(marker)), 2)),
        "numpy.load": Calls(np.load, str(marker)),
        "torch.serialization.load": Calls(torch.load, str(marker)),
    }


# Every file is really written, by the installed torch's save with pickle protocol 2, in its form
# since 1.6 (a zip) and in the one before; names of other numpy and Python versions are put in their
# place in the bytes, for protocol 2 writes them as plain lines.
def saved(checkpoint, zipped=True):
    content = io.BytesIO()
    torch.save(checkpoint, content, _use_new_zipfile_serialization=zipped)
    return content.getvalue()


@pytest.mark.parametrize("name", sorted(evil_calls("x")))
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_calls_a_function_is_refused_and_runs_nothing(tmp_path, name, zipped):
    marker = tmp_path / "ran"
    content = saved({"epoch": 1, "loss": evil_calls(marker)[name]}, zipped)
    with pytest.raises(DataError) as told:
        load_checkpoint(content, "model.pth")
    assert str(told.value) == (
        f"model.pth is refused, nothing of it was run: it would import {name}, which no checkpoint "
        "of the seed needs"
    )
    assert not marker.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_bare_pickle_of_any_protocol_is_refused_and_runs_nothing(tmp_path, protocol):
    marker = tmp_path / "ran"
    content = pickle.dumps(evil_calls(marker)["posix.system"], protocol)
    with pytest.raises(DataError, match=r"import posix\.system|damaged, or no checkpoint"):
        load_checkpoint(content, "model.pth")
    assert not marker.exists()


def test_a_name_that_is_none_of_python_is_not_shown():
    content = b"\x80\x02cos\x1b[2J;secret words\nsystem\n." * 5
    with pytest.raises(DataError, match="would import something unnamed, which") as told:
        load_checkpoint(content, "model.pth")
    assert "secret" not in str(told.value)


def test_the_gate_is_closed_again_afterwards():
    before = set(torch.serialization.get_safe_globals())
    load_checkpoint(saved({"epoch": 1}), "model.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    assert not any(name.startswith(("os", "posix", "subprocess", "pickle")) for name in ALLOWED)


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_of_torchvision_come_as_their_attributes_only(zipped):
    checkpoint = load_checkpoint(saved({"t": transforms_for(1.5)}, zipped), "model.pth")
    steps = checkpoint["t"]["eval"].transforms
    assert [type(step).__name__ for step in steps] == ["Resize", "CenterCrop", "Normalize"]
    assert all(isinstance(step, Recorded) and not callable(step) for step in steps)
    assert (steps[0].size, steps[0].interpolation) == ([480, 720], "bilinear")


@pytest.mark.parametrize("zipped", [True, False])
def test_an_interpolation_mode_may_be_found_by_its_name_and_nothing_else(zipped):
    # As Python 3.11.2 pickles it, which Debian 12 has.
    content = saved({"mode": Calls(getattr, InterpolationMode, "NEAREST_EXACT")}, zipped)
    assert load_checkpoint(content, "model.pth") == {"mode": "nearest-exact"}
    for looked_into in ("x", torch.Size, Calls(set)):
        with pytest.raises(DataError, match="does what no checkpoint"):
            load_checkpoint(saved({"x": Calls(getattr, looked_into, "upper")}, zipped), "model.pth")


@pytest.mark.parametrize("zipped", [True, False])
def test_the_options_of_a_program_come_as_texts_and_numbers(zipped):
    options = argparse.Namespace(epochs=20, folder=pathlib.PurePosixPath("/data/out"))
    content = saved({"args": options}, zipped)
    assert vars(load_checkpoint(content, "model.pth")["args"]) == {
        "epochs": 20,
        "folder": "/data/out",
    }
    # Python 3.13 gives the classes of paths another module.
    moved = saved({"args": pathlib.PurePosixPath("/data/out")}, False)
    moved = moved.replace(b"cpathlib\n", b"cpathlib._local\n")
    assert load_checkpoint(moved, "model.pth") == {"args": "/data/out"}


def test_numbers_of_numpy_come_as_plain_ones():
    numbers = [np.int32(-640), np.float64(0.25), np.bool_(True), np.dtype(">i4").type(7)]
    told = load_checkpoint(saved({"params": numbers}), "model.pth")["params"]
    assert told == [-640, 0.25, True, 7]
    assert {type(number) for number in told} == {int, float, bool}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", ["<f8", ">f8", "<f4", "<f2"])
def test_rows_of_numbers_of_numpy_come_as_plain_ones(kind, zipped):
    row = np.array([0.5, -0.25, 4], dtype=kind)
    rows = load_checkpoint(saved({"mean": row, "again": row}, zipped), "model.pth")
    assert rows == {"mean": [0.5, -0.25, 4.0], "again": [0.5, -0.25, 4.0]}
    assert {type(number) for number in rows["mean"]} == {float}


def test_rows_are_read_by_the_names_that_numpy_had_before():
    new = saved({"mean": np.array([0.5, 0.25])}, zipped=False)
    old = new.replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core.multiarray\n_reconstruct" in old
    assert load_checkpoint(old, "model.pth") == {"mean": [0.5, 0.25]}


class Array:
    """Pickles as an array is rebuilt, of other parts than numpy's."""

    def __init__(self, kind=np.ndarray, shape=(0,), *, state=None):
        self.call = (np.zeros(0).__reduce__()[0], (kind, shape, b"b"), state)

    def __reduce__(self):
        return self.call if self.call[2] is not None else self.call[:2]


F8 = np.dtype("f8")


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}], dtype=object),
        np.array(["text"]),
        np.array([1 + 2j]),
        np.array("2024-05-01", dtype="M8[s]"),
        np.zeros((1001, 1000), dtype="b1"),
        np.zeros(3).astype([("name", "f8")]),
        Array(dict),
        Array(np.ndarray, (10**12,)),
        Array(state=(1, (10**12,), F8, False, b"")),
        Array(state=(1, (10**12, 0), F8, False, b"")),
        Array(state=(1, (-1,), F8, False, bytes(10**7))),
        Array(state=(1, (1,) * 100, F8, False, bytes(8))),
        Array(state=(1, ("1",), F8, False, bytes(8))),
        Array(state=(1, (1,), F8, False, bytes(16))),
        Array(state=(1, (1,), "f8", False, bytes(8))),
        Calls(np.ndarray, (3,)),
    ],
)
def test_an_array_of_another_kind_is_refused(array):
    with pytest.raises(DataError, match=r"does what no checkpoint|damaged|would import"):
        load_checkpoint(saved({"mean": array}), "model.pth")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("array", "plain"),
    [
        (np.array([1, -2], dtype="<i4"), [1, -2]),
        (np.array([True, False]), [True, False]),
        (np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        (np.array([[1, 2], [3, 4]], dtype=">i2", order="F"), [[1, 2], [3, 4]]),
    ],
)
def test_arrays_of_numbers_come_as_lists(array, plain, zipped):
    assert load_checkpoint(saved({"x": array}, zipped), "model.pth") == {"x": plain}


@pytest.mark.parametrize("zipped", [True, False])
def test_an_array_of_no_dimension_is_a_number(zipped):
    numbers = {"loss": np.array(0.5), "epoch": np.array(7), "aspect": np.array(1.5, dtype=">f4")}
    told = load_checkpoint(saved(numbers, zipped), "model.pth")
    assert [float(told[name]) for name in numbers] == [0.5, 7.0, 1.5]
    assert operator.index(told["epoch"]) == 7
    with pytest.raises(TypeError):
        operator.index(told["loss"])
    with pytest.raises(TypeError, match="several numbers"):
        float(load_checkpoint(saved({"x": np.array([1.0])}, zipped), "model.pth")["x"])


@pytest.mark.parametrize("zipped", [True, False])
def test_kinds_of_numbers_of_torch_come_as_they_are(zipped):
    kinds = [torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
    told = load_checkpoint(saved({"kinds": kinds, "x": torch.ones(2)}, zipped), "model.pth")
    assert told["kinds"] == kinds
    assert told["x"].dtype == torch.float32


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "factory", [dict, list, int, float, str, tuple, set, collections.OrderedDict, None]
)
def test_tables_with_a_default_come_as_plain_ones(factory, zipped):
    state = collections.defaultdict(factory, {0: {"momentum_buffer": torch.ones(2)}, 1: {}})
    ordered = collections.OrderedDict(b=1, a=2)
    told = load_checkpoint(saved({"state": state, "ordered": ordered}, zipped), "model.pth")
    assert type(told["state"]) is dict
    assert list(told["state"]) == [0, 1]
    assert torch.equal(told["state"][0]["momentum_buffer"], torch.ones(2))
    assert list(told["ordered"]) == ["b", "a"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "call",
    [
        Calls(collections.defaultdict, Calls(set)),
        Calls(collections.defaultdict, "text"),
        Calls(collections.defaultdict, list, [(1, 2)]),
        Calls(list, "text"),
        Calls(dict),
        Calls(int, "9" * 5000),
    ],
)
def test_a_type_that_may_be_named_is_not_called(call, zipped):
    with pytest.raises(DataError, match="does what no checkpoint of the seed does"):
        load_checkpoint(saved({"x": call}, zipped), "model.pth")


def test_a_default_that_would_call_a_function_is_refused(tmp_path):
    for factory in (os.getcwd, eval):
        with pytest.raises(DataError, match="refused, nothing of it was run: it would import"):
            load_checkpoint(saved({"x": collections.defaultdict(factory)}), "model.pth")


def test_a_word_module_elsewhere_in_the_old_form_stays_what_it_is():
    checkpoint = {"module": ("module", "a", "b", "c"), "t": transforms_for(1.5)}
    assert load_checkpoint(saved(checkpoint, zipped=False), "m")["module"][0] == "module"


def test_what_is_no_checkpoint_is_told_without_its_content():
    whole = saved({"epoch": 1, "secret": torch.ones(3)})
    old = saved({"epoch": 1, "secret": torch.ones(3)}, zipped=False)
    for content in (b"\x80\x02secret", whole[:200], old[:-20], b"PK\x03\x04secret", old[:60]):
        with pytest.raises(DataError, match="damaged") as told:
            load_checkpoint(content, "model.pth")
        assert "secret" not in str(told.value)
    with pytest.raises(DataError, match="it holds no table of values"):
        load_checkpoint(saved([1, 2]), "model.pth")


def test_a_zip_whose_parts_are_compressed_doubled_or_overlap_is_refused():
    def zipped(method, *names):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            for name in names:
                archive.writestr(name, b"\x80\x02}." + bytes(100_000))
        return content.getvalue()

    for content in (
        zipped(zipfile.ZIP_DEFLATED, "archive/data.pkl"),
        zipped(zipfile.ZIP_STORED, "archive/data.pkl", "other/data.pkl"),
        zipped(zipfile.ZIP_STORED, "archive/other"),
    ):
        with pytest.raises(DataError, match="damaged, or no checkpoint of PyTorch"):
            load_checkpoint(content, "model.pth")
