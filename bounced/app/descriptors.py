"""See to it that the process may have as many open files as it takes connections."""

import resource

from bounced import log

_log = log.get("app")

# Listeners, the database, sinks and whoever asks the admin server.
_OTHERS = 256


def allow_connections(count: int) -> None:
    """Raise the limit of open files as far as this process may, and warn where that is too little for `count`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHERS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if max(most, soft) < wanted:
        _log.warning(
            "few_open_files",
            allowed=max(most, soft),
            wanted=wanted,
            remedy="raise LimitNOFILE= (ulimit -n), or lower receive.limits.connections",
        )
