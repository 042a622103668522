"""Put the daemon together and run it.

Modules build the parts (`reading`, `admission`, `sinks`, `parts`), `daemon`
runs them, and `serving` obeys signals.
"""

from bounced.app.admission import Admission
from bounced.app.daemon import Daemon, running
from bounced.app.parts import prove
from bounced.app.reading import make_recipe, read_knowledge
from bounced.app.serving import serve

__all__ = ["Admission", "Daemon", "make_recipe", "prove", "read_knowledge", "running", "serve"]
