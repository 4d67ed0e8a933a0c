"""What a file is: a photo that can be read, a picture or video of another kind, or no picture.

The name says it, and of pictures the first bytes say whether the name is right: phones and people
give JPEG files the ending of HEIC, and the other way round.
"""

from pathlib import Path

PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".tif", ".tiff"),
    *(".webp", ".avif", ".bmp"),
)

_TO_JPEG = ": save it as JPEG, for example by magick mogrify -format jpg *{suffix}"
_HEIC = "a HEIC picture ({suffix}), which is not read"
_PICTURE = "a picture of a kind that is not read ({suffix})"
_RAW = "a raw picture ({suffix}), which is not read"
_VIDEO = "a video ({suffix}), no photo"
_CURES = {_HEIC: _TO_JPEG, _PICTURE: _TO_JPEG, _RAW: ": save it as JPEG with its camera's program"}
_OTHER_KINDS = {
    _HEIC: "heic heif heics heifs hif",
    _PICTURE: "gif jp2 j2k jpx jpf jxl jxr wdp psd tga ppm pgm pnm exr fits fit apng",
    _RAW: "cr2 cr3 crw nef nrw arw srf sr2 dng orf rw2 raf pef srw raw x3f 3fr iiq rwl gpr erf kdc",
    _VIDEO: "mp4 avi mov m4v mpg mpeg mts m2ts 3gp wmv mkv webm asf flv h264 mjpg mjpeg",
}
_KINDS = {f".{one}": kind for kind, ones in _OTHER_KINDS.items() for one in ones.split()}
_SYSTEM_FOLDERS = frozenset(
    {"$recycle.bin", "recycler", "recycled", "recycle bin", "#recycle", "@recycle", "lost.dir"}
    | {"system volume information", "lost+found", "@eadir", "@__thumb", "@recently-snapshot"}
    | {"#snapshot", "@sharebin", "@tmp", "__macosx", "network trash folder", "temporary items"}
)
"""Recycle bins, and where network drives and Macs keep small copies of photos; in small letters."""
_SYSTEM_FILES = {
    "thumbs.db": "Thumbs.db",
    "ehthumbs.db": "Thumbs.db",
    "desktop.ini": "desktop.ini",
}
_THUMBNAILS = ("synophoto_", "synofile_thumb")


def is_picture(name: str) -> bool:
    """Whether a file is a photo, or a picture or video of another kind, by its name."""
    return name.lower().endswith((*PHOTO_SUFFIXES, *_KINDS))


def other_kind(name: str) -> str:
    """Why a picture or video is no photo that can be read, by its name; empty text if it is."""
    suffix = Path(name).suffix
    found = _KINDS.get(suffix.lower(), "")
    return (found + _CURES.get(found, "")).format(suffix=suffix)


def never_photo(name: str) -> str:
    """Likewise, where not even its content could make it one, as that of a HEIC file can."""
    return other_kind(name) if _KINDS.get(Path(name).suffix.lower()) in {_RAW, _VIDEO} else ""


def other_content(path: Path) -> str:
    """Likewise, by its name and its first bytes, which count where they say something else."""
    # A raw picture begins as a TIFF and holds a small JPEG, but is neither.
    if reason := never_photo(path.name):
        return reason
    by_name = other_kind(path.name)
    named = _KINDS.get(path.suffix.lower(), "")
    try:
        with path.open("rb") as file:
            found = _content(file.read(64))
    except OSError:
        return by_name
    if found is None or found == named:
        return by_name
    if not found:
        return ""
    cure = ": save it as JPEG with another program" if found in _CURES else ""
    return f"its name is wrong: {found.format(suffix=f'named {path.suffix}')}{cure}"


def _content(begin: bytes) -> str | None:
    """What the first bytes say: a kind, empty text for a photo, None where they say nothing."""
    if begin[4:8] == b"ftyp":
        # A box of its length: one brand, a number, and more brands that it keeps to.
        brands = begin[8 : max(int.from_bytes(begin[:4]), 12)]
        if b"avif" in brands or b"avis" in brands:
            return ""
        return _HEIC if brands[:4] in _HEIC_BRANDS else _VIDEO
    if begin[:4] == b"RIFF":
        return {b"WEBP": "", b"AVI ": _VIDEO}.get(begin[8:12])
    if begin.startswith((b"GIF87a", b"GIF89a", b"\0\0\0\x0cjP  ")):
        return _PICTURE
    return "" if begin.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n")) else None


_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def litter(filename: str) -> str:
    """Why a picture that a system has put there is none of the person's photos, or empty text."""
    *folders, name = filename.split("/")
    system = [part for part in folders if part.lower() in _SYSTEM_FOLDERS]
    if system:
        return f"in {system[0]}, a folder of the system"
    small = name.lower().startswith(_THUMBNAILS)
    return "a small copy that a network drive has made" if small else ""


def hidden(name: str, *, folder: bool = False) -> str:
    """The kind of a hidden file or folder, or empty text if the name is not hidden."""
    if not name.startswith("."):
        return ""
    of_file = "._ files of a Mac" if name.startswith("._") else "hidden files"
    return "hidden folders" if folder else of_file


def kind(name: str) -> str:
    """The kind that a file which is no picture is counted as."""
    path = Path(name.lower())
    suffix = path.suffix
    return _SYSTEM_FILES.get(path.name) or (f"{suffix} files" if suffix else "files of no kind")
