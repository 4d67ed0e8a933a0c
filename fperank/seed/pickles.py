"""Unpickling a checkpoint of the seed through the narrowest gate that torch offers.

A pickle is a program. This module first reads which names the program would import, without running
it, and refuses all but those that a checkpoint of EcoSHEDS' Flow Photo RankNet Model needs. Then
torch's own restricted reader builds the values. For the names of torchvision and numpy it is given
stand-ins that only keep what they are given, so that no code of those packages runs either.

Refused: every other name (the message shows it, and nothing else of the file), compressed or
overlapping parts, files that are no checkpoint.
"""

import io
import math
import operator
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from fperank.ground.errors import DataError

_ZIP_MAGIC = b"PK\x03\x04"
_SAVED_CLASS = "fperank.saved_class"
_MOST_NUMBERS = 1_000_000
_MOST_SIDES = 8
_LEGACY_PICKLES = 5
"""The old form holds a magic number, a version, the system, the checkpoint, the tensors' keys."""

# What torch and the pickle modules raise at damaged or forged files.
_BROKEN = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, struct.error, RuntimeError, EOFError, OSError),
    *(LookupError, ValueError, TypeError, AttributeError, AssertionError, OverflowError),
    *(MemoryError, NotImplementedError),
)
_OLD_MODULES = {"__builtin__": "builtins", "cPickle": "pickle"}
_OLD_NAMES = {"builtins.long": "builtins.int", "builtins.unicode": "builtins.str"}
"""What Python 2 called types; the pickles of `torch.save` still do."""
_TORCH_NAMES = {
    "builtins.set",
    "_codecs.encode",
    "collections.OrderedDict",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
    "torch.device",
    "torch.Size",
    *(f"torch.{kind}Storage" for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int")),
    *(f"torch.{kind}Storage" for kind in ("Short", "Char", "Byte", "Bool")),
    *(f"torch.{kind}" for kind in ("float16", "float32", "float64", "bfloat16", "bool", "uint8")),
    *(f"torch.int{bits}" for bits in (8, 16, 32, 64)),
}


class Recorded:
    """An object of the checkpoint: the attributes that were saved, none of its class's code."""


class _NumberType:
    """Stands for a numpy dtype."""

    def __init__(self, code: str, *_: object) -> None:
        if not re.fullmatch(r"[iuf][1248]|b1", code):
            raise ValueError(code)
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _NumberType, content: bytes) -> float:
    """Stands for numpy's maker of single numbers."""
    number: float = np.frombuffer(content, dtype=f"{kind.order}{kind.code}", count=1)[0].item()
    return number


class _Numbers(list[Any]):
    """Stands for a numpy array of numbers: lists within lists; of no dimension, one number."""

    def __init__(self, *arguments: object) -> None:
        if arguments:
            raise TypeError("only _empty_array makes one")
        super().__init__()
        self._shape: tuple[int, ...] = (0,)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, content = state
        if type(kind) is not _NumberType or not all(
            type(side) is int and side >= 0 for side in shape
        ):
            raise ValueError(shape)
        # Sides of 0 count too: a million empty lists are as long as a million numbers.
        if math.prod(max(side, 1) for side in shape) > _MOST_NUMBERS or len(shape) > _MOST_SIDES:
            raise ValueError(shape)
        values = np.frombuffer(content, dtype=f"{kind.order}{kind.code}")
        values = values.reshape(shape, order="F" if by_column else "C")
        self._shape = tuple(shape)
        self[:] = values.tolist() if shape else [values.item()]

    def __float__(self) -> float:
        return float(self._only())

    def __index__(self) -> int:
        return operator.index(self._only())

    def _only(self) -> Any:
        if self._shape:
            raise TypeError("several numbers are no number")
        return self[0]


def _empty_array(kind: object, shape: object, _: object) -> _Numbers:
    """Stands for numpy's maker of arrays, which are filled afterwards."""
    if kind is not _Numbers or shape != (0,):
        raise ValueError(shape)
    return _Numbers()


def _factory(*_: object) -> None:
    """Stands for a built-in type by which a table would make what it lacks; never called."""
    raise TypeError("a type is named, and not used")


def _table(factory: object = None, *more: object) -> dict[Any, Any]:
    """Stands for a table that makes what it lacks; here it lacks it."""
    if more or factory not in (None, _factory, set, OrderedDict):
        raise TypeError("a table begins empty")
    return {}


def _interpolation(name: str) -> str:
    """Stands for torchvision's list of interpolation modes."""
    return str(name)


def _mode_by_name(modes: object, name: str) -> str:
    """Stands for `getattr`, by which some Pythons (3.11.2) pickle a member of an enumeration."""
    if modes is not _interpolation:
        raise TypeError("only the interpolation modes are looked into")
    return name.lower().replace("_", "-")


def _path(*parts: str) -> str:
    """Stands for a path, whichever system and Python it was saved on."""
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("a path is made of texts")
    return "/".join(parts).replace("//", "/", 1)


def _saved_class(_: str, saved: type, *source: str) -> type:
    """Stands for the class itself where the old form saved its source beside it."""
    return saved


