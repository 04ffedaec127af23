#!/usr/bin/python3
"""approve-helper with a backend that behaves: what each caller sees, and how it ends."""
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, Setting, main, number_in, slower, test  # noqa: E402


@test("sshd: the number is inside a visible prompt, and an approval counts when Enter comes")
def _():
    with Setting() as s:
        client = s.client()
        frame = client.until("P")
        number = number_in(frame.text)
        assert frame.text == f"Number {number}. Approve on Pixel 8, then press Enter, or type a code: ", frame.text
        assert frame.echo == "1" and 10 <= number <= 99
        request = s.backend.last()
        assert request.details["number"] == {"mode": "enter"} and set(request.details) == {
            "v", "request", "iss", "host", "host_name", "service", "user", "rhost", "tty", "command", "number", "iat", "exp", "host_key"}
        assert set(request.parameters) == {"scope", "login_hint", "requested_expiry", "authorization_details",
                                           "client_assertion", "client_assertion_type"}
        s.backend.finish("approved", number)
        time.sleep(0.3)
        client.answer("")
        done = client.done("approved")
        assert done.greeter == "0" and done.delay == "0"
        assert s.logged(f"approved user=alice service=sshd rhost=192.0.2.7 request={request.details['request']} by=Pixel_8")


@test("the details say who, where and what, and the request is made as the protocol says")
def _():
    with Setting() as s:
        client = s.client(service="sudo", user="al", rhost="", tty="pts/3", command="sudo -u root /usr/bin/apt install x --password=secret")
        client.until("I")
        request = s.backend.last()
        d = request.details
        assert (d["v"], d["iss"], d["host"], d["host_name"], d["service"], d["user"], d["rhost"], d["tty"], d["command"]) == \
            (1, s.backend.url, "web1", "Web One", "sudo", "al", "", "pts/3", "/usr/bin/apt"), d
        assert d["exp"] - d["iat"] == 60 and abs(d["iat"] - time.time()) < 5 and len(d["request"]) == 22 and d["host_key"] is None
        p = request.parameters
        assert (p["scope"], p["login_hint"], p["requested_expiry"]) == ("openid", "al", "60") and "methods" not in p and "binding_message" not in p
        assert s.backend.authenticated >= 1 and not [c for c in s.backend.calls if c[0] == "error"]
        client.close()


@test("--debug: the log has each frame and each answer of the server, and no number, code or token")
def _():
    with Setting(program=[f"{BUILD}/approve-helper", "--debug"]) as s:
        client = s.client()
        number = number_in(client.until("P").text)
        client.answer("123456")
        client.done("code")
        for line in (r"frame S from uid=0 user=\S* service=\S* after \d+ ms", r"frame P to uid=0 user=alice service=sshd after \d+ ms", "frame A from uid=0 user=alice",
                     "frame D to uid=0 user=alice", rf"{s.backend.url}/\S+: status 200, \d+ bytes, after \d+ ms, on a (new|kept) connection"):
            assert s.logged_match(line), line
        log = "".join(s.log)
        assert "123456" not in log and "eyJ" not in log and not re.search(rf"\b{number}\b(?! (ms|bytes))", re.sub(r"after \d+ ms|, \d+ bytes", "", log)), log
    with Setting() as s:
        client = s.client()
        client.until("P")
        s.backend.finish("denied")
        client.answer("")
        client.done("denied")
        assert not s.logged("frame ", 0.2)


@test("sudo: the number as text, a wait with a key, and the end as soon as the phone answers")
def _():
    with Setting() as s:
        client = s.client(service="sudo", keys="1")
        text = client.until("I").text
        wait = client.until("W")
        assert text == f"Approve {number_in(text)} on Pixel 8, or press a key to type a code." and (wait.seconds, wait.key) == ("45", "1")
        s.backend.finish("approved", number_in(text))
        started = time.monotonic()
        client.done("approved")
        assert time.monotonic() - started < 0.5 * slower()


@test("denied: the end at once, a text, and no new request for a minute")
def _():
    with Setting() as s:
        client = s.client(service="sudo")
        client.until("I")
        s.backend.finish("denied", reason="denied")
        client.done("denied")
        assert client.texts()[-1] == "The request was denied on the phone."
        s.client(service="sudo").done("refused_lately")
        s.client(service="sudo", rhost="192.0.2.8").until("I")
        s.client(service="su").until("I")
        assert len(s.backend.requests) == 3


@test("it wasn't me ends as not_me")
def _():
    with Setting() as s:
        client = s.client(service="sudo")
        client.until("I")
        s.backend.finish("denied", reason="not_me")
        client.done("not_me")


@test("a denial while the prompt is open counts when Enter comes, and is remembered at once")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        s.backend.finish("denied", reason="denied")
        time.sleep(0.3 * slower())
        s.client().done("refused_lately")
        client.answer("")
        client.done("denied")


