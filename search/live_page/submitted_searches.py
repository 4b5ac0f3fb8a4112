"""The searches that were submitted to a cluster (`--address`), copied by jobs that only read.

The list is asked for every ten seconds, as `afcl status` does. A search's folder is sent by a short job on the cluster,
as for `afcl logs`. This job runs only while somebody looks at the search, and once a minute at most, as Ray keeps every
job in its list.
"""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from search.cluster import submit
from search.display.durations import in_words
from search.live_page.copies import REST, Held, write_journal
from search.live_page.standing import Standing
from search.storage.redact import shown_uri
from search.storage.search_folder import JOURNAL, SearchFolder
from search.storage.sent_folder import unpacked, write_files
from spaces.spec import NAME
from trainers.errors import EnvironmentProblem, InputError

LISTED_EVERY, SENT_EVERY, AGAIN_AFTER = 10.0, 60.0, 20.0  # seconds until the next list, copy, copy after a failed one
WATCHED_FOR = 30.0  # after this many seconds without a request a page counts as closed
GOES_ON = ("pending", "running")  # states of a job that has not ended


class SubmittedSearches:
    """Copies of a cluster's searches. It is a `search.live_page.copies.Source`."""

    def __init__(self, address: str, root: Path) -> None:
        """Prepare; nothing is asked yet.

        Args:
            address: the cluster's dashboard, http://HEAD:8265.
            root: a folder of our own for the copies.
        """
        self.root, self._address = root, address
        self._jobs: dict[str, submit.JobStatus] = {}
        self._problem: str | None = None
        self._listed = 0.0  # when the searches are listed again
        self._wanted: dict[str, float] = {}  # when somebody looked at a search last
        self._due: dict[str, float] = {}  # when a search's folder may be sent again
        self._sent: dict[str, tuple[float, str]] = {}  # when the last copy was sent, and the job's state then
        self._received: dict[str, str] = {}  # the time at which a copy was made, by this machine's clock
        self._troubles: dict[str, str] = {}  # why a search's folder could not be sent
        # the reading job that runs: the search's name, the state of the search's job, the begin, and what is sent
        self._asked: tuple[str, str, float, Future[str]] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reading job")
        self._held = Held()

    def want(self, name: str) -> None:
        """Note that somebody looks at a search, so that its folder is sent."""
        self._wanted[name] = monotonic()

    def note(self, name: str) -> str:
        """Sentences that say when the copy was made, and why it could not be made again; "" if neither is known."""
        at, trouble = self._received.get(name), self._troubles.get(name)
        told = [] if at is None else [f"As it was at {at}: a job on the cluster reads it, once a minute at most."]
        return " ".join([*told, *([] if trouble is None else [f"Its folder could not be read: {trouble}."])])

    def driver_log(self, name: str) -> str | None:
        """What the search's job has printed."""
        return submit.logs(self._address, name)

    def others(self) -> list[Standing]:
        """Every submitted search, with what its job tells."""
        return [self._by_its_job(job) for job in self._jobs.values()]

    def names(self) -> list[str]:
        """The searches' names."""
        return sorted(self._jobs)

    def bring(self) -> str | None:
        """List the searches if it is time, write what a reading job has sent, and start the next such job.

        Returns why the cluster does not answer, or None.
        """
        if monotonic() >= self._listed:
            began = monotonic()
            try:
                jobs = {one.name: one for one in submit.status(self._address) if NAME.fullmatch(one.name)}
                for name, job in jobs.items():
                    if name in self._jobs and self._jobs[name].state != job.state:
                        self._due[name] = 0.0  # it has begun or ended
                self._jobs, self._problem = jobs, None
            except (EnvironmentProblem, InputError) as problem:
                self._problem = shown_uri(str(problem))
            self._listed = monotonic() + max(LISTED_EVERY, REST * (monotonic() - began))
        self._take_what_was_sent()
        self._ask_for_the_next()
        for name, job in self._jobs.items():
            if job.state not in GOES_ON:
                self._held.release_below(self.root / name)
        return self._problem

    def _by_its_job(self, job: submit.JobStatus) -> Standing:
        note = self.note(job.name) or "Its folder is read by a job on the cluster."
        return Standing(
            job.name,
            job.state,
            counts=shown_uri(job.last).rstrip("."),
            took=in_words(60 * job.minutes),
            data=f"on the cluster, in {job.results}",
            note=note,
        )

    def _ask_for_the_next(self) -> None:
        """Start a reading job for the search that has waited longest, unless such a job runs."""
        if self._asked is not None:
            return
        now = monotonic()
        waiting = [name for name, at in self._wanted.items() if now - at < WATCHED_FOR and self._is_due(name, now)]
        if waiting:
            name = min(waiting, key=lambda one: self._due.get(one, 0.0))
            job = self._jobs[name]
            words = ["send-folder", name, "--since", str(self._sent.get(name, (0.0, ""))[0])]
            words += ["--journals", json.dumps(self._sizes(name))]
            self._asked = name, job.state, now, self._reader.submit(submit.read, self._address, name, words)

    def _is_due(self, name: str, now: float) -> bool:
        job = self._jobs.get(name)
        if job is None or now < self._due.get(name, 0.0):
            return False
        return job.state in GOES_ON or self._sent.get(name, (0.0, ""))[1] != job.state

    def _sizes(self, name: str) -> dict[str, int]:
        """The size in bytes of each journal's copy, by the folder's name within the search; "" is the search's own."""
        folder = SearchFolder(self.root / name)
        if not folder.is_begun():
            return {}
        found = {"" if one is folder else one.name: one.journal for one in (folder, *folder.inner())}
        return {inside: journal.stat().st_size for inside, journal in found.items() if journal.exists()}

    def _take_what_was_sent(self) -> None:
        if self._asked is None or not self._asked[3].done():
            return
        name, state, began, line = self._asked
        self._asked = None
        try:
            told = unpacked(line.result())
            self._write(name, told)
        except (EnvironmentProblem, InputError, OSError) as problem:
            is_early = state in GOES_ON and str(problem).startswith("no search")
            self._troubles[name] = "it is not there yet" if is_early else shown_uri(str(problem))
        except (ValueError, KeyError, TypeError, AttributeError):  # the cluster has older code, or another program
            self._troubles[name] = "what was sent is no folder of a search; is the cluster's afcl as new as this one?"
        else:
            self._troubles.pop(name, None)
            self._sent[name] = float(told["at"]), state
            self._received[name] = f"{datetime.now().astimezone():%H:%M:%S}"
        has_changed = self._jobs[name].state != state if name in self._jobs else False
        rest = AGAIN_AFTER if name in self._troubles else max(SENT_EVERY, REST * (monotonic() - began))
        self._due[name] = 0.0 if has_changed else monotonic() + rest

    def _write(self, name: str, told: dict[str, Any]) -> None:
        """Write what a reading job sent (`told`): the folders of a search, its last steps and its confirmations."""
        for inside in sorted(told["folders"], reverse=True):  # the search's own folder, "", is last: then all is there
            if inside and not NAME.fullmatch(inside):
                raise ValueError(f"{inside} is no name")
            path = self.root / name / inside if inside else self.root / name
            path.mkdir(parents=True, exist_ok=True)
            part = told["folders"][inside]
            new = write_files(path, part)
            before = (path / JOURNAL).read_bytes() if (path / JOURNAL).exists() else b""
            write_journal(path / JOURNAL, before[: int(part["begin"])] + new)
            self._held.set(SearchFolder(path), part["held"])
