"""What the third room says when it must refuse: one family of errors."""


class GateError(Exception):
    """A study lacks what it needs, or a promotion is not allowed."""
