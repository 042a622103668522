"""From SMTP to a webhook that has confirmed the event, against taking mail alone, and against a script per message."""

import time
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.accept import take
from tests.benchmarks.postfix import find_postfix, postfix, start_scripts
from tests.benchmarks.scale import Scale
from tests.benchmarks.servers import Load, count_posts, daemon, endpoint, stock, until, warm, webhook
from tests.benchmarks.tables import Cell, Figures, Table, take_turns

LOAD = Load(3000)
# As many as such a script does in a few seconds.
SCRIPTED = Load(100, connections=10)


def measure(scale: Scale) -> Iterator[Table]:
    """Yield messages per second until the last event is confirmed."""
    load, scripted = scale.of(LOAD), scale.of(SCRIPTED)
    program = find_postfix()
    script = "Postfix, `pipe`, a script with flufl.bounce" if program else "a script with flufl.bounce alone"
    medians = take_turns(
        {
            "stock aiosmtpd, dropping": partial(take, stock, load),
            script: partial(through_scripts, program, scripted),
            "`bounced`, a request for each event": partial(through_the_daemon, load, batch_size=1),
            "`bounced`, 100 events in a request": partial(through_the_daemon, load, batch_size=100),
        },
        scale.runs,
    )
    taking, slowest = medians["stock aiosmtpd, dropping"][0], medians[script][0]
    rows: list[tuple[Cell, ...]] = [(name, rate, rate / taking, rate / slowest) for name, (rate, *_) in medians.items()]
    yield Table(
        "SMTP to confirmed webhook: 6 KB, one message for each connection",
        ("", "messages/s", "x stock", "x a script for each message"),
        rows,
    )


def through_the_daemon(load: Load, *, batch_size: int) -> Figures:
    """Return messages per second until all events were confirmed."""
    with endpoint() as application, daemon(webhook(application.url, batch_size=batch_size)) as server:
        warm(server)
        begin = time.perf_counter()
        load.send(server.port)
        server.until_told()
        return (load.messages / (time.perf_counter() - begin),)


def through_scripts(program: str | None, load: Load) -> Figures:
    """Return messages per second until as many requests were made."""
    with endpoint() as application:
        begin = time.perf_counter()
        if program is None:
            start_scripts(application.url, load)
            return (load.messages / (time.perf_counter() - begin),)
        with postfix(program, application.url) as port:
            begin = time.perf_counter()
            load.send(port)
            until(lambda: count_posts(application) >= load.messages)
            return (load.messages / (time.perf_counter() - begin),)
