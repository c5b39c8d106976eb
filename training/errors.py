"""What the second room says when it must refuse: one family of errors."""


class SchemeError(Exception):
    """A scheme, or what one is made from, is missing, altered or contradicts itself."""
