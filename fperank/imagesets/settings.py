"""What a scoring job of the Flow Photo Explorer is told, by options or by the environment.

The names are those of the explorer's own job, so that a job definition need change nothing but the
image's name. An option counts more than the environment.

Refused: what is missing, numbers that are none, image sets that have no UUID.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from fperank.ground.errors import ParameterError

_REGION = "us-west-2"
_LOGIN = {
    "DB_HOST": "FPE_DB_HOST",
    "DB_PORT": "FPE_DB_PORT",
    "DB_NAME": "FPE_DB_NAME",
    "DB_USER": "FPE_DB_USER",
    "DB_PASSWORD": "FPE_DB_PASSWORD",
}


@dataclass(frozen=True)
class ImageSetJob:
    """What to score.

    Attributes:
        station_id: the station's number in the explorer.
        model_code: the model's code, such as RANK-FLOW-20240424.
        imagesets: UUIDs of the image sets, each once.
        threads: processor threads.
        storage_bucket: where the photos lie.
        model_bucket: where models lie and scores go.
    """

    station_id: int
    model_code: str
    imagesets: tuple[str, ...]
    threads: int
    storage_bucket: str
    model_bucket: str

    @property
    def folder(self) -> str:
        """Where the model's files lie in its bucket."""
        return f"rank/{self.station_id}/models/{self.model_code}"


def read_job(options: Mapping[str, str | None], environment: Mapping[str, str]) -> ImageSetJob:
    """What the options say, and the environment where they say nothing.

    Args:
        options: by the names of the environment, such as STATION_ID; None or "" says nothing.
        environment: of the process.

    Raises:
        ParameterError: something is missing or is not what it should be.
    """

    def told(name: str) -> str:
        value = options.get(name) or environment.get(name, "")
        if not value.strip():
            option = f", or the option --{name.lower().replace('_', '-')}" * (name in options)
            raise ParameterError(f"{name} is not set: set it in the environment{option}")
        return value.strip()

    # The name that the explorer's job had when it took one set.
    environment = {"IMAGESET_UUIDS": environment.get("IMAGESET_UUID", ""), **_set(environment)}
    station, code = told("STATION_ID"), told("MODEL_CODE")
    if not re.fullmatch(r"\d{1,9}", station):
        raise ParameterError(f"STATION_ID is {station!r}: give the station's number, such as 29")
    if not re.fullmatch(r"[\w.-]{1,200}", code) or code.startswith("."):
        raise ParameterError(
            f"MODEL_CODE is {code!r}: a code holds letters, digits, - . and _ only, such as "
            "RANK-FLOW-20240424"
        )
    threads = options.get("NUM_WORKERS") or environment.get("NUM_WORKERS") or "2"
    if not re.fullmatch(r"\d{1,3}", threads) or int(threads) > 256:
        raise ParameterError(f"NUM_WORKERS is {threads!r}: give a number from 0 to 256")
    return ImageSetJob(
        station_id=int(station),
        model_code=code,
        imagesets=_uuids(told("IMAGESET_UUIDS")),
        # The explorer's job takes 0 for "no further process".
        threads=max(int(threads), 1),
        storage_bucket=told("FPE_S3_STORAGE_BUCKET"),
        model_bucket=told("FPE_S3_MODEL_BUCKET"),
    )


def own_names(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment's region and login under the names that the rest of fperank reads.

    Without a secret (`FPE_DB_SECRET`), `DB_HOST` and the like are the login.
    """
    found = {}
    if not environment.get("FPE_DB_SECRET"):
        found = {
            own: environment[name]
            for name, own in _LOGIN.items()
            if environment.get(name) and not environment.get(own)
        }
    if not environment.get("AWS_DEFAULT_REGION"):
        found["AWS_DEFAULT_REGION"] = environment.get("AWS_REGION") or _REGION
    return found


def _set(environment: Mapping[str, str]) -> dict[str, str]:
    """What is not empty."""
    return {name: value for name, value in environment.items() if value.strip()}


def _uuids(text: str) -> tuple[str, ...]:
    found = []
    for one in text.split(","):
        if not one.strip():
            continue
        try:
            found.append(str(uuid.UUID(one.strip())))
        except ValueError:
            raise ParameterError(
                f"IMAGESET_UUIDS holds {one.strip()!r}: give UUIDs separated by commas, such as "
                "0f8fad5b-d9cb-469f-a165-70867728950e"
            ) from None
    if not found:
        raise ParameterError("IMAGESET_UUIDS names no image set: give UUIDs separated by commas")
    return tuple(dict.fromkeys(found))
