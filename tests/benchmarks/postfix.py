"""A Postfix of our own, which starts a script for each message: how bounces are handled without a daemon.

The script reads the message with flufl.bounce and makes one request. Postfix
runs on a port and a queue of its own, and needs root to start.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import flufl.bounce

from tests.benchmarks.servers import Load, answers, until, with_bytecode, write_report
from tests.brokers.private import free_port

PER_MESSAGE = """
import sys, urllib.request
from email import message_from_binary_file
from flufl.bounce import scan_message

found = scan_message(message_from_binary_file(sys.stdin.buffer))
body = b",".join(sorted(found))
urllib.request.urlopen(urllib.request.Request(sys.argv[1], body, method="POST")).read()
"""
AT_ONCE = 20
MAIN = f"""
compatibility_level = 3.6
queue_directory = {{directory}}/queue
data_directory = {{directory}}/data
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
relay_domains = bench.example
relay_transport = script:
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
script_destination_concurrency_limit = {AT_ONCE}
script_destination_recipient_limit = 1
initial_destination_concurrency = {AT_ONCE}
"""
MASTER = f"""
127.0.0.1:{{port}} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
script unix - n n - {AT_ONCE} pipe user=nobody argv=/usr/bin/env {{python}} {{directory}}/script.py {{url}}
"""


# It runs the script as nobody, who may not be able to run our Python, but that of the system with our libraries.
PYTHON = (f"PYTHONPATH={Path(flufl.bounce.__file__).parents[2]}", "/usr/bin/python3")


def find_postfix() -> str | None:
    """Return the program where it is there, and we may start it, and it the script."""
    program = shutil.which("postfix", path="/usr/sbin")
    if program is None or os.geteuid() != 0:
        return None
    command = ["/usr/bin/env", *PYTHON, "-c", "import flufl.bounce"]
    return program if subprocess.run(command, user="nobody", check=False).returncode == 0 else None


@contextmanager
def postfix(program: str, url: str) -> Iterator[int]:
    """Run Postfix until the context is left; yields its port."""
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), free_port()
        directory.chmod(0o755)
        for folder in ("queue", "data", "config"):
            (directory / folder).mkdir()
        shutil.chown(directory / "data", "postfix")
        (directory / "script.py").write_text(PER_MESSAGE)
        (directory / "config" / "main.cf").write_text(MAIN.format(directory=directory))
        master = MASTER.format(directory=directory, port=port, python=" ".join(PYTHON), url=url)
        (directory / "config" / "master.cf").write_text(master)
        command = [program, "-c", str(directory / "config")]
        subprocess.run([*command, "start"], check=True, capture_output=True)
        try:
            until(lambda: answers(port))
            yield port
        finally:
            subprocess.run([*command, "stop"], check=True, capture_output=True)


def start_scripts(url: str, load: Load) -> None:
    """Start the script for each message without Postfix, as many at the same time as it would."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(AT_ONCE) as pool:
        mail = write_report(Path(directory), load.size).read_bytes()
        command = [sys.executable, "-c", PER_MESSAGE, url]

        def start(_: int) -> None:
            subprocess.run(command, input=mail, check=True, env=with_bytecode())

        list(pool.map(start, range(load.messages)))
