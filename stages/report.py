"""Stage `report`: measure the rank agreement; write the page and the figures to compare by."""

from fperank.agreement.evaluation import evaluate
from fperank.agreement.material import load_material
from fperank.ground.files import write_json
from fperank.handover.report import METRICS_FILE, PAGE_FILE
from fperank.handover.version import FIGURES, Version
from fperank.params.file import load_params
from fperank.params.parameters import ReportParams, VersionParams
from fperank.report.page import write_page
from fperank.report.plots import write_plots
from fperank.running.stage import PARAMS, output_folder, run


def main() -> Version:
    """Read what the earlier stages wrote, evaluate, write."""
    version = Version.of(load_params(PARAMS, VersionParams))
    params = load_params(PARAMS, ReportParams)
    material = load_material(version.dataset, version.input, version.model, version.predictions)
    metrics = evaluate(material, params)
    with output_folder(version.report) as folder:
        write_page(material, metrics, folder / PAGE_FILE, params)
        write_json(metrics, folder / METRICS_FILE)
    write_json(metrics, FIGURES / METRICS_FILE)
    write_plots(material, FIGURES)
    for split in ("test-in", "test-out"):
        if "tau" in (figures := metrics["photo"].get(split, {})):
            print(f"Kendall's tau, {split} photos: {figures['tau']:.2f} (n = {figures['n']})")
    if "accuracy" in (held_out := metrics["pairs"]["val"]):
        print(f"held-out pairs in the answered order: {held_out['accuracy']:.1%}")
    print(f"report: {version.report / PAGE_FILE}")
    return version


if __name__ == "__main__":
    run(main, __doc__)
