"""Character LSTM for Penn Treebank (paper VI-B): 50 characters, one layer of 1000 units.

The paper gives no sizes. These are the usual ones of character-level Penn Treebank, one [A]
assumption. A workload holds an LSTM as two linear layers over T steps: input to gates, and the
previous state to gates, which is fed from outside.
"""

from torch import Tensor, nn

CHARACTERS = 50  # of the character-level corpus
STEPS = 100
INPUT = (STEPS, CHARACTERS)  # one-hot characters
PARAMETERS = 4_258_050  # 4*1000*(50 + 1000 + 2) + 50*1000 + 50
MACS = 425_000_000  # (4*1000*(50 + 1000) + 50*1000) * 100 steps


class CharLSTM(nn.Module):
    """One-hot characters to logits of the next one.

    Args:
        units: of the state.
    """

    def __init__(self, units: int = 1000) -> None:
        super().__init__()
        self.lstm = nn.LSTM(CHARACTERS, units, batch_first=True)
        self.decoder = nn.Linear(units, CHARACTERS)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x)
        y: Tensor = self.decoder(states)
        return y


build = CharLSTM
