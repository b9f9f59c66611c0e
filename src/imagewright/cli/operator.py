"""Who runs a command."""

import os
import pwd


def operator() -> str:
    """The name of this process's user, as the system knows it and no environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
