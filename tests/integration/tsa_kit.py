"""tsa_kit.py - time-stamping authorities for tests: certificates by `openssl ca`, replies either by
`openssl ts -reply` or put together here, where what OpenSSL would refuse to sign, or a time of one's
own, is wanted. P-256 keys; everything lies in the directory that is given."""

import hashlib
import http.server
import os
import subprocess
import threading
import time

OPENSSL = os.environ.get("OPENSSL", "openssl")
POLICY = "1.3.6.1.4.1.99999.1"
OIDS = {"sha256": bytes.fromhex("0609608648016503040201"),
        "sha512": bytes.fromhex("0609608648016503040203"),
        "sha1": bytes.fromhex("06052b0e03021a")}

CONFIG = """
[ca]
default_ca = d
[d]
database = {dir}/index.txt
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = p
unique_subject = no
x509_extensions = {name}
[p]
commonName = supplied
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamp]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[plain]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
[also]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping,codeSigning
[tsa]
default_tsa = t
[t]
serial = {dir}/ts.serial
signer_digest = sha256
default_policy = {policy}
digests = sha256, sha512
ess_cert_id_alg = sha256
crypto_device = builtin
"""


def run(*args, data=None):
    """What OpenSSL prints; its failure is the test's."""
    done = subprocess.run([OPENSSL, *args], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(args)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def der(tag, *parts):
    """One element."""
    content = b"".join(parts)
    n = len(content)
    length = bytes([n]) if n < 128 else (lambda b: bytes([128 + len(b)]) + b)(
        n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return bytes([tag]) + length + content


def der_int(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


class Authority:
    """A root."""

    def __init__(self, directory, name="Test Root", start="20200101000000Z", end="20600101000000Z"):
        self.dir = os.path.abspath(directory)
        os.makedirs(self.dir)
        with open(f"{self.dir}/index.txt", "w", encoding="ascii"):
            pass
        for serial in ("serial", "ts.serial"):
            with open(f"{self.dir}/{serial}", "w", encoding="ascii") as out:
                out.write("01\n")
        self.cert, self.key = self.issue("root", name, "root", start, end, self_signed=True)

    def config(self, extensions):
        path = f"{self.dir}/{extensions}.cnf"
        with open(path, "w", encoding="ascii") as out:
            out.write(CONFIG.format(dir=self.dir, name=extensions, policy=POLICY))
        return path

    def issue(self, stem, name, extensions, start, end, self_signed=False, signer=None):
        """A certificate and its key, as file names."""
        key, request, cert = (f"{self.dir}/{stem}.{e}" for e in ("key", "req", "pem"))
        run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        by = ("-selfsign", "-keyfile", key) if self_signed else (
            "-cert", (signer or self).cert, "-keyfile", (signer or self).key)
        run("ca", "-batch", "-notext", "-config", self.config(extensions), "-in", request, "-out",
            cert, "-startdate", start, "-enddate", end, *by)
        return cert, key


class Stamper:
    """A TSA under a root."""

    def __init__(self, root, stem="tsa", name="Test TSA", extensions="stamp",
                 start="20200101000000Z", end="20600101000000Z"):
        self.root = root
        self.cert, self.key = root.issue(stem, name, extensions, start, end)

    def answer(self, query):
        """The reply of `openssl ts` to a query (DER)."""
        path = f"{self.root.dir}/query.tsq"
        with open(path, "wb") as out:
            out.write(query)
        run("ts", "-reply", "-config", self.root.config("stamp"), "-queryfile", path, "-signer",
            self.cert, "-inkey", self.key, "-out", path + ".reply")
        with open(path + ".reply", "rb") as reply:
            return reply.read()

    def stamp(self, data):
        """The same for some bytes."""
        path = f"{self.root.dir}/data"
        with open(path, "wb") as out:
            out.write(data)
        return self.answer(run("ts", "-query", "-data", path, "-sha256", "-cert"))

    def forge(self, data, at=None, digest="sha256", md="sha256", accuracy=b"", status=0,
              imprint=None, nonce=b"", policy=POLICY, certs=()):
        """A reply of our own, with any time, digest and signer. `imprint`: instead of the digest of
        `data`; `nonce`: DER; `certs`: further options of `openssl cms`."""
        at = at or time.strftime("%Y%m%d%H%M%SZ", time.gmtime())
        imprint = der(0x30, der(0x30, OIDS[digest], b"\x05\x00"),
                      der(4, imprint or hashlib.new(digest, data).digest()))
        policy = run("asn1parse", "-genstr", f"OID:{policy}", "-noout", "-out", "/dev/stdout")
        info = der(0x30, der_int(1), policy, imprint, der_int(7), der(0x18, at.encode()), accuracy,
                   nonce)
        token = run("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", md, "-cades",
                    "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-signer", self.cert, "-inkey",
                    self.key, *certs, data=info)
        return der(0x30, der(0x30, der_int(status)), token)


class Server:
    """A TSA over HTTP that answers well, or as `mode` says."""

    def __init__(self, stamper, mode="good", other=None):
        self.stamper, self.other, self.mode = stamper, other, mode
        self.asked = 0
        self.lock = threading.Lock()  # openssl keeps one serial file
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                server.asked += 1
                query = self.rfile.read(int(self.headers["Content-Length"]))
                good = self.headers["Content-Type"] == "application/timestamp-query"
                status, kind, body = server.answer(query) if good else (415, "text/plain", b"")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                """Nothing."""

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *args: None  # who does not wait for an answer
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/tsr"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, query):
        kind = "application/timestamp-reply"
        mode = self.mode
        if mode == "status":
            return 500, kind, b"no"
        if mode == "html":
            return 200, "text/html", b"<html>sign in first</html>"
        if mode == "garbage":
            return 200, kind, b"\x30\x03\x02\x01\x00"
        if mode == "large":
            return 200, kind, b"0" * 100000
        if mode == "hang":
            threading.Event().wait(600)
        with self.lock:
            return 200, kind, self.reply(query)

    def reply(self, query):
        """What a good authority says, but for what the mode names: each has the rest right."""
        parts = parts_of(query)
        wrong = {"other-policy": {"policy": POLICY + ".2"},
                 "imprint": {"imprint": bytes(len(parts["imprint"]))},
                 "no-certificate": {"certs": ("-nocerts",)}}.get(self.mode)
        if wrong is not None:
            return self.stamper.forge(b"", **{**parts, **wrong})
        if self.mode == "nonce":
            query = run("ts", "-query", "-digest", parts["imprint"].hex(), "-" + parts["digest"],
                        "-cert")
        if self.mode == "unasked":  # the signer's own one, and that of an authority that is trusted
            return self.other.forge(b"", **parts, certs=("-certfile", self.stamper.cert))
        return (self.other if self.mode == "untrusted" else self.stamper).answer(query)


def parts_of(query):
    """What an answer repeats of a request of ours: imprint, its algorithm, and the nonce (DER)."""
    digest = next(name for name, oid in OIDS.items() if oid in query)
    length = hashlib.new(digest).digest_size
    at = query.index(bytes([4, length])) + 2
    nonce = query.index(bytes.fromhex("0210"), at + length)
    return {"digest": digest, "imprint": query[at:at + length], "nonce": query[nonce:nonce + 18]}
