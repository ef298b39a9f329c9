"""The methods of the table by name, each at the setting that it is run at."""

from collections.abc import Callable

from sdalgo.rivals.trained.clip_q import ClipQ
from sdalgo.rivals.trained.dorefa import DoReFa
from sdalgo.rivals.trained.fp8 import Fp8
from sdalgo.rivals.trained.lsq import Lsq
from sdalgo.rivals.trained.method import AsItIs, Method
from sdalgo.rivals.trained.scalable8 import Scalable8
from sdalgo.rivals.trained.slimming import Slimming
from sdalgo.rivals.trained.smartdeal import SmartDeal
from sdalgo.rivals.trained.thinet import ThiNet
from sdalgo.rivals.trained.wageubn import Wageubn

METHODS: dict[str, Callable[[], Method]] = {
    "as_it_is": AsItIs,
    "float32": Method,
    "smartdeal": lambda: SmartDeal(0.5),
    "smartdeal_often": lambda: SmartDeal(0.5, every=40),
    "smartdeal_sparse": lambda: SmartDeal(0.75, every=40),
    "dorefa": lambda: DoReFa(2),
    "dorefa_4": lambda: DoReFa(4),
    "lsq": lambda: Lsq(3, 3),
    "lsq_8": lambda: Lsq(3, 8),
    "clip_q": lambda: ClipQ(0.5, 3),
    "s8": Scalable8,
    "fp8": Fp8,
    "wageubn": Wageubn,
    "slimming": Slimming,
    "thinet": ThiNet,
}
"""Built anew for each call, for a method keeps what it knows of a training."""
