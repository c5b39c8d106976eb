"""The four words for how sure a class is (把握程度)."""

from enum import IntEnum


class Confidence(IntEnum):
    """How sure a class is; surer is greater. ``label`` and ``label_en`` are what people read."""

    label: str
    label_en: str

    def __new__(cls, value: int, label: str, label_en: str) -> "Confidence":
        """A member of a number and two labels."""
        made = int.__new__(cls, value)
        made._value_ = value
        made.label, made.label_en = label, label_en
        return made

    INSUFFICIENT = 0, "资料不足", "insufficient data"  # too little is known of the entity
    LOW = 1, "低", "low"
    MEDIUM = 2, "中", "medium"
    HIGH = 3, "高", "high"

    @property
    def code(self) -> str:
        """The word of results and answers."""
        return self.name.lower()


LABELS = {one.code: (one.label, one.label_en) for one in Confidence}
