"""Artifacts as a training script sees them: what it puts together, what it logs, what it uses.

Logging raises nothing: what cannot be stored gives one warning and an object that says so. Using raises, because that
happens before training depends on it.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from runicorn.errors import ArtifactNotFoundError, ArtifactNotStoredError, RunicornError
from runicorn.masking import without_secret_text, without_secret_values
from runicorn.progress_line import ProgressLine
from runicorn.sdk.other_names import OtherVersionNames, say
from runicorn.sdk.plain import to_json
from runicorn.sdk.roots import resolve_root
from runicorn.sdk.warnings import Warnings
from runicorn.storage import events
from runicorn.storage.artifacts import catalogue, names, versions
from runicorn.storage.artifacts.blobs import BlobStore
from runicorn.storage.artifacts.download import download
from runicorn.storage.artifacts.gather import Gathered, gather_folder
from runicorn.storage.artifacts.manifest import DEFAULT_TYPE, Content, Entry, Manifest, make_content
from runicorn.storage.events import ArtifactAction
from runicorn.storage.files import LocalFiles

if TYPE_CHECKING:
    import os

    StrPath = str | os.PathLike[str]

_MAX_TEXT = 10_000


class User(Protocol):
    """What is needed of a run that logs or uses an artifact."""

    warnings: Warnings

    @property
    def id(self) -> str: ...

    @property
    def dir(self) -> Path: ...

    @property
    def step(self) -> int | None: ...

    @property
    def disabled(self) -> bool: ...

    def append_event(self, event: dict[str, Any]) -> None:
        """Append one line to the run's events. Raises OSError, ValueError."""
        ...


class Artifact:
    """A set of files to be logged as the next version of `name`. Nothing is read before it is logged.

    type: what kind of thing it is, such as dataset or model. metadata: plain JSON that is kept with the version.
    """

    def __init__(self, name: str, type: str = DEFAULT_TYPE, description: str | None = None,
                 metadata: Mapping[str, Any] | None = None, **_: Any) -> None:  # fmt: skip
        self.name = str(name)
        self.type = str(type)
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata) if isinstance(metadata, Mapping) else {}
        self._added: list[tuple[Path, str | None, bool]] = []
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self._logged: ArtifactVersion | None = None

    def add_file(self, path: StrPath = "", name: str | None = None, *, local_path: StrPath = "", **_: Any) -> None:
        """Add a file under its own name, or under a relative path such as weights/model.pt.

        local_path: what other trackers call the path.
        """
        self._added.append((Path(path or local_path), name, False))

    def add_dir(self, path: StrPath = "", name: str | None = None, *, local_path: StrPath = "", **_: Any) -> None:
        """Add everything below a folder, or put it below a folder of that name. local_path: as in add_file."""
        self._added.append((Path(path or local_path), name, True))

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "w") -> Iterator[IO[Any]]:
        """Give an open file that is added under `name` when the `with` block ends."""
        if self._own is None:
            self._own = tempfile.TemporaryDirectory(prefix="runicorn-artifact-")
        path = Path(self._own.name) / str(len(self._added))
        with path.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        self._added.append((path, name, False))

    def add_reference(self, uri: Any, name: str | None = None, **_: Any) -> None:
        """Add the file or folder of a file:// address; any other is left out, which is said once."""
        import urllib.parse
        import urllib.request

        parts = urllib.parse.urlsplit(str(uri))
        if parts.scheme not in ("", "file"):
            say("other:add_reference", f"Artifact.add_reference() keeps no {parts.scheme}:// address; add_file() does.")
            return
        path = Path(urllib.request.url2pathname(parts.path)) if parts.scheme else Path(str(uri))
        self._added.append((path, name, path.is_dir()))

    def add(self, value: Any, name: str, *_: Any, **__: Any) -> None:
        """Do nothing but say so: of other trackers, which keep media in artifacts."""
        say("other:Artifact.add", f"Artifact.add() keeps no {type(value).__name__}; log() does, and add_file() a file.")

    @property
    def version(self) -> str | None:
        """`v3` after it was logged, or None."""
        return None if self._logged is None else self._logged.version

    def wait(self, *_: Any, **__: Any) -> Artifact:
        """Return itself: a version is complete when log_artifact returns. For scripts that come from elsewhere."""
        return self

    save = wait

    def note_version(self, version: ArtifactVersion) -> None:
        """Know as what it was logged last."""
        self._logged = version

    def gather(self) -> Gathered:
        """Return the files that were added. Raises OSError, RunicornError."""
        found = Gathered()
        for path, name, is_folder in self._added:
            if not is_folder:
                found.files.append((path, names.member_path(name or names.member_part(path.absolute().name))))
                continue
            below = gather_folder(path, names.member_path(name) if name else "")
            found.files += below.files
            found.folders += below.folders
            found.left_out += below.left_out
        return found

    def __repr__(self) -> str:
        return f"<Artifact {self.name} {self.type}, {len(self._added)} added>"


