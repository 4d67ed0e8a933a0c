"""What a checkpoint of the seed says of how photos are prepared: a view, and the colours' scale.

The seed's options `--input-size` and its middle of 0.8 are sizes of the view; without
normalisation the colours are taken as they are, 0 to 1.

Refused, for the network would see other photos than those it learnt from: photos without colours
(`--decolorize`), any other step, sizes and colours that cannot be.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fperank.ground.errors import DataError
from fperank.photos.stretched import SeedView
from fperank.seed.pickles import Recorded

_HEIGHT = 480
_CROP = 0.8
_UNCHANGED = {"mean": [0.0] * 3, "std": [1.0] * 3}


def preparation(
    checkpoint: Mapping[str, Any],
    options: Mapping[str, Any],
    antialias: bool | None,
    where: str,
) -> tuple[list[float], list[float], SeedView]:
    """Read it from the steps that the checkpoint holds, or from its sizes where it holds none.

    Args:
        checkpoint: as `pickles.load_checkpoint` gives it.
        options: those that the seed's training was called with, as far as they are known; asked
            only where the checkpoint holds no steps.
        antialias: in place of what the checkpoint says.
        where: what to name in an error.

    Returns:
        mean and deviation of red, green and blue, 0 to 1, and the view.

    Raises:
        DataError: photos are prepared in a way that cannot be imported, or it is not said how.
    """
    params = checkpoint.get("params")
    params = params if isinstance(params, Mapping) else {}
    transforms = checkpoint.get("transforms")
    steps = _steps(transforms, where) if isinstance(transforms, Mapping) else None
    try:
        if steps is None:
            whole, middle, colours = _by_sizes(params, options, where)
        else:
            whole, middle = list(steps["Resize"]["size"]), list(steps["CenterCrop"]["size"])
            normalise = steps.get("Normalize", _UNCHANGED)
            colours = [normalise["mean"], normalise["std"]]
            antialias = _antialias(steps["Resize"]) if antialias is None else antialias
        if antialias is None:
            raise DataError(
                f"{where} does not say whether photos were smoothed while they were shrunk: add "
                "--no-antialias for a model that was trained with torchvision 0.16 or older, "
                "--antialias for one of 0.17 or newer"
            )
        mean, std = ([float(value) for value in colour] for colour in colours)
        view = SeedView(
            resized_height=int(whole[0]),
            resized_width=int(whole[1]),
            height=int(middle[0]),
            width=int(middle[1]),
            antialias=antialias,
        )
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, ValidationError):
        raise DataError(
            f"{where} names no usable size and colours of photos, neither in its transforms nor "
            "in its params (aspect, img_sample_mean, img_sample_std)"
        ) from None
    fits = view.height <= view.resized_height and view.width <= view.resized_width
    good = len(mean) == len(std) == 3 and all(map(math.isfinite, mean + std)) and min(std) > 0
    if not fits or not good:
        raise DataError(f"{where} names sizes or colours of photos that cannot be")
    return mean, std, view


def _by_sizes(
    params: Mapping[str, Any], options: Mapping[str, Any], where: str
) -> tuple[list[int], list[int], list[Sequence[float]]]:
    """Sizes of the whole and of the middle, and colours, of a checkpoint without steps."""
    if options.get("decolorize"):
        raise DataError(_decolorized(where))
    aspect = float(params["aspect"])
    height = int(options.get("input_size") or _height_of_middle(params.get("input_shape")))
    whole = [height, int(height * aspect)]
    middle = [int(height * _CROP), int(height * _CROP * aspect)]
    if options.get("normalize", True):
        return whole, middle, [params["img_sample_mean"], params["img_sample_std"]]
    return whole, middle, [_UNCHANGED["mean"], _UNCHANGED["std"]]


def _height_of_middle(shape: Any) -> int:
    """The height of the whole photo, by that of the middle that is left of it."""
    if shape is None:
        return _HEIGHT
    middle = int(shape[0])
    if int(_HEIGHT * _CROP) == middle:
        return _HEIGHT
    return math.ceil(middle / _CROP)


def _steps(transforms: Mapping[Any, Any], where: str) -> dict[str, dict[str, Any]]:
    """What is done with a photo before it is scored: the attributes of each step, by its kind."""
    evaluation = transforms.get("eval")
    recorded = vars(evaluation).get("transforms") if isinstance(evaluation, Recorded) else None
    steps = recorded if isinstance(recorded, list) else []
    kinds = [type(step).__name__ if isinstance(step, Recorded) else "unknown" for step in steps]
    if "Grayscale" in kinds:
        raise DataError(_decolorized(where))
    if kinds not in (["Resize", "CenterCrop", "Normalize"], ["Resize", "CenterCrop"]):
        raise DataError(
            f"{where} prepares photos by {', '.join(kinds) or 'nothing'}: only Resize, CenterCrop, "
            "Normalize can be imported, for after other steps the network would see other photos "
            "than those it learnt from"
        )
    attributes = {kind: dict(vars(step)) for kind, step in zip(kinds, steps, strict=True)}
    # 2 is what torchvision before 0.8 wrote for bilinear.
    mode, longest = attributes["Resize"].get("interpolation"), attributes["Resize"].get("max_size")
    if mode not in ("bilinear", 2) or longest is not None:
        raise DataError(f"{where} resizes photos in another way than the seed, which is bilinear")
    return attributes


def _decolorized(where: str) -> str:
    return (
        f"{where} was trained with the seed's option --decolorize, on photos without colours: "
        "fperank shows a network the colours, so its scores would be wrong. Train again without "
        "the option; in older versions of the seed, --decolorize False sets it too"
    )


def _antialias(resize: Mapping[str, Any]) -> bool | None:
    """What the checkpoint's torchvision did with fractions; none where it does not say."""
    if "antialias" not in resize:
        return None
    return resize["antialias"] is True
