"""Which photos a model is meant for: the local hours and months, and how good their picture is."""

from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from fperank.params.types import QualityMark

UNFIT: tuple[QualityMark, ...] = ("incomplete", "damaged", "one_colour", "colour_cast")
"""Marks with which a photo is not ranked where nobody says otherwise."""


class PhotoFilter(BaseModel):
    """Hours and months by the station's local time.

    Attributes:
        min_hour: first hour; 7 means from 07:00 on.
        max_hour: last hour, included; 18 means up to 18:59.
        min_month: first month.
        max_month: last month, included; below `min_month` the range goes over the turn of the year.
        exclude_quality: marks of a photo's picture with which it is not ranked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_hour: Annotated[int, Field(ge=0, le=23)]
    max_hour: Annotated[int, Field(ge=0, le=23)]
    min_month: Annotated[int, Field(ge=1, le=12)]
    max_month: Annotated[int, Field(ge=1, le=12)]
    exclude_quality: tuple[QualityMark, ...] = UNFIT

    def rules(self, times: pd.Series) -> dict[str, pd.Series]:
        """For each reason to leave a photo out, whether it holds for each of some photos.

        Args:
            times: instants in the station's zone, `[photos]`.
        """
        hours, months = times.dt.hour, times.dt.month
        if self.min_month <= self.max_month:
            in_months = months.between(self.min_month, self.max_month)
        else:
            in_months = (months >= self.min_month) | (months <= self.max_month)
        return {
            f"outside the hours {self.min_hour} to {self.max_hour}": ~hours.between(
                self.min_hour, self.max_hour
            ),
            f"outside the months {self.min_month} to {self.max_month}": ~in_months,
        }

    def quality_rules(self, quality: pd.Series) -> dict[str, pd.Series]:
        """Likewise, for each mark that leaves a photo out.

        Args:
            quality: marks joined by commas, `[photos]`.
        """
        own = quality.fillna("").str.split(",")
        return {
            f"marked {mark} (exclude_quality)": own.map(lambda marks, mark=mark: mark in marks)
            for mark in self.exclude_quality
        }
