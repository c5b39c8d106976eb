"""A unified identity portal on the loopback: an OpenID provider made of Authlib's, and the faults one may have."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from town import NOW
from werkzeug.serving import make_server

from serving.portal import Registration

LENIENT = JWSRegistry(algorithms=["RS256", "ES256", "PS256", "RS512"], strict_check_header=False)
CLIENT, SECRET = "jianwei", "s3cret: 甲 & 乙+"
ADDRESS = "http://127.0.0.1"


class Client(ClientMixin):
    """This service, as the portal knows it."""

    method = "client_secret_basic"
    landing = f"{ADDRESS}/ui/login/return"

    def get_client_id(self):
        return CLIENT

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.landing

    def check_client_secret(self, client_secret):
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.method

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class Code:
    """A code that was given out, with what the login asked for."""

    code: str
    asked: dict
    user: str

    def __getattr__(self, name):
        return self.asked.get(name)

    def get_redirect_uri(self):
        return self.asked["redirect_uri"]

    def get_scope(self):
        return self.asked["scope"]

    def get_nonce(self):
        return self.asked["nonce"]

    def get_auth_time(self):
        return None

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class CodeGrant(AuthorizationCodeGrant):
    """Codes are used once."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code, request):
        self.server.codes[code] = Code(code, dict(request.payload.data), request.user)

    def query_authorization_code(self, code, client):
        return self.server.codes.get(code)

    def delete_authorization_code(self, authorization_code):
        self.server.codes.pop(authorization_code.code)

    def authenticate_user(self, authorization_code):
        return authorization_code.user


class Tokens(OpenIDCode):
    """Tokens as the portal signs them, but for what a test has changed."""

    def __init__(self, portal):
        super().__init__(require_nonce=True)
        self._portal = portal

    def exists_nonce(self, nonce, request):
        return False

    def encode_id_token(self, token, request):
        at = int(NOW.timestamp())
        told = {"iss": self._portal.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "sub": request.user}
        told |= {"nonce": request.authorization_code.get_nonce(), **self._portal.claims}
        told = {name: value for name, value in told.items() if value is not None}
        return self._portal.signed(told)


@dataclass
class Portal:
    """A running portal. ``claims`` are put in place of a token's own (None leaves one out), ``signed`` signs them,
    ``answers`` stand in for what it would say at a path, ``user`` is who sits before the browser."""

    issuer: str
    user: str = "zhang-001"
    claims: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    published: dict = field(default_factory=dict)
    key: object = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}))
    keys: list = None
    asked: list = field(default_factory=list)
    client: Client = field(default_factory=Client)
    signed: object = None

    def __post_init__(self):
        self.signed = self.sign
        self.keys = [self.key]

    def sign(self, claims, key=None, **header):
        chosen = key or self.key
        return jwt.encode({"alg": "RS256", "kid": chosen.kid, **header}, claims, chosen, registry=LENIENT)

    def jwks(self):
        return {"keys": [one.as_dict(private=False) for one in self.keys]}

    @property
    def registration(self):
        return Registration(self.issuer, CLIENT, ADDRESS, "统一身份认证登录", "Log in with the portal")

    def document(self):
        places = ("authorization_endpoint", "token_endpoint", "end_session_endpoint")
        found = {name: f"{self.issuer}/{name.partition('_endpoint')[0]}" for name in places}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **found, **self.published}

    def count(self, path):
        """How often something was asked for."""
        return self.asked.count(path)

    def login(self, place):
        """Where the portal leads a browser that it was led to, once its user has logged in there."""
        answer = httpx.get(place, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


def application(portal):
    """The portal as an application."""
    app = Flask("portal")
    server = AuthorizationServer(app, query_client=lambda name: portal.client if name == CLIENT else None)
    server.codes, server._save_token = {}, lambda token, request: None
    server.register_grant(CodeGrant, [CodeChallenge(required=True), Tokens(portal)])

    @app.before_request
    def noted():
        portal.asked.append(request.path)
        answer = portal.answers.get(request.path)
        return answer() if callable(answer) else answer

    @app.get("/.well-known/openid-configuration")
    def discovery():
        return jsonify(portal.document())

    @app.get("/jwks")
    def jwks():
        return jsonify(portal.jwks())

    @app.get("/authorization")
    def authorization():
        assert request.args["code_challenge_method"] == "S256"
        grant = server.get_consent_grant(end_user=portal.user)
        return server.create_authorization_response(grant=grant, grant_user=portal.user)

    @app.post("/token")
    def token():
        return server.create_token_response()

    @app.get("/end_session")
    def end_session():
        return Response("gone", mimetype="text/plain")

    return app


@contextmanager
def vouching():
    """A portal that runs on the loopback, gone at the end."""
    portal = Portal("")
    server = make_server("127.0.0.1", 0, application(portal), threaded=True)
    portal.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
