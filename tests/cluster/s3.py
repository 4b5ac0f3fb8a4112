"""An S3 server, moto's, in a process of its own on 127.0.0.1 or on a host of a network: it can be frozen, and go on."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from rays import Host

BUCKET = "afcl-test"
PATIENCE = 60.0


class S3:
    """A bucket in a server that knows it until its end."""

    def __init__(self, log: Path, host: Host | None = None) -> None:
        """`host`: of a network of hosts, the one that it is reached at; else it is this one."""
        self._host = host or Host("127.0.0.1")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.url = f"http://{self._host.address}:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", self._host.address, "-p", str(port)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._host.command(*command), stdout=output, stderr=output)
        try:
            self._make_bucket()
        except BaseException:
            self.close()
            raise

    @property
    def variables(self) -> dict[str, str]:
        """What a user of the store has in the environment: nobody else's settings are read."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def freeze(self, seconds: float) -> None:
        """Take connections and answer none, for a while."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()

    def _make_bucket(self) -> None:
        """Wait for the server and make the bucket that the tests write to, from where it is reached."""
        made = f"import boto3; boto3.client('s3', endpoint_url='{self.url}').create_bucket(Bucket='{BUCKET}')"
        deadline = time.monotonic() + PATIENCE
        while True:
            command = self._host.command(sys.executable, "-c", made)
            done = subprocess.run(command, env=os.environ | self.variables, capture_output=True, text=True)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(done.stderr[-2000:])
            time.sleep(0.5)
