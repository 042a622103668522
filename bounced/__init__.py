"""Turn returned mail into facts an application can act on.

A bounce passes these stages, and each has one word that names its module,
its log field and its tests: receive, store, parse, identify, classify,
escalate, deliver. ``bounced.pipeline`` runs the pure ones in a row;
``bounced.flow`` moves messages and events between the others.
"""

__version__ = "0.1.0"
