"""A sample of what `python tests/chaos/mutated_inputs.py` tries by the thousand."""

import pytest
from mutated_inputs import tried

from search.cluster import connection
from search.engine import interrupts

# cases that once ended in a traceback: a null byte in a file's name, an event without its time, data undescribed
ONCE_WRONG = [13, 1848, 4268]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_spoilt_specs_label_files_and_journals_are_read_or_are_one_line(tmp_path, monkeypatch):
    for name in ("AFCL_DATA", "AFCL_RESULTS"):
        monkeypatch.setenv(name, "")  # what is set inside is taken back
    for module in (connection, interrupts):  # another test's Ray would be taken, whatever --address says
        monkeypatch.setattr(module, "is_connected", lambda: False)
    counts, wrong = tried(tmp_path, [*range(40), *ONCE_WRONG], seed=0)
    assert wrong == []
    assert sum(counts.values()) == 43
