"""`runicorn export`: the points of runs as a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from runicorn.cli.common import resolve_settings
from runicorn.cli.interrupts import discard_stdout, interruptible
from runicorn.errors import ExchangeError, RootNotUsableError, RunicornError, UsageError
from runicorn.exchange.client import Root, StoredRun, folder_root
from runicorn.exchange.export_draft import ExportDraft
from runicorn.exchange.export_journal import Plan, WantedRun, Written
from runicorn.exchange.exporting import Place, choose, points, record_files
from runicorn.exchange.formats import Format, TableWriter, table_writer
from runicorn.progress_line import POINTS, ProgressLine
from runicorn.storage.records import RECORD_BYTES

SOME_FAILED = 1
_BY_SUFFIX = {".csv": Format.CSV, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".parquet": Format.PARQUET}


def export_runs(
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Ids, or names that only one run has.", show_default=False),
    ] = None,
    root: Annotated[
        str | None, typer.Option(help="The storage root. (default: $RUNICORN_ROOT or ~/runicorn_data)")
    ] = None,
    project: Annotated[str | None, typer.Option(help="All runs of this project and those below it.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs.")] = False,
    chosen: Annotated[
        Format | None, typer.Option("--format", help="What to write. (default: what PATH ends in, else csv)")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="The file. (default: standard output)")
    ] = None,
    system: Annotated[bool, typer.Option("--system", help="Also what was measured of the machine.")] = False,
) -> None:
    """Write the points of runs as rows of run, metric, step, time and value; every number reads back to the bit.

    What is broken off goes on where it was when the same command is started again; Parquet, and what goes to standard
    output, begin anew. Exit code 0: all are there; 1: some runs could not be read, and which is said; 130: Ctrl-C.
    """
    settings = resolve_settings(root=root)
    if not settings.root.is_dir():
        raise RootNotUsableError(f"There is no folder {settings.root}.")
    into = chosen or _BY_SUFFIX.get(output.suffix.lower() if output else "", Format.CSV)
    if into is Format.PARQUET and output is None and sys.stdout.isatty():
        raise UsageError("Parquet is nothing for a terminal.", hint="Name a file with -o.")
    if output is not None and output.is_dir():
        raise ExchangeError(f"{output} is a folder.", hint="Name a file with -o.")
    done = _Done(goes_on=output is not None and into is not Format.PARQUET)
    with interruptible(done.broken_off), folder_root(settings.root, settings.cache_folder) as opened:
        wanted = choose(opened, runs or [], project=project, every=every)
        export = _Export(opened, wanted, into, done, system=system)
        if output is None:
            _to_stdout(export)
        else:
            _to_file(export, output)
    whole = len(wanted) - len(done.failed)
    typer.echo(f"{done.points:,} points of {whole} run{'' if whole == 1 else 's'}", err=True)
    if done.failed:
        raise typer.Exit(SOME_FAILED)


@dataclass
class _Done:
    """What was written so far. goes_on: whether what is broken off can be gone on with. draft: of the file, if any."""

    goes_on: bool
    points: int = 0
    expected: int = 0
    failed: list[RunicornError] = field(default_factory=list)
    draft: ExportDraft | None = None

    @property
    def kept(self) -> int:
        """How many points the same command would go on after."""
        return self.draft.points if self.draft is not None and self.goes_on else 0

    def broken_off(self) -> str:
        """Return what to say when the export is stopped."""
        if self.draft is not None and self.draft.is_whole:
            return f"stopped: all {self.points:,} points are written."
        if not self.kept:
            return "stopped before all was written. The same command begins anew."
        of = f"{self.kept:,} of {max(self.kept, self.expected):,} points are written"
        return f"stopped: {of}. The same command goes on from there."


class _Export:
    """Writes the points of runs into a table."""

    def __init__(
        self, root: Root, runs: Sequence[StoredRun], into: Format, done: _Done, *, system: bool
    ) -> None:  # fmt: skip
        self._root = root
        self._runs = runs
        self._system = system
        self.into = into
        self.done = done
        wanted = [WantedRun(run.id, record_files(root.files, run.id, system=system)) for run in runs]
        self.plan = Plan(str(Path(root.path).absolute()), into.value, system, wanted)
        done.expected = sum(file.size_bytes for run in wanted for file in run.files or ()) // RECORD_BYTES

    def fails_still(self, run_id: str, after: Place | None) -> bool:
        """Tell whether a run that could not be read behind a place cannot be read there now."""
        try:
            next(points(self._root.files, run_id, system=self._system, after=after), None)
        except ExchangeError:
            return True
        return False

    def write(self, table: TableWriter, draft: ExportDraft | None = None) -> None:
        """Write what is not written yet. draft: hears what is. Raises ExchangeError where no run could be read."""
        known = draft.standing.runs if draft is not None else ()
        with ProgressLine(
            "exporting", self.done.expected, POINTS, silent=draft is None and sys.stdout.isatty()
        ) as line:
            line.begin_at(draft.points if draft is not None else 0)
            self.done.points = draft.points if draft is not None else 0
            for number, (run, wanted) in enumerate(zip(self._runs, self.plan.runs, strict=True)):
                written = known[number] if number < len(known) else None
                if written is not None and number < len(known) - 1 and not written.failed:
                    continue
                if written is None and draft is not None:
                    draft.begin(wanted)
                self._write_run(run, written, table, draft, line)
        if len(self.done.failed) == len(self._runs):
            if draft is not None:
                draft.discard()
            raise self.done.failed[0]

    def _write_run(
        self, run: StoredRun, written: Written | None, table: TableWriter, draft: ExportDraft | None, line: ProgressLine
    ) -> None:
        here = written.points - written.points_before if written is not None else 0
        after = written.after if written is not None else None
        try:
            for piece in points(self._root.files, run.id, system=self._system, after=after):
                table.write(piece)
                here += len(piece)
                if draft is not None:
                    table.flush()
                    draft.mark(piece.ends, self.done.points + len(piece))
                self.done.points += len(piece)
                line.update(self.done.points)
        except ExchangeError as error:  # one that cannot be read leaves the others
            self.done.failed.append(error)
            part = f"; {here:,} of its points were written before that" if here else ""
            line.say(f"left out: {run.name}: {error.detail} ({error.code}){part}\n  {error.hint}")
            if draft is not None and (written is None or not written.failed):
                draft.fail()


def _to_stdout(export: _Export) -> None:
    try:
        with table_writer(export.into, sys.stdout.buffer) as table:
            try:
                export.write(table)
            except KeyboardInterrupt:
                if sys.stdout.isatty():
                    typer.echo(err=True)  # it stands in the middle of a row
                discard_stdout()  # before the table's last bytes are: who reads may not do so any more
                raise
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # who reads has enough
        discard_stdout()
        raise typer.Exit(0) from None


def _to_file(export: _Export, output: Path) -> None:
    done = export.done
    try:
        done.draft = ExportDraft(output, export.plan, export.fails_still, goes_on=done.goes_on)
        with done.draft as draft:
            if draft.points:
                typer.echo(f"goes on after {draft.points:,} points that were written before", err=True)
            with table_writer(export.into, draft.file, goes_on=draft.standing.at > 0) as table:
                export.write(table, draft)
            draft.finish()
    except OSError as error:
        detail = f"{output} cannot be written: {error.strerror or error}."
        if done.kept:
            hint = f"{done.kept:,} points are written. Once that is put right, the same command goes on from there."
            raise ExchangeError(detail, hint=hint) from error
        raise ExchangeError(detail) from error
