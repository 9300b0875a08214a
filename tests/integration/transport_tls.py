#!/usr/bin/env python3
"""transport_tls.py COLLECTOR VERIFY: who is let in over TLS, and what is said to the others.

Each pitfall against the running collector: something else than TLS on a TLS listener, no certificate,
one that expired, of another authority, with a wrong name, revoked, for servers only; an old TLS; a
session that would be resumed; cut and half-closed connections; a certificate that ends, or is revoked
by a reload, while its connection is open. A refusal is an event and one line, with the certificate's
name and what to do; never a record.
"""
import os
import re
import ssl
import subprocess
import sys
import warnings

import transport_kit as kit

R, F = "record", "fragment"
warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is asked for on purpose


def openssl(*words):
    subprocess.run(("openssl",) + words, check=True, capture_output=True)


def issue(pki, name, san, usage="clientAuth", authority="ca"):
    """One more certificate beside those of certs.sh."""
    key, csr, ext = (os.path.join(pki, name + end) for end in (".key", ".csr", ".ext"))
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    openssl("req", "-new", "-key", key, "-subj", "/O=Akashi test/CN=" + name, "-out", csr)
    with open(ext, "w", encoding="ascii") as f:
        f.write("basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\n"
                "extendedKeyUsage = %s\nsubjectAltName = %s\n" % (usage, san))
    openssl("x509", "-req", "-in", csr, "-CA", "%s/%s.pem" % (pki, authority), "-CAkey",
            "%s/%s.key" % (pki, authority), "-set_serial", "0x" + os.urandom(8).hex(), "-days", "30",
            "-extfile", ext, "-out", os.path.join(pki, name + ".pem"))


def revoke(pki, names):
    """ca.crl with these certificates in it."""
    work = os.path.join(pki, "crl")
    os.makedirs(work, exist_ok=True)
    with open(work + "/index", "w", encoding="ascii"):
        pass
    with open(work + "/conf", "w", encoding="ascii") as f:
        f.write("[ca]\ndefault_ca = d\n[d]\ndatabase = %s/index\ndefault_md = sha256\n"
                "default_crl_days = 30\n" % work)
    where = ("-config", work + "/conf", "-cert", pki + "/ca.pem", "-keyfile", pki + "/ca.key")
    for name in names:
        openssl("ca", *where, "-revoke", "%s/%s.pem" % (pki, name))
    openssl("ca", *where, "-gencrl", "-out", pki + "/ca.crl")


