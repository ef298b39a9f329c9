"""The character LSTM with 256 units instead of 1000, which one CPU core can train in minutes."""

from torch import nn

from sdalgo.networks.char_lstm import INPUT, CharLSTM

__all__ = ["INPUT", "MACS", "PARAMETERS", "build"]
PARAMETERS = 328_242  # 4*256*(50 + 256 + 2) + 50*256 + 50
MACS = 32_614_400  # (4*256*(50 + 256) + 50*256) * 100 steps


def build() -> nn.Module:
    """Return the network with torch's default initialisation."""
    return CharLSTM(256)
