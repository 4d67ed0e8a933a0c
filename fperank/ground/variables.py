"""The variables that a station can be ranked by: names, units and axes.

The identifiers are those of the Flow Photo Explorer.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """One variable.

    Attributes:
        id: identifier in parameters and folder names.
        label: words for charts and prose, without unit.
        unit: unit of the observed values, or an empty string.
        annotation_name: what the Flow Photo Explorer calls comparisons of it.
        question: what the annotator was asked to compare, as in "more flow".
        log_axis: whether observed values spread over orders of magnitude.
    """

    id: str
    label: str
    unit: str
    annotation_name: str
    question: str
    log_axis: bool

    @property
    def axis_label(self) -> str:
        """Label with unit, as in "Streamflow (cfs)"."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


VARIABLES: dict[str, Variable] = {
    variable.id: variable
    for variable in (
        Variable("FLOW_CFS", "Streamflow", "cfs", "FLOW", "flow", log_axis=True),
        Variable("STAGE_FT", "Stage", "ft", "STAGE", "stage", log_axis=False),
        Variable("ICE", "Ice", "", "ICE", "ice", log_axis=False),
        Variable("SNOW_FT", "Snow depth", "ft", "SNOW", "snow", log_axis=False),
        Variable("CHLA_PPB", "Chlorophyll a", "ppb", "ALGAE", "algae", log_axis=True),
        Variable("ANIMAL_COUNT", "Animals", "count", "ANIMALS", "animals", log_axis=False),
        Variable("OTHER", "Observed value", "", "OTHER", "of it", log_axis=False),
    )
}
