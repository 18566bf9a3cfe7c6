"""The error catalogue is complete and drawn."""

import re

from tests.support.scripts import load_script

from runicorn import errors


def test_codes_are_unique_and_every_class_has_a_hint_and_a_status() -> None:
    classes = list(errors.catalogue())
    codes = [cls.code for cls in classes]
    assert len(codes) == len(set(codes))
    assert all(400 <= cls.http_status < 600 and cls.default_hint.endswith(".") for cls in classes)


def test_the_drawn_tree_names_every_class_with_its_code() -> None:
    drawn = errors.__doc__ or ""
    for cls in errors.catalogue():
        if cls is errors.RunicornError:
            continue
        line = next((line for line in drawn.splitlines() if re.search(rf"\b{cls.__name__}\b", line)), None)
        assert line, f"{cls.__name__} is not drawn"
        if cls.__subclasses__() and cls.code not in line:
            continue  # a branch may say instead what hangs on it
        assert cls.code in line, f"{cls.__name__} is drawn without {cls.code}"


def test_the_error_page_is_what_the_catalogue_says() -> None:
    module = load_script("error_reference")
    assert module.PATH.read_text(encoding="utf-8") == module.render(), "run: python scripts/error_reference.py"
