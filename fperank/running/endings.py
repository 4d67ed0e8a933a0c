"""How a stage or a command ends: in one line and with an exit status, whatever happens to it.

0 done; 1 what the user can mend, also on the machine, such as a full disk; 130 Ctrl-C, 143 a
request to end (128 and the signal's number, as shells count). Only a defect of fperank ends with a
traceback.
"""

import contextlib
import errno
import re
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from fperank.ground.errors import FperankError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OUT_OF_MEMORY = re.compile(r"can.t allocate memory|not enough memory|out of memory")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_BROKEN = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO}


class Stopped(SystemExit):
    """Somebody asks to end. What is open gets closed, as at every exception."""


@contextlib.contextmanager
def ends_in_words(say: Callable[[str], None], stopped: str) -> Iterator[None]:
    """Run what is inside, and say in one line how it ended if it did not end well.

    Args:
        say: gets the line.
        stopped: what to say when somebody asked to end: what is kept, and how to go on.

    Raises:
        SystemExit: with the exit status.
    """
    try:
        with signals_as_exits():
            yield
    except Stopped as end:
        say(stopped)
        raise SystemExit(end.code) from None
    except FperankError as error:
        say(f"error: {error}")
        raise SystemExit(1) from None
    except OSError as error:
        words = of_the_machine(error)
        if words is None:
            raise
        say(f"error: {words}")
        raise SystemExit(1) from None
    except UnicodeEncodeError as error:
        if error.encoding.lower() == "utf-8":
            raise
        say(
            f"error: this system's language setting knows no letter {error.object[error.start]!a} "
            f"({error.encoding}): set the environment variable PYTHONUTF8=1"
        )
        raise SystemExit(1) from None
    except (MemoryError, RuntimeError) as error:
        # Torch's errors are of the second kind, for the machine's memory and for a card's.
        if not (isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error))):
            raise
        say(
            "error: there is not enough memory on this machine or its graphics card: end other "
            "programs, or set input_size, batch_pairs and threads lower"
        )
        raise SystemExit(1) from None


@contextlib.contextmanager
def signals_as_exits() -> Iterator[None]:
    """Turn a request to end into `Stopped`, so that what is open gets closed."""

    def leave(number: int, frame: FrameType | None) -> None:
        # A second request must not break off the cleaning up that the first one began.
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.getsignal(number)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    for number in before:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def of_the_machine(error: OSError) -> str | None:
    """What is wrong with a disk, a folder or a limit of the machine; none for anything else."""
    where = error.filename or "the folder that was written to"
    if error.errno in _FULL:
        return (
            f"no room is left on the disk of {where}: free some, then run the same again; what "
            "was whole before is still there"
        )
    if error.errno in _FORBIDDEN:
        return (
            f"{where} cannot be read or written ({error.strerror}): change its owner or its "
            "rights, or name another place"
        )
    if error.errno in _BROKEN:
        return (
            f"the disk of {where} does not answer as it should ({error.strerror}): check the "
            "card, the disk or the network drive, then run the same again"
        )
    if error.errno == errno.EISDIR:
        return f"{where} is a folder: name a file"
    if error.errno == errno.ENOTDIR:
        return f"{where}: a file stands where a folder should: name another place"
    if error.errno == errno.EFBIG:
        return f"{where} would be larger than its disk or your limits allow: name another place"
    if error.errno == errno.ENAMETOOLONG:
        return f"the name is longer than this system allows: {where}"
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return "too many files are open: raise the limit with `ulimit -n 4096`, then run it again"
    if "No usable temporary directory" in str(error):
        return (
            "no folder for temporary files can be written: set the environment variable TMPDIR to "
            "one that can"
        )
    return None
