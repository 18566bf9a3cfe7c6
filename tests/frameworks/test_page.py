"""The page on integrations says what is true: what it imports is there, what it passes is taken."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

pytest.importorskip("torch")

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "integrations.md"


def test_every_import_and_every_parameter_of_the_page_exists():
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        tree = ast.parse(block.replace(", ...,", ","))
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
        names = {
            alias.name: getattr(importlib.import_module(str(node.module)), alias.name)
            for node in imports
            for alias in node.names
        }
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names:
                keywords = {str(keyword.arg): None for keyword in call.keywords}
                inspect.signature(names[call.func.id]).bind(*[None for _ in call.args], **keywords)
                checked += 1
    assert checked == 5
