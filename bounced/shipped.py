"""Read the data files that come with the package."""

from importlib.resources import files


def read_text(package: str, name: str) -> str:
    """Return the text of the file `name` that is shipped inside `package`."""
    return (files(package) / name).read_text(encoding="utf-8")


def list_names(package: str, ending: str) -> list[str]:
    """Return the names of the files with this ending that are shipped inside `package`, in order."""
    return sorted(file.name for file in files(package).iterdir() if file.name.endswith(ending))
