"""`runicorn` and `python -m runicorn`."""

import sys


def main() -> None:
    """Run a subcommand; Ctrl-C while it is loaded ends it without a traceback, too."""
    try:
        from runicorn.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
