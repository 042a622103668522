"""A mail host of its own: this machine's files with those of a mail server over them, its own network and processes.

What is started there ends with it, and every port is free. Nothing of this machine is changed.
"""

import asyncio
import json
import os
import re
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.process import Running

ROOT = Path(__file__).parents[2]
PACKAGES = "BOUNCED_TEST_MAIL_SERVERS"
DEADLINE_SECONDS = 60
_OVERLAID = ("etc", "usr", "var")
_PYTHON = Path(sys.executable).resolve().name
_BLOCK = re.compile(r"^<!-- run: ([^>]+) -->\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The mail server's users cannot reach a Python in somebody's home; names and users are looked up on this host alone.
_SETUP = """
set -e
read -r outside _ </proc/self/stat
mount -t tmpfs -o mode=755 host /run
mkdir /run/python /run/site /run/source /run/lock /run/bounced
mount --bind {python} /run/python
mount --bind {site} /run/site
mount --bind {source} /run/source
for place in etc usr var; do
    lower=/$place
    [ ! -d {package}/$place ] || lower={package}/$place:$lower
    mount -t overlay host -o lowerdir=$lower,upperdir={folder}/$place,workdir={folder}/overlay/$place /$place
done
mount -t tmpfs -o mode=755 host /opt
mkdir -p /opt/bounced/bin /etc/bounced /var/lib/bounced /home
cat >/opt/bounced/bin/bounced <<'END'
#!/bin/sh
export LD_LIBRARY_PATH=/run/python/lib PYTHONPATH=/run/site:/run/source
exec /run/python/bin/{executable} -m bounced "$@"
END
chmod 755 /opt/bounced/bin/bounced
mount -t proc proc /proc
ip link set lo up
id=4000
for user in bounced Debian-exim opensmtpd opensmtpq; do
    id=$((id + 1))
    getent passwd $user >/dev/null && continue
    echo "$user:x:$id:$id::/var/lib/$user:/usr/sbin/nologin" >>/etc/passwd
    echo "$user:x:$id:" >>/etc/group
done
printf 'passwd: files\\ngroup: files\\nhosts: files\\n' >/etc/nsswitch.conf
printf '127.0.0.1 localhost mail.example.com\\n127.0.0.2 mx.example.net\\n' >/etc/hosts
echo mail.example.com >/etc/mailname
chown bounced:bounced /var/lib/bounced /run/bounced
chmod 700 /var/lib/bounced
echo "$outside"
exec sleep infinity
"""


def read_blocks(guide: str) -> dict[str, str]:
    """Return the blocks of ``docs/GUIDE.md`` that a comment names for us."""
    return dict(_BLOCK.findall((ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")))


class Daemon(Running):
    """A daemon whose events come as JSON lines on its standard output."""

    async def next_event(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            line = await self.output.readline()
        assert line, (self.lines[-5:], "".join(self.other_lines))
        return json.loads(line)

    @property
    def output(self) -> asyncio.StreamReader:
        assert self._process.stdout
        return self._process.stdout


class MailHost:
    """A place to install a mail server and the daemon, as the guides say."""

    def __init__(self, process_id: int) -> None:
        self._enter = ["nsenter", "--target", str(process_id), "--mount", "--net", "--pid", "--"]
        self._root = Path(f"/proc/{process_id}/root")
        self._started: list[asyncio.subprocess.Process] = []
        self._daemons: list[Daemon] = []

    def path(self, name: str) -> Path:
        """Return where a file of that host is for us; only a path without links leads there."""
        return self._root / name.removeprefix("/")

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    async def start(self, *command: str, **pipes: Any) -> asyncio.subprocess.Process:
        """Start a program as root, in a directory that everybody may enter."""
        process = await asyncio.create_subprocess_exec(
            *self._enter, *command, cwd="/", limit=1024 * 1024, stdin=asyncio.subprocess.DEVNULL, **pipes
        )
        self._started.append(process)
        return process

    async def until_gone(self) -> None:
        """Wait for what was started, when the host has ended."""
        for process in self._started:
            await process.wait()
        for daemon in self._daemons:
            await daemon.ended()

    async def run(self, *command: str) -> tuple[int, str]:
        """Run a program to its end, and return its exit status and what it said."""
        process = await self.start(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        async with asyncio.timeout(DEADLINE_SECONDS):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def do(self, *command: str) -> str:
        """Run a program that has to succeed."""
        status, said = await self.run(*command)
        assert status == 0, (command, status, said)
        return said

    async def until_said(self, words: str, *command: str) -> str:
        """Run a program again and again until it says `words`."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while words not in (said := await self.do(*command)):
                pass
        return said

    async def python(self, script: str, *arguments: str) -> str:
        """Run a script of this folder."""
        return await self.do(*self._script(script), *arguments)

    async def start_python(self, script: str, *arguments: str) -> None:
        """Start a script of this folder that prints a line when it is ready."""
        process = await self.start(*self._script(script), *arguments, stdout=asyncio.subprocess.PIPE)
        assert process.stdout
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await process.stdout.readline()

    def _script(self, name: str) -> Sequence[str]:
        return (f"/run/python/bin/{_PYTHON}", f"/run/source/tests/guides/{name}")

    async def start_daemon(self, *units: str) -> Daemon:
        """Start the daemon as its user with /etc/bounced/bounced.toml, and with the sockets of `units`."""
        as_user = ("setpriv", "--reuid=bounced", "--regid=bounced", "--clear-groups")
        command = (*as_user, "/opt/bounced/bin/bounced", "run", "--config", "/etc/bounced/bounced.toml")
        through = (*self._script("activate.py"), *units, "--") if units else ()
        noted = ("sh", "-c", 'echo $$ >/run/bounced.pid; exec "$@"', "sh")
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        daemon = Daemon(await self.start(*noted, *through, *command, **pipes))
        self._daemons.append(daemon)
        await daemon.until_logged("ready")
        return daemon

    async def stop_daemon(self, daemon: Daemon) -> None:
        await self.do("sh", "-c", "kill $(cat /run/bounced.pid)")
        await daemon.ended()

    async def until_listening(self, port: int) -> None:
        await self.python("until_listening.py", str(port))


@asynccontextmanager
async def open_host(folder: Path, *, package: str = ""):
    """Make a host with the files of an unpacked `package`; it is gone when this ends.

    Skips the test where that is impossible, and says why.
    """
    if os.geteuid():
        pytest.skip("only root can make a mail host of its own")
    for place in _OVERLAID:
        (folder / place).mkdir()
        (folder / "overlay" / place).mkdir(parents=True)
    values = {"python": sys.base_prefix, "site": sysconfig.get_path("purelib"), "source": ROOT, "folder": folder}
    script = _SETUP
    for name, value in (values | {"package": find_package(package), "executable": _PYTHON}).items():
        script = script.replace(f"{{{name}}}", str(value))
    separate = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation=private")
    process = await asyncio.create_subprocess_exec(
        *("unshare", *separate, "bash", "-c", script),
        cwd="/",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    host = None
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            first = await process.stdout.readline()
            if not first:
                pytest.skip(f"no mail host of its own can be made here: {(await process.stderr.read()).decode()}")
        host = MailHost(int(first))
        yield host
    finally:
        if process.returncode is None:
            process.kill()
        # What is within ends only after it, and holds its pipes until then.
        await process.communicate()
        if host:
            await host.until_gone()


def find_package(name: str) -> Path:
    """Return where the files of a Debian package are that cannot be installed beside Postfix."""
    if not name:
        return Path("/nonexistent")
    folder = Path(os.environ.get(PACKAGES, "/nonexistent")) / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not unpacked: run tests/guides/unpack FOLDER, and name the folder in {PACKAGES}")
    return folder.resolve()
