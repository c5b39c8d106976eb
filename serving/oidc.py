"""OpenID Connect as it is spoken with the portal: documents read within bounds, and tokens verified."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey
from joserfc.jws import JWSRegistry

from serving.http import ProblemError, strict_json
from serving.passage import Passage
from serving.portal import AwayError, RefusedError, Registration, is_near, is_reached

SECONDS = 5.0  # all that a page waits for the portal
LARGEST = 256 * 1024  # bytes of an answer
LONGEST_TOKEN = 16 * 1024
LONGEST_SUBJECT = 255
MOST_KEYS = 50
SMALLEST_RSA = 2048  # bits
FRESH = timedelta(hours=1)  # what the portal publishes is read anew after it
SOON = timedelta(minutes=1)  # keys are not read anew for a token within it
LEEWAY = 60  # seconds that the clocks of portal and service may differ
ALGORITHMS = JWSRegistry(algorithms=["RS256", "ES256", "PS256"], strict_check_header=False)  # never none, nor HS256
QUOTED = partial(quote, safe="")  # as a form has it, but for spaces: some portals read a plus as it stands
IDENTITY = {"accept": "application/json", "accept-encoding": "identity"}  # nothing unpacks to more than was counted
METHODS = "token_endpoint_auth_methods_supported"
SPENT = "invalid_grant"  # what the portal says to a code that was used, is too old or not for this passage


@dataclass(frozen=True)
class Published:
    """What the portal publishes of itself, and when it was read."""

    at: datetime
    document: Mapping[str, Any]

    def place(self, name: str) -> str:
        """The address of an endpoint."""
        return str(self.document[name])


@dataclass
class Speaker:
    """Speaks with one portal for one process; keeps what the portal publishes for an hour."""

    registration: Registration
    secret: str = field(repr=False)
    now: Callable[[], datetime]
    # the authorities this machine trusts, not a list of our own: a portal's certificate is often a government's
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    _published: Published | None = None
    _keys: KeySet | None = None
    _keys_at: datetime | None = None

    async def way_in(self, passage: Passage) -> str:
        """The address at the portal where a passage goes; AwayError while the portal cannot be asked."""
        async with self._asking() as client:
            published = await self._portal(client)
        stated = {
            "response_type": "code",
            "client_id": self.registration.client,
            "redirect_uri": self.registration.landing,
            "scope": "openid" if self.registration.subject == "sub" else "openid profile",
            "state": passage.state,
            "nonce": passage.nonce,
            "code_challenge": passage.challenge,
            "code_challenge_method": "S256",
        }
        return _extended(published.place("authorization_endpoint"), stated)

    async def way_out(self) -> str | None:
        """The address where one leaves the portal too; nothing where it names none, AwayError where it is away."""
        async with self._asking() as client:
            published = await self._portal(client)
        if not self._is_place(published.document.get("end_session_endpoint")):
            return None
        return _extended(published.place("end_session_endpoint"), {"client_id": self.registration.client})

    async def person(self, code: str, passage: Passage) -> str:
        """Who logged in at the portal on this passage, by the claim that names people.

        AwayError while the portal cannot be asked, RefusedError when it does not vouch for anybody.
        """
        async with self._asking() as client:
            published = await self._portal(client)
            token = await self._token(client, published, code, passage)
            claims = await self._verified(client, published, token)
        _check(claims, self.registration, nonce=passage.nonce, now=int(self.now().timestamp()))
        found = claims.get(self.registration.subject)
        if not isinstance(found, str) or not 0 < len(found) <= LONGEST_SUBJECT or not found.isprintable():
            raise RefusedError(f"the token has no usable claim {self.registration.subject}")
        return found

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that asks nobody for longer than a page can wait; AwayError when it has no answer by then."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                httpx.AsyncClient(verify=self.trusted, trust_env=False, timeout=SECONDS) as client,
            ):
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as fault:
            raise AwayError(f"{type(fault).__name__}") from None

    async def _portal(self, client: httpx.AsyncClient) -> Published:
        if self._published is None or self.now() - self._published.at >= FRESH:
            url = self.registration.issuer.rstrip("/") + "/.well-known/openid-configuration"
            document = _found(*await _answer(client, client.build_request("GET", url, headers=IDENTITY)))
            if document.get("issuer") != self.registration.issuer:
                raise AwayError("the discovery document is of another issuer")
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if bad := [name for name in names if not self._is_place(document.get(name))]:
                raise AwayError(f"the discovery document has no usable {', '.join(bad)}")
            self._published, self._keys = Published(self.now(), document), None
        return self._published

    def _is_place(self, url: Any) -> bool:
        """Whether an address the portal names is reached by TLS; an issuer on this machine may do without."""
        return isinstance(url, str) and is_reached(url, plainly=is_near(self.registration.issuer))

    async def _token(self, client: httpx.AsyncClient, published: Published, code: str, passage: Passage) -> str:
        """The token the portal gives for a code, to who shows the verifier and the secret."""
        stated = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.registration.landing,
            "code_verifier": passage.verifier,
        }
        who = (self.registration.client, self.secret)
        known = published.document.get(METHODS)
        takes_basic = not isinstance(known, list) or "client_secret_basic" in known
        if not takes_basic:
            stated |= dict(zip(("client_id", "client_secret"), who, strict=True))
        request = client.build_request("POST", published.place("token_endpoint"), data=stated, headers=IDENTITY)
        auth = httpx.BasicAuth(*map(QUOTED, who)) if takes_basic else None
        status, document = await _answer(client, request, auth)
        if status == httpx.codes.BAD_REQUEST and document.get("error") == SPENT:
            raise RefusedError("the portal knows no such code")
        token = _found(status, document).get("id_token")
        if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
            raise RefusedError("the portal gave no token of a usable size")
        return token

    async def _verified(self, client: httpx.AsyncClient, published: Published, token: str) -> dict[str, Any]:
        """The claims of a token that a key of the portal's signed; one no known key did has the keys read once anew."""
        try:
            try:
                return _claims(token, await self._known(client, published, FRESH))
            except (InvalidKeyIdError, BadSignatureError):
                return _claims(token, await self._known(client, published, SOON))
        except JoseError as fault:
            raise RefusedError(f"the token is not the portal's: {type(fault).__name__}") from None

    async def _known(self, client: httpx.AsyncClient, published: Published, oldest: timedelta) -> KeySet:
        """The keys the portal publishes, read not longer ago than that."""
        if self._keys is None or self._keys_at is None or self.now() - self._keys_at >= oldest:
            url = published.place("jwks_uri")
            document = _found(*await _answer(client, client.build_request("GET", url, headers=IDENTITY)))
            self._keys, self._keys_at = _usable(document), self.now()
        return self._keys


