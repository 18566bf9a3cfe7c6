"""What every error of Runicorn is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


class RunicornError(Exception):
    """Root of all errors that Runicorn raises on purpose.

    detail: one sentence on what happened. hint: one sentence on what to do next; the class has a default.
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str] = "Please report this with the text above; it should not have happened."

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint or self.default_hint

    def kept(self) -> Self:
        """Return an equal error to be kept or raised later.

        One that was raised holds on to every frame that it passed, and to all that stands in these: passwords, too.
        """
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.args = self.args
        return other

    def wire_detail(self) -> str | dict[str, Any]:
        """Return what stands under `detail` in an HTTP answer."""
        return self.detail


def catalogue() -> Iterator[type[RunicornError]]:
    """Yield every class of the tree, the root first; each code appears once."""
    stack: list[type[RunicornError]] = [RunicornError]
    while stack:
        cls = stack.pop()
        yield cls
        stack.extend(cls.__subclasses__())
