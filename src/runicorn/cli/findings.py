"""How the findings of an examination read in a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runicorn.remote.doctor.doctor import Finding, StepState

LABELS = {
    "host_key": "host key",
    "exec": "shell",
    "sftp": "SFTP",
    "python": "Python",
    "root": "storage root",
    "reading": "is read by",
}
STYLES = {StepState.OK: "green", StepState.WARNING: "yellow", StepState.FAILED: "red", StepState.SKIPPED: "dim"}


class FindingsPrinter:
    """Prints a row for each finding as it comes, and one for those in a row that were skipped."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._skipped: list[str] = []

    def show(self, finding: Finding) -> None:
        label = LABELS.get(finding.name, finding.name.removeprefix("forwarding_"))
        if finding.state is StepState.SKIPPED:
            self._skipped.append(label)
            return
        self._show_skipped()
        detail = Text(finding.detail)
        if finding.state is StepState.FAILED and finding.code:
            detail.append(f"\n{finding.code}", "red")
        if finding.hint:
            detail.append(f"\nNext: {finding.hint}")
        self._row(finding.state, label, _time(finding.secs), detail)

    def end(self, findings: list[Finding]) -> None:
        """Print what it comes to."""
        self._show_skipped()
        failed = sum(finding.failed for finding in findings)
        warnings = sum(finding.state is StepState.WARNING for finding in findings)
        said = "Nothing is in the way"
        if failed:
            said = f"{failed} thing{' is' if failed == 1 else 's are'} in the way"
        worth = f"; {warnings} {'is' if warnings == 1 else 'are'} worth a look" if warnings else ""
        self._console.print(f"\n{said}{worth}.")

    def _show_skipped(self) -> None:
        if self._skipped:
            steps = f"{len(self._skipped)} step{'' if len(self._skipped) == 1 else 's'}"
            self._row(StepState.SKIPPED, steps, "", Text(", ".join(self._skipped), "dim"))
            self._skipped.clear()

    def _row(self, state: StepState, label: str, time: str, detail: Text) -> None:
        row = Table.grid(padding=(0, 1))
        row.add_column(width=7, no_wrap=True)
        row.add_column(width=12, no_wrap=True)
        row.add_column(width=7, no_wrap=True, justify="right")
        row.add_column(overflow="fold")
        row.add_row(Text(state.value, STYLES[state]), label, time, detail)
        self._console.print(row)
        sys.stdout.flush()  # also into a file or a pipe, whose reader wants to see how far it is


def _time(secs: float | None) -> str:
    if secs is None:
        return ""
    return f"{secs * 1000:.0f} ms" if secs < 1 else f"{secs:.1f} s"
