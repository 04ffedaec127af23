"""A push service as Firefox speaks with it: WebSocket (RFC 6455) towards the browser, RFC 8030 towards the application server. It reads nothing of what it
passes on, and checks what of RFC 8030 and 8292 can be seen from outside. Enough for one browser."""
import base64
import hashlib
import json
import os
import socket
import struct
import threading

from push_service import Answer, Handler, PushService, encode

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
TEXT, CLOSE = 1, 8


class Relay(Handler):
    def do_POST(self):
        service = self.server.service
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        channel = service.channels.get(self.path.removeprefix("/push/"))
        try:
            self.check_headers(service)
            if channel:
                service.deliver(channel, body)
            self.reply(Answer(201 if channel else 404))
        except Exception as fault:  # a test must see it
            service.faults.append(repr(fault))
            self.reply(Answer(500))


class AutoPush(PushService):
    def __init__(self):
        super().__init__()
        self.server.RequestHandlerClass = Relay
        self.channels, self.browser, self.acknowledged = {}, None, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            line, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(line,), daemon=True).start()

    def serve(self, line):
        stream = line.makefile("rb")
        headers = {}
        stream.readline()
        while (field := stream.readline().strip()):
            name, value = field.split(b":", 1)
            headers[name.lower()] = value.strip()
        accept = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + MAGIC).digest())
        protocol = headers.get(b"sec-websocket-protocol", b"").split(b",")[0]
        line.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept +
                     (b"\r\nSec-WebSocket-Protocol: " + protocol if protocol else b"") + b"\r\n\r\n")
        self.browser = line
        for message in self.messages(stream):
            self.answer(message)

    @staticmethod
    def messages(stream):
        while len(head := stream.read(2)) == 2 and head[0] & 15 != CLOSE:
            length = head[1] & 127
            if length == 126:
                length = struct.unpack(">H", stream.read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", stream.read(8))[0]
            mask = stream.read(4)  # a browser's frames always have one
            data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(stream.read(length)))
            if head[0] & 15 == TEXT and data.startswith(b"{"):
                yield json.loads(data)

    def answer(self, message):
        kind = message.get("messageType")
        if kind == "hello":
            self.send(messageType="hello", uaid="0" * 32, status=200, use_webpush=True, broadcasts={})
        elif kind == "register":
            name = encode(os.urandom(24))
            self.channels[name] = message["channelID"]
            self.send(messageType="register", channelID=message["channelID"], status=200, pushEndpoint=f"https://{self.host}/push/{name}")
        elif kind == "unregister":
            self.send(messageType="unregister", channelID=message["channelID"], status=200)
        elif kind == "ack":
            self.acknowledged += sum(update["code"] == 100 for update in message["updates"])  # 100: decrypted and handed to the worker

    def send(self, **message):
        data = json.dumps(message).encode()
        size = bytes([len(data)]) if len(data) < 126 else bytes([126]) + struct.pack(">H", len(data))
        self.browser.sendall(bytes([0x80 | TEXT]) + size + data)

    def deliver(self, channel, body):
        self.send(messageType="notification", channelID=channel, version=encode(os.urandom(9)), ttl=60, data=encode(body), headers={"encoding": "aes128gcm"})
