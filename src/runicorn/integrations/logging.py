"""A handler for Python's logging: logging.getLogger().addHandler(RunicornHandler()).

Records go into the run's console.log, unless another handler prints them to the console, which is kept anyway. Records
of ERROR and above become alerts. Without an open run a record is left alone.
"""

from __future__ import annotations

import logging
import sys

from runicorn.integrations.opening import open_current

_QUIET_SECS = 60.0  # an alert of the same logger and message is given once in this time


class RunicornHandler(logging.Handler):
    """Gives log records to the current run.

    level: the least level that is heard. alerts: the least that becomes an alert, or None for no alerts. console:
    whether records go into console.log; None means those that no other handler prints.
    """

    def __init__(self, level: int | str = logging.NOTSET, *, alerts: int | None = logging.ERROR,
                 console: bool | None = None) -> None:  # fmt: skip
        super().__init__(level)
        self._alerts = alerts
        self._console = console
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Give one record to the run. Raises nothing: logging's own handleError tells what fails."""
        try:
            run = open_current()
            if run is None:
                return
            text = self.format(record)
            if self._console or (self._console is None and not is_printed(record)):
                run.write_console(text + "\n")
            if self._alerts is not None and record.levelno >= self._alerts:
                level = "error" if record.levelno >= logging.ERROR else "warn" if record.levelno > 20 else "info"
                # The message before its arguments are put in, so that one that comes again and again is one.
                run.alert(f"{record.name}: {str(record.msg)[:200]}", text, level, wait_duration=_QUIET_SECS)
        except Exception:  # noqa: BLE001 - the rim: a log call never fails because of its handlers
            self.handleError(record)


def is_printed(record: logging.LogRecord) -> bool:
    """Tell whether a handler of the record's logger, or of one above it, prints it to the console."""
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        for handler in logger.handlers:
            stream = getattr(handler, "stream", None)
            if record.levelno >= handler.level and (
                stream in (sys.stdout, sys.stderr) or type(handler).__name__ == "RichHandler"
            ):
                return True
        logger = logger.parent if logger.propagate else None
    return False
