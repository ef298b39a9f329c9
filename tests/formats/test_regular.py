"""Files that are read: what is none is refused at once, and no input is written over."""

import os
import socket
from pathlib import Path

import pytest

from archsim.formats.errors import InputError
from archsim.formats.files import move, write_atomically
from archsim.formats.regular import inputs_kept, open_regular, read_input, read_regular


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"text")
    return path


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe, and only files are read"):
        read_regular(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is a pipe"):
        read_regular(tmp_path / "link")


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_refused(name):
    with pytest.raises(OSError, match="it is a device"):
        open_regular(Path(name))


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its path may have 107 letters
    with socket.socket(socket.AF_UNIX) as held:
        held.bind("s")
        with pytest.raises(OSError, match="it is a socket"):
            open_regular(Path("s"))


def test_folders_and_missing_files_are_the_errors_that_they_were(tmp_path, file):
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
    assert read_regular(file) == b"text"


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_an_input_is_not_written_over_by_any_of_its_names(tmp_path, file, link):
    target = file if link is None else tmp_path / "other"
    if link:
        link(file, target)
    (tmp_path / "new").write_bytes(b"new")
    with inputs_kept():
        write_atomically(target, b"text")  # not read yet
        assert read_input(target) == b"text"
        with pytest.raises(InputError, match="is read by this command and would be written over"):
            write_atomically(target, b"new")
        with pytest.raises(InputError, match="would be written over"):
            move(tmp_path / "new", target)
    assert target.read_bytes() == b"text"
    write_atomically(target, b"new")  # the command has ended
    assert target.read_bytes() == b"new"


def test_what_is_read_as_a_file_of_our_own_may_be_written_again(file):
    with inputs_kept():
        read_regular(file)
        write_atomically(file, b"new")
    assert file.read_bytes() == b"new"


def test_a_number_given_out_again_is_another_file(tmp_path, file):
    """A file system may give the inode of a deleted file to the next one."""
    with inputs_kept():
        read_input(file)
        file.rename(tmp_path / "moved")  # the inode lives on under a name that was not read
        write_atomically(tmp_path / "moved", b"new")
    assert (tmp_path / "moved").read_bytes() == b"new"
