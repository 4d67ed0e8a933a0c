import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from toy import water_photo

from fperank.ground.errors import PhotoError
from fperank.photos import cache as pixel_cache
from fperank.photos.cache import PixelCache
from fperank.photos.stretched import SeedView
from fperank.photos.view import PhotoView

VIEW = PhotoView(height=18, width=24, crop_bottom=0.1)
LARGE = 10**9


@pytest.fixture
def photos(tmp_path):
    paths = [tmp_path / f"{k}.jpg" for k in range(12)]
    for k, path in enumerate(paths):
        water_photo(k / 12, seed=k).save(path)
    return paths


@pytest.fixture
def decoded(monkeypatch):
    """The files that were really decoded, in order."""
    names = []
    read = PhotoView.read

    def counted(view, path):
        names.append(path.name)
        return read(view, path)

    monkeypatch.setattr(PhotoView, "read", counted)
    return names


def test_the_pixels_are_those_of_the_photo_whether_the_cache_was_cold_or_warm(
    photos, tmp_path, decoded
):
    expected = [VIEW.read(path) for path in photos]
    decoded.clear()
    for _ in range(2):
        with PixelCache(tmp_path / "cache", LARGE) as cache:
            for path, pixels in zip(photos, expected, strict=True):
                assert np.array_equal(cache.read(path, VIEW), pixels)
    assert decoded == [path.name for path in photos], "each once"


def test_a_file_that_has_changed_is_decoded_anew_even_with_its_old_size(photos, tmp_path):
    path = tmp_path / "photo.jpg"
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        for photo in photos[:4]:
            path.write_bytes(photo.read_bytes().ljust(10_000, b"\0"))
            assert np.array_equal(cache.read(path, VIEW), VIEW.read(photo))


def test_a_file_that_has_not_changed_is_not_even_read(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(pixel_cache, "_SETTLED_SECONDS", 0)
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        seen = cache.read(photos[0], VIEW)
        status = photos[0].stat()
        photos[0].chmod(0o000)
        monkeypatch.setattr(Path, "stat", lambda path, **_: status)
        monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("the file was read"))
        assert np.array_equal(cache.read(photos[0], VIEW), seen)


def test_the_same_bytes_under_another_name_are_not_decoded_again(photos, tmp_path, decoded):
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(photos[0].read_bytes())
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        cache.read(photos[0], VIEW)
        cache.read(copy, VIEW)
    assert decoded == ["0.jpg"]


def test_another_view_has_its_own_entry(photos, tmp_path):
    other = PhotoView(height=20, width=30)
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        cache.read(photos[0], VIEW)
        assert np.array_equal(cache.read(photos[0], other), other.read(photos[0]))


def test_other_decoding_code_makes_all_entries_void(photos, tmp_path, decoded, monkeypatch):
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        cache.read(photos[0], VIEW)
    changed = tmp_path / "code"
    changed.mkdir()
    (changed / "decode.py").write_text("# other code\n")
    monkeypatch.setattr(pixel_cache, "_CODE", changed)
    pixel_cache._decoder.cache_clear()
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        cache.read(photos[0], VIEW)
    pixel_cache._decoder.cache_clear()
    assert decoded == ["0.jpg", "0.jpg"]


def test_a_view_whose_pixels_are_not_worth_keeping_reads_anew_each_time(photos, tmp_path):
    view = SeedView(resized_height=48, resized_width=64, height=38, width=51, antialias=False)
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        for _ in range(2):
            pixels = cache.read(photos[0], view)
            assert pixels.dtype == np.float32
            assert np.array_equal(pixels, view.read(photos[0]))
    with sqlite3.connect(tmp_path / "cache" / "pixels.sqlite") as database:
        assert database.execute("SELECT count(*) FROM pixels").fetchone() == (0,)


