"""RFC 3161 time stamps: docs/format.md R48. The reply is taken apart here; its signature and the way to
a certificate that was given are left to the programs `openssl cms` and `openssl ts`."""

import datetime
import hashlib
import os
import subprocess
import tempfile

from primitives import FormatError, Malformed

REPLY_BYTES_MAX = 65536
OPENSSL = os.environ.get("OPENSSL", "openssl")
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TST_INFO = bytes.fromhex("2a864886f70d0109100104")
DIGESTS = {bytes.fromhex("608648016503040201"): "sha256",
           bytes.fromhex("608648016503040202"): "sha384",
           bytes.fromhex("608648016503040203"): "sha512"}
INTEGER, OCTETS, OID, TIME, SEQUENCE, SET = 2, 4, 6, 24, 48, 49


class Altered(FormatError):
    """Right in form, and over other bytes, or with a signature that is not valid."""
    code = "ALTERED"


class NotTrusted(Exception):
    """Nobody given vouches for the signer."""


class Der:
    """Elements one behind the other, each with its one length."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def peek(self):
        """The next tag, or None at the end."""
        return self.data[self.at] if self.at < len(self.data) else None

    def take(self, tag=None):
        """The content of the next element."""
        head = self.data[self.at:self.at + 2]
        if len(head) < 2 or (tag is not None and head[0] != tag):
            raise Malformed("R48: a time stamp has no such element here")
        length, at = head[1], self.at + 2
        if length > 127:
            n = length & 127
            raw = self.data[at:at + n]
            if n == 0 or n > 4 or len(raw) < n or raw[0] == 0 or (n == 1 and raw[0] < 128):
                raise Malformed("R48: a length in a time stamp is not DER")
            length, at = int.from_bytes(raw, "big"), at + n
        if at + length > len(self.data):
            raise Malformed("R48: a time stamp is cut")
        self.at = at + length
        return self.data[at:self.at]

    def whole(self, tag):
        """The next element with its head."""
        begin = self.at
        self.take(tag)
        return self.data[begin:self.at]

    def inside(self, tag):
        """The elements in the next one."""
        return Der(self.take(tag))

    def number(self, tag=INTEGER):
        """A number that is not negative."""
        raw = self.take(tag)
        if not raw or raw[0] > 127:
            raise Malformed("R48: a number in a time stamp")
        return int.from_bytes(raw, "big")

    def end(self):
        """Nothing stands behind."""
        if self.peek() is not None:
            raise Malformed("R48: bytes behind the end of an element")


def microseconds(text):
    """A GeneralizedTime of RFC 3161, since 1970."""
    try:
        whole, _, part = text.decode("ascii").removesuffix("Z").partition(".")
        at = datetime.datetime.strptime(whole, "%Y%m%d%H%M%S")
        if not text.endswith(b"Z") or (part and not part.isdecimal()) or b".Z" in text:
            raise ValueError
        fraction = -(-int(part or "0") * 1000000 // 10 ** len(part))
    except (UnicodeDecodeError, ValueError):
        raise Malformed("R48: the time of a time stamp") from None
    at = at.replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 1000000 + fraction


class Stamp:
    """A reply, taken apart."""

    def __init__(self, raw):
        if not 0 < len(raw) <= REPLY_BYTES_MAX:
            raise Malformed("R48: the length of a reply")
        outer = Der(raw)
        reply = outer.inside(SEQUENCE)
        outer.end()
        if reply.inside(SEQUENCE).number() not in (0, 1):
            raise Malformed("R48: the authority has not granted it")
        self.token = reply.whole(SEQUENCE)
        reply.end()
        content = Der(self.token).inside(SEQUENCE)
        if content.take(OID) != SIGNED_DATA:
            raise Malformed("R48: the token is not signed data")
        signed = content.inside(0xa0).inside(SEQUENCE)
        signed.number()
        signed.take(SET)
        body = signed.inside(SEQUENCE)
        if body.take(OID) != TST_INFO:
            raise Malformed("R48: the token is no time stamp")
        self.read_info(Der(body.inside(0xa0).take(OCTETS)).inside(SEQUENCE))
        while signed.peek() in (0xa0, 0xa1):
            signed.take()
        self.read_signers(signed.inside(SET))

    def read_info(self, info):
        """TSTInfo."""
        if info.number() != 1:
            raise Malformed("R48: a token of another version")
        info.take(OID)
        imprint = info.inside(SEQUENCE)
        self.digest = DIGESTS.get(imprint.inside(SEQUENCE).take(OID))
        self.imprint = imprint.take(OCTETS)
        if self.digest is None or len(self.imprint) != hashlib.new(self.digest).digest_size:
            raise Malformed("R48: an imprint by another digest")
        info.number()
        at = self.at = microseconds(info.take(TIME))
        if info.peek() == SEQUENCE:
            accuracy = info.inside(SEQUENCE)
            for tag, unit in ((INTEGER, 1000000), (0x80, 1000), (0x81, 1)):
                if accuracy.peek() == tag:
                    at += accuracy.number(tag) * unit
        self.existed_by = -(-at // 1000000)

    def read_signers(self, signers):
        """The digest that the one signer signed by."""
        one = signers.inside(SEQUENCE)
        signers.end()
        one.number()
        one.take()
        self.signed_by = DIGESTS.get(one.inside(SEQUENCE).take(OID))

    def over(self, data):
        """Whether it is over these bytes."""
        if hashlib.new(self.digest, data).digest() != self.imprint:
            raise Altered("R48: the time stamp is over other bytes")


def openssl(*words):
    """Whether openssl says yes, and what it says."""
    done = subprocess.run([OPENSSL, *words], capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    return done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")


def judge(raw, data, authorities):
    """R48 of a reply over `data`: the Stamp. `authorities` is the name of a file of certificates that
    were given, or None: then only its form and what it is over are judged."""
    stamp = Stamp(raw)
    stamp.over(data)
    if authorities is None:
        return stamp
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for name, content in (("token", stamp.token), ("data", data), ("reply", raw)):
            names[name] = os.path.join(folder, name)
            with open(names[name], "wb") as out:
                out.write(content)
        good, said = openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", names["token"],
                             "-certfile", authorities, "-out", os.devnull)
        if not good and "signer certificate not found" not in said:
            raise Altered("R48: the time stamp's signature is not valid")
        if not good or stamp.signed_by is None:
            raise NotTrusted("the signer is not known, or signed by a weak digest")
        good, said = openssl("ts", "-verify", "-data", names["data"], "-in", names["reply"],
                             "-CAfile", authorities, "-attime", str(stamp.at // 1000000),
                             "-auth_level", "2")
        if not good:
            raise NotTrusted("openssl ts: " + said.strip().splitlines()[-1] if said.strip() else "")
    return stamp
