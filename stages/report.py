"""Stage `report`: measure the rank agreement; write the page and the figures to compare by."""

from fperank.files import write_json
from fperank.params import ReportParams, load_params
from fperank.report.evaluation import evaluate
from fperank.report.material import load_material
from fperank.report.page import write_page
from fperank.report.plots import write_plots
from stages.common import output_folder, parse_arguments, run


def main() -> None:
    """Read what the earlier stages wrote, evaluate, write."""
    paths = parse_arguments(
        __doc__,
        dataset="the dataset's folder",
        input="the folder of stage input",
        model="the folder of stage train",
        predictions="the folder of stage predict",
        output="the folder to write; replaced when the new one is whole",
        figures="the folder of metrics and plot data that versions share",
    )
    params = load_params(paths.params, ReportParams)
    material = load_material(paths.dataset, paths.input, paths.model, paths.predictions)
    metrics = evaluate(material, params)
    with output_folder(paths.output) as folder:
        write_page(material, metrics, folder / "report.html", params.report_photos)
        write_json(metrics, folder / "metrics.json")
    write_json(metrics, paths.figures / "metrics.json")
    write_plots(material, paths.figures)
    for split in ("test-in", "test-out"):
        if "tau" in (figures := metrics["photo"].get(split, {})):
            print(f"Kendall's tau, {split} photos: {figures['tau']:.2f} (n = {figures['n']})")
    if "accuracy" in (held_out := metrics["pairs"]["val"]):
        print(f"held-out pairs in the answered order: {held_out['accuracy']:.1%}")
    print(f"report: {paths.output / 'report.html'}")


if __name__ == "__main__":
    run(main)
