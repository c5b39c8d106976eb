"""The indicator system: a small closed language and its catalogue."""
