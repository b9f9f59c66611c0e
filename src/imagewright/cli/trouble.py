"""What goes wrong at the start, said in one line each, with an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from imagewright.cli import INTERRUPTED
from imagewright.core.errors import Fault, InvalidRequest
from imagewright.core.flaw import Misconfigured

FAILED = 1
BAD_CONFIGURATION = 2


@contextmanager
def told() -> Iterator[None]:
    """Exit with 2 and every flaw of the configuration, or with 1 and the sentence of a fault.

    An argument that is not good is an InvalidRequest, and exits with 2 too.
    """
    try:
        yield
    except Misconfigured as fault:
        for flaw in fault.flaws:
            print(flaw, file=sys.stderr)
        raise SystemExit(BAD_CONFIGURATION) from None
    except Fault as fault:
        print(f"{fault.sentence} {fault.hint}".strip(), file=sys.stderr)
        raise SystemExit(
            BAD_CONFIGURATION if isinstance(fault, InvalidRequest) else FAILED
        ) from None
    except OSError as fault:
        where = f"{fault.filename}: " if fault.filename else ""
        print(f"{where}{fault.strerror or fault}", file=sys.stderr)
        raise SystemExit(FAILED) from None
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
