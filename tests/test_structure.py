"""The house's own rules, held against the real imports."""

from imports import ROOT, direct_imports

GROUND, SOURCES, LIBRARY, TOP = range(4)
LIBRARY_MODULES = {
    *("dataset", "pairs", "training", "scoring", "overview"),
    *("new_photos", "publish", "release", "verify", "versions", "export"),
}


def floor(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "stages" or parts[1] in {"cli", "commands"}:
        return TOP
    if parts[1] == "report" or parts[1] in LIBRARY_MODULES:
        return LIBRARY
    return SOURCES if parts[1] == "sources" else GROUND


def our_files():
    return sorted([*ROOT.glob("fperank/**/*.py"), *ROOT.glob("stages/*.py")])


def room(path):
    """A module, or the package that acts as one."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[1:] == ("cli",):
        return ("fperank", "commands")
    packages = {"commands", "proof", "report", "seed", "sources"}
    return parts[:2] if parts[0] == "fperank" and parts[1] in packages else parts


def test_every_import_leads_down_or_stays_in_its_room_or_on_the_ground():
    wrong = []
    for path in our_files():
        for target in direct_imports(path):
            here, there = floor(path), floor(target)
            same = (
                room(path) == room(target)
                or here == there == GROUND
                or path.parts[-2] == "stages" == target.parts[-2]
            )
            if there > here or (there == here and not same):
                wrong.append(f"{path.relative_to(ROOT)} imports {target.relative_to(ROOT)}")
    assert wrong == []


def test_no_module_imports_itself_by_a_circle():
    files = our_files()
    imports = {path: direct_imports(path) for path in files}
    done: set = set()

    def visit(path, trail):
        assert path not in trail, " -> ".join(p.name for p in [*trail, path])
        if path not in done:
            for target in sorted(imports[path]):
                visit(target, [*trail, path])
            done.add(path)

    for path in files:
        visit(path, [])
    assert len(done) == len(files) > 20


def test_no_module_is_longer_than_a_few_screens():
    long = {p.name: n for p in our_files() if (n := len(p.read_text("utf-8").splitlines())) > 330}
    assert long == {}


def test_every_module_says_why_it_exists():
    assert [p.name for p in our_files() if not p.read_text("utf-8").startswith('"""')] == []
