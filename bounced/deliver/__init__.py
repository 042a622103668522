"""Deliver: tell the world, one module per kind of sink.

``sink`` is the contract between a sink and the loop that feeds it. A sink
knows one protocol and nothing of what an event says; when to try again and
when to give up is not its business either.
"""
