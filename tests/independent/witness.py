"""A witness, written from C2SP tlog-witness, tlog-cosignature, tlog-checkpoint and signed-note alone.

    witness.py NAME SEED-HEX PORT LOG-VKEY...

A Witness answers POST /add-checkpoint on loopback. `mode` makes it another one than it should be:
"good", "slow" (answers when `go` is set), "bad-signature", "wrong-key", "zero-time", "junk", "long",
"not-found", "refuse", or "ahead" (claims a size that is larger than what it is shown).
"""
import base64
import hashlib
import http.server
import sys
import threading
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from primitives import node_hash, sha256

BODY_MAX = 1 << 20
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Refused(Exception):
    """A status and what goes with it."""

    def __init__(self, status, text="", kind="text/plain"):
        super().__init__(text)
        self.status, self.text, self.kind = status, text, kind


def key_id(name, kind, public):
    """signed-note: the first four bytes of a hash over name and key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def read_vkey(text):
    """Name, ID and key of a log."""
    name, number, raw = text.split("+", 2)
    raw = base64.b64decode(raw)
    if raw[0] != 1 or key_id(name, 1, raw[1:]).hex() != number:
        raise ValueError("no vkey of a log: " + text)
    return name, bytes.fromhex(number), Ed25519PublicKey.from_public_bytes(raw[1:])


def consistent(old, new, proof, old_root, new_root):
    """RFC 9162 section 2.1.4.2, with tlog-witness's rule for size 0."""
    if old == 0:
        return not proof
    if old == new:
        return not proof and old_root == new_root
    if not proof:
        return False
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    here, last = old - 1, new - 1
    while here & 1:
        here >>= 1
        last >>= 1
    first = second = path[0]
    for value in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first, second = node_hash(value, first), node_hash(value, second)
            while here and not here & 1:
                here >>= 1
                last >>= 1
        else:
            second = node_hash(second, value)
        here >>= 1
        last >>= 1
    return last == 0 and first == old_root and second == new_root


def decimal(text):
    if not text.isdigit() or (text[0] == "0" and text != "0"):
        raise Refused(400, "no number")
    return int(text)


class Witness:
    """Its state is in memory; `seen` is what was asked, as (old, size, status)."""

    def __init__(self, name, seed, logs, port=0):
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self.key.public_key().public_bytes(*RAW)
        self.logs = {read_vkey(text)[0]: read_vkey(text)[1:] for text in logs}
        self.latest = {}  # origin: (size, root)
        self.mode = "good"
        self.go = threading.Event()
        self.seen = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # who asked has gone: it was not for us to wait

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d/of/%s" % (self.server.server_port, self.name)

    @property
    def vkey(self):
        return "%s+%s+%s" % (self.name, key_id(self.name, 4, self.public).hex(),
                             base64.b64encode(b"\x04" + self.public).decode())

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, request):
        length = int(request.headers.get("Content-Length", "-1"))
        body = request.rfile.read(length) if 0 <= length <= BODY_MAX else b""
        if self.mode == "slow":
            self.go.wait()
        asked = [None, None]
        try:
            if request.path != "/of/%s/add-checkpoint" % self.name:
                raise Refused(404, "no such path")
            status, text, kind = 200, self.add(body.decode(), asked), "text/plain"
        except Refused as refused:
            status, text, kind = refused.status, refused.text, refused.kind
        except (ValueError, IndexError):
            status, text, kind = 400, "malformed\n", "text/plain"
        self.seen.append((*asked, status))
        data = text.encode()
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def add(self, body, asked):
        """The answer to add-checkpoint."""
        head, note = body.split("\n\n", 1)
        lines = head.split("\n")
        if not lines[0].startswith("old ") or len(lines) > 64:
            raise Refused(400)
        old = asked[0] = decimal(lines[0][4:])
        proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
        text, signatures = note.split("\n\n", 1)
        text += "\n"
        origin, number, root = text.split("\n")[:3]
        size, root = decimal(number), base64.b64decode(root, validate=True)
        asked[1] = size
        if origin not in self.logs or self.mode == "not-found":
            raise Refused(404, "unknown log\n")
        self.check_log(origin, text, signatures)
        if self.mode == "refuse":
            raise Refused(422, "no\n")
        with self.lock:
            have = self.latest.get(origin, (0, sha256(b"")))
            if self.mode == "ahead":
                have = (size + 1000, b"x" * 32)
            if old > size:
                raise Refused(400, "old is larger\n")
            if old != have[0]:
                raise Refused(409, "%d\n" % have[0], "text/x.tlog.size")
            if not consistent(old, size, proof, have[1], root):
                raise Refused(422, "no proof\n")
            self.latest[origin] = (size, root)
        return self.cosign(text)

    def check_log(self, origin, text, signatures):
        number, key = self.logs[origin]
        good = False
        for line in signatures.splitlines():
            dash, name, raw = line.split(" ")
            raw = base64.b64decode(raw, validate=True)
            if dash != "\u2014":
                raise Refused(400)
            if name == origin and raw[:4] == number:
                try:
                    key.verify(raw[4:], text.encode())
                except InvalidSignature as exc:
                    raise Refused(403, "bad signature\n") from exc
                good = True
        if not good:
            raise Refused(403, "not signed\n")

    def cosign(self, text):
        """tlog-cosignature, type 04."""
        if self.mode == "junk":
            return "thank you\n"
        if self.mode == "long":
            return "\u2014 %s %s\n" % (self.name, "A" * 100000)
        now = 0 if self.mode == "zero-time" else int(time.time())
        key, public = self.key, self.public
        if self.mode == "wrong-key":
            key = Ed25519PrivateKey.from_private_bytes(bytes(32))
            public = key.public_key().public_bytes(*RAW)
        signed = "cosignature/v1\ntime %d\n%s" % (now, text)
        signature = key.sign(signed.encode())
        if self.mode == "bad-signature":
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        raw = key_id(self.name, 4, public) + now.to_bytes(8, "big") + signature
        return "\u2014 %s %s\n" % (self.name, base64.b64encode(raw).decode())


def main(name, seed, port, *logs):
    witness = Witness(name, bytes.fromhex(seed), logs, int(port))
    print(witness.vkey, witness.url, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
