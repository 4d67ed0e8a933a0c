"""The one place that rounds what is written: a number has as many digits as are reproducible.

Two processors of one kind compute the same weights and scores to the bit, but not the same last
digit of every sum: a library may add in another order. A digit that moves would change a file, its
hash and every stage behind it, so no text output holds one.
"""

import math
from typing import Any

DIGITS = 9
"""Significant digits of a written number. Nine bring every 32-bit score back exactly."""

LOSS_DIGITS = 6
"""Of a loss or a share of pairs, which is a sum of 32-bit numbers of rather less."""


def rounded(value: float, digits: int = DIGITS) -> float:
    """A number to significant digits; what is not finite stays as it is."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value


def all_rounded(values: Any, digits: int = DIGITS) -> Any:
    """The same lists and tables, with every fraction in them rounded."""
    if isinstance(values, dict):
        return {name: all_rounded(value, digits) for name, value in values.items()}
    if isinstance(values, list | tuple):
        return [all_rounded(value, digits) for value in values]
    return rounded(values, digits) if isinstance(values, float) else values


def float_format(digits: int = DIGITS) -> str:
    """The same rule as pandas and numpy take it for a table."""
    return f"%.{digits}g"
