"""Figures of photos -> the station's usual look, and the marks of each photo with their reasons.

A photo is held against fixed limits first (a part is missing, all is one colour, one row differs
from the next as only broken files do). Those that pass are the station's good photos: from them
comes its usual look, and against that colour, darkness and sharpness are held. Where fewer than
`LEAST_PHOTOS` are good, the fixed limits alone decide.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fperank.ground.numbers import rounded
from fperank.handover.quality import StationLook, UsualStep
from fperank.params.types import QualityMark
from fperank.quality.measures import Measures

LEAST_PHOTOS = 10
"""Good photos that a usual look is taken from, at least."""

# Chosen on photos of one canal camera, half of whose files had lost blocks, so that hand-held
# photos of a river and drawn ones of all weathers keep below; benchmarks/lab-book.md has figures.
_ONE_COLOUR = 16
_STEP = (30, 18, 18)
_TEAR = 5
_CAST = 14
_DARK, _BRIGHT = 70, 225
# Spreads below the usual brightness of bright parts, which at most raise the limit so far.
_DARKER, _DARK_AT_MOST = 4, 100
_BLURRED = 0.3
_NO_EDGE = 0.03
# Not the median: a straight shore steps out only in some lights.
_USUAL, _USUAL_PERCENTILE = 0.3, 75

Marks = dict[QualityMark, str]
"""Why a photo has each of its marks."""


def usual_look(photos: Sequence[Measures], min_whole_share: float) -> StationLook | None:
    """What a station's good photos look like; none where too few are good.

    Args:
        photos: of one station.
        min_whole_share: see `marks`.
    """
    if not photos:
        return None
    usual_rows = _usual_steps(photos)
    good = [one for one in photos if not _fixed_marks(one, usual_rows, min_whole_share)]
    if len(good) < LEAST_PHOTOS:
        return None
    blue = np.median([(one.blue_low + one.blue_high) / 2 for one in good])
    red = np.median([(one.red_low + one.red_high) / 2 for one in good])
    bright = np.array([one.brightness_high for one in good])
    spread = 1.4826 * float(np.median(np.abs(bright - np.median(bright))))
    return StationLook(
        n=len(good),
        min_whole_share=min_whole_share,
        blue=rounded(float(blue)),
        red=rounded(float(red)),
        sharpness=rounded(float(np.median([one.sharpness for one in good]))),
        dark_below=rounded(
            float(np.clip(np.median(bright) - _DARKER * spread, _DARK, _DARK_AT_MOST))
        ),
        usual_steps=usual_rows,
    )


def marks(photo: Measures, look: StationLook | None, min_whole_share: float) -> Marks:
    """The marks of a photo, worst first; none for a good one.

    Args:
        photo: its figures.
        look: the usual look of its station, if there is one.
        min_whole_share: share of the picture that must be there, 0 to 1.
    """
    steps = look.usual_steps if look else None
    found = _fixed_marks(photo, steps, min_whole_share)
    if look is not None and "one_colour" not in found:
        away = _cast(photo, look)
        if (shift := float(np.hypot(*away))) > _CAST:
            found["colour_cast"] = (
                f"the whole picture is shifted towards {_colour(away)} by {shift:.0f} of 128 "
                f"(limit {_CAST})"
            )
        if photo.sharpness < _BLURRED * look.sharpness:
            share = photo.sharpness / look.sharpness
            found["blurred"] = (
                f"{share:.0%} as sharp as the station's photos usually are (limit {_BLURRED:.0%}): "
                "fog, a wet or blocked lens, out of focus"
            )
    limit = look.dark_below if look else _DARK
    if photo.brightness_high < limit:
        found["dark"] = (
            f"even its bright parts have a brightness of {photo.brightness_high:.0f} of 255 only "
            f"(limit {limit:.0f})"
        )
    if photo.brightness_low > _BRIGHT:
        found["bright"] = (
            f"even its dark parts have a brightness of {photo.brightness_low:.0f} of 255 "
            f"(limit {_BRIGHT})"
        )
    if not photo.file_ends and "incomplete" not in found:
        found["truncated"] = "the file lacks its last bytes, the picture at most its lowest rows"
    return found


def largest_step(photo: Measures, usual: Sequence[UsualStep]) -> tuple[float, float]:
    """How far one row differs most from the next, in units of the limit, and at which height.

    Args:
        photo: its figures.
        usual: rows where the station's photos have such a step.
    """
    excess = _in_limits(photo)
    at = (np.arange(len(excess)) + 1) / (len(excess) + 1)
    excess[(at < _NO_EDGE) | (at > 1 - _NO_EDGE)] = 0
    for step in usual:
        # The camera may have moved by a row, and a printed strip changes with its text.
        excess[np.abs(at - step.at) < 1.5 / (len(excess) + 1)] -= 2 * step.size
    row = int(excess.argmax())
    return float(excess[row]), (row + 1) / (len(excess) + 1)


def _fixed_marks(
    photo: Measures, usual: Sequence[UsualStep] | None, min_whole_share: float
) -> Marks:
    found: Marks = {}
    spread = photo.brightness_high - photo.brightness_low
    if photo.whole_share < min_whole_share:
        found["incomplete"] = (
            f"only the upper {photo.whole_share:.0%} of the picture are there "
            f"(min_whole_share is {min_whole_share:g})"
        )
    if spread < _ONE_COLOUR:
        found["one_colour"] = (
            f"nine tenths of the picture differ in brightness by {spread:.0f} of 255 at most "
            f"(limit {_ONE_COLOUR})"
        )
    elif usual is not None:
        size, at = largest_step(photo, usual)
        if size > 1 and at < photo.whole_share:
            found["damaged"] = (
                f"colours or brightness jump along a whole row, {at:.0%} of the height from the "
                "top, as where a part of the file was lost"
            )
    return found


def _in_limits(photo: Measures) -> NDArray[np.float64]:
    """How far each row differs from the next in units of the limit, `[rows - 1]`."""
    steps = np.abs(photo.steps / np.array(_STEP)).max(axis=1)
    # A shifted part makes differences of its own size; a dark picture's are noise.
    tears: NDArray[np.float64] = photo.tears / _TEAR * (np.abs(photo.steps[:, 0]) > 0)
    larger: NDArray[np.float64] = np.maximum(steps, tears)
    return larger


def _usual_steps(photos: Sequence[Measures]) -> tuple[UsualStep, ...]:
    """Rows that differ from the next in many photos of the most common height."""
    n_rows, n = Counter(len(one.steps) for one in photos).most_common(1)[0]
    if n < LEAST_PHOTOS:
        return ()
    same = [_in_limits(one) for one in photos if len(one.steps) == n_rows]
    size = np.percentile(same, _USUAL_PERCENTILE, axis=0)
    return tuple(
        UsualStep(at=rounded(float(row + 1) / (n_rows + 1)), size=rounded(float(size[row])))
        for row in np.flatnonzero(size > _USUAL)
    )


def _cast(photo: Measures, look: StationLook) -> tuple[float, float]:
    """The shift in blue and red that four fifths of the pixels share, seen from what is usual.

    A grey picture of a green station has no cast: what counts is the smaller of the shifts from the
    station's usual colour and from grey.
    """
    both = [
        (
            _shared(photo.blue_low - blue, photo.blue_high - blue),
            _shared(photo.red_low - red, photo.red_high - red),
        )
        for blue, red in ((look.blue, look.red), (0.0, 0.0))
    ]
    return min(both, key=lambda shift: float(np.hypot(*shift)))


def _shared(low: float, high: float) -> float:
    return low if low > 0 else min(high, 0.0)


def _colour(away: tuple[float, float]) -> str:
    """The colour that a shift in blue and red leads to, in one word."""
    blue, red = away
    if red > abs(blue):
        return "red"
    if blue > abs(red):
        return "blue"
    return "green" if red < 0 and red <= blue else "yellow"
