"""Single telling words: weak evidence, asked last."""