def main():
    programs = sys.argv[1:3]
    work = kit.workspace()
    pki = kit.certificates(os.path.join(work, "pki"))
    issue(pki, "serverish", "DNS:power-a.example", usage="serverAuth")
    issue(pki, "nameless", "DNS:other.example")
    issue(pki, "wide", "DNS:*.example")
    issue(pki, "revoked", "DNS:power-a.example")
    issue(pki, "soon", "DNS:power-a.example")
    revoke(pki, ["revoked"])
    fp = kit.fingerprint(pki, "water-b", None)
    names = ", crl: %s/ca.crl, names: [power-a.example], fingerprints: ['%s']" % (pki, fp)
    limits = "limits: {handshake_timeout: 120s}"
    collector = kit.Collector(programs, os.path.join(work, "c"), [
        "url: tls://127.0.0.1:0\n%s\n%s" % (kit.tls_block(pki, names), limits),
        "url: relp+tls://127.0.0.1:0\n%s\n%s" % (kit.tls_block(pki, names), limits),
        "url: tls://127.0.0.2:0\n" + kit.tls_block(pki, ", expired: accept_and_record"),
        "url: tls://127.0.0.3:0\ntls: {certificate: %s/server.pem, key: %s/server.key, "
        "authentication: none}" % (pki, pki),
        "url: tls://127.0.0.4:0\n%s\nlimits: {handshake_timeout: 1s}" % kit.tls_block(pki),
    ])
    tls, relp, late, anybody, impatient = collector.urls
    configured = "tls://127.0.0.1:0"
    numbers = iter(range(1000))
    # (address, listener, what the event must say); at most AK_REFUSALS_KEPT for each listener, since
    # more of one second are told together.
    refused = []

    def refuse(url, listener, name, reason, context=None, data=b"5 <13>a"):
        address = kit.address(next(numbers))
        kit.send_stream(url, data, address, context or kit.client_context(pki, name))
        refused.append((address, listener, reason))

    ca = pki + "/ca.pem"
    keeps = "refused, the sender keeps its records"
    for url, listener in ((tls, configured), (relp, "relp+tls://127.0.0.1:0")):
        at = "listener " + listener
        refuse(url, listener, None, "no client certificate: %s. Give the sender a certificate, or set "
               "authentication=none in %s" % (keeps, at))
        refuse(url, listener, "expired", re.compile(
            r"certificate CN=expired\.example expired 2021-01-01 \(\d+ days ago\): %s\. Renew it "
            r"there, or set expired=accept_and_record in %s" % (keeps, re.escape(at))))
        refuse(url, listener, "stranger", "certificate CN=power-a.example was not issued by an "
               "authority in %s: %s. Issue it there, or add sha-256:%s to fingerprints in %s" %
               (ca, keeps, kit.fingerprint(pki, "stranger", None), at))
        refuse(url, listener, "nameless", re.compile(
            r"certificate CN=nameless has no name that is listed \(it has other\.example\): %s\. .+" %
            keeps))
        refuse(url, listener, "wide", re.compile(
            r"certificate CN=wide has no name that is listed \(it has none\): %s\. .+" % keeps))
        refuse(url, listener, "serverish", "certificate CN=serverish is not meant for this (its "
               "extended key usage or key usage does not allow a client): %s. Issue one with "
               "clientAuth" % keeps)
        refuse(url, listener, "revoked", "certificate CN=revoked was revoked by its authority "
               "(%s/ca.crl): %s. Give the sender a new certificate" % (pki, keeps))

    # An old TLS; one that stops in the handshake; one that ends there.
    old = kit.client_context(pki)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    refuse(tls, configured, None, "the sender offers no TLS 1.2 or newer: refused, it keeps its "
           "records. Update it, or put a relay beside it that speaks TLS 1.2", old)
    weak = kit.client_context(pki)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-SHA")
    refuse(tls, configured, None, "the sender offers no cipher that is accepted: refused, it keeps "
           "its records. Allow it TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (RFC 9662)", weak)
    slow_address = kit.address(next(numbers))
    slow = kit.connect(impatient, slow_address)
    slow.sendall(b"\x16\x03\x01\x02\x00")
    refused.append((slow_address, "tls://127.0.0.4:0",
                    "its TLS handshake was not finished within `handshake_timeout`"))

    # Something else than TLS.
    for data, what in ((b"<13>a\n", "syslog"), (b"5 <13>a", "syslog"), (b"POST / HTTP/1.1\r\n", "HTTP"),
                       (b"1 open 30 relp_version=0\ncommands=syslog\n", "RELP")):
        address = kit.address(next(numbers))
        kit.send_stream(tls, data, address)
        refused.append((address, configured, "this looks like plain %s on a TLS listener; nothing was "
                        "taken in. Turn on TLS in the sender, or send to a listener without TLS" %
                        what))
    address = kit.address(next(numbers))
    kit.send_stream(tls, b"\x80\x1b]0;x\x07 SSH-2.0\n", address)
    refused.append((address, configured, "this is not TLS (its first bytes are "
                    "801b5d303b7807205353482d322e300a); nothing was taken in. Find out what sends it, "
                    "or narrow the listener with allow"))

    # A sender that does not trust us.
    address = kit.address(next(numbers))
    doubtful = kit.client_context(pki, ca="stranger-ca")
    kit.send_stream(tls, b"5 <13>a", address, doubtful)
    refused.append((address, configured, re.compile(
        r"the sender does not accept our certificate \S+/server\.pem \(alert: unknown CA\); it keeps "
        r"its records\. Give the sender the authority that issued it, or renew it")))

    # TLS 1.2 and 1.3, counted and lines, in odd pieces; a listed fingerprint; who may come expired.
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = kit.client_context(pki)
        context.minimum_version = context.maximum_version = version
        kit.send_stream(tls, None, kit.address(next(numbers)), context,
                        pieces=[bytes([c]) for c in b"6 <13>ab7 <13>c\nd"])
        kit.send_stream(tls, b"<13>one\n<13>two\r\n<13>cut off", kit.address(next(numbers)), context)
    kit.send_stream(tls, b"5 <13>f", kit.address(next(numbers)), kit.client_context(pki, "water-b"))
    kit.send_stream(late, b"5 <13>e", kit.address(next(numbers)), kit.client_context(pki, "expired"))
    nobody = kit.address(next(numbers))
    kit.send_stream(anybody, b"5 <13>n", nobody, kit.client_context(pki, None))

    # A second connection must not resume the first one's session.
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = kit.client_context(pki)
        context.minimum_version = context.maximum_version = version
        session = None
        for _ in range(2):
            with context.wrap_socket(kit.connect(tls), server_hostname="localhost",
                                     session=session) as s:
                s.sendall(b"5 <13>r")
                s.setblocking(False)
                try:
                    s.recv(1)  # a ticket would come now
                except ssl.SSLWantReadError:
                    pass
                s.setblocking(True)
                session = s.session
                kit.check(not s.session_reused, "a session was resumed")
                kit.check(session is None or not session.has_ticket, "a ticket was given out")
                s.unwrap()

    # Cut without close_notify, in a record and between two: what is not whole is a fragment.
    for data in (b"5 <13>a9 <13>hal", b"<13>a\n<13>hal"):
        with kit.connect(tls, kit.address(next(numbers))) as plain:
            s = kit.client_context(pki, "soon").wrap_socket(plain, server_hostname="localhost")
            s.sendall(data)
            s.close()  # without unwrap
    collector.says("handshake_timeout")
    slow.close()
    kit.until("all connections have ended",
              lambda: all(x.get("connections", 0) == 0 for x in collector.status()["listeners"]))
    entries = collector.stop()
    stderr = collector.stderr()

    for address, listener, reason in refused:
        events = entries.event("refused", address=address, listener=listener)
        said = [e["reason"] for e in events]
        fits = len(said) == 1 and (reason.fullmatch(said[0]) if hasattr(reason, "fullmatch")
                                   else said[0] == reason)
        if kit.check(fits, "refused at %s: %s, not %s" % (listener, said, reason)):
            kit.check("warning: listener %s: %s refused: %s\n" % (listener, address, said[0]) in stderr,
                      "standard error does not say: " + said[0])
    kit.check(len(entries.event("refused")) == len(refused), "more refusals than expected: %s" %
              [e for e in entries.event("refused") if e["address"] not in [r[0] for r in refused]])
    kit.check("\x1b" not in stderr, "a sender's bytes reach the terminal")

    power = entries.source(listener=configured, name="power-a.example",
                           fingerprint=kit.fingerprint(pki, "power-a"))
    lines = [(R, b"<13>one"), (R, b"<13>two\r"), (F, b"<13>cut off")]
    counted = [(R, b"<13>ab"), (R, b"<13>c\nd")]
    entries.is_list("TLS 1.2 and 1.3", entries.of(power),
                    (counted + lines) * 2 + [(R, b"<13>r")] * 4)
    kit.check(len(entries.event("unfinished", source=power)) == 2, "events of what was cut off")
    soon = entries.source(listener=configured, fingerprint=kit.fingerprint(pki, "soon"))
    entries.is_list("cut without close_notify", entries.of(soon),
                    [(R, b"<13>a"), (F, b"<13>hal")] * 2)
    kit.check([e.get("reason") for e in entries.event("unfinished", source=soon)] ==
              ["the connection ended without close_notify: somebody between may have cut it, so a last "
               "record that is not whole is kept as a fragment"] * 2,
              "events of cut connections: %s" % entries.event("unfinished", source=soon))
    entries.same("a listed fingerprint", entries.source(listener=configured,
                                                        fingerprint=kit.fingerprint(pki, "water-b")), [b"<13>f"])
    expired = entries.source(listener="tls://127.0.0.2:0")
    entries.same("expired, accepted", expired, [b"<13>e"])
    kit.check([e["side"] for e in entries.event("certificate-expiring", name="expired.example")] ==
              ["sender"], "an expired certificate that is accepted is told")
    entries.same("authentication none", entries.source(listener="tls://127.0.0.3:0",
                                                       identity="address", address=nobody), [b"<13>n"])
    kit.finish()


main()
