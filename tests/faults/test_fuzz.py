"""A short, seeded run of the fuzzer per format; `make fuzz` is the long one."""

import fuzz
import pytest

EXAMPLES = 50


@pytest.mark.parametrize("name", fuzz.FORMATS)
def test_a_broken_file_is_read_or_refused_by_name(name, tmp_path):
    count = getattr(fuzz.module_of(name), "EXAMPLES", EXAMPLES)
    found = [*fuzz.failures(name, 0, tmp_path, examples=count)]
    assert len(found) == count
    wrong = [f"{path.name}: {what}" for _, path, what in found if what]
    assert not wrong, "\n".join(wrong)
