"""Photos as pixels, decoded once: a local cache that train and predict share.

An entry's key follows from the photo's bytes, the view and the code that decodes, so a result never
depends on whether the cache was warm, and no entry is ever out of date. A file that has kept its
size, times and inode since it was last read is not even read again. The cache is an SQLite
database: several processes may fill it, a killed one leaves no half entry, and it may be deleted at
any time. Where it cannot be used, that is said once and photos are decoded as without it.

Not kept: photos that cannot be read, and the pixels of views that are not `cacheable`.
"""

import hashlib
import shutil
import sqlite3
import sys
import threading
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import features

from fperank.photos.decode import Fractions, Pixels
from fperank.photos.views import View

_FILE = "pixels.sqlite"
_BUSY_SECONDS = 10
_SETTLED_SECONDS = 2
_MARKS_AT_ONCE = 512
_ENTRIES_REMOVED_AT_ONCE = 64
_CODE = Path(__file__).parent
_LIBRARIES = ("pil", "libjpeg_turbo", "zlib", "libtiff", "webp", "avif", "jpg_2000")
_SCHEMA = """
PRAGMA page_size = 16384;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS pixels (key BLOB PRIMARY KEY, run INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS pixels_by_run ON pixels (run);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, state TEXT NOT NULL, digest BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY);
"""


class PixelCache:
    """A cache in use by one run; several threads may read from it.

    Args:
        folder: holds the database; made when needed.
        max_bytes: what the database may take, but for a few per cent; never more than half of the
            disk's free room beside what it has. Entries that were not used for longest go first;
            those of this run stay, and what finds no more room is not kept. 0 keeps nothing.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._run = 0
        self._used_again: list[bytes] = []
        self._bytes_put = 0
        self._full = False
        if max_bytes:
            try:
                self._open()
            except (OSError, sqlite3.Error) as error:
                self._give_up(error)

    def __enter__(self) -> "PixelCache":
        """The cache itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        with self._lock:
            self._mark_used()
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def read(self, path: Path, view: View) -> Pixels | Fractions:
        """A photo as its view reads it, from the cache where it is there.

        Raises:
            PhotoError: see `views.read_photo`.
        """
        if self._connection is None or not view.cacheable:
            return view.read(path)
        try:
            digest = self._digest(path)
        except OSError:
            return view.read(path)
        key = hashlib.blake2b(digest + _decoder(view), digest_size=20).digest()
        shape = (view.height, view.width, 3)
        found = self._ask("SELECT data, run FROM pixels WHERE key = ?", key)
        if found is not None and len(found[0]) == np.prod(shape):
            if found[1] < self._run:
                self._use_again(key)
            return np.frombuffer(found[0], dtype=np.uint8).reshape(shape)
        pixels = view.read(path)
        self._put(key, pixels)
        return pixels

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._folder / _FILE,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.executescript(_SCHEMA)
            with_run = "INSERT INTO runs SELECT ifnull(max(run), 0) + 1 FROM runs RETURNING run"
            (self._run,) = connection.execute(with_run).fetchall()[0]
            connection.execute("DELETE FROM runs WHERE run < ?", (self._run,))
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection
        # The outputs need room too: a cache that fills the disk would end the run that it serves.
        free = shutil.disk_usage(self._folder).free
        self._max_bytes = min(self._max_bytes, self._bytes_in_use() + free // 2)
        # A full cache is a little larger than its bound: more than that is a bound lowered since.
        if self._bytes_in_use() > 1.1 * self._max_bytes:
            self._make_room()

    def _digest(self, path: Path) -> bytes:
        """The digest of a file's bytes; read anew only if its size, times or inode changed."""
        status = path.stat()
        state = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
        name = str(path.absolute())
        known = self._ask("SELECT digest FROM files WHERE path = ? AND state = ?", name, state)
        if known is not None:
            return bytes(known[0])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).digest()
        # A file written a moment ago may be written again within the same tick of its times.
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_SECONDS * 1e9:
            self._ask("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", name, state, digest)
        return digest

    def _put(self, key: bytes, pixels: Pixels | Fractions) -> None:
        if self._full:
            return
        self._ask("INSERT OR IGNORE INTO pixels VALUES (?, ?, ?)", key, self._run, pixels.tobytes())
        self._bytes_put += pixels.nbytes
        if self._bytes_put > self._max_bytes / 50:
            self._bytes_put = 0
            if self._bytes_in_use() > self._max_bytes:
                self._make_room()

    def _use_again(self, key: bytes) -> None:
        with self._lock:
            self._used_again.append(key)
            if len(self._used_again) >= _MARKS_AT_ONCE:
                self._mark_used()

    def _mark_used(self) -> None:
        """Note in the database which older entries this run has used; the lock is held."""
        keys, self._used_again = self._used_again, []
        if keys and self._connection is not None:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(
                    "UPDATE pixels SET run = ? WHERE key = ?", [(self._run, key) for key in keys]
                )
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._give_up(error)

    def _make_room(self) -> None:
        """Remove entries that were not used for longest, until a tenth of the room is free."""
        with self._lock:
            self._mark_used()
        # Known files have no age; without them photos are only read once more.
        self._ask("DELETE FROM files")
        while self._connection is not None and self._bytes_in_use() > 0.9 * self._max_bytes:
            removed = self._ask(
                "DELETE FROM pixels WHERE key IN (SELECT key FROM pixels WHERE run < ? "
                "ORDER BY run LIMIT ?) RETURNING 1",
                self._run,
                _ENTRIES_REMOVED_AT_ONCE,
            )
            if removed is None:
                self._full = True
                break
        # Room inside the file is used again; only what is too much for a new bound is given back.
        too_many = (self._file_bytes() - self._max_bytes) // self._pragma("page_size")
        with self._lock:
            if too_many > 0 and self._connection is not None:
                try:
                    # `execute` would give back a single page.
                    self._connection.executescript(f"PRAGMA incremental_vacuum({too_many + 1})")
                except sqlite3.Error as error:
                    self._give_up(error)

    def _file_bytes(self) -> int:
        return self._pragma("page_count") * self._pragma("page_size")

    def _bytes_in_use(self) -> int:
        return self._file_bytes() - self._pragma("freelist_count") * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        answer = self._ask(f"PRAGMA {name}")
        return int(answer[0]) if answer else 1

    def _ask(self, question: str, *values: Any) -> Any:
        """The first row of an answer; none where there is none, or no cache any more."""
        with self._lock:
            if self._connection is None:
                return None
            try:
                rows = self._connection.execute(question, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
                return None
            return rows[0] if rows else None

    def _give_up(self, error: Exception) -> None:
        """Go on without a cache: it is only there to save time."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        print(
            f"note: the cache of decoded photos cannot be used ({error}); photos are decoded anew. "
            f"If that stays so, delete {self._folder / _FILE}",
            file=sys.stderr,
        )


@cache
def _decoder(view: View) -> bytes:
    """What decides on the pixels beside a photo's bytes: view, code, the libraries' versions."""
    libraries = [str(features.version(name)) for name in _LIBRARIES]
    code = b"".join(module.read_bytes() for module in sorted(_CODE.glob("*.py")))
    return hashlib.blake2b(
        "\n".join([view.model_dump_json(), *libraries]).encode() + code, digest_size=20
    ).digest()
