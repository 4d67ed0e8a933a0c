"""A made-up station with the files of all four earlier stages, for the tests of the report."""

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from toy import ZONE, changed, group

from fperank.agreement.material import Material, load_material
from fperank.handover.dataset import Dataset, ObservedTable, ReadFile, write_dataset
from fperank.handover.input import InputPairs, InputPhotos, InputSummary, ModelInput, write_input
from fperank.handover.model import (
    ModelDescription,
    TrainingSummary,
    write_description,
    write_training,
)
from fperank.handover.predictions import write_predictions
from fperank.handover.station import Station
from fperank.handover.tables import SPLITS, local_dates
from fperank.params.file import load_params
from fperank.params.parameters import DatasetParams, InputParams, Params, PredictParams, TrainParams
from fperank.photos.view import PhotoView
from fperank.stations.base import StationData
from fperank.stations.dataset import summarise

ROOT = Path(__file__).parents[1]
NEVER = dt.date(2023, 1, 1)
RANK_OF_LABEL = {1: "LEFT", 0: "SAME", -1: "RIGHT"}


@dataclass(frozen=True)
class Folders:
    dataset: Path
    input: Path
    model: Path
    predictions: Path

    def load(self) -> Material:
        return load_material(self.dataset, self.input, self.model, self.predictions)


