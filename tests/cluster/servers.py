"""What docker/compose.yaml starts beside Ray, without containers: PostgreSQL, an S3 store, the MLflow server.

Each stands on the loopback address, in a folder of its own, and is ended by its pid.
"""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
BUCKET = "mlflow"
PROXY = "https://mlflow.example.com"  # whose pages may change what MLflow has
SECONDS = 90.0
POSTGRES_BINARIES = "/usr/lib/postgresql"  # Debian's place for them, off the path


def free_port() -> int:
    """A port that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when something listens there; fail with the log when the process ends instead, or time runs out."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing listens at {HOST}:{port}\n{log.read_text()[-4000:]}")


@contextmanager
def running(
    words: list[str], port: int, log: Path, environment: dict[str, str], user: int | None = None
) -> Iterator[None]:
    """A server that runs inside the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            words, stdout=output, stderr=output, env=environment, user=user, group=user, start_new_session=True
        )
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def postgres_binaries() -> Path | None:
    """The folder that initdb and postgres are in; None where PostgreSQL is not installed."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    return max(Path(POSTGRES_BINARIES).glob("*/bin"), default=None)


@contextmanager
def postgres(folder: Path, password: str) -> Iterator[dict[str, str]]:
    """A PostgreSQL of our own, which asks for the password; libpq's variables for it."""
    binaries = postgres_binaries()
    assert binaries is not None
    folder.mkdir(parents=True)
    secret = folder / "password"
    secret.write_text(password)
    user = None
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam("postgres").pw_uid
        for path in (folder, secret):
            os.chown(path, user, user)
    port = free_port()
    initdb = [str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username", "mlflow"]
    initdb += ["--auth", "scram-sha-256", "--pwfile", str(secret), "--encoding", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, user=user, group=user)
    server = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
    server += ["-c", f"listen_addresses={HOST}", "-c", f"unix_socket_directories={folder}"]
    client = {"PGHOST": HOST, "PGPORT": str(port), "PGUSER": "mlflow", "PGPASSWORD": password, "PGDATABASE": "mlflow"}
    with running(server, port, folder / "log", bare(), user):
        create = [str(binaries / "createdb"), "--maintenance-db", "postgres", "mlflow"]
        deadline = time.monotonic() + SECONDS
        while subprocess.run(create, env=bare() | client, capture_output=True).returncode != 0:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)  # it listens before it lets anybody in
        yield client


@contextmanager
def s3(folder: Path, key: str, secret: str) -> Iterator[dict[str, str]]:
    """moto's server as an S3 store with an empty bucket; the variables that MLflow's server reaches it with.

    It knows no passwords: that the keys are asked for is the real store's to show.
    """
    folder.mkdir(parents=True)
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    store = {
        "MLFLOW_S3_ENDPOINT_URL": f"http://{HOST}:{port}",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with running(words, port, folder / "log", bare()):
        bucket(store).meta.client.create_bucket(Bucket=BUCKET)
        yield store


def bucket(store: dict[str, str]):  # type: ignore[no-untyped-def]  # boto3 makes its classes while it runs
    """The bucket, as the server's own keys see it."""
    import boto3

    session = boto3.Session(store["AWS_ACCESS_KEY_ID"], store["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
    return session.resource("s3", endpoint_url=store["MLFLOW_S3_ENDPOINT_URL"]).Bucket(BUCKET)


@dataclass(frozen=True)
class Mlflow:
    """A running MLflow server: where it is, its store's words, and the variables that it and its clients have."""

    uri: str
    store: list[str]
    server: dict[str, str]
    client: dict[str, str]
    log: Path


def as_composed() -> tuple[list[str], dict[str, str]]:
    """The words and the variables that docker/compose.yaml starts MLflow with."""
    service = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]["mlflow"]
    return str(service["command"]).split(), dict(service["environment"])


@contextmanager
def mlflow(folder: Path, database: dict[str, str], store: dict[str, str], password: str) -> Iterator[Mlflow]:
    """MLflow's server with compose.yaml's own words, at another address; `password` is the administrator's."""
    folder.mkdir(parents=True)
    port = free_port()
    words, variables = as_composed()
    at = {"--host": HOST, "--port": str(port), "--allowed-hosts": f"{HOST}:{port}"}
    words = [at.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    chosen = {
        "MLFLOW_AUTH_CONFIG_PATH": str(ROOT / "docker/mlflow-auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "only for this test",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": variables["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"],
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": PROXY,
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    others = {"HEALTH_URLS"} | database.keys() | store.keys()
    assert variables.keys() - others <= chosen.keys(), "compose.yaml gives the server a variable that no test does"
    environment = bare() | database | store | chosen
    client = {
        "MLFLOW_TRACKING_URI": f"http://{HOST}:{port}",
        "MLFLOW_TRACKING_USERNAME": "admin",
        "MLFLOW_TRACKING_PASSWORD": password,
    }
    start = [sys.executable, "-m", *words]
    with running(start, port, folder / "log", environment):
        urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=60).close()  # what its health check asks
        kept = [word for option in ("--backend-store-uri", "--artifacts-destination") for word in _pair(words, option)]
        yield Mlflow(f"http://{HOST}:{port}", kept, environment, client, folder / "log")


def _pair(words: list[str], option: str) -> list[str]:
    return words[words.index(option) :][:2]


def bare(**given: str) -> dict[str, str]:
    """The environment without any variable of ours or of a server's, and with those given."""
    theirs = ("AFCL_", "MLFLOW_", "RAY_", "AWS_", "PG")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)} | given
