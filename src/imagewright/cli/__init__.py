"""Commands: one module per group, which parses, calls a service and prints.

Exit codes: 0 good, 1 a failure, 2 the command line or the configuration is wrong, 130 stopped by
Ctrl-C before there was anything to end in order.
"""

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App

INTERRUPTED = 130
"""As a shell tells of a program that ended by Ctrl-C."""


def main() -> None:
    """The `imagewright` command; does not return."""
    # What a start makes stays: looking for garbage in it takes a tenth of the time to the first
    # answer. Serving begins with the collector on; other commands end before they need it.
    gc.disable()
    try:
        try:
            application()()
        finally:
            if not sys.stdout.closed:
                sys.stdout.flush()
    except KeyboardInterrupt:
        # While a command still imports what it runs; later it stops in its own way.
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does; Python's own flush at the end
        # must not meet the closed pipe again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def application() -> "App":
    """Every command; what is slow to import is imported when it is called."""
    from cyclopts import App

    from imagewright.cli import (
        acl,
        audit,
        client,
        config,
        db,
        grant,
        jobs,
        providers,
        token,
        usage,
    )

    app = App(name="imagewright", help="A hardened, multi-tenant MCP endpoint for images.")
    app.command("imagewright.cli.serve:serve", name="serve", help="Serve, over HTTP or stdio.")
    app.command("imagewright.cli.egress:egress", name="egress", help="Serve the way out.")
    app.command("imagewright.cli.init:init", name="init", help="Write a first configuration.")
    app.command("imagewright.cli.demo:demo", name="demo", help="Try it: no key, no account.")
    app.command("imagewright.cli.health:health", name="health", help="Ask a running service.")
    app.command("imagewright.cli.backup:backup", name="backup", help="Copy everything kept.")
    app.command("imagewright.cli.backup:restore", name="restore", help="Restore a backup.")
    app.command(audit.app)
    app.command(usage.app)
    app.command(jobs.app)
    app.command(config.app)
    app.command(db.app)
    app.command(providers.app)
    app.command(acl.app)
    app.command(token.app)
    app.command(grant.app)
    app.command(client.app)
    return app