def simulated_flow(hours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Discharge in cfs at rising hours since the start: rain and recession over a base flow."""
    flow = 4 + 3 * np.cos(hours / 8766 * 2 * np.pi)
    n_events = max(1, int(hours.max() / 24 / 9)) if len(hours) else 0
    for start in rng.uniform(0, hours.max() + 1, n_events):
        # After a hundred days nothing is left of an event.
        felt = slice(*np.searchsorted(hours, [start, start + 2400]))
        since = hours[felt] - start
        flow[felt] += rng.lognormal(3, 0.8) * (1 - np.exp(-since / 4)) * np.exp(-since / 50)
    return flow


def draw_photo(share: float, hour: int, size: tuple[int, int]) -> bytes:
    """A stream as wide as `share` says, between 0 and 1, lighter at noon."""
    width, height = size
    light = 0.55 + 0.45 * np.sin(np.pi * (hour - 5) / 15)

    def shade(red: int, green: int, blue: int) -> tuple[int, int, int]:
        return int(red * light), int(green * light), int(blue * light)

    picture = Image.new("RGB", size, shade(92, 122, 74))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, height // 3), fill=shade(176, 204, 226))
    half_top, half_bottom = width * (0.04 + 0.05 * share), width * (0.14 + 0.34 * share)
    middle = width / 2
    corners = [
        (middle - half_top, height // 3),
        (middle + half_top, height // 3),
        (middle + half_bottom, height),
        (middle - half_bottom, height),
    ]
    draw.polygon(corners, fill=shade(96, 132, 156))
    draw.text((2, height - 12), f"{hour:02d}:00", fill=(255, 255, 255))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def write_station(
    root: Path,
    *,
    name: str = "West Brook 0 (Lower)",
    called: str = "",
    days: int = 20,
    photos_per_day: int = 10,
    n_pairs: int = 300,
    values: bool = True,
    variable: str = "FLOW_CFS",
    loss: str = "davidson",
    splits: tuple[str, ...] = ("train", "val", "test-in", "test-out"),
    n_failed: int = 3,
    marks: bool = True,
    photo_size: tuple[int, int] = (64, 48),
    seed: int = 1,
) -> Folders:
    """Write the folders of dataset, input, train and predict; returns where they lie."""
    rng = np.random.default_rng(seed)
    folders = Folders(root / "data", root / "input", root / "model", root / "predictions")
    first = pd.Timestamp("2023-11-10", tz=ZONE)
    local_hours = np.linspace(7, 18, photos_per_day).astype(int)
    wall = [
        pd.Timestamp("2023-11-10") + pd.Timedelta(days=day, hours=int(hour))
        for day in range(days)
        for hour in local_hours
    ]
    times = pd.Series(pd.DatetimeIndex(wall).tz_localize(ZONE))
    n = len(times)
    hours = ((times - first).dt.total_seconds() / 3600).to_numpy()
    gauge_hours = np.arange(0, days * 24, 1.0)
    gauge = simulated_flow(gauge_hours, rng)
    flow = np.interp(hours, gauge_hours, gauge) if n else np.zeros(0)
    share = np.clip((np.log(flow) - 0.5) / 4, 0, 1)

    day = local_dates(times)
    test_out_from = day.min() + pd.Timedelta(days=int(days * 0.75)) if n else None
    per_day = dict(
        zip(
            sorted(set(day)),
            rng.choice(["train", "val", "test-in"], p=[0.6, 0.2, 0.2], size=days),
            strict=True,
        )
    )
    split = [
        "test-out" if days > 3 and date >= test_out_from else str(per_day[date]) for date in day
    ]
    split = [one if one in splits else splits[0] for one in split]
    images = pd.DataFrame(
        {
            "image_id": [f"photo-{i:05d}" for i in range(n)],
            "timestamp": times,
            "filename": [f"{time:%Y-%m}/{name[:5]} {time:%Y%m%d_%H%M}.jpg" for time in wall],
            "url": None,
            "value": flow if values else np.nan,
            "attributes": np.where(flow <= np.quantile(flow, 0.15), "DRY", None) if marks else None,
            "quality": None,
            "clock": "EXIF DateTimeOriginal, at UTC-05:00 (utc_offset)",
        }
    )
    images["filename"] = images["filename"].str.replace("<", "", regex=False)
    if values and n > 30:
        images.loc[20:25, "value"] = np.nan
    for i, filename in enumerate(images["filename"]):
        target = folders.dataset / "photos" / filename
        target.parent.mkdir(parents=True, exist_ok=True)
        broken = i < n_failed
        target.write_bytes(
            b"no photo" if broken else draw_photo(share[i], wall[i].hour, photo_size)
        )

    score = (np.log(flow) - 2) * 2.5 + rng.normal(0, 0.6, n)
    score[:n_failed] = np.nan
    input_images = images.assign(split=split)
    rank = pd.Series(score).rank()
    predictions = input_images.assign(
        score=score, rank_percentile=(rank - 1) / max(rank.count() - 1, 1)
    )

    usable = np.flatnonzero(np.isin(split, ["train", "val"]))
    if len(usable) > 1 and n_pairs:
        left, right = rng.choice(usable, n_pairs), rng.choice(usable, n_pairs)
        left, right = left[left != right], right[left != right]
        ratio = np.log(flow[left]) - np.log(flow[right]) + rng.normal(0, 0.15, len(left))
        label = np.where(np.abs(ratio) < 0.2, 0, np.sign(ratio)).astype(int)
    else:
        left, right, label = (np.zeros(0, dtype=int) for _ in range(3))
    touched = np.array(
        [split[a] == "val" or split[b] == "val" for a, b in zip(left, right, strict=True)]
    )
    pair_id = [f"pair-{i:05d}" for i in range(len(left))]
    pairs = pd.DataFrame({"pair_id": pair_id, "label": label})
    pairs["split"] = np.where(touched, "val", "train") if len(left) else pd.Series(dtype="str")
    answers = pd.DataFrame(
        {"pair_id": pair_id, "rank": [RANK_OF_LABEL[int(one)] for one in label]}, dtype="str"
    )
    for side, number, rows in (("left", "1", left), ("right", "2", right)):
        photo = images.iloc[rows].reset_index(drop=True)
        for column in ("image_id", "timestamp", "filename", "value"):
            pairs[f"{column}_{number}"] = photo[column]
            answers[f"{side}_{column}"] = photo[column]
        answers[f"{side}_attributes"] = photo["attributes"]
    difference = answers["left_value"] - answers["right_value"]
    answers = answers.assign(
        user_id="annotator-1",
        comment="",
        delta_value=difference,
        avg_value=(answers["left_value"] + answers["right_value"]) / 2,
        rel_delta_value=np.nan,
        true_rank=None,
    )

    params = changed(
        load_params(ROOT / "params.yaml", Params),
        **{"station": called or name, "variable": variable, "source": "folder", "loss": loss},
        **{"dataset_version": "DATASET-01", "model_version": "MODEL-01", "hidden_units": [64]},
        # Hours that no photo is left out by: what is left out is written below.
        **{"min_hour": 7, "max_hour": 18, "exclude_attributes": ["BAD"]},
    )
    gauge_times = pd.Series(first + pd.to_timedelta(gauge_hours, unit="h"), dtype=times.dtype)
    observations = pd.DataFrame({"timestamp": gauge_times, "value": gauge, "status": None})
    excluded = pd.DataFrame(
        [
            ("photo", "a.jpg", "no time in EXIF <b>"),
            ("photo", "b.jpg", "no time in EXIF <b>"),
            ("annotation", "pair-x", "names an unknown photo"),
        ],
        columns=["kind", "name", "reason"],
    )
    station = Station(
        name=name,
        label=called or name,
        variable=variable,
        timezone=ZONE,
        latitude=42.4,
        longitude=-72.7,
        description="A made-up stream",
    )
    dataset = Dataset(
        station, images, answers, observations if values else observations.iloc[:0], excluded
    )
    data = StationData(
        **{"station": station, "images": images, "annotations": answers, "excluded": excluded},
        observations=dataset.observations,
        observed_table=ObservedTable(
            file="observations.csv",
            times="time, with the UTC offset that each tells",
            values="flow <b>",
            unit="cfs, for its name tells the unit cfs",
            rows=("flag: Ice (2, left out)",),
            passed_over=("water_temp_c",),
            first_rows=(("2", "2024-07-01 08:00-04", "1,5", "2024-07-01T08:00:00-04:00", "1.5"),),
        )
        if values
        else None,
        read_files=(ReadFile(role="observations", name="observations.csv", sha256="0" * 64),),
        notes=("The answers were given by a simulated annotator, not by a person.",),
    )
    summary = summarise(dataset, data, group(params, DatasetParams))
    write_dataset(dataset, summary.model_copy(update={"notes": data.notes}), folders.dataset)

    annotated = [date for date, one in zip(day, split, strict=True) if one != "test-out"]
    input_summary = InputSummary(
        dataset_version="DATASET-01",
        variable=variable,
        photos=InputPhotos(
            n=n,
            first_date=min(day, default=NEVER),
            last_date=max(day, default=NEVER),
            splits={one: split.count(one) for one in SPLITS},
        ),
        pairs=InputPairs(
            n=len(pairs),
            splits={one: int((pairs["split"] == one).sum()) for one in ("train", "val")},
            labels={str(one): int((pairs["label"] == one).sum()) for one in (1, 0, -1)},
        ),
        annotation_first_date=min(annotated, default=NEVER),
        annotation_last_date=max(annotated, default=NEVER),
        excluded={
            "photo": {"outside the hours": 12},
            "annotation": {"answer is UNKNOWN": 4},
        },
        parameters=group(params, InputParams),
    )
    write_input(ModelInput(station, input_images, pairs, input_summary), folders.input)

    epochs = np.arange(1, 13)
    history = pd.DataFrame(
        {
            "epoch": epochs,
            "train_loss": 0.2 + 0.7 * np.exp(-epochs / 4),
            "val_loss": 0.3 + 0.6 * np.exp(-epochs / 4) + 0.01 * np.maximum(epochs - 8, 0),
            "val_pair_accuracy": 0.93 - 0.4 * np.exp(-epochs / 3),
            "learning_rate": 0.001,
            "backbone_frozen": epochs <= 2,
            "kept": epochs == 9,
        }
    )
    training = TrainingSummary(
        pairs_train=int((pairs["split"] == "train").sum()),
        pairs_val=int((pairs["split"] == "val").sum()),
        pairs_lost=2,
        photos=len(usable),
        photos_unreadable={f"photo-{i:05d}": "is broken" for i in range(n_failed)},
        bfloat16=False,
        pretrained_sha256=None,
        parameters=group(params, TrainParams),
    )
    write_training(history, training, folders.model)
    description = ModelDescription(
        backbone="resnet18",
        hidden_units=[64],
        loss=loss,
        tie_parameter={"davidson": -0.2, "rao_kupper": 0.4}.get(loss),
        view=PhotoView(height=96, width=128, crop_bottom=0.06),
        mean=[0.5] * 3,
        std=[0.25] * 3,
        kept_epoch=9,
        variable=variable,
        station=name,
    )
    write_description(description, folders.model)
    failures = images.iloc[:n_failed][["image_id", "filename"]].assign(
        reason="is not an image that can be read"
    )
    write_predictions(predictions, failures, group(params, PredictParams), folders.predictions)
    return folders
