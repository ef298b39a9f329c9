"""The photographs of calibration and of evaluation: one list, each on one side and never on both.

The side of a photograph is drawn once, by `SEED`, from the list in its order; so are the crops.
Debian's packages are unpacked by `make data`. What gnome-backgrounds and ukui-wallpapers hold
today are renderings, so mate-backgrounds and lomiri-wallpapers stand for them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.formats.errors import InputError
from sdalgo.image_folder import read_rgb
from sdalgo.photos import photo

Side = Literal["calibration", "evaluation"]
SEED = 0
BACKGROUNDS = Path("data/backgrounds")

_SCIKIT_IMAGE = (
    "astronaut", "camera", "chelsea", "clock", "coffee", "coins", "hubble_deep_field", "moon",
    "retina", "rocket", "stereo_motorcycle",
)  # fmt: skip
_MATE = (
    "Aqua", "Blinds", "Dune", "FreshFlower", "Garden", "GreenMeadow", "LadyBird", "RainDrops",
    "Storm", "TwoWings", "Wood", "YellowFlower",
)  # fmt: skip
_LOMIRI_16 = (
    "Bridge_by_Sander_Klootwijk", "Dragonfly_by_Bolly", "Picture_0B_by_freespace",
    "Picture_1A_by_freespace", "Wine_by_Jakkub_Mede", "aitzgorri_by_Aitzol_Berasategi",
    "free_by_Peter_Nerlich", "friends_by_Aitzol_Berasategi", "greentock_by_Peter_Nerlich",
    "life_by_Aitzol_Berasategi", "picosdeeuropa_by_Aitzol_Berasategi",
    "seeding_by_Clements_Engelhardt", "sunset_by_Aitzol_Berasategi",
)  # fmt: skip
_LOMIRI_20 = ("Kleiber_by_Lukas_Baubkus",)
SOURCES = {
    "scikit-image": _SCIKIT_IMAGE,
    "mate-backgrounds": _MATE,
    "lomiri-wallpapers-16.04": _LOMIRI_16,
    "lomiri-wallpapers-20.04": _LOMIRI_20,
}
"""Photographs by the package that brings them."""


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """One photograph of the list.

    Attributes:
        source: the package that brings it.
        name: of a function of skimage.data, or of a file without its ending.
        side: what it is used for.
        number: its place in the list, which seeds its crops.
    """

    source: str
    name: str
    side: Side
    number: int

    def pixels(self, folder: Path = BACKGROUNDS) -> NDArray[np.uint8]:
        """Return it as (H, W, 3); grey ones three times over.

        Args:
            folder: where `make data` unpacked Debian's packages.

        Raises:
            InputError: it is not there.
        """
        if self.source == "scikit-image":
            image = photo(self.name)
            return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
        path = folder / self.source / f"{self.name}.jpg"
        if not path.is_file():
            raise InputError.at(path, f"not there: `make data` unpacks Debian's {self.source}")
        return read_rgb(path)


def photographs(side: Side | None = None) -> list[Photograph]:
    """Return the list, or one side of it, in order."""
    names = [(source, name) for source, held in SOURCES.items() for name in held]
    drawn = np.random.default_rng(SEED).permutation(len(names))
    first = set(drawn[: len(names) // 2].tolist())
    found = [
        Photograph(
            source=source, name=name, number=number,
            side="calibration" if number in first else "evaluation",
        )
        for number, (source, name) in enumerate(names)
    ]  # fmt: skip
    return [one for one in found if side is None or one.side == side]
