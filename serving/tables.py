"""The tables of the store, the same on SQLite and PostgreSQL; a month's results lie in a table of their own."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

MONITORED = "class IN ('C', 'D')"  # the riskiest are found by an index of their own
CHUNK = 4096  # leaves; a power of two, so that the root of a chunk is a node of the whole tree
ROOTS = -1  # the chunk that holds the roots of the others
LOADING, STANDING, REPLACED = "loading", "standing", "replaced"  # states of a load
TALLIED = "tallied"  # what a load tells when it counted its rows; one without was made before rows were counted
TALLIED_BY = (
    *("org", "departments", "region", "kind", "status"),
    *("class", "class_before", "model_class", "cause", "rules"),
)
TRAITED = "traits"  # what a load tells of the dimensions it counted by; one without was made before it did
TRAITED_BY = ("org", "departments", "trait", "value", "class")
MARKS = "marks"  # what a load tells of its rows; one without was made before rows had lots
LISTED = "listed"  # what a load tells of lists; one without was made before rows had names and reasons
REGISTERED = "registered"  # what a load tells when its rows say how entities stand in the register
FORM = "0005"  # of these tables: the newest of the migrations
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows itself only where the type is INTEGER

ORDERED = Text().with_variant(Text(collation="C"), "postgresql")  # sorted by its bytes, as SQLite and Python do

STORE = MetaData()

OWNER = Table(
    "owner",
    STORE,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),  # 1: a store has one owner, or none yet
    Column("home", String(32), nullable=False),  # the home's identity
    Column("called", Text, nullable=False),  # its folder's name, for people
)

API_KEYS = Table(
    "api_keys",
    STORE,
    Column("number", String(8), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("holder", String(80), nullable=False),
    Column("role", String(40), nullable=False),
    Column("org", String(64), nullable=False),
    Column("departments", JSON, nullable=False),
    Column("rights", JSON, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("created", Date, nullable=False),
    Column("expires", Date, nullable=False),
    Column("revoked", DateTime(timezone=True)),
    Column("issuer", String(200)),  # with login: the person at a portal who comes in as this key, which nobody bears
    Column("login", String(255)),
)
Index(
    "ix_api_keys_login",
    API_KEYS.c.issuer,
    API_KEYS.c.login,
    unique=True,
    sqlite_where=API_KEYS.c.revoked.is_(None),
    postgresql_where=API_KEYS.c.revoked.is_(None),
)

SESSIONS = Table(
    "sessions",
    STORE,
    Column("sha256", String(64), primary_key=True),  # of the token the browser holds
    Column("key", String(8), nullable=False),
    Column("ends", DateTime(timezone=True), nullable=False, index=True),
)

LOGINS = Table(
    "logins",
    STORE,
    Column("sha256", String(64), primary_key=True),  # of the state of a login at the portal that began a session
    Column("ends", DateTime(timezone=True), nullable=False, index=True),
)

LOADS = Table(
    "loads",
    STORE,
    Column("load", NUMBER, primary_key=True),
    Column("month", String(7), nullable=False, index=True),
    Column("head", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("told", JSON, nullable=False),  # what is said once of the month: parts, words, columns of vectors, orgs
    Column("loaded", DateTime(timezone=True), nullable=False),
)

READS = Table(
    "reads",
    STORE,
    Column("day", Date, primary_key=True),
    Column("key", String(8), primary_key=True),
    Column("entity", String(64), primary_key=True),  # hashed
)

IDEMPOTENCY = Table(
    "idempotency",
    STORE,
    Column("key", String(8), primary_key=True),
    Column("route", String(40), primary_key=True),
    Column("given", String(255), primary_key=True),  # the Idempotency-Key of the caller
    Column("sha256", String(64), nullable=False),  # of the body
    Column("status", Integer),  # null while the first request is being answered
    Column("answer", LargeBinary),
    Column("headers", JSON),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
)

JOBS = Table(
    "jobs",
    STORE,
    Column("job", String(26), primary_key=True),
    Column("key", String(8), nullable=False, index=True),
    Column("state", String(10), nullable=False),
    Column("asked", JSON, nullable=False),
    Column("found", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("changed", DateTime(timezone=True), nullable=False),
)

DISPUTES = Table(
    "disputes",
    STORE,
    Column("dispute", String(26), primary_key=True),
    Column("key", String(8), nullable=False),
    Column("entity", String(64), nullable=False, index=True),
    Column("month", String(7), nullable=False),
    Column("org", Text, nullable=False),
    Column("departments", Text, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("told", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("due", Date, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

INSPECTION_RESULTS = Table(
    "inspection_results",
    STORE,
    Column("number", NUMBER, primary_key=True),
    Column("key", String(8), nullable=False),
    Column("org", String(64), nullable=False),  # the office whose number it is: that of the key
    Column("record_key", String(200), nullable=False),  # of the number as it was sent
    Column("told", String(200), nullable=False),  # of the number it is delivered under
    Column("entity", String(64), nullable=False),
    Column("fields", JSON, nullable=False),
    Column("delivery", String(80), index=True),  # the delivery it left with; null: waiting
    Column("at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("org", "record_key", name="one_result_a_number_of_an_office"),
    UniqueConstraint("told", name="one_result_a_number_told"),
)


FILTERS = Table(
    "filters",
    STORE,
    Column("key", String(8), primary_key=True),  # whose filter it is
    Column("name", String(80), primary_key=True),
    Column("asked", JSON, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)


def month_tables(
    load: int, *, has_lots: bool = True, is_listed: bool = True, is_registered: bool = True
) -> tuple[Table, Table]:
    """The tables of one load of a month: its results, one row an entity that stands, and its leaves.

    ``org`` is the path of offices from the province down (``360000/360100/360102``), ``departments`` the codes of
    other departments between commas (``,ecology,``), ``document`` the rest of the sealed row and the records it cites
    as JSON, packed; ``vector`` the indicator values (float64, packed) in the order the load tells, null where not
    classified. ``lot`` is a keyed hash of the code, the order of pages that tell pseudonyms. ``name`` is the name as it
    may be printed, ``number`` the registration number; ``reason`` and ``open_reason`` say which of the codes the load
    tells is the top reason, and which of those that are not internal. ``registration`` is the status in the register at
    the month's end. Loads made by earlier versions have no lots, neither names nor reasons, or no registration. Leaves
    lie in chunks of the digests in the order of the sealed rows; chunk -1 holds the chunks' roots.
    """
    metadata = MetaData()
    leaves = Table(
        f"leaves_{load}",
        metadata,
        Column("part", SmallInteger, primary_key=True, autoincrement=False),
        Column("chunk", Integer, primary_key=True, autoincrement=False),
        Column("digests", LargeBinary, nullable=False),
    )
    more: tuple[SchemaItem, ...] = (Column("registration", String(40)),) if is_registered else ()
    return _results(load, metadata, more, has_lots=has_lots, is_listed=is_listed), leaves


def _results(load: int, metadata: MetaData, more: tuple[SchemaItem, ...], *, has_lots: bool, is_listed: bool) -> Table:
    narrowed: tuple[str, ...] = ("class", "kind", "region", "departments")
    listed: tuple[SchemaItem, ...] = ()
    if is_listed:
        narrowed = (*narrowed, "class_before", "reason", "open_reason")
        listed = _listed(load, narrowed)
    by_lot = Index(f"results_{load}_lots", "lot", "code", "org", *narrowed)
    lots: tuple[SchemaItem, ...] = (Column("lot", BigInteger, nullable=False), by_lot) if has_lots else ()
    return Table(
        f"results_{load}",
        metadata,
        Column("code", ORDERED, nullable=False),
        Column("entity", Integer, nullable=False),
        Column("part", SmallInteger, nullable=False),
        Column("row", Integer, nullable=False),
        Column("kind", String(40)),
        Column("region", String(16)),
        Column("org", ORDERED, nullable=False),
        Column("departments", Text, nullable=False),
        Column("status", String(40), nullable=False),
        Column("margin", Float),
        Column("probability", Float),
        Column("model_class", String(1)),
        Column("ruled", String(1)),
        Column("class", String(1)),
        Column("class_before", String(1)),
        Column("cause", String(40)),
        Column("confidence", String(20)),
        Column("document", LargeBinary, nullable=False),
        Column("vector", LargeBinary),
        *listed,
        *more,
        # made after the rows are in, which takes a fraction of keeping them right meanwhile
        Index(f"results_{load}_code", "code", unique=True),
        Index(f"results_{load}_listed", "org", "code", *narrowed),
        *lots,
    )


def tally_table(load: int) -> Table:
    """How many rows of a load are alike in ``TALLIED_BY``; ``rules`` are the codes of those that apply, by commas.

    Everybody is counted three times: by office and departments (``rolled_up`` 0), by office whatever the departments
    (1), which is a quarter of the rows and all that most keys need, and whatever both (2), for keys that reach all.
    """
    return _counts(
        f"tallies_{load}",
        Column("region", String(16)),
        Column("kind", String(40)),
        Column("status", String(40), nullable=False),
        Column("class", String(1)),
        Column("class_before", String(1)),
        Column("model_class", String(1)),
        Column("cause", String(40)),
        Column("rules", Text, nullable=False),
    )


def trait_table(load: int) -> Table:
    """How many classified entities of a load are alike in ``TRAITED_BY``, rolled up as in ``tally_table``.

    Everybody is counted once for every dimension the load tells (``trait``), under the part it lies in (``value``).
    """
    return _counts(
        f"traits_{load}",
        Column("trait", String(40), nullable=False),
        Column("value", String(40), nullable=False),
        Column("class", String(1), nullable=False),
    )


def _counts(name: str, *alike: SchemaItem) -> Table:
    """How many are alike in office, departments and further columns; ``rolled_up``: see ``tally_table``."""
    return Table(
        name,
        MetaData(),
        Column("rolled_up", SmallInteger, nullable=False),
        Column("org", ORDERED, nullable=False),
        Column("departments", Text, nullable=False),
        *alike,
        Column("entities", BigInteger, nullable=False),
        Index(f"{name}_reached", "rolled_up", "org"),
    )


def _listed(load: int, narrowed: tuple[str, ...]) -> tuple[SchemaItem, ...]:
    """What lists show and are searched by; indices of names everywhere and in an office, of numbers; of risk."""
    number, monitored = Column("number", ORDERED), text(MONITORED)
    return (
        Column("name", ORDERED),
        number,
        Column("reason", SmallInteger),
        Column("open_reason", SmallInteger),
        Index(f"results_{load}_names", "name", "code", "org", *narrowed),
        Index(f"results_{load}_parts", "org", "name", "code", *narrowed),
        Index(
            f"results_{load}_numbers", number, sqlite_where=number.is_not(None), postgresql_where=number.is_not(None)
        ),
        Index(
            f"results_{load}_riskiest",
            *("margin", "code", "org", "departments"),
            sqlite_where=monitored,
            postgresql_where=monitored,
        ),
    )
