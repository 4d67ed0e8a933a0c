"""What stage `dataset` says of each photo's picture, and what the station's good photos look like.

The table lies in the dataset; the look goes on into the model, so that new photos are held against
the station's own.
"""

from pydantic import BaseModel, ConfigDict

from fperank.handover.tables import number_column, table_schema, text_column, truth_column

QUALITY = table_schema(
    "quality",
    {
        "image_id": text_column(),
        "reason": text_column(nullable=True),
        "file_ends": truth_column(),
        "whole_share": number_column(),
        "brightness_low": number_column(),
        "brightness_high": number_column(),
        "blue_low": number_column(),
        "blue_high": number_column(),
        "red_low": number_column(),
        "red_high": number_column(),
        "sharpness": number_column(),
        "largest_step": number_column(),
        "step_at": number_column(),
    },
    unique="image_id",
)
"""What was measured of each photo that can be read, see `fperank.quality.measures`.

`reason` says in words why the photo has its marks; `largest_step` is in units of the limit, at the
share of the height `step_at`.
"""


class UsualStep(BaseModel):
    """Where one row of the picture differs from the next in many photos: a strip's edge, a shore.

    Attributes:
        at: share of the height, from the top.
        size: how far the two rows usually differ, 1 for as far as only damaged photos do elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    size: float


class StationLook(BaseModel):
    """What a station's good photos look like.

    Attributes:
        n: good photos that it was taken from.
        min_whole_share: share of the picture that must be there, 0 to 1.
        blue: the usual shift of the whole picture towards blue, in Cb of YCbCr, -128 to 127.
        red: likewise towards red, in Cr.
        sharpness: the usual sharpness, see `fperank.quality.measures.Measures`.
        dark_below: brightness of the bright parts that a good photo keeps above, 0 to 255.
        usual_steps: rows that differ from the next in many photos.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int
    min_whole_share: float
    blue: float
    red: float
    sharpness: float
    dark_below: float
    usual_steps: tuple[UsualStep, ...]