async def _answer(
    client: httpx.AsyncClient, request: httpx.Request, auth: httpx.Auth | None = None
) -> tuple[int, dict[str, Any]]:
    """The status and document of an answer; AwayError for one that is too large or holds no strict JSON object."""
    answer = await client.send(request, auth=auth, stream=True, follow_redirects=False)
    try:
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > LARGEST:
                raise AwayError(f"an answer has more than {LARGEST} bytes")
    finally:
        await answer.aclose()
    try:
        document = strict_json(bytes(body))
    except ProblemError:
        document = None
    if not isinstance(document, dict):
        raise AwayError(f"an answer of status {answer.status_code} is no JSON object")
    return answer.status_code, document


def _found(status: int, document: dict[str, Any]) -> dict[str, Any]:
    """The document of a good answer; AwayError for any other, redirects among them."""
    if status != httpx.codes.OK:
        raise AwayError(f"an answer has status {status}")
    return document


def _usable(document: Mapping[str, Any]) -> KeySet:
    """The keys of a document that can verify a token; AwayError where there is none."""
    stated = document.get("keys")
    listed = [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []
    found = [key for one in listed[:MOST_KEYS] if one.get("use", "sig") == "sig" and (key := _key(one)) is not None]
    if not found:
        raise AwayError("the portal publishes no key that could verify a token")
    return KeySet(found)


def _key(stated: dict[str, Any]) -> Key | None:
    """A public key; nothing for one of another kind, a weak one, or one that cannot be read."""
    try:
        if (stated.get("kty"), stated.get("crv")) == ("EC", "P-256"):
            return ECKey.import_key(stated)
        if stated.get("kty") == "RSA":
            key = RSAKey.import_key(stated)
            return key if key.public_key.key_size >= SMALLEST_RSA else None
    except (JoseError, ValueError):
        pass
    return None


def _claims(token: str, keys: KeySet) -> dict[str, Any]:
    """What a token says that one of these keys signed; RefusedError or one of the library's where none did."""
    try:
        return jwt.decode(token, keys, registry=ALGORITHMS).claims
    except (ValueError, TypeError, RecursionError) as fault:  # the library does not look at the form of all it reads
        raise RefusedError(f"the token cannot be read: {type(fault).__name__}") from None


def _check(claims: dict[str, Any], registration: Registration, *, nonce: str, now: int) -> None:
    """Nothing when a token is this portal's, for this service, in time and of this passage; RefusedError otherwise."""
    needed = {"iss": registration.issuer, "aud": registration.client, "nonce": nonce}
    options = {name: jwt.ClaimsOption(essential=True, value=value) for name, value in needed.items()}
    options |= {name: jwt.ClaimsOption(essential=True) for name in ("sub", "exp", "iat")}
    try:
        jwt.JWTClaimsRegistry(now=now, leeway=LEEWAY, **options).validate(claims)
    except JoseError as fault:
        raise RefusedError(f"the token does not hold: {fault}") from None
    is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_shared else registration.client) != registration.client:
        raise RefusedError("the token was made for another service")


def _extended(url: str, stated: Mapping[str, str]) -> str:
    """An address with more to say in its query."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(stated)}"