_TRANSFORMS = (
    *("Compose", "Resize", "CenterCrop", "Normalize", "Grayscale", "RandomCrop"),
    *("RandomHorizontalFlip", "RandomRotation", "RandomGrayscale", "ColorJitter"),
)
_PATHS = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
_STAND_INS: dict[str, Callable[..., Any]] = {
    **{f"torchvision.transforms.transforms.{n}": type(n, (Recorded,), {}) for n in _TRANSFORMS},
    "torchvision.transforms.functional.InterpolationMode": _interpolation,
    # What a program keeps of its options; Python 3.13 moved the paths.
    "argparse.Namespace": type("Namespace", (Recorded,), {}),
    **{f"pathlib.{name}": _path for name in _PATHS},
    **{f"pathlib._local.{name}": _path for name in _PATHS},
    "builtins.getattr": _mode_by_name,
    "collections.defaultdict": _table,
    **{f"builtins.{name}": _factory for name in ("dict", "list", "int", "float", "str", "tuple")},
    _SAVED_CLASS: _saved_class,
    "numpy.dtype": _NumberType,
    "numpy.ndarray": _Numbers,
    "numpy.core.multiarray._reconstruct": _empty_array,
    "numpy._core.multiarray._reconstruct": _empty_array,
    "numpy.core.multiarray.scalar": _number,
    "numpy._core.multiarray.scalar": _number,
}
ALLOWED = frozenset(_TORCH_NAMES | _STAND_INS.keys())
"""Every name that a checkpoint may import."""


def load_checkpoint(content: bytes, where: str) -> dict[str, Any]:
    """Build the values of a checkpoint.

    Args:
        content: the bytes of a file that `torch.save` wrote, in its zip or its old form.
        where: what to name in an error.

    Returns:
        The checkpoint's table; objects of torchvision come as `Recorded`.

    Raises:
        DataError: the file would import another name, or is no checkpoint.
    """
    try:
        content = _without_sources(content)
        refused = sorted(_imported_names(content) - ALLOWED)
    except _BROKEN:
        raise DataError(f"{where} is damaged, or no checkpoint of PyTorch") from None
    if refused:
        raise DataError(
            f"{where} is refused, nothing of it was run: it would import {_showable(refused[0])}, "
            "which no checkpoint of the seed needs"
        )
    stand_ins: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (stand_in, name) for name, stand_in in _STAND_INS.items()
    ]
    try:
        with torch.serialization.safe_globals(stand_ins), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _BROKEN:
        raise DataError(
            f"{where} cannot be read as a checkpoint: it is damaged, or does what no checkpoint "
            "of the seed does"
        ) from None
    if not isinstance(checkpoint, dict):
        raise DataError(f"{where} is no checkpoint of the seed: it holds no table of values")
    return checkpoint


def _imported_names(content: bytes) -> set[str]:
    """The names that a checkpoint's pickles import, read without running them."""
    names: set[str] = set()
    if content.startswith(_ZIP_MAGIC):
        pickles = [_zipped_pickle(content)]
    else:
        pickles = [io.BytesIO(content)] * _LEGACY_PICKLES
    for stream in pickles:
        texts: list[str] = []
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in {"GLOBAL", "INST"}:
                module, _, name = str(argument).partition(" ")
                full = f"{_OLD_MODULES.get(module, module)}.{name}"
                names.add(_OLD_NAMES.get(full, full))
            elif opcode.name == "STACK_GLOBAL":
                names.add(".".join(texts[-2:]))
            elif opcode.name.startswith("EXT"):
                names.add("copyreg.extension")
            elif isinstance(argument, str):
                texts.append(argument)
    return names


def _without_sources(content: bytes) -> bytes:
    """The same checkpoint, in its old form without the source texts of its classes.

    The old form names the class of a network's part as `("module", class, file, source text)`, by
    an operation that torch's restricted reader has for tensors only. A stand-in's call replaces it.
    """
    if content.startswith(_ZIP_MAGIC):
        return content
    stream = io.BytesIO(content)
    pieces: list[tuple[int, int, bytes]] = []
    for _ in range(_LEGACY_PICKLES):
        pieces += _source_pieces(pickletools.genops(stream))
    parts: list[bytes] = []
    end = 0
    for start, length, new in sorted(pieces):
        parts += [content[end:start], new]
        end = start + length
    return b"".join([*parts, content[end:]])


def _source_pieces(
    operations: Iterable[tuple[pickletools.OpcodeInfo, Any, int | None]],
) -> list[tuple[int, int, bytes]]:
    """What is to be exchanged in one pickle: where, how many bytes, and for which."""
    pieces: list[tuple[int, int, bytes]] = []
    marks: list[tuple[int, str]] = []
    texts: dict[int, str] = {}
    latest, closed = "", (0, "")
    for opcode, argument, at in operations:
        name, position = opcode.name, at or 0
        text = argument if name == "BINUNICODE" else ""
        if name in {"BINGET", "LONG_BINGET"}:
            text = texts.get(argument, "")
        if name in {"BINPUT", "LONG_BINPUT"}:
            texts[argument] = latest
            continue
        if marks and marks[-1][1] == "?":
            marks[-1] = (marks[-1][0], text)
        if name == "MARK":
            marks.append((position, "?"))
        elif name == "BINPERSID" and closed[1] == "module":
            call = "c" + _SAVED_CLASS.replace(".", "\n") + "\n"
            pieces += [(closed[0], 0, call.encode()), (position, 1, b"R")]
        closed = marks.pop() if pickletools.markobject in opcode.stack_before else (0, "")
        latest = text
    return pieces


def _zipped_pickle(content: bytes) -> io.BytesIO:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        pickles = [one for one in entries if one.filename.endswith("data.pkl")]
        stored = all(one.compress_type == zipfile.ZIP_STORED for one in entries)
        if len(pickles) != 1 or len({one.filename for one in entries}) != len(entries):
            raise ValueError("not the entries of a checkpoint")
        if not stored or sum(one.file_size for one in entries) > len(content):
            raise ValueError("unpacks to more than it is")
        return io.BytesIO(archive.read(pickles[0]))


def _showable(name: str) -> str:
    """A name as a message may show it: names of Python only, nothing else of a stranger's file."""
    return name if re.fullmatch(r"[A-Za-z_][\w.]{0,99}", name, re.ASCII) else "something unnamed"
