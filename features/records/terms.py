"""The terms rows are judged by: columns every record may bring, actions, and what is known of a file's intake."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from features.profile import CodeList, Profile, ProfileError
from features.records.delivery import ColumnMapping
from features.records.layout import DELIVERY_COLUMNS, IDENTITY_COLUMNS
from features.records.schema import RecordType

CONTENT_ACTIONS = ("new", "correct")
ACTIONS = (*CONTENT_ACTIONS, "withdraw", "repair", "remove")


@dataclass(frozen=True)
class Terms:
    """What the rows of one file are judged by."""

    profile: Profile
    record_type: RecordType
    recorded_at: datetime
    is_backload: bool = False
    mapping: ColumnMapping | None = None

    @cached_property
    def codes(self) -> dict[str, CodeList]:
        """The code lists its fields name."""
        lists = {field.list for field in self.record_type.fields.values() if field.list}
        return {name: self.profile.codelist(name) for name in sorted(lists)}

    @property
    def today(self) -> date:
        """The local day of the intake."""
        return self.recorded_at.astimezone(self.profile.zone).date()

    @property
    def accepted(self) -> frozenset[str]:
        """The columns a file may have."""
        return frozenset(DELIVERY_COLUMNS) | frozenset(self.record_type.fields)


def check_names(record_type: RecordType, reserved: frozenset[str]) -> None:
    """Nothing when no field takes the name of a column every record has; ProfileError otherwise."""
    taken = sorted((set(record_type.fields) - set(IDENTITY_COLUMNS)) & reserved)
    if taken:
        raise ProfileError(f"Record type {record_type.name}: {', '.join(taken)} name columns every record has; rename.")
