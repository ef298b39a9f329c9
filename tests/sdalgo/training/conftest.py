import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Sums depend on the number of threads in their last bits, and runs are compared to the bit."""
    torch.set_num_threads(1)
