"""The errors that fperank raises on purpose.

A message names the parameter or the file, shows the value, lists what is allowed and says what to
do. Anything else that is raised is a defect of fperank.
"""


class FperankError(Exception):
    """Base class: something that the user can mend, told in the message."""


class ParameterError(FperankError):
    """A parameter is unknown, has a wrong type, or does not fit the data."""


class DataError(FperankError):
    """A file of the station is absent, unreadable or contradicts another."""


class PhotoError(FperankError):
    """One photo cannot be read. Never stops a run: the photo keeps its row, without a score."""


class AbsentError(DataError):
    """Nothing that may be read lies at an address."""


class TooLargeError(DataError):
    """What lies at an address is larger than the caller allows."""


class NoneUsableError(DataError):
    """What was found holds nothing that may be used."""