class ArtifactVersion(OtherVersionNames):
    """A version of an artifact. stored: whether it is in the storage root; where it is not, `error` says why."""

    def __init__(self, root: Path, manifest: Manifest, error: str | None = None) -> None:
        self._root = root
        self._manifest = manifest
        self.error = error
        self.stored = error is None

    @property
    def name(self) -> str:
        return self._manifest.name

    @property
    def version(self) -> str | None:
        """`v3`, or None where it was not stored."""
        return self._manifest.version if self.stored else None

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that mean this version now, `latest` among them."""
        if not self.stored:
            return ()
        found = catalogue.artifact(LocalFiles(self._root), self.name)
        return () if found is None else found.aliases_of(self._manifest.number)

    @property
    def type(self) -> str:
        return self._manifest.type

    @property
    def description(self) -> str:
        return self._manifest.description

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self._manifest.metadata)

    @property
    def digest(self) -> str:
        """SHA-256 over the paths and contents of all files."""
        return self._manifest.digest

    @property
    def files(self) -> tuple[Entry, ...]:
        """The files: path, size_bytes, sha256."""
        return self._manifest.content.files

    @property
    def size_bytes(self) -> int:
        return self._manifest.content.size_bytes

    @property
    def run(self) -> str | None:
        """The id of the run that logged it first."""
        return self._manifest.run

    def get_path(self, name: str) -> Path:
        """Return where a file's content lies in the storage root, to be read without a copy. Never change it.

        The file is called by its SHA-256 there; `file` gives a copy under its own name. Raises RunicornError.
        """
        return self._root / names.blob_path(self._entry(name).sha256)

    def file(self, name: str | None = None, root: StrPath | None = None) -> Path:
        """Bring one file into a folder and return its path; the name may be left out where there is only one.

        Raises RunicornError, as `download` does.
        """
        entry = self._entry(name)
        return self._download([entry], [], root) / entry.path

    def download(self, root: StrPath | None = None) -> Path:
        """Bring all files into a folder, ./artifacts/NAME-v3 by default, and return it.

        They are copies, checked against their SHA-256; what is there already and right is not copied again. Raises
        ArtifactDamagedError, TargetNotUsableError, and ArtifactNotStoredError where there is nothing to bring.
        """
        return self._download(self.files, self._manifest.content.folders, root)

    def wait(self, *_: Any, **__: Any) -> ArtifactVersion:
        """Return itself: a version is complete when log_artifact returns. For scripts that come from elsewhere."""
        return self

    def _download(self, files: Iterable[Entry], folders: Iterable[str], root: StrPath | None) -> Path:
        chosen = list(files)
        if not self.stored:
            raise ArtifactNotStoredError(f"The artifact {self.name} was not stored: {self.error}")
        target = Path(root) if root is not None else Path("artifacts") / f"{self.name}-{self.version}"
        with ProgressLine(f"downloading {self}", sum(entry.size_bytes for entry in chosen)) as progress:
            download(self._root, chosen, folders, target, progress)
        return target

    def _entry(self, name: str | None) -> Entry:
        if not self.stored:
            raise ArtifactNotStoredError(f"The artifact {self.name} was not stored: {self.error}")
        if name is None and len(self.files) == 1:
            return self.files[0]
        entry = None if name is None else self._manifest.entry(name.replace("\\", "/"))
        if entry is None:
            some = ", ".join(each.path for each in self.files[:10])
            raise ArtifactNotFoundError(f"{self} has no file {name!r}.", hint=f"It holds {some or 'no file'}.")
        return entry

    def __str__(self) -> str:
        return f"{self.name}:{self.version or 'not stored'}"

    def __repr__(self) -> str:
        return f"<ArtifactVersion {self} {self.type}, {len(self.files)} files>"


def log_artifact(run: User, given: Artifact | StrPath, name: str | None, type: str | None,
                 aliases: Iterable[str]) -> ArtifactVersion:  # fmt: skip
    """Store an artifact, or a file or folder as one, for a run. Raises nothing but what interrupts training anyway."""
    root = _root(run)
    try:
        if run.disabled:
            return _not_stored(root, _shown(given, name), "the run is disabled.")
        artifact = given if isinstance(given, Artifact) else _artifact(given, name, type)
        manifest = _store(run, root, artifact)
    except Exception as error:  # noqa: BLE001 - disk full, file missing, anything: training goes on
        reason = _reason(error)
        shown = _shown(given, name)
        run.warnings.add(f"artifact:{names.clean_name(shown)}", f"the artifact {shown[:200]} was not stored: {reason}")
        return _not_stored(root, shown, reason)
    _set_aliases(run, root, manifest, aliases)
    _note(run, ArtifactAction.LOG, manifest.name, manifest.version)
    version = ArtifactVersion(root, manifest)
    artifact.note_version(version)
    return version


def use_artifact(run: User, reference: str | ArtifactVersion | Artifact, type: str | None = None) -> ArtifactVersion:
    """Return the version that `name:v3`, `name:alias` or `name` means, and note that the run uses it.

    Raises UsageError, ArtifactNotFoundError.
    """
    root = _root(run)
    if isinstance(reference, Artifact):
        reference = f"{names.clean_name(reference.name)}:{reference.version or 'latest'}"
    found = _find_anywhere(root, str(reference))
    if type is not None and found.type != type:
        raise ArtifactNotFoundError(f"{found} is a {found.type}, no {type}.", hint="Leave the type out, or correct it.")
    _note(run, ArtifactAction.USE, found.name, str(found.version))
    return found


def _find_anywhere(root: Path, reference: str) -> ArtifactVersion:
    """Return a version by its own name, or by one of W&B's, with a user and a project before it."""
    try:
        return find_version(root, reference)
    except ArtifactNotFoundError:
        _, slash, name = reference.rpartition("/")
        if not slash:
            raise
        return find_version(root, name)


