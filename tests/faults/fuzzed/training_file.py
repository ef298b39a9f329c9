"""Training files and recipes: one value or key changed, numbers of 5,000 digits, depth, bytes."""

from pathlib import Path

import yaml
from byte_mutants import bytes_mutant, json_text, tree_mutant

import sdalgo
from archsim.formats.record import load
from sdalgo.recipe import Recipe, RecipeFile
from sdalgo.training.config import load_experiment

SUFFIX = ".yaml"
FOLDER = Path(sdalgo.__file__).parent
DIGITS = b"9" * 5000


def seeds():
    files = [*(FOLDER / "training" / "configs").glob("*.yaml"), *(FOLDER / "recipes").glob("*sd*")]
    return [path.read_bytes() for path in sorted(files)]


def mutate(rng, seed):
    if rng.random() < 0.2:
        return bytes_mutant(rng, seed)
    text = json_text(tree_mutant(rng, yaml.safe_load(seed))).encode()
    if rng.random() < 0.2:
        at = rng.choice([place for place in range(len(text)) if text[place : place + 1].isdigit()])
        text = text[:at] + DIGITS + text[at:]
    return text


def check(path):
    if b"about" in path.read_bytes():
        _, found = load(path, RecipeFile)
        Recipe(name="x", **found.model_dump())
    else:
        load_experiment(path)
