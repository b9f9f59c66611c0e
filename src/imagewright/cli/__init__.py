"""Commands: one module per group, which parses, calls a service and prints.

Exit codes: 0 good, 1 a failure, 2 the command line or the configuration is wrong.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import App


def main() -> None:
    """The `imagewright` command; does not return."""
    application()()


def application() -> "App":
    """Every command; the module of each is imported when it is called."""
    from cyclopts import App

    app = App(name="imagewright", help="A hardened, multi-tenant MCP endpoint for images.")
    app.command("imagewright.cli.serve:serve", name="serve")
    app.command("imagewright.cli.demo:demo", name="demo")
    app.command("imagewright.cli.config:app", name="config")
    return app
