#!/usr/bin/python3
"""A service for Debian's libpam-duo to ask, on loopback with TLS: it approves at once. duo_mock.py PORT CERTIFICATE KEY

What libduo asks is HTTP/1.1 with answers in BSON. Each answer leaves in one piece, without Nagle's wait."""
import http.server
import socket
import ssl
import struct
import sys
import urllib.parse


def bson(value):
    """Strings and documents, which is all that the answers have."""
    body = b""
    for name, item in value.items():
        if isinstance(item, dict):
            body += b"\x03" + name.encode() + b"\0" + bson(item)
        else:
            body += b"\x02" + name.encode() + b"\0" + struct.pack("<i", len(item.encode()) + 1) + item.encode() + b"\0"
    return struct.pack("<i", len(body) + 5) + body + b"\0"


class Duo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    answers = {
        "/rest/v1/preauth.bson": lambda _: {"result": "auth", "prompt": "Push", "factors": {"default": "push1", "1": "push1"}},
        "/rest/v1/auth.bson": lambda asked: {"txid": "1"} if asked.get("async") == ["1"] else {"result": "allow", "status": "Approved"},
        "/rest/v1/status.bson": lambda _: {"result": "allow", "status": "Approved"},
    }

    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def answer(self, path, query):
        body = bson({"stat": "OK", "response": self.answers[path](urllib.parse.parse_qs(query))})
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.answer(path, query)

    def do_POST(self):
        query = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(self.path, query)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Duo)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


main()
