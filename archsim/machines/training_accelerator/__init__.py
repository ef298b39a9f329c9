"""The training accelerator (ISSCC'19 7.4): rule, array and kernels."""

from archsim.machines.training_accelerator.components import TrainingPeArray
from archsim.machines.training_accelerator.rule import FLOWS, stored_bytes, tiles

__all__ = ["FLOWS", "TrainingPeArray", "stored_bytes", "tiles"]
