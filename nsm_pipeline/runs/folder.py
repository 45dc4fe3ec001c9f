"""Where run folders are: on this machine or in an object store, behind one small interface.

An address is a `pathlib.Path` or, for `s3://…` and its like, a `UPath`; both join names with `/`.
What is written is written whole: a reader meets the old bytes or the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

from nsm_pipeline.runs.local_folder import LocalFolder
from nsm_pipeline.runs.object_folder import ObjectFolder, object_address

if TYPE_CHECKING:
    from upath import UPath

Address: TypeAlias = "Path | UPath"


class Folder(Protocol):
    """Files by name. A missing file is a FileNotFoundError, a missing folder an empty one."""

    def read(self, name: str) -> bytes:
        """The file's bytes."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def files(self) -> list[str]:
        """Names of the files directly in the folder, sorted."""

    def folders(self) -> list[str]:
        """Names of the folders directly in it, sorted."""

    def make(self) -> None:
        """Makes the folder where folders exist by themselves."""

    def write(self, name: str, content: bytes) -> None:
        """Puts the bytes there, whatever was there before."""

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replaces the bytes (None: no file) by what `change` makes of them, losing no other's.

        `change` may be asked again when another writer was faster, must not give the same bytes
        twice, and may raise: then nothing is written.
        """


def open_folder(address: Address) -> Folder:
    """The folder at an address."""
    if isinstance(address, Path):
        return LocalFolder(address)
    return ObjectFolder(address)


def address_of(text: str) -> Address:
    """The address that a path or a URL stands for; credentials come from the environment.

    Raises:
        InvalidInput: as `object_address`.
    """
    if "://" not in text:
        return Path(text)
    url = urlsplit(text)
    if url.scheme == "file":
        return Path(unquote(url.path))
    return object_address(text)
