"""The Dockerfile built and run without an engine: buildah in a chroot, on a base that debootstrap makes."""

import ast
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE, IMAGE = "localhost/afcl-test-base", "localhost/afcl-test"
ALONE = ("unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
CERTIFICATES = "/usr/local/share/ca-certificates"


def missing() -> str | None:
    """Why no image can be built here; None where one can."""
    if os.geteuid() != 0:
        return "buildah with chroot isolation needs root"
    lacking = [tool for tool in ("buildah", "debootstrap", "unshare", "ip") if shutil.which(tool) is None]
    return f"not installed: {', '.join(lacking)} (make cluster-test)" if lacking else None


class Images:
    """A store of images and containers in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._words = ["buildah", "--root", str(folder / "images"), "--runroot", str(folder / "run")]

    def buildah(self, *words: str, timeout: float = 300, alone: bool = False) -> subprocess.CompletedProcess[str]:
        """Run it; the caller looks at the exit code. alone: on a network of its own, with a loopback and no more."""
        before = [*ALONE] if alone else []
        command = [*before, *self._words, *words]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):  # what a container leaves running stays in the session
                os.killpg(process.pid, signal.SIGKILL)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def make_base(self) -> None:
        """Debian 12 as `debian:bookworm-slim` is, from this machine's mirror, and trusting whom it trusts."""
        root = self._folder / "base"
        if not root.exists():
            _check(subprocess.run(["debootstrap", "--variant=minbase", "bookworm", str(root), *_mirror()],
                                  capture_output=True, text=True, timeout=900))  # fmt: skip
            (root / CERTIFICATES[1:]).mkdir(parents=True)
            for certificate in Path(CERTIFICATES).glob("*.crt"):
                shutil.copy(certificate, root / CERTIFICATES[1:])
        container = _check(self.buildah("from", "scratch"))
        _check(self.buildah("add", container, str(root), "/"))
        _check(self.buildah("commit", "--quiet", container, BASE))
        _check(self.buildah("rm", container))

    def has_image(self) -> bool:
        """Whether the image was built here before."""
        return self.buildah("inspect", "--type", "image", IMAGE).returncode == 0

    def remove(self) -> None:
        """All images and containers, whose mounts would else stand in the way of the folder's end."""
        _check(self.buildah("rm", "--all"))
        _check(self.buildah("rmi", "--all", "--force"))

    def build(self, **arguments: str) -> subprocess.CompletedProcess[str]:
        """Build docker/Dockerfile with these build arguments; pip finds packages where it does on this machine."""
        configuration, folders = _pip()
        secret = self._folder / "pip.conf"
        secret.write_text(configuration)
        words = ["bud", "--isolation", "chroot", "--pull-never", "--secret", f"id=pip,src={secret}"]
        for folder in folders:
            words += ["--volume", f"{folder}:{folder}:ro"]
        for name, value in ({"BASE_IMAGE": BASE} | arguments).items():
            words += ["--build-arg", f"{name}={value}"]
        return self.buildah(*words, "-f", str(ROOT / "docker/Dockerfile"), "-t", IMAGE, str(ROOT), timeout=1800)

    def run(
        self,
        *command: str,
        volumes: Mapping[Path, str] | None = None,
        timeout: float = 300,
        alone: bool = False,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a new container of the image, as the image's user and with its variables."""
        container = _check(self.buildah("from", "--pull-never", IMAGE))
        words = ["run", "--isolation", "chroot"]
        for name, value in environment.items():
            words += ["--env", f"{name}={value}"]
        for folder, inside in (volumes or {}).items():
            words += ["--volume", f"{folder}:{inside}"]
        try:
            return self.buildah(*words, container, "--", *command, timeout=timeout, alone=alone)
        finally:
            _check(self.buildah("rm", container))


def _check(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def _mirror() -> list[str]:
    """The mirror that apt uses here, as debootstrap's argument."""
    known = subprocess.run(["apt-cache", "policy", "base-files"], capture_output=True, text=True, check=True).stdout
    places = [word for word in known.split() if word.startswith(("http://", "https://"))]
    return [place for place in places if not place.rstrip("/").endswith("-security")][:1]


def _pip() -> tuple[str, list[Path]]:
    """This machine's pip configuration as a file, and the folders of this machine that it names."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    options: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in ("global", "install", ":env:"):
            options[option] = ast.literal_eval(value).strip()
    folders = set()
    for word in " ".join(value for option, value in options.items() if option != "cert").split():
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and path.exists():
            # an index of files lies beside its packages
            folders.add(path.parent if path.is_file() or word.startswith("file://") else path)
    lines = [f"{option} = " + value.replace("\n", "\n    ") for option, value in options.items()]
    return "\n".join(["[global]", *lines, ""]), sorted(folders)