@test("a wrong number refuses, is reported, and is remembered")
def _():
    with Setting() as s:
        client = s.client(service="sudo")
        right = number_in(client.until("I").text)
        s.backend.finish("approved", 10 + (right + 1) % 90)
        client.done("wrong_number")
        assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "wrong_number")
        s.client(service="sudo").done("refused_lately")


@test("choose: three different candidates with the right one among them, at any place")
def _():
    places = set()
    with Setting("[defaults]\nnumber = choose\n") as s:
        for i in range(20):
            client = s.client(service="sudo", user=f"user{i}")
            right = number_in(client.until("I").text)
            of = s.backend.requests[-1].details["number"]["of"]
            assert len(set(of)) == 3 and right in of and all(10 <= n <= 99 for n in of), of
            places.add(of.index(right))
            s.backend.finish("approved", right)
            client.done("approved")
    assert places == {0, 1, 2}, places


@test("number = off: no number is shown, and none may be given")
def _():
    with Setting("[service sudo]\nnumber = off\n") as s:
        client = s.client(service="sudo")
        assert client.until("I").text == "Approve on Pixel 8"
        s.backend.finish("approved")
        client.done("approved")
        client = s.client(service="sudo", user="bob")
        client.until("I")
        s.backend.finish("approved", 42)
        client.done("wrong_number")


@test("the server wants a number: asked again once, in the stricter mode")
def _():
    with Setting("[defaults]\nnumber = off\n", number_required="enter") as s:
        client = s.client(service="sudo")
        s.backend.finish("approved", number_in(client.until("I").text))
        client.done("approved")
        assert s.backend.count("/ciba/backchannel") == 2


@test("a code at sshd's prompt goes to the code endpoint, and the token says otp")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        client.answer(" 123 456 ")
        client.done("code")
        assert s.backend.last().codes == ["123456"]


@test("a wrong code is said and asked again; three of them end it")
def _():
    with Setting() as s:
        client = s.client()
        for code in ("000000", "no code", "000001"):
            assert client.prompt().startswith("Number ")
            client.answer(code)
        client.done("code_refused")
        assert client.texts() == ["That code is not right."] * 2 + ["Too many wrong codes."]
        assert s.backend.last().codes == ["000000", "000001"]
        assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "code_refused")


@test("I5: locked codes end it with a text that says for how long, where the server says it in a way that can be meant")
def _():
    locked = "Too many wrong codes. Approve on the phone, or try again later."
    for seconds, text in ((60, " Codes count again in 1 min."), (61, " Codes count again in 2 min."), (3600, " Codes count again in 60 min."),
                          (0, ""), (-1, ""), (10 ** 9, ""), ("60", ""), (None, "")):
        with Setting(locked=seconds) as s:
            client = s.client()
            client.prompt()
            client.answer("999999")
            assert client.done("code_locked").log == "codes are locked" + (f": for {seconds} s" if text else "")
            assert client.texts()[-1] == locked + text, client.texts()


@test("a right code after a wrong one lets in")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        client.answer("000000")
        client.prompt()
        client.answer("123456")
        client.done("code")


@test("no phone: the code prompt comes at once and says why")
def _():
    with Setting(methods=["code"]) as s:
        client = s.client()
        assert client.prompt() == "No phone can be asked now. Type a one-time code: "
        client.answer("")
        assert client.prompt() == "Type a one-time code: "
        client.answer("123456")
        client.done("code")


@test("D4: no phone could be reached: the wait ends at once in the code prompt, which says why; a phone opened by hand still counts")
def _():
    with Setting() as s:
        client = s.client(service="sudo")
        number = number_in(client.until("I").text)
        client.until("W")
        start = time.monotonic()
        s.backend.unreached()
        assert client.prompt() == "Code: " and time.monotonic() - start < 1
        assert client.texts()[-1] == "No phone could be reached. Type a code, or press Enter to look again."
        client.answer("")
        assert client.prompt() == "Code: "
        s.backend.finish("approved", number)
        time.sleep(0.3)
        client.answer("")
        client.done("approved")


@test("D4: no phone could be reached while sshd's prompt is open: Enter is answered at once, and a code opens")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        s.backend.unreached()
        time.sleep(0.3)
        start = time.monotonic()
        client.answer("")
        assert client.prompt() == "Code: " and time.monotonic() - start < 1
        assert client.texts()[-1] == "No phone could be reached. Type a code, or press Enter to look again."
        client.answer("123456")
        client.done("code")


@test("neither phone nor code: refused")
def _():
    with Setting(methods=[]) as s:
        s.client(service="sudo").done("no_answer")


@test("a key brings the code prompt; an empty answer looks at the phone again")
def _():
    with Setting() as s:
        client = s.client(service="sudo", keys="1")
        number = number_in(client.until("I").text)
        client.until("W")
        client.send("K")
        assert client.prompt() == "Code: "
        client.answer("")
        client.until("W")
        s.backend.finish("approved", number)
        client.done("approved")


