"""What the files of a folder hold, as values that two equal runs share.

Wall time is left out, networks are values rather than pickles, and an index of a results folder is
without the inodes and times of its files.
"""

import json


def contents(folder):
    """What every file holds, by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): content(path) for path in files}


def content(path):
    """What a file holds; ValueError or what torch raises where it is half of one."""
    if path.suffix == ".pt":  # equal values may be pickled as one object or as two
        from sdalgo.training.checkpoint import load

        return plain(load(path))
    found = path.read_bytes()
    if path.suffix != ".json":
        return found
    value = json.loads(found)
    if path.name.startswith("index-"):
        value = {key: each for key, (_, each) in value["files"].items()}
    if path.name.startswith("figures-"):
        value = [value["shown"], [*value["files"]], value["notes"]]
    return json.dumps(timeless(value), indent=1)


def plain(value):
    """Tensors as their type, shape and bytes."""
    if hasattr(value, "numpy"):
        return str(value.dtype), value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def timeless(value):
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if key != "seconds"}
    return [timeless(each) for each in value] if isinstance(value, list) else value
