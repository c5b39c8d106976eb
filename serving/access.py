"""Who may see what: roles and routes, what a key was granted, and the one rule of which entities it reaches."""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import ColumnElement, bindparam, func, insert, literal, or_, select, true, update

from serving.store import Store
from serving.tables import API_KEYS

STATED = Path(__file__).resolve().parent / "rights.yaml"
INTERNAL, PROBABILITY = "internal", "probability"
LONGEST = timedelta(days=365)
LONGEST_NAME = 80  # letters of a holder's name
TOKEN = re.compile(r"jw_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
CODE = re.compile(r"[0-9A-Za-z_-]{1,32}")
ONE_KEY = select(API_KEYS).where(API_KEYS.c.number == bindparam("number"))
OF_PERSON = select(API_KEYS).where(
    API_KEYS.c.issuer == bindparam("issuer"), API_KEYS.c.login == bindparam("login"), API_KEYS.c.revoked.is_(None)
)
LONGEST_LOGIN = 255  # letters


class AccessError(Exception):
    """A key cannot be made or used as asked."""


@dataclass(frozen=True)
class Route:
    """A route by its name: method and path template, who may call it, and how it is counted and audited."""

    name: str
    method: str
    path: str
    roles: frozenset[str]
    reads: bool = False
    pace: str = ""
    media: tuple[str, ...] = ()
    largest: int = 1024 * 1024  # bytes of a body; what is no JSON is passed on as it comes
    seconds: float = 8.0  # how long an answer may take

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a path of this route looks like."""
        return re.compile(re.sub(r"\\\{[a-z]+\\\}", "([^/]+)", re.escape(self.path)))


@dataclass(frozen=True)
class Rights:
    """The roles there are, with the rights each may be given, and every route of the service."""

    rights: tuple[str, ...]
    roles: Mapping[str, frozenset[str]]
    pseudonymous: frozenset[str]  # roles that are told pseudonyms in place of entity codes
    routes: Mapping[str, Route]
    supposes: frozenset[str] = frozenset()  # roles that may ask what a class would be with records that are not there
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of roles: label and label_en

    @classmethod
    def read(cls, path: Path = STATED) -> "Rights":
        """The table the product is shipped with."""
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
        routes = {}
        for name, one in stated["routes"].items():
            method, _, template = one["path"].partition(" ")
            more = {key: one[key] for key in ("reads", "pace", "largest", "seconds") if key in one}
            media = tuple(one.get("media", ()))
            roles = frozenset(one["roles"] if "roles" in one else stated["routes"][one["like"]]["roles"])
            routes[name] = Route(name, method, template, roles, media=media, **more)
        return cls(
            tuple(stated["rights"]),
            {name: frozenset(one["rights"]) for name, one in stated["roles"].items()},
            frozenset(name for name, one in stated["roles"].items() if one.get("pseudonyms")),
            routes,
            frozenset(stated["supposes"]),
            {name: {part: one[part] for part in ("label", "label_en")} for name, one in stated["roles"].items()},
        )


RIGHTS = Rights.read()


@dataclass(frozen=True)
class Limits:
    """How fast and how much a key may ask; null is without bound. Defaults are those of a person at work."""

    per_second: int | None = 20
    burst: int | None = 40
    explanations_per_second: int | None = 5
    pages_per_minute: int | None = 60
    entities_per_day: int | None = 2000


UNBOUND = Limits(None, None, None, None, None)
LIMITS = tuple(one.name for one in fields(Limits))


@dataclass(frozen=True)
class Grant:
    """What a key is for.

    ``org`` is the code of an office: the key reaches what it or an office below it supervises (empty: everything).
    ``departments`` narrow that to entities of these departments (none: everybody). ``networks`` are the CIDR blocks it
    may be used from (none: any).
    """

    role: str
    org: str
    expires: date
    departments: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    holder: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody a portal vouches for: its issuer, and the subject by which it knows the person."""

    issuer: str
    login: str


@dataclass(frozen=True)
class Principal:
    """Who is asking: a key and what was granted to it."""

    key: str
    grant: Grant

    def may(self, right: str) -> bool:
        """Whether the key has a right its role can have."""
        return right in self.grant.rights & RIGHTS.roles.get(self.grant.role, frozenset())

    def calls(self, route: str) -> bool:
        """Whether the key's role may call a route."""
        return self.grant.role in RIGHTS.routes[route].roles

    @property
    def supposes(self) -> bool:
        """Whether the key's role may suppose records."""
        return self.grant.role in RIGHTS.supposes

    @property
    def pseudonymous(self) -> bool:
        """Whether entities are told to it by pseudonym only."""
        return self.grant.role in RIGHTS.pseudonymous


def within(grant: Grant, row: Mapping[str, Any]) -> bool:
    """Whether a grant reaches an entity, from its ``org`` path and its ``departments`` (``,ecology,``).

    The one rule of scope; ``condition`` says the same to a database.
    """
    reached = not grant.org or grant.org in str(row["org"]).split("/")
    named = set(str(row["departments"]).split(","))
    return reached and (not grant.departments or bool(named & grant.departments))


def condition(grant: Grant, columns: Any) -> ColumnElement[bool]:
    """``within`` as a condition on the columns ``org`` and ``departments`` of a table."""
    reached: ColumnElement[bool] = true()
    if grant.org:
        reached = _has(literal("/").concat(columns.org).concat("/"), f"/{grant.org}/")
    if not grant.departments:
        return reached
    return reached & or_(*(_has(columns.departments, f",{one},") for one in sorted(grant.departments)))


def _has(text: Any, part: str) -> ColumnElement[bool]:
    """Whether a text has a part, letter by letter: LIKE takes a for A in SQLite, and some letters for any."""
    without: ColumnElement[bool] = func.replace(text, part, "") != text
    return without


def check(grant: Grant, *, today: date) -> None:
    """Nothing when a key may be made for a grant; AccessError says what is not possible."""
    if grant.role not in RIGHTS.roles:
        raise AccessError(f"Role {grant.role!r} does not exist; expected {', '.join(RIGHTS.roles)}. No key was made.")
    unknown = grant.rights - RIGHTS.roles[grant.role]
    if unknown:
        can_be = ", ".join(sorted(RIGHTS.roles[grant.role])) or "none"
        raise AccessError(
            f"Right {min(unknown)!r} cannot be given to role {grant.role}; it can have: {can_be}. No key was made."
        )
    for code in (*filter(None, [grant.org]), *grant.departments):
        if CODE.fullmatch(code) is None:
            raise AccessError(f"{code!r} is no code of an office or department. No key was made.")
    if len(grant.holder) > LONGEST_NAME:
        raise AccessError(f"A holder's name has at most {LONGEST_NAME} letters. No key was made.")
    if not today <= grant.expires <= today + LONGEST:
        raise AccessError(
            f"A key that ends on {grant.expires} was asked for on {today}; "
            f"it may last until {today + LONGEST}. No key was made."
        )
    for network in grant.networks:
        _check_network(network)


def _check_network(stated: str) -> None:
    try:
        ipaddress.ip_network(stated)
    except ValueError as fault:
        meant = _meant(stated)
        raise AccessError(
            f"{stated!r} is no network ({fault}); expected CIDR, {meant or '10.1.0.0/16'}. No key was made."
        ) from None


def _meant(stated: str) -> str | None:
    """The network an address with bits beyond its prefix lies in; nothing for what is no address at all."""
    try:
        return str(ipaddress.ip_network(stated, strict=False))
    except ValueError:
        return None


def kept(grant: Grant) -> dict[str, Any]:
    """A grant as the store keeps it."""
    return {
        "holder": grant.holder,
        "role": grant.role,
        "org": grant.org,
        "departments": sorted(grant.departments),
        "rights": sorted(grant.rights),
        "networks": list(grant.networks),
        "limits": asdict(grant.limits),
        "expires": grant.expires,
    }


def granted(row: Mapping[Any, Any]) -> Grant:
    """A grant from what the store keeps."""
    return Grant(
        role=row["role"],
        org=row["org"],
        expires=row["expires"],
        departments=frozenset(row["departments"]),
        rights=frozenset(row["rights"]),
        networks=tuple(row["networks"]),
        limits=Limits(**row["limits"]),
        holder=row["holder"],
    )


def parted(token: str) -> tuple[str, str] | None:
    """The key's number and the digest of its secret; nothing for what is no token."""
    found = TOKEN.fullmatch(token)
    return None if found is None else (found[1], hashlib.sha256(found[2].encode()).hexdigest())


def admitted(row: Mapping[Any, Any] | None, digest: str, *, address: str, today: date) -> Principal | None:
    """Who a token belongs to; nothing when the key is unknown, wrong, revoked, out of date or used from elsewhere."""
    known = hmac.compare_digest(digest, str(row["sha256"]) if row else "")
    if row is None or not known or row["revoked"] is not None:
        return None
    grant = granted(row)
    if today > grant.expires or not _from(grant.networks, address):
        return None
    return Principal(str(row["number"]), grant)


def _from(networks: tuple[str, ...], address: str) -> bool:
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found  # what a socket for both families calls an IPv4 address
    return any(plain in ipaddress.ip_network(one) for one in networks)


def create(store: Store, grant: Grant, *, today: date) -> str:
    """A new API key ``jw_<number>_<secret>``, shown this once; AccessError says what is not possible."""
    check(grant, today=today)
    row, secret = _row(grant, today)
    with store.writing() as connection:
        connection.execute(insert(API_KEYS).values(**row))
    return f"jw_{row['number']}_{secret}"


def create_for(store: Store, grant: Grant, person: Person, *, today: date) -> str:
    """The number of a new key that one person comes in as, by the portal; AccessError says what is not possible.

    Its secret is told to nobody, so it opens pages to the person and no route of the API to anyone.
    """
    check(grant, today=today)
    _check_person(person)
    row, _ = _row(grant, today)
    with store.writing() as connection:
        other = connection.execute(OF_PERSON, asdict(person)).mappings().first()
        if other is not None:
            raise AccessError(
                f"Key {other['number']} (role {other['role']}, until {other['expires']}) is this person's already; a "
                f"person has one. No key was made; end that one first: jianwei keys revoke {other['number']}."
            )
        connection.execute(insert(API_KEYS).values(**row, **asdict(person)))
    return str(row["number"])


def _row(grant: Grant, today: date) -> tuple[dict[str, Any], str]:
    """A new key as the store keeps it, and its secret."""
    secret = secrets.token_urlsafe(32)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return {"number": secrets.token_hex(4), "sha256": digest, "created": today, **kept(grant)}, secret


def _check_person(person: Person) -> None:
    login = person.login
    if not 0 < len(login) <= LONGEST_LOGIN or not login.isprintable() or login != login.strip():
        raise AccessError(
            f"{login[:LONGEST_LOGIN]!r} is no subject of the portal; expected 1 to {LONGEST_LOGIN} letters with no "
            "space around them. No key was made; the page that refuses a person shows the subject."
        )


def limited(limits: Limits, stated: Iterable[str]) -> Limits:
    """Limits with some of them set anew, each stated as ``name=value`` or ``name=none``; AccessError for others."""
    changed: dict[str, int | None] = {}
    for one in stated:
        name, _, value = one.partition("=")
        if name not in LIMITS or not (value == "none" or (value.isascii() and value.isdigit() and int(value) > 0)):
            raise AccessError(
                f"{one!r} is no limit; expected NAME=NUMBER or NAME=none with a name of {', '.join(LIMITS)}. "
                "No key was made."
            )
        changed[name] = None if value == "none" else int(value)
    return replace(limits, **changed)


def listed(store: Store) -> list[dict[str, Any]]:
    """Every key there was, the newest first, as it was granted; its secret is known to nobody."""
    wanted = select(*(column for column in API_KEYS.c if column.name != "sha256"))
    with store.reading() as connection:
        rows = connection.execute(wanted.order_by(API_KEYS.c.created.desc(), API_KEYS.c.number)).mappings()
        return [dict(row) for row in rows]


def revoke(store: Store, number: str, *, at: datetime) -> None:
    """End a key now; AccessError when there is none of this number that has not been ended."""
    ended = update(API_KEYS).where(API_KEYS.c.number == number, API_KEYS.c.revoked.is_(None)).values(revoked=at)
    with store.writing() as connection:
        if connection.execute(ended).rowcount != 1:
            raise AccessError(
                f"There is no key {number!r} that could be revoked. Nothing was changed; jianwei keys list says "
                "which there are."
            )


@dataclass(frozen=True)
class Doorkeeper:
    """Knows the keys of a store as they are now; without a readable store nobody is let in."""

    store: Store
    now: Callable[[], datetime]
    zone: ZoneInfo

    def __call__(self, token: str, address: str) -> Principal | None:
        """Who a token belongs to that was sent from an address, or nothing; StoreError when the store is away."""
        found = parted(token)
        if found is None:
            return None
        number = found[0]
        row = self.store.checked.remembered(
            ("key", number), lambda connection: connection.execute(ONE_KEY, {"number": number}).mappings().first()
        )
        return admitted(row, found[1], address=address, today=self.now().astimezone(self.zone).date())
