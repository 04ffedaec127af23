#!/usr/bin/python3
"""The app's files as the real approve-server gives them out: types, headers, and nothing that was not read at the start."""
import http.client
import os
import re
import socket
import ssl
import sys
import traceback

from peers import LIMITS, SERVER, Server, sandbox

FILES = {
    "index.html": ("<!doctype html>", "text/html; charset=utf-8"),
    "app.js": ("export {}", "text/javascript; charset=utf-8"),
    "app.css": ("", "text/css; charset=utf-8"),
    "manifest.webmanifest": ("{}", "application/manifest+json"),
    "icon.svg": ("<svg/>", "image/svg+xml"),
    "icon-192.png": ("png", "image/png"),
    "lang/fr.json": ("{}", "application/json"),
    "screens/home.js": ("x", "text/javascript; charset=utf-8"),
}
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
    "manifest-src": "'self'", "worker-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'", "trusted-types": "worker",
}


class Site(Server):
    def __init__(self, conf=LIMITS):
        super().__init__(conf)
        self.stop()
        for name, (text, _) in FILES.items():
            sandbox.write(f"{self.folder}/phone/{name}", text)
        sandbox.write(f"{self.folder}/phone/notes.md", "not for phones")
        sandbox.write(f"{self.folder}/phone/terminal/main.js", "not for browsers")
        self.start()

    def get(self, path, method="GET", headers=None, tls=None):
        kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        line = kind("127.0.0.1", self.port, timeout=10, **({"context": tls} if tls else {}))
        try:
            line.request(method, path, headers={"Host": f"localhost:{self.port}", **(headers or {})})
            answer = line.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            line.close()

    def raw(self, target):
        """A request line as it is, which a library would tidy up."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost:{self.port}\r\nConnection: close\r\n\r\n".encode())
            text = b""
            while part := line.recv(65536):
                text += part
        return text.decode()


def check_headers(headers):
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY, policy
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-cache"
    for feature in ("camera", "microphone", "geolocation", "usb", "payment", "publickey-credentials-get"):
        assert f"{feature}=()" in headers["Permissions-Policy"], feature


def test_files(site):
    """Each file is there, as it is, with its type and the headers that protect the app."""
    for name, (text, content_type) in FILES.items():
        status, headers, body = site.get(f"/{name}")
        assert (status, body, headers["Content-Type"]) == (200, text, content_type), (name, status, body, headers["Content-Type"])
        check_headers(headers)
        assert "Strict-Transport-Security" not in headers


def test_pages(site):
    """The app's page stands at / and at the address of links."""
    for path in ("/", "/enroll", "/index.html", "/?x=1", "/enroll?x"):
        assert site.get(path)[::2] == (200, "<!doctype html>"), path


def test_other_names(site):
    """What is no file of the app is not there, whatever the name."""
    for path in ("/notes.md", "/terminal/main.js", "/main.js", "/lang/", "/lang", "/screens/", "/lang/en.json", "/app.js/", "/enroll/", "/App.js",
                 "/index.htm", "/.", "/.hidden.js", "/app.js.", "/lang/home.js"):
        status, headers, _ = site.get(path)
        assert status == 404, (path, status)
        if path.count("/") == 1 and not path.startswith("/."):
            check_headers(headers)


def test_traversal(site):
    """No path leads out of the folder."""
    sandbox.write(f"{site.folder}/secret.js", "SECRET")
    for target in ("/../secret.js", "/..%2fsecret.js", "/%2e%2e/secret.js", "/lang/../../secret.js", "/lang/..%2f..%2fsecret.js", "//secret.js",
                   "/..\\secret.js", "/lang/..", f"{site.folder}/secret.js", f"/{site.folder}/secret.js", "/./../secret.js",
                   "/....//secret.js", f"http://localhost:{site.port}/../secret.js", "/secret.js%00.js", "/../data/push.key"):
        answer = site.raw(target)
        assert "SECRET" not in answer and "PRIVATE KEY" not in answer, target
        assert re.match(r"HTTP/1.1 40[04] ", answer), (target, answer)


def test_caching(site):
    """A file that did not change is not sent again."""
    status, headers, _ = site.get("/app.js")
    tag = headers["ETag"]
    assert status == 200 and re.fullmatch(r'"[\w-]{24}"', tag), tag
    for known in (tag, f'"x", {tag}', f"W/{tag}"):
        status, headers, body = site.get("/app.js", headers={"If-None-Match": known})
        assert (status, body, headers["ETag"]) == (304, "", tag)
        assert "Content-Length" not in headers
        check_headers(headers)
    for other in ('"x"', tag[:-2] + '"', ""):
        assert site.get("/app.js", headers={"If-None-Match": other})[0] == 200, other
    assert site.get("/index.html")[1]["ETag"] != tag


def test_read_once(site):
    """Files are read when the server starts: a change shows after a restart, with another tag."""
    tag = site.get("/app.js")[1]["ETag"]
    sandbox.write(f"{site.folder}/phone/app.js", "changed")
    sandbox.write(f"{site.folder}/phone/new.js", "new")
    assert site.get("/app.js")[2] == FILES["app.js"][0] and site.get("/new.js")[0] == 404
    site.stop()
    site.start()
    assert site.get("/app.js")[2] == "changed" and site.get("/new.js")[2] == "new"
    assert site.get("/app.js")[1]["ETag"] != tag


def test_methods(site):
    """Files can be read, nothing else."""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, _, body = site.get("/app.js", method=method, headers={"Content-Length": "0"})
        assert status == 405 and FILES["app.js"][0] not in body, (method, status)


def test_refused_folder(site):
    """A folder that cannot be trusted keeps the server from starting, and it says what to do."""
    site.stop()
    os.chmod(f"{site.folder}/phone/app.js", 0o666)
    done = sandbox.sh(SERVER, "--config", site.conf, "serve", check=False)
    assert done.returncode != 0 and "app.js" in done.stdout and "chmod o-w" in done.stdout, done.stdout


def test_https():
    """Over https browsers are told to stay with it."""
    port = sandbox.free_port()

    class Secure(Site):
        def start(self):
            text = sandbox.read(self.conf)
            sandbox.write(self.conf, text.replace(self.url, f"https://localhost:{port}"), 0o600)
            self.port, self.url = port, f"https://localhost:{port}"
            self.cli("init")
            super().start()

    with Secure() as site:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for path, wanted in (("/", 200), ("/none.js", 404)):
            status, headers, _ = site.get(path, tls=context)
            assert status == wanted
            check_headers(headers)
            assert headers["Strict-Transport-Security"] == "max-age=31536000"


def main():
    tests = [test for name, test in globals().items() if name.startswith("test_") and re.search("|".join(sys.argv[1:]), name)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            if test.__code__.co_argcount:
                with Site() as site:
                    test(site)
            else:
                test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {test.__name__}: {test.__doc__}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
