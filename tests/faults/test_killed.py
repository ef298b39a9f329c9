"""Commands whose worker processes are killed, and commands that are ended while those work."""

import os
import signal

import pytest
from stricken import everything_said, forked, stricken, until

from archsim.cli.main import main
from archsim.runs.workers import KILLED

COMMANDS = {
    "run": ["run", "-w", "tiny_sd", "-a", "diannao", "-a", "scnn", "--quiet"],
    "compare": ["compare", "-w", "tiny_sd", "-a", "diannao", "-a", "scnn"],
    "breakdown": ["breakdown", "-w", "tiny_sd", "-a", "diannao", "-a", "scnn"],
    "explain": ["explain", "-w", "tiny_sd", "diannao", "scnn"],
    "ablate": ["ablate", "diannao", "-w", "tiny_sd"],
    "paper": ["paper", "fig10", "-n", "MobileNetV2"],
}
SECONDS = 60


@pytest.fixture(params=COMMANDS)
def words(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return [*COMMANDS[request.param], "--jobs", "2", "--no-cache"]


def test_a_worker_that_is_killed_while_it_hands_over_is_told(words, tmp_path, monkeypatch, capfd):
    marks = stricken(tmp_path, monkeypatch, "dies")
    assert main(words) == 2
    assert [*marks.iterdir()]
    told = capfd.readouterr().err.splitlines()
    assert [line for line in told if line.startswith("archsim:")] == [f"archsim: --jobs: {KILLED}"]
    assert not [line for line in told if "Traceback" in line]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_process(number, words, tmp_path, monkeypatch):
    marks = stricken(tmp_path, monkeypatch, "waits")
    child, pipe = forked(lambda: main(words))
    until(lambda: len([*marks.iterdir()]) == 2, SECONDS)
    os.kill(child, number)
    said = everything_said(pipe, SECONDS)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert "Traceback" not in said
    if number == signal.SIGKILL:
        assert status == -number
        return
    assert status == 2
    assert said.splitlines()[-1] == "archsim: interrupted; what was finished is kept"
