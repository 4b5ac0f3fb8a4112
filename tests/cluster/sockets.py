"""What listens while a default search runs: each socket, on which address, whose it is, and what a caller is told.

`python tests/cluster/sockets.py` starts `afcl search digits`, reads the kernel's table of the sockets that the search's
processes listen on, and calls at each without a token and with a wrong one. Needs ray[default]. Prints a table in
Markdown; exits 1 when anything listens elsewhere than on the loopback address, or serves more than figures for
Prometheus to who has no token.
"""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))
from killing import descendants, kill_family

AFCL = [sys.executable, "-c", "from search.cli.app import main; main()"]
WORDS = ["search", "digits", "--set", "representation.epochs=400"]
LISTENING = "0A"  # in /proc/net/tcp
# what each process is, by its program, else by a word of its command line; the first that fits
PROGRAMS = {"gcs_server": "GCS, the head's table of everything", "raylet": "raylet, which starts workers"}
KINDS = {
    "runtime_env/agent": "agent for runtime environments",
    "RuntimeEnvAgent": "agent for runtime environments",
    "DashboardAgent": "agent for metrics and logs",
    "dashboard/agent": "agent for metrics and logs",
    "dashboard/dashboard": "dashboard, without its pages",
    "log_monitor": "log monitor",
    "autoscaler": "autoscaler's monitor",
    "ray::": "worker, which runs trials",
}
METRICS = "figures for Prometheus"


@dataclass(frozen=True)
class Listening:
    """A socket that takes connections."""

    kind: str
    host: str
    port: int


def listening(root: int) -> list[Listening]:
    """The sockets on which a process and all below it listen."""
    inodes = {}
    for pid in [root, *descendants(root)]:
        for link in _links(pid):
            inodes[link] = pid
    found = []
    for family, table in ((socket.AF_INET, "tcp"), (socket.AF_INET6, "tcp6")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and (pid := inodes.get(fields[9])) is not None:
                host, port = fields[1].split(":")
                found.append(Listening(_kind(pid, root), _address(family, host), int(port, 16)))
    return sorted(set(found), key=lambda one: (one.kind, one.port))


def _links(pid: int) -> list[str]:
    """Inodes of a process's sockets."""
    found = []
    try:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(file)  # noqa: PTH115  # Path.readlink would take "socket:[1]" for a path
            if target.startswith("socket:["):
                found.append(target[8:-1])
    except OSError:
        pass
    return found


def _kind(pid: int, root: int) -> str:
    if pid == root:
        return "the search's driver"
    words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    if (program := Path(words.split()[0]).name) in PROGRAMS:
        return PROGRAMS[program]
    return next((kind for word, kind in KINDS.items() if word in words), words[:60])


def _address(family: int, host: str) -> str:
    """The kernel writes each 32 bits of an address in the machine's own order."""
    raw = bytes.fromhex(host)
    ordered = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    text = socket.inet_ntop(family, ordered)
    return text.removeprefix("::ffff:")


CALLS = (  # one of each of Ray's services, as their C++ servers name them
    "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo",
    "/ray.rpc.NodeManagerService/GetNodeStats",
    "/ray.rpc.ObjectManagerService/Push",
    "/ray.rpc.CoreWorkerService/NumPendingTasks",
    "/ray.rpc.ReporterService/GetTraceback",
    "/ray.rpc.LogService/ListLogs",
)


def asks_for(one: Listening, token: str | None) -> str:
    """What a caller with this token, or none, is told there: a Ray service's status, or that of an HTTP server."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection = http.client.HTTPConnection(one.host, one.port, timeout=5)
    try:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        is_metrics = answer.status == http.HTTPStatus.OK and b"# HELP" in answer.read(4000)
        return METRICS if is_metrics else f"HTTP {answer.status}"
    except (OSError, http.client.HTTPException):
        pass  # no HTTP/1: one of Ray's services, which speak gRPC
    finally:
        connection.close()
    told = {_call(one, method, token) for method in CALLS} - {"UNIMPLEMENTED"}  # by a server of other services
    return ", ".join(sorted(told)) or "no service that is known here"


def _call(one: Listening, method: str, token: str | None) -> str:
    import grpc  # of ray[default]

    with grpc.insecure_channel(f"{one.host}:{one.port}") as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            call(b"", timeout=5, metadata=metadata)
        except grpc.RpcError as error:
            return str(error.code().name)
        return "OK"


def main() -> int:
    """Run a search, look, and end it; the exit code."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AFCL_", "MLFLOW_", "RAY_"))}
    with tempfile.TemporaryDirectory(prefix="afcl-sockets-") as results:
        with Path(results, "printed.txt").open("w") as output:
            words = [*AFCL, *WORDS, "--results", results]
            search = subprocess.Popen(words, env=environment, stdout=output, stderr=output)
        try:
            wait_for_trials(search, Path(results, "digits", "trials"))
            found = listening(search.pid)
            rows = [(one, asks_for(one, None), asks_for(one, "0" * 64)) for one in found]
        finally:
            kill_family(search)
    print(
        "| what listens | address | told to who has no token | told to who has a wrong one |\n| --- | --- | --- | --- |"
    )
    for line in sorted({f"| {one.kind} | {one.host} | {none} | {wrong} |" for one, none, wrong in rows}):
        print(line)
    away = [one for one in found if not one.host.startswith("127.") and one.host != "::1"]
    open_ = [one for one, *told in rows if any(answer in ("OK", "HTTP 200") for answer in told)]
    for one in (*away, *open_):
        print(f"{one} should not be so", file=sys.stderr)
    return 1 if away or open_ or not found else 0


def wait_for_trials(search: "subprocess.Popen[str]", trials: Path) -> None:
    """Wait until a trial of the search trains."""
    deadline = time.monotonic() + 120
    while not any("epoch 1:" in log.read_text() for log in trials.glob("*/log.txt")):
        if search.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the search did not begin")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