def find_version(root: Path, reference: str) -> ArtifactVersion:
    """Return a version in a storage root, without any run. Raises UsageError, ArtifactNotFoundError."""
    return ArtifactVersion(root, catalogue.resolve(LocalFiles(root), names.parse_reference(reference)))


def _root(run: User) -> Path:
    """Return the storage root: the run's, or where it would have been for one that keeps nothing."""
    if run.disabled:
        return resolve_root(None)
    return run.dir.parent.parent


def _not_stored(root: Path, name: str, reason: str) -> ArtifactVersion:
    return ArtifactVersion(root, Manifest(names.clean_name(name), 0, Content(()), 0.0, ""), reason)


def _shown(given: Any, name: str | None) -> str:
    """Return what to call it in a warning, whatever was given."""
    if isinstance(given, Artifact):
        return given.name
    return str(name) if name else str(given).replace("\\", "/").rpartition("/")[2]


def _set_aliases(run: User, root: Path, manifest: Manifest, aliases: Iterable[str]) -> None:
    """Let the aliases mean the version; one that cannot be set is a warning, for the version itself is there."""
    try:
        chosen = [str(alias) for alias in ([aliases] if isinstance(aliases, str) else aliases or ())]
        kept = [alias for each in chosen if (alias := names.clean_alias(each)) is not None]
        versions.set_aliases(root, manifest.name, manifest.number, kept)
    except Exception as error:  # noqa: BLE001 - disk full, no list of texts: training goes on
        run.warnings.add("artifact-aliases", f"the aliases of {manifest.name} were not set: {_reason(error)}")


def _note(run: User, action: ArtifactAction, name: str, version: str) -> None:
    """Write into the run's events what it did, so that one sees what it was made from and what was made by it."""
    try:
        run.append_event(events.artifact(action, name, version, run.step, time.time()))
    except Exception as error:  # noqa: BLE001 - disk full, folder gone: training goes on
        run.warnings.add("events-lost", f"an event could not be written: {_reason(error)}")


def _artifact(path: StrPath, name: str | None, type: str | None) -> Artifact:
    given = Path(path)
    artifact = Artifact(name or given.absolute().name, type or DEFAULT_TYPE)
    add = artifact.add_dir if given.is_dir() else artifact.add_file
    add(given)
    return artifact


def _store(run: User, root: Path, artifact: Artifact) -> Manifest:
    name = names.clean_name(artifact.name)
    if name != artifact.name:
        run.warnings.add(f"artifact-name:{name}", f"the artifact {artifact.name[:200]!r} is stored as {name}.")
    gathered = artifact.gather()
    for each in gathered.left_out:
        run.warnings.add("artifact-left-out", f"{each}, and is left out of the artifact {name}.")
    content = _store_content(root, name, gathered)
    draft = Manifest(
        name=name,
        number=0,
        content=content,
        created_at=time.time(),
        digest=content.digest,
        type=artifact.type[:200] or DEFAULT_TYPE,
        description=without_secret_text(str(artifact.description or "")[:_MAX_TEXT]),
        metadata=without_secret_values(to_json(artifact.metadata)),
        run=run.id,
        step=run.step,
    )
    return versions.add_version(root, draft)[0]


def _store_content(root: Path, name: str, gathered: Gathered) -> Content:
    blobs = BlobStore(root)
    blobs.sweep()
    latest = catalogue.latest(LocalFiles(root), name)
    known_sizes = frozenset(entry.size_bytes for entry in latest.content.files) if latest else frozenset()
    total = sum(path.stat().st_size for path, _ in gathered.files)
    with ProgressLine(f"storing the artifact {name}", total) as progress:
        entries = [blobs.put(path, member, known_sizes, progress) for path, member in gathered.files]
    return make_content(entries, gathered.folders)


def _reason(error: Exception) -> str:
    if isinstance(error, RunicornError):
        return f"{error.detail} {error.hint}"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return f"{error.__class__.__name__}: {error}"[:500]
