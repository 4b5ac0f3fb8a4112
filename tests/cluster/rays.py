"""A real Ray cluster on this machine: each node a host of its own, in a network namespace with a cable that can be cut.

Where namespaces cannot be had (they need root and iproute2) the hosts are addresses of the loopback interface, and no
cable can be cut. Every process is started here and ended by its pid; Ray asks for a token that only this cluster knows.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from killing import kill_family

RAY = [sys.executable, "-c", "from ray.scripts.scripts import main; main()"]
AFCL = [sys.executable, "-c", "from search.cli.app import main; main()"]
# PORT PATH HOST: prints an answer's status and then its text
ASK = """
import sys
from http.client import HTTPConnection
connection = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request("GET", sys.argv[2], headers={"Host": sys.argv[3]})
answer = connection.getresponse()
print(answer.status)
print(answer.read().decode())
"""
CODE = Path(__file__).parents[2]
PATIENCE = 120.0


@dataclass
class Host:
    """A machine with an address, on which commands can be run."""

    address: str
    namespace: str | None = None

    def command(self, *words: str) -> list[str]:
        """The words, as they are run on this host."""
        return [*(["ip", "netns", "exec", self.namespace] if self.namespace else []), *words]


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """Hosts that reach each other, and nothing else."""

    def __init__(self) -> None:
        self._tag = f"{os.getpid() % 100_000}"
        self._bridge, self._hosts = f"afcl{self._tag}", 0
        self._namespaces: list[str] = []
        self.has_cables = self._try_namespaces()

    def _try_namespaces(self) -> bool:
        if shutil.which("ip") is None or os.geteuid() != 0:
            return False
        try:
            _ip("netns", "add", f"{self._bridge}b")  # the switch between the cables stands in a namespace too
        except subprocess.CalledProcessError:
            return False
        self._namespaces.append(f"{self._bridge}b")
        _ip("-n", f"{self._bridge}b", "link", "add", "switch", "type", "bridge")
        _ip("-n", f"{self._bridge}b", "link", "set", "switch", "up")
        return True

    def host(self) -> Host:
        """One more."""
        self._hosts += 1
        if not self.has_cables:
            return Host(f"127.77.{int(self._tag) % 250}.{self._hosts}")
        name, cable = f"{self._bridge}h{self._hosts}", f"c{self._hosts}"
        _ip("netns", "add", name)
        self._namespaces.append(name)
        _ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", cable, "netns", f"{self._bridge}b")
        _ip("-n", f"{self._bridge}b", "link", "set", cable, "master", "switch", "up")
        host = Host(f"10.77.0.{self._hosts}", name)
        _ip("-n", name, "address", "add", f"{host.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            _ip("-n", name, "link", "set", device, "up")
        _ip("-n", name, "route", "add", "default", "dev", "eth0")  # Ray asks which address leads out
        return host

    def cut(self, host: Host) -> None:
        """Pull the host's cable."""
        assert host.namespace is not None, "there are no cables"
        _ip("-n", host.namespace, "link", "set", "eth0", "down")

    def close(self) -> None:
        """Take all down."""
        for name in self._namespaces:
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "delete", name)


