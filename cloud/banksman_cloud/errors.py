"""What can go wrong at the endpoint, as its callers must tell it apart.

CloudError            root; ``exit_code`` is what the command line ends with
├── SettingsError     an option or a file is wrong; the message says which and the remedy
├── SchemaError       the database is of another version than this program can use
└── Unavailable       the database cannot be reached or refuses just now: ask again later
"""

from __future__ import annotations


class CloudError(Exception):
    """The root."""

    exit_code = 1


class SettingsError(CloudError, ValueError):
    """An option, or a file that an option names, is wrong."""

    exit_code = 2


class SchemaError(CloudError, RuntimeError):
    """The database cannot be used by this version of the program."""

    exit_code = 4


class Unavailable(CloudError, ConnectionError):
    """The database does not answer or refuses to write; what was asked may be asked again."""

    exit_code = 4
