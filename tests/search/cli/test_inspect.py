"""The words that look: list, show, explain, logs, report, ui, sync. See search.cli.inspect."""

import json
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import outages
import pytest
from stores import wait_until
from words import DONE, NAME, done

from search.storage.search_folder import SearchFolder

AFCL = str(Path(sys.executable).with_name("afcl"))


@pytest.mark.slow
def test_list_has_a_row_for_every_search(typed, mine):
    printed = done(typed("list"))
    assert re.search(rf"{re.escape(NAME)}\s+done\s+\d+ finished, \d+ stopped\s+0\.\d{{4}}", printed)
    (row,) = json.loads(done(typed("list", "--json")))
    assert row["name"] == NAME
    assert row["trials"] == 10


@pytest.mark.slow
def test_list_and_show_say_how_far_a_search_is(typed, told):
    assert re.search(r"begun\s+interrupted\s+0 of 7 ended, 1 begun", done(typed("list", results=told)))
    printed = done(typed("show", "begun", results=told))
    assert printed.startswith("begun: interrupted, 0 of 7 ended, 1 begun\n")
    assert "pending" not in printed + done(typed("explain", "begun", "0", results=told))
    assert json.loads(done(typed("show", "begun", "--json", results=told)))["planned"] == 7
    rows = {row["name"]: row for row in json.loads(done(typed("list", "--json", results=told)))}
    assert {name: row["planned"] for name, row in rows.items()} == {"begun": 7, "told": 7}
    with (told / "begun" / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "extended", "time": 1, "up": 0, "trials": 2}\n')
    assert "0 of 9 ended" in done(typed("list", results=told))


def test_a_spent_time_budget_is_worded_as_the_search_itself_words_it(typed, told):
    journal = told / "begun" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"interrupted"', '"max_hours"'))
    for word in ("list", "show begun"):
        assert "the time budget is spent" in done(typed(*word.split(), results=told))
    assert json.loads(done(typed("show", "begun", "--json", results=told)))["state"] == "max_hours"


def test_list_says_how_to_begin_where_there_is_nothing(typed, tmp_path):
    assert "start one with `afcl search demo`" in done(typed("list"))
    assert json.loads(done(typed("list", "--json"))) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_show_json_has_the_keys_of_the_contract(typed, mine, finished):
    shown = json.loads(done(typed("show", NAME, "--json")))
    assert set(shown) == {"name", "state", "data", "planned", "trials"}
    assert shown["planned"] == 10
    assert (shown["name"], shown["state"]) == (NAME, "done")
    for one in shown["trials"]:
        trial = finished.history.trials[one["id"]]
        assert set(one) == {"id", "family", "state", "epoch", "score", "reason", "rung", "config"}
        assert (one["state"], one["epoch"], one["score"]) == (trial.state, trial.epoch, trial.score)
        assert (one["reason"] is None) == (one["score"] is not None) == (trial.state == "finished")
        assert {"loss.eta", "loss.gamma", "loss.temperature"} <= set(one["config"])


def test_show_watch_ends_with_the_search(typed, told):
    assert "told: done" in done(typed("show", "told", "--watch", results=told))


@pytest.mark.slow
def test_explain_tells_what_was_decided_about_each_kind_of_trial(typed, mine, finished):
    history = finished.history
    stopped = history.in_state("stopped")[0]
    explained = done(typed("explain", NAME, str(stopped.number)))
    assert f"below the cutoff {stopped.decisions[-1].cutoff:.4f}" in explained
    assert "it would have needed" in explained
    assert f"stopped at epoch {stopped.epoch} of 9" in explained
    for trial in history.ranked():
        explained = done(typed("explain", NAME, str(trial.number)))
        assert f"finished at epoch 9 with val_balanced_accuracy {trial.score:.4f}" in explained
        assert ("a baseline, which is never stopped" in explained) == trial.baseline
    assert "a baseline, which is never stopped" in done(typed("explain", NAME, "0"))


@pytest.mark.slow
def test_logs_show_where_a_trial_ran(typed, mine):
    assert re.search(r"pid \d+ on cpu, 1 threads", done(typed("logs", NAME, "0")))


def test_logs_that_are_not_there_or_empty_say_so(typed, told):
    folder = SearchFolder(told / "told")
    assert "trial 0 has no log yet" in done(typed("logs", "told", "0", results=told))
    assert "search told has no log yet" in done(typed("logs", "told", results=told))
    for log, words, said in (
        (folder.driver_log, ["told"], "the driver's log is empty"),
        (folder.trial(0).log, ["told", "0"], "trial 0 printed nothing"),
    ):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        assert said in done(typed("logs", *words, results=told))
        assert json.loads(done(typed("logs", *words, "--json", results=told)))["log"] == ""


@pytest.mark.slow
def test_the_report_needs_no_network(typed, mine):
    path = Path(done(typed("report", NAME)).strip())
    assert path == mine.report
    page = re.sub(r"<script[^>]*>.*?</script>", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"<script[^>]*\bsrc", path.read_text()[:100_000])
    assert "<h2>Leaderboard</h2>" in page
    assert "Digits" in page


@pytest.mark.slow
def test_sync_after_a_finished_search_has_nothing_to_deliver(typed, finished, root):
    assert done(typed("sync", NAME, results=root)).startswith("delivered 0 events")


@pytest.mark.slow
def test_words_that_only_look_start_in_a_moment_and_need_the_folder_alone(told, environment):
    """None of them may import what takes seconds; and there is no MLflow store here."""
    lines = ["list", "show told", "explain told 0", "logs told 0", "report told", "schema"]
    program = f"""
import sys, search.cli.app as cli
for line in {lines}:
    sys.argv = ["afcl", *line.split()]
    try: cli.main()
    except SystemExit as ended: print(line, ended.code, file=sys.stderr)
    print({{"ray", "mlflow", "torch", "optuna"}} & set(sys.modules), file=sys.stderr)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(AFCL_RESULTS=str(told))
    )
    assert run.returncode == DONE, run.stderr
    assert run.stderr.splitlines() == [told for line in lines for told in (f"{line} {DONE}", "set()")]
    assert run.stdout


@pytest.mark.slow
def test_the_ui_answers_on_this_machine_alone_and_leaves_no_process(finished, root, tmp_path, environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [AFCL, "ui", "--port", str(port), "--page-port", str(outages.free_port()), "--results", str(root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as ui:
        try:
            told = [ui.stdout.readline()]
            while told[-1] and not told[-1].startswith("Ctrl-C"):
                told.append(ui.stdout.readline())
            assert re.search(rf"http://127\.0\.0\.1:{port}/#/experiments/\d+/runs", "".join(told))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
            assert listening_at(port) == {"0100007F"}  # 127.0.0.1, as the kernel writes it
            assert processes_with(f"--port {port}")
            ui.terminate()
            assert ui.wait(30) == DONE
        finally:
            ui.kill()
    wait_until(lambda: not processes_with(f"--port {port}"), 5)


def processes_with(words: str) -> list[str]:
    """Command lines of running processes that hold these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile
            continue
    return [line for line in found if words in line]


def listening_at(port: int) -> set[str]:
    """Addresses on which something listens at a port."""
    tables = [Path("/proc/net/tcp").read_text(), Path("/proc/net/tcp6").read_text()]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
