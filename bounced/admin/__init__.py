"""Answer those who ask over HTTP: is it alive, and what is known of a recipient.

This room knows HTTP, tokens, and the forms in which lists of recipients come
and go. It does not know SMTP, sinks, or how the state of a recipient came to
be: it asks the store, and tells it what operators decide.
"""
