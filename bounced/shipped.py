"""Read the data files that come with the package."""

from importlib.resources import files


def read_text(package: str, name: str) -> str:
    """Return the text of the file `name` that is shipped inside `package`."""
    return (files(package) / name).read_text(encoding="utf-8")