@test("time up: a text that says what to type, and the code prompt")
def _():
    with Setting("[service sudo]\nwait = 5\n") as s:
        client = s.client(service="sudo")
        assert client.prompt() == "Code: "
        assert client.texts()[-1] == "No answer yet. Type a code, or press Enter to look again."
        client.answer("123456")
        client.done("code")


@test("expired: a new request for a code only, and the prompt says so")
def _():
    with Setting() as s:
        client = s.client(service="sudo")
        client.until("I")
        s.backend.finish("expired")
        assert client.prompt() == "No answer in time. Type a one-time code: "
        assert s.backend.requests[-1].parameters["methods"] == "code" and len(s.backend.requests) == 2
        assert s.backend.requests[0].details["request"] != s.backend.requests[1].details["request"]
        client.answer("123456")
        client.done("code")


@test("a code that was typed while the request expired is checked with a new one")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        s.backend.finish("expired")
        time.sleep(0.3)
        client.answer("123456")
        client.done("code")
        assert s.backend.requests[1].codes == ["123456"] and not s.backend.requests[0].codes


@test("the request ends by the host's own clock, also where the server says nothing")
def _():
    with Setting("[service sudo]\nlife = 10\n", life=1, hold=20.0) as s:
        client = s.client(service="sudo")
        started = time.monotonic()
        client.prompt()
        assert 2 < time.monotonic() - started < 6


@test("I2: an approval that comes after the request's end by the host's own clock counts no more, and the server is told that it is over")
def _():
    with Setting("[service sshd]\nlife = 10\n", life=1, hold=20.0) as s:
        client = s.client()
        number = number_in(client.prompt())
        assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "not_needed", 5)
        s.backend.finish("approved", number)
        time.sleep(0.5)
        client.answer("")
        assert client.prompt().startswith("No answer in time") and len(s.backend.requests) == 2
        client.close()


@test("Enter five times without a decision: never consent, and an end")
def _():
    with Setting("[service sshd]\nlife = 600\n") as s:
        client = s.client(rhost="198.51.100.1")
        client.prompt()
        client.answer("")
        wait = client.until("W")
        assert int(wait.seconds) <= 20
        client.close()
    with Setting(methods=["code"]) as s:
        client = s.client()
        for _ in range(5):
            client.prompt()
            client.answer("")
        client.done("no_answer")


@test("control characters in an answer end the conversation, also after an approval")
def _():
    with Setting() as s:
        client = s.client()
        s.backend.finish("approved", number_in(client.prompt()))
        time.sleep(0.3)
        client.answer("\x08\n\r\x7fINCORRECT")
        client.done("bad_answer")


@test("no backend: a clear message, refused")
def _():
    with Setting() as s:
        s.backend.close()
        client = s.client(service="sudo")
        client.done("no_backend")
        assert client.texts() == ["The approval server cannot be reached. Try again later, or ask your administrator."]


@test("the backend goes away while the request is open, and comes back: nothing is lost")
def _():
    lost = []

    def drop(handler):
        lost.append(handler.parameters["client_assertion"])
        if len(lost) > 2:
            return NotImplemented
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True
        return None

    with Setting(hooks={"raw": {"/ciba/token": drop}}) as s:
        client = s.client(service="sudo")
        s.backend.finish("approved", number_in(client.until("I").text))
        client.done("approved")
        assert len(set(lost)) == 3, "an assertion was sent twice"


@test("the caller goes away: the request is withdrawn at once")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        client.close()
        assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "caller_gone", 2)
        assert s.logged("gone user=alice")


@test("the caller goes away while the server is being asked: withdrawn when the answer is there")
def _():
    def slow(_handler):
        time.sleep(0.6)
        return NotImplemented

    with Setting(hooks={"raw": {"/ciba/backchannel": slow}}) as s:
        client = s.client()
        client.until("W")
        time.sleep(0.2)
        client.close()
        assert s.backend.wait_for(lambda: s.backend.requests and s.backend.requests[0].cancelled == "caller_gone", 4)


@test("cancelled, secured, revoked by the server: refused")
def _():
    with Setting() as s:
        for i, reason in enumerate(("cancelled", "secured", "revoked")):
            client = s.client(service="sudo", user=f"user{i}")
            client.until("I")
            s.backend.finish("cancelled", reason=reason)
            client.done("revoked")


@test("connections to the backend are used again from one login to the next")
def _():
    peers = set()

    def note(handler):
        peers.add(handler.client_address)
        return NotImplemented

    with Setting(hooks={"raw": {"/ciba/backchannel": note, "/ciba/token": note}}) as s:
        for i in range(5):
            client = s.client(service="sudo", user=f"user{i}")
            s.backend.finish("approved", number_in(client.until("I").text))
            client.done("approved")
        assert len(peers) <= 2 and s.backend.count("/.well-known/openid-configuration") == 1, peers


if __name__ == "__main__":
    main()