@dataclass
class RayCluster:
    """A head without CPUs and some nodes with one each; and a laptop, which is no part of it."""

    log: Path
    network: Network
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    nodes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)  # by address
    hosts: dict[str, Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.laptop = self.network.host()
        # short, as Ray makes sockets in it; of its own, as Ray notes there which one to join
        self.files = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.port, self.door = (6379, 8265) if self.network.has_cables else (_free_port(), _free_port())
        try:
            self.start_head()
        except BaseException:
            self.close()
            raise

    def start_head(self) -> None:
        """A head that knows nothing of one before it."""
        self.head = self.network.host()
        words = ["--head", "--port", str(self.port), "--num-cpus", "0", "--dashboard-host", self.head.address]
        self._start(self.head, *words, "--dashboard-port", str(self.door), "--temp-dir", str(self.files))
        self._wait_until(lambda: self.afcl("status").returncode == 0, "the head's dashboard")

    def add_node(self, *, cpus: int = 1, before: str | None = None) -> Host:
        """Start a node. before: what its shell does first, in mounts of its own."""
        host = self.network.host()
        self._start(host, "--address", f"{self.head.address}:{self.port}", "--num-cpus", str(cpus), before=before)
        # by its address: nodes that were killed just now still count for a while
        self._wait_until(lambda: host.address in self.alive(), "the node")
        return host

    def alive(self) -> set[str]:
        """Addresses of the nodes that Ray counts as alive."""
        asked = (
            "import ray; ray.init(address='auto', logging_level='ERROR', log_to_driver=False);"
            "print(' '.join(n['NodeManagerAddress'] for n in ray.nodes() if n['Alive']))"
        )
        command = self.head.command(sys.executable, "-c", asked)
        environment = self.environment(RAY_ADDRESS=f"{self.head.address}:{self.port}")
        printed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        return set(printed.stdout.split())

    def kill(self, host: Host) -> None:
        """SIGKILL everything on a host, by pid."""
        kill_family(self.nodes.pop(host.address))

    def kill_head(self) -> None:
        """The head dies, and every node with it, as their Ray does after a while of its own accord."""
        self.kill(self.head)
        for address in list(self.nodes):
            self.kill(self.hosts[address])

    def afcl(
        self,
        *words: str,
        token: str | None = "",
        timeout: float = 300,
        packages: Path | None = None,
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line on the laptop.

        Args:
            words: the command's words.
            token: None for none at all; by default the cluster's.
            timeout: seconds.
            packages: a folder of packages that the laptop alone has.
            variables: of the environment, besides those of every host.
        """
        environment = self._laptops(token, packages, **variables)
        return subprocess.run(
            self._typed(*words), env=environment, capture_output=True, text=True, timeout=timeout, cwd=self.log
        )

    @contextmanager
    def live_page(self) -> Iterator[Callable[..., tuple[int, str]]]:
        """`afcl ui` on the laptop. Yields what asks it for a path, as the laptop's browser would: status and text."""
        port, page_port = (5000, 5001) if self.network.has_cables else (_free_port(), _free_port())
        command = self._typed("ui", "--port", str(port), "--page-port", str(page_port))
        output = self.log / "live-page.log"
        with output.open("wb") as file:
            server = subprocess.Popen(command, env=self._laptops(), cwd=self.log, stdout=file, stderr=file)

        def ask(path: str, host: str = f"127.0.0.1:{page_port}") -> tuple[int, str]:
            words = [sys.executable, "-c", ASK, str(page_port), path, host]
            told = subprocess.run(self.laptop.command(*words), capture_output=True, text=True, timeout=PATIENCE)
            assert told.returncode == 0, told.stderr
            status, _, text = told.stdout.partition("\n")
            return int(status), text

        try:
            self._wait_until(lambda: "Ctrl-C" in output.read_text(), "the live page")
            yield ask
        finally:
            server.terminate()
            assert server.wait(60) == 0, output.read_text()

    def _typed(self, *words: str) -> list[str]:
        """A command line on the laptop, about this cluster."""
        return self.laptop.command(*AFCL, *words, "--address", f"http://{self.head.address}:{self.door}")

    def _laptops(self, token: str | None = "", packages: Path | None = None, **variables: str) -> dict[str, str]:
        """The laptop's environment. See `afcl`."""
        path = os.pathsep.join(map(str, filter(None, [CODE, packages])))
        environment = self.environment(PYTHONPATH=path, HOME=str(self.log), **variables)
        environment.pop("RAY_AUTH_MODE")
        environment["RAY_AUTH_TOKEN"] = self.token if token == "" else token or ""
        return environment

    def environment(self, **more: str) -> dict[str, str]:
        """What a node's administrator would set: nothing of ours, and nothing of this process's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AFCL_", "MLFLOW_", "RAY_", "PYTHONPATH"))}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
        ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "OMP_NUM_THREADS": "1"}
        return kept | ours | {"RAY_USAGE_STATS_ENABLED": "0"} | more

    def close(self) -> None:
        """End every process that was started here."""
        for process in self.nodes.values():
            kill_family(process)
        self.network.close()
        shutil.rmtree(self.files, ignore_errors=True)

    def _start(self, host: Host, *words: str, before: str | None = None) -> None:
        command = [*RAY, "start", "--node-ip-address", host.address, "--block", "--disable-usage-stats", *words]
        if before is not None:
            command = ["sh", "-c", f'{before} && exec "$@"', "sh", *command]
        trap = self.log / "where-ray-was-started"  # holds a package of the same name as ours
        (trap / "search").mkdir(parents=True, exist_ok=True)
        (trap / "search" / "__init__.py").write_text("raise ImportError('the wrong folder')\n")
        with (self.log / f"{host.address}.log").open("ab") as output:
            self.nodes[host.address] = subprocess.Popen(
                host.command(*command),
                env=self.environment(),
                cwd=trap,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.hosts[host.address] = host

    def _wait_until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                logs = "".join(log.read_text()[-1500:] for log in self.log.glob("*.log"))
                raise TimeoutError(f"{what} has not come in {PATIENCE:.0f} s:\n{logs}")
            time.sleep(0.5)


@contextmanager
def running(log: Path, nodes: int) -> Iterator[RayCluster]:
    """A cluster of a head and some nodes of one CPU each, which is taken down at the end of the block."""
    network = Network()
    cluster = None
    try:
        cluster = RayCluster(log, network)
        for _ in range(nodes):
            cluster.add_node()
        yield cluster
    finally:
        network.close() if cluster is None else cluster.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
