"""What the folder tree promises beyond the contracts in pyproject.toml."""

from graphlib import TopologicalSorter
from pathlib import Path

import grimp

SOURCE = Path(__file__).parents[2]
MOST_LINES = 500


def test_no_modules_import_each_other_in_a_circle_not_even_late_or_for_a_type():
    graph = grimp.build_graph("runicorn", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > 1000
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_no_file_is_longer_than_a_person_reads_at_once():
    folders = ("src/runicorn", "web/src", "web/test", "tests", "benchmarks", "scripts")
    files = [
        file
        for folder in folders
        for file in (SOURCE / folder).rglob("*")
        if file.suffix in (".py", ".ts", ".tsx", ".css", ".sh") and "viewer/page" not in file.as_posix()
    ]
    assert len(files) > 500
    lengths = {file.relative_to(SOURCE).as_posix(): len(file.read_text("utf-8").splitlines()) for file in files}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}
