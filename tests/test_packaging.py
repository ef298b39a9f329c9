"""A built wheel is the whole product: it works from an empty folder, with the shipped machines and
workloads, and brings no tensors."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # Two workers of pytest may both build: each has a file of its own.
    stray = ROOT / "workloads" / f"stray_tensor_of_test_packaging_{os.getpid()}.safetensors"
    stray.write_bytes(b"never shipped")
    try:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "--disable-pip-version-check",
                "-w",
                str(folder),
                str(ROOT),
            ],
            check=True,
        )
    finally:
        stray.unlink()
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A function that runs archsim from the wheel, in an empty folder."""
    site, empty = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("empty")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-P", "-m", "archsim", *arguments],
            cwd=empty,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(site)},
        )

    run.site, run.empty = site, empty
    return run


def test_the_wheel_holds_both_packages_the_machines_and_the_workloads(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "archsim/__main__.py",
        "archsim/arch/components/dram.py",
        "sdalgo/decompose.py",
        "archsim/_data/archs/smartdeal.yaml",
        "archsim/_data/archs/diannao.yaml",
        "archsim/_data/archs/units/table1_28nm.yaml",
        "archsim/_data/workloads/resnet50_sd.yaml",
    ):
        assert part in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_else(wheel):
    for name in zipfile.ZipFile(wheel).namelist():
        assert name.startswith(("archsim/", "sdalgo/", "archsim-")), name
        assert not name.endswith((".safetensors", ".sd", ".pth", ".pyc")), name


def test_the_wheel_lists_its_machines_from_an_empty_folder(installed):
    done = installed("list", "archs")
    assert done.stderr == ""
    assert "smartdeal" in done.stdout
    assert str(installed.site) in done.stdout


def test_the_wheel_runs_a_workload_from_an_empty_folder(installed):
    done = installed("run", "--workload", "resnet50_sd", "--arch", "diannao")
    assert done.returncode == 0, done.stderr
    assert "drawn from profile" in done.stdout
    assert (installed.empty / "results" / "resnet50_sd" / "diannao.json").is_file()
