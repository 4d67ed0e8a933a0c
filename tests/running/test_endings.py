import errno
import os
import signal

import pytest
import torch

from fperank.ground.errors import DataError
from fperank.running.endings import ends_in_words, signals_as_exits


@pytest.fixture(autouse=True)
def heeded():
    """Tests that a script runs in the background inherit from it that Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ended(error):
    """Exit status and lines of a run that ends by an error."""
    said = []
    with pytest.raises(SystemExit) as end, ends_in_words(said.append, "stopped: go on"):
        raise error
    return end.value.code, said


def test_what_ends_well_says_nothing():
    said = []
    with ends_in_words(said.append, "stopped"):
        pass
    assert said == []


def test_what_the_user_can_mend_is_one_line():
    assert ended(DataError("no photo")) == (1, ["error: no photo"])


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no room is left on the disk of a/b.csv: free some"),
        (errno.EDQUOT, "no room is left on the disk of a/b.csv"),
        (errno.EACCES, "a/b.csv cannot be read or written (Permission denied)"),
        (errno.EROFS, "a/b.csv cannot be read or written (Read-only file system)"),
        (errno.EIO, "the disk of a/b.csv does not answer as it should"),
        (errno.EISDIR, "a/b.csv is a folder: name a file"),
        (errno.ENOTDIR, "a/b.csv: a file stands where a folder should"),
        (errno.EFBIG, "a/b.csv would be larger than its disk or your limits allow"),
        (errno.ENAMETOOLONG, "the name is longer than this system allows: a/b.csv"),
        (errno.EMFILE, "too many files are open"),
    ],
)
def test_faults_of_the_machine_are_told_with_the_file(number, words):
    status, said = ended(OSError(number, os.strerror(number), "a/b.csv"))
    assert status == 1
    assert said[0].startswith(f"error: {words}")
    assert len(said) == 1


def test_faults_without_a_file_are_told_too():
    assert "the folder that was written to" in ended(OSError(errno.ENOSPC, "full"))[1][0]
    no_folder = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/x']")
    assert "set the environment variable TMPDIR" in ended(no_folder)[1][0]
    assert "not enough memory" in ended(MemoryError())[1][0]
    with pytest.raises(RuntimeError, match="memory") as torch_s:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert "not enough memory" in ended(torch_s.value)[1][0]
    odd = UnicodeEncodeError("ascii", "Río", 1, 2, "ordinal not in range(128)")
    assert ended(odd)[1] == [
        "error: this system's language setting knows no letter '\\xed' (ascii): set the "
        "environment variable PYTHONUTF8=1"
    ]


@pytest.mark.parametrize(
    "defect",
    [
        ZeroDivisionError(),
        RuntimeError("sizes of tensors must match"),
        FileNotFoundError(errno.ENOENT, "gone", "a/b.csv"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ],
)
def test_a_defect_keeps_its_traceback(defect):
    with pytest.raises(type(defect)), ends_in_words(print, "stopped"):
        raise defect


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_request_to_end_closes_what_is_open_and_says_how_to_go_on(number, status):
    closed, said = [], []
    with pytest.raises(SystemExit) as end, ends_in_words(said.append, "stopped: go on"):
        try:
            os.kill(os.getpid(), number)
            closed.append("not reached")
        finally:
            # A second request does not break off the closing.
            os.kill(os.getpid(), number)
            closed.append("closed")
    assert end.value.code == status
    assert (closed, said) == (["closed"], ["stopped: go on"])


def test_the_handlers_of_before_come_back():
    before = signal.getsignal(signal.SIGINT)
    with signals_as_exits():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
