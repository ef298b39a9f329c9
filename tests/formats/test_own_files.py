"""An output takes the place of nothing but an earlier output of its kind, unless it is forced."""

import contextvars

import pytest

from archsim.formats.errors import InputError
from archsim.formats.own_files import claim, force, is_own, write_own

MARK = b"made by us"


def test_a_file_of_ours_an_empty_one_and_a_new_one_are_written(tmp_path):
    path = tmp_path / "a" / "x.txt"
    write_own(path, b"1, made by us", MARK)
    write_own(path, b"2, made by us", MARK)
    assert path.read_bytes() == b"2, made by us"
    path.write_bytes(b"")
    write_own(path, b"3, made by us", MARK)
    assert path.read_bytes() == b"3, made by us"


def test_a_file_of_somebody_else_is_kept_until_it_is_forced(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"thesis")
    with pytest.raises(InputError, match=r"x\.txt: is there, .* --force writes over it"):
        write_own(path, b"made by us", MARK)
    assert path.read_bytes() == b"thesis"

    def forced():
        force(True)
        write_own(path, b"made by us", MARK)

    contextvars.copy_context().run(forced)
    assert path.read_bytes() == b"made by us"
    path.write_bytes(b"thesis")
    with pytest.raises(InputError):  # what one command is allowed the next one is not
        claim(path, MARK)


def test_a_mark_counts_near_the_beginning_alone(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(bytes(10_000) + MARK)
    assert not is_own(path, MARK)
    path.write_bytes(bytes(8000) + MARK)
    assert is_own(path, MARK)
    assert not is_own(tmp_path, MARK)


def test_what_has_no_mark_is_never_written_as_ours(tmp_path):
    with pytest.raises(AssertionError):
        write_own(tmp_path / "x", b"nobody's", MARK)