def test_a_photo_that_cannot_be_read_is_refused_each_time(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        for _ in range(2):
            with pytest.raises(PhotoError, match="not an image"):
                cache.read(broken, VIEW)
        with pytest.raises(PhotoError, match="absent"):
            cache.read(tmp_path / "none.jpg", VIEW)


def read_all(folder, bound, photos, view):
    with PixelCache(folder, bound) as cache:
        for path in photos:
            cache.read(path, view)
    return (folder / "pixels.sqlite").stat().st_size


def test_the_size_stays_within_its_bound_and_what_was_not_used_for_longest_goes_first(
    photos, tmp_path, decoded, monkeypatch
):
    monkeypatch.setattr(pixel_cache, "_ENTRIES_REMOVED_AT_ONCE", 4)
    folder = tmp_path / "cache"
    first, second, third = (PhotoView(height=200 + k, width=266) for k in range(3))
    bound = int(2.5 * len(photos) * 200 * 266 * 3)
    for view in (first, second, first, third):
        assert read_all(folder, bound, photos, view) < 1.05 * bound
    decoded.clear()
    read_all(folder, bound, photos, first)
    assert decoded == [], "used again after the second, and so still there"
    read_all(folder, bound, photos, second)
    assert decoded


def test_a_run_larger_than_the_bound_keeps_what_it_has_and_reads_on(photos, tmp_path, decoded):
    view = PhotoView(height=200, width=266)
    bound = 1_250_000
    for _ in range(2):
        assert read_all(tmp_path / "cache", bound, photos, view) < 1.2 * bound
    assert len(photos) < len(decoded) < 2 * len(photos)


def test_a_lower_bound_gives_room_back(photos, tmp_path):
    view = PhotoView(height=200, width=266)
    assert read_all(tmp_path / "cache", LARGE, photos, view) > 1_900_000
    assert read_all(tmp_path / "cache", 1_000_000, [], view) < 1_000_000


def test_without_room_nothing_is_kept(photos, tmp_path):
    with PixelCache(tmp_path / "cache", 0) as cache:
        cache.read(photos[0], VIEW)
    assert not (tmp_path / "cache").exists()


def test_a_broken_database_costs_time_only_and_is_reported(photos, tmp_path, capsys):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "pixels.sqlite").write_bytes(b"no database" * 1000)
    with PixelCache(folder, LARGE) as cache:
        assert np.array_equal(cache.read(photos[0], VIEW), VIEW.read(photos[0]))
    assert "cannot be used" in capsys.readouterr().err


def test_a_database_that_breaks_in_the_middle_costs_time_only_and_is_reported(
    photos, tmp_path, capsys
):
    with PixelCache(tmp_path, LARGE) as cache:
        cache.read(photos[0], VIEW)
        with sqlite3.connect(tmp_path / "pixels.sqlite") as other:
            other.execute("DROP TABLE pixels")
        for path in photos:
            assert np.array_equal(cache.read(path, VIEW), VIEW.read(path))
    printed = capsys.readouterr().err
    assert printed.count("no such table: pixels") == 1
    assert "photos are decoded anew" in printed


def test_deleting_the_cache_in_the_middle_does_no_harm(photos, tmp_path):
    with PixelCache(tmp_path / "cache", LARGE) as cache:
        cache.read(photos[0], VIEW)
        for path in (tmp_path / "cache").iterdir():
            path.unlink()
        for path in photos:
            assert np.array_equal(cache.read(path, VIEW), VIEW.read(path))


def _fill(folder, paths):
    with PixelCache(folder, LARGE) as cache:
        for _ in range(5):
            for path in paths:
                assert np.array_equal(cache.read(path, VIEW), VIEW.read(path))


def test_two_processes_may_fill_it_at_once(photos, tmp_path):
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_fill, args=(tmp_path / "cache", photos)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    with sqlite3.connect(tmp_path / "cache" / "pixels.sqlite") as database:
        assert database.execute("SELECT count(*) FROM pixels").fetchone() == (len(photos),)


def test_a_killed_process_leaves_a_cache_that_serves(photos, tmp_path):
    code = (
        "import sys; from pathlib import Path; from fperank.photos.view import PhotoView\n"
        "from fperank.photos.cache import PixelCache\n"
        "cache = PixelCache(Path(sys.argv[1]), 10**9)\n"
        "k = 0\n"
        "while True:\n"
        "    view = PhotoView(height=18 + k % 200, width=24); k += 1\n"
        "    for path in sys.argv[2:]: cache.read(Path(path), view)\n"
        "    print(k, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "cache"), *map(str, photos)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    process.stdout.readline()
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    _fill(tmp_path / "cache", photos)
