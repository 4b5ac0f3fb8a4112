"""A notebook that goes from a search to its export, executed as Jupyter does it.

Modules: search.handle, search.display.notebook, search.display.card
"""

import pytest
from searches import TINY, variables

nbformat = pytest.importorskip("nbformat", reason="comes with nbclient, of the dev extra")
nbclient = pytest.importorskip("nbclient", reason="of the dev extra")

CELLS = (
    f"import search\nfound = search.run('digits', {TINY!r}, name='mine')",
    "found",
    "search.open('mine').frames().trials",
    "confirmation = found.confirm(seeds=2)\nconfirmation",
    "found.report().page.name",
    "[path.name for path in found.export(top=1)]",
    "search.train('results/mine/best-1.yaml').same",
    "try:\n    search.run('digits', name='mine')\nexcept search.InputError as error:\n    print(error)",
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The cells' outputs, and the folder in which the notebook stands."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env=variables())
    return [cell.outputs for cell in notebook.cells], folder


@pytest.mark.slow
def test_a_notebook_runs_a_search_to_its_export(executed):
    outputs, folder = executed
    _, shown, table, confirmed, page, exported, same, refused = outputs
    assert "<strong>mine</strong>: done" in shown[0].data["text/html"]
    assert "<td>finished</td>" in table[0].data["text/html"]
    assert page[0].data["text/plain"] == "'index.html'"
    assert exported[0].data["text/plain"] == "['best-1.yaml']"
    assert same[-1].data["text/plain"] == "True"
    assert refused[0].text.startswith("name: a search 'mine' exists")
    assert (folder / "results/mine/confirm-1/verdict.json").exists()
    assert "mine confirm-1: done" in confirmed[-1].data["text/plain"]


@pytest.mark.slow
def test_progress_is_one_block_that_was_drawn_again(executed):
    outputs, _ = executed
    (block,) = outputs[0]  # and nothing of what Ray, Optuna and MLflow say in notebooks
    assert block.output_type == "display_data"
    html = block.data["text/html"]
    assert "starting Ray" in html
    assert "delivering to MLflow" in html
    assert "best so far" not in html, "the table goes when the search ends"
    progress, result = outputs[3]
    assert "fresh seeds" in progress.data["text/html"]
    assert result.output_type == "execute_result"
