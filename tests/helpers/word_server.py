"""Words of the command line in forks of one process that has most imports already: 0.1 s a word, not 1 to 3.

Each word has streams, variables and a folder of its own. Nothing that prints, or reads variables, is imported before
the fork. What Python reads as it starts (the locale, PYTHONUTF8) a fork cannot show: such words need a process of their
own, and so do those that start a Ray, whose threads bear no fork.
"""

import atexit
import fcntl
import gc
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

KEPT = (  # once a word has imported it, later ones find it
    *("rich.console", "rich.markdown", "pandas", "plotly.graph_objects", "scipy.stats", "sklearn", "torch", "mlflow"),
    *("ray", "optuna", "spaces.spec", "trainers.data", "search.storage.search_folder", "search.engine.plan"),
    "search.reporting.report",
)
LARGEST = 1 << 20  # bytes of complaints
ALONE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork takes one thread along


class WordServer:
    """A process that runs one word after the other."""

    def __init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.channel.settimeout(300)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=os.environ | ALONE | {"PYTHONPATH": os.pathsep.join(sys.path)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def start(self, words: Sequence[str], streams: Sequence[int], variables: dict[str, str], folder: Path) -> None:
        """Begin a word; `streams` are its input, output and errors. The next one waits for `wait`."""
        asked = {"words": words, "variables": variables, "folder": os.fspath(folder)}
        socket.send_fds(self.channel, [json.dumps(asked).encode()], streams)

    def wait(self) -> int:
        """The exit code of the word that was begun."""
        try:
            return int(self.channel.recv(100))
        except TimeoutError:  # the next word has a server that waits for nobody
            self.close()
            self.open()
            raise

    def run(self, words: Sequence[str], variables: dict[str, str], folder: Path, **streams: int):
        """What `subprocess.run` returns; an output that is not given is captured, as bytes."""
        reader, writer = os.pipe()  # not a file: what complaints are read from is a pipe of its own
        os.set_blocking(reader, False)
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, LARGEST)
        with tempfile.TemporaryFile() as out, open(reader, "rb") as err, Path(os.devnull).open() as nothing:  # noqa: PTH123
            fds = [nothing.fileno(), streams.get("stdout", out.fileno()), streams.get("stderr", writer)]
            self.start(words, fds, variables, folder)
            code = self.wait()
            os.close(writer)
            out.seek(0)
            return subprocess.CompletedProcess(words, code, out.read(), err.read())

    def close(self) -> None:
        """End it, and whatever word is running."""
        self.channel.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def serve(channel: socket.socket) -> None:
    """Return in the fork of each word; in the server itself, when nobody asks any more."""
    while True:
        message, streams, _, _ = socket.recv_fds(channel, 1 << 20, 3)
        if not message:
            sys.exit()
        reader, writer = os.pipe()
        gc.freeze()  # else each fork copies what its collector looks through
        with warnings.catch_warnings(action="ignore"):  # threads that others' packages left asleep
            child = os.fork()
        if not child:
            channel.close()
            os.close(reader)
            atexit.register(tell_imported, writer)
            return become(streams, **json.loads(message))
        for fd in (writer, *streams):
            os.close(fd)
        with open(reader) as told:  # noqa: PTH123
            imported = json.loads(told.read() or "[]")
        _, status = os.waitpid(child, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())
        for name in imported:
            import_module(name)


def tell_imported(writer: int) -> None:
    os.write(writer, json.dumps([name for name in KEPT if name in sys.modules]).encode())


def become(streams: list[int], words: list[str], variables: dict[str, str], folder: str) -> None:
    """Be as an interpreter is that has just started with these."""
    for fd, given in enumerate(streams):
        os.dup2(given, fd)
        os.close(given)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    sys.argv = ["search", *words]
    encoding, _, errors = variables.get("PYTHONIOENCODING", "").partition(":")
    errors = errors or ("strict" if encoding else sys.stdout.errors)
    for fd, name, mode in ((0, "stdin", "rb"), (1, "stdout", "wb"), (2, "stderr", "wb")):
        how = "backslashreplace" if name == "stderr" else errors
        file = io.TextIOWrapper(
            open(fd, mode, closefd=False),  # noqa: SIM115
            encoding or "utf-8",
            how,
            newline="\n" if mode == "wb" else None,
            line_buffering=name == "stderr" or os.isatty(fd),
        )
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def end(code: int) -> None:
    """Without the second that it takes to clear away modules which the server still needs."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # as the first; PYTHONPATH names it again
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        runpy.run_module("search", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        end(ended.code)
