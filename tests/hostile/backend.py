"""A small backend (docs/backend-protocol.md) that behaves well, but for the hooks that a row of the table in test_helper.py gives.

Hooks: discovery(document), jwks(document), asked(answer), token_error(answer), claims(claims), header(header), compact(token): each returns what is
sent instead. signer: the key that signs ID tokens. approval(backend, request): the phone's JWS, or None to leave it out.
raw: {path: function(handler)}, which writes the whole answer itself.
"""
import http.server
import json
import threading
import time
import urllib.parse
import uuid

from jose import Key, Phone, unb64

CIBA = "urn:openid:params:grant-type:ciba"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Request:
    def __init__(self, details, parameters):
        self.id = "req-" + uuid.uuid4().hex
        self.raw = details
        self.details = json.loads(details) if details else None
        self.parameters = parameters
        self.state, self.reason, self.method = "open", None, None
        self.number = None
        self.unreached = 0  # 1: no phone was reached, and the host is not told yet
        self.codes = []
        self.cancelled = None


class Backend:
    def __init__(self, host_key, hooks=None, tls=None, **settings):
        self.host_key, self.hooks = host_key, hooks or {}
        self.key, self.phone = Key(), Phone()
        self.lock = threading.Condition()
        self.requests, self.calls, self.assertions = [], [], set()
        self.methods, self.device, self.devices = ["phone", "code"], "Pixel 8", 1
        self.hold, self.life, self.code, self.user_claim, self.audience = 5.0, None, "123456", "sub", "web1"
        self.number_required, self.authenticated, self.directory, self.locked = None, 0, None, 60
        for name, value in settings.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.backend = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        with self.lock:
            self.hold = 0
            self.lock.notify_all()
        self.server.shutdown()
        self.server.server_close()

    def hook(self, name, value):
        return self.hooks[name](value) if name in self.hooks else value

    # --- what the test does as user ---

    def wait_for(self, condition, seconds=10):
        """Waits until condition() holds; False where it does not in time."""
        with self.lock:
            return self.lock.wait_for(condition, seconds)

    def last(self):
        assert self.wait_for(lambda: self.requests), "no request came"
        return self.requests[-1]

    def finish(self, state, number=None, reason=None, method="phone"):
        with self.lock:
            request = self.requests[-1]
            request.state, request.number, request.reason, request.method = state, number, reason, method
            self.lock.notify_all()

    def unreached(self):
        """No phone of the newest request's can have got it."""
        with self.lock:
            self.requests[-1].unreached = 1
            self.lock.notify_all()

    def count(self, path):
        return sum(1 for call, _ in self.calls if call == path)

    # --- endpoints: each returns status and body ---

    def discovery(self):
        return 200, self.hook("discovery", {
            "issuer": self.url, "jwks_uri": self.url + "/jwks", "token_endpoint": self.url + "/ciba/token",
            "backchannel_authentication_endpoint": self.url + "/ciba/backchannel",
            "authorization_details_types_supported": ["pam_approve_login"],
            "pam_approve_cancel_endpoint": self.url + "/ciba/cancel", "pam_approve_code_endpoint": self.url + "/ciba/code"})

    def jwks(self):
        return 200, self.hook("jwks", {"keys": [self.key.jwk | {"kid": self.key.thumbprint, "use": "sig", "alg": "ES256"}]})

    def authenticate(self, parameters):
        """private_key_jwt, checked by the protocol's text."""
        header, claims = self.host_key.verify(parameters["client_assertion"])
        assert parameters["client_assertion_type"] == ASSERTION
        assert header == {"alg": "ES256", "typ": "JWT", "kid": self.host_key.thumbprint}, header
        assert claims["iss"] == claims["sub"] == self.audience and claims["aud"] == self.url, claims
        assert abs(time.time() - claims["iat"]) < 5 and claims["exp"] - claims["iat"] == 60, claims
        assert claims["jti"] not in self.assertions and len(claims["jti"]) == 22, "jti"
        self.assertions.add(claims["jti"])
        self.authenticated += 1

    def backchannel(self, parameters):
        details = None
        if "authorization_details" in parameters:
            element = json.loads(parameters["authorization_details"])
            assert len(element) == 1 and set(element[0]) == {"type", "details"}
            details = unb64(element[0]["details"])
        request = Request(details, parameters)
        required = self.number_required
        if required and request.details["number"]["mode"] != required:
            return 400, {"error": "pam_approve_number_required", "number": required}
        methods = ["code"] if parameters.get("methods") == "code" else self.methods
        phone = "phone" in methods
        self.requests.append(request)
        return 200, self.hook("asked", {
            "auth_req_id": request.id, "expires_in": self.life or int(parameters["requested_expiry"]), "interval": 1,
            "device": self.device if phone else "", "devices": self.devices if phone else 0, "methods": methods})

    def find(self, parameters):
        return next((r for r in self.requests if r.id == parameters["auth_req_id"]), None)

    def token(self, parameters):
        assert parameters["grant_type"] == CIBA
        request = self.find(parameters)
        if request is None:
            return 400, {"error": "invalid_grant"}
        self.lock.wait_for(lambda: request.state != "open" or not self.hold or request.unreached == 1, self.hold)
        if request.state in ("approved", "used"):
            request.state = "used"
            return 200, {"access_token": "x", "token_type": "Bearer", "expires_in": 1, "id_token": self.id_token(request)}
        error = {"open": "authorization_pending", "expired": "expired_token"}.get(request.state, "access_denied")
        more = {"methods": ["code"]} if request.unreached and request.state == "open" else {}
        request.unreached *= 2  # told once at once, and with each later answer
        return 400, self.hook("token_error", {"error": error} | ({"reason": request.reason} if request.reason else {}) | more)

    def id_token(self, request):
        now = int(time.time())
        user = request.details["user"] if request.details else request.parameters["login_hint"]
        claims = {"iss": self.url, self.user_claim: user, "aud": self.audience, "iat": now, "exp": now + 60, "auth_time": now,
                  "amr": ["swk"] if request.method == "phone" else ["otp"],
                  "urn:openid:params:jwt:claim:auth_req_id": request.id}
        if request.method == "phone" and request.raw:
            claims |= {"cnf": {"jwk": self.phone.jwk}, "device": self.device}
            make = self.hooks.get("approval", lambda backend, r: backend.phone.decide(r.raw, number=r.number))
            approval = make(self, request)
            claims |= {"pam_approve_approval": approval} if approval is not None else {}
        header = self.hook("header", {"alg": "ES256", "typ": "JWT", "kid": self.key.thumbprint})
        return self.hook("compact", self.hooks.get("signer", self.key).sign(header, self.hook("claims", claims)))

    def cancel(self, parameters):
        request = self.find(parameters)
        if request is None:
            return 400, {"error": "invalid_grant"}
        request.cancelled = parameters["reason"]
        if request.state == "open":
            request.state, request.reason = "cancelled", "cancelled"
        return 200, {}

    def check_code(self, parameters):
        request = self.find(parameters)
        if request is None or request.state != "open":
            return 400, {"error": "invalid_grant"}
        request.codes.append(parameters["code"])
        if parameters["code"] == "999999":
            return 400, {"error": "pam_approve_code_locked", "retry_after": self.locked}
        if parameters["code"] != self.code:
            return 400, {"error": "pam_approve_invalid_code"}
        request.state, request.method = "approved", "code"
        return 200, {}

    def answer(self, path, parameters):
        """Dispatches; called with the lock held."""
        gets = {"/.well-known/openid-configuration": self.discovery, "/jwks": self.jwks}
        posts = {"/ciba/backchannel": self.backchannel, "/ciba/token": self.token, "/ciba/cancel": self.cancel,
                 "/ciba/code": self.check_code}
        if path in gets:
            return gets[path]()
        self.authenticate(parameters)
        return posts[path](parameters)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that left


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_args):
        pass

    def reply(self, status, body, content_type="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def serve(self, parameters):
        backend, self.parameters = self.server.backend, parameters
        with backend.lock:
            backend.calls.append((self.path, parameters))
        if self.path in backend.hooks.get("raw", {}):
            if backend.hooks["raw"][self.path](self) is not NotImplemented:
                return
        with backend.lock:
            try:
                status, body = backend.answer(self.path, parameters)
            except (AssertionError, KeyError) as error:
                backend.calls.append(("error", repr(error)))
                status, body = 400, {"error": "invalid_request", "error_description": repr(error)}
            backend.lock.notify_all()
        self.reply(status, body)

    def do_GET(self):
        self.serve({})

    def do_POST(self):
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded", self.headers["Content-Type"]
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs), "a parameter twice"
        self.serve(dict(pairs))

