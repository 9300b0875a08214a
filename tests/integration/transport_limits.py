#!/usr/bin/env python3
"""transport_limits.py COLLECTOR VERIFY: limits, deadlines, floods, a reload and the end.

Connections beyond a limit are refused with an event, slow ones are ended and what they sent is kept,
files that run out make senders wait. UDP that the kernel dropped is counted to the last datagram, and
forged addresses share one source beyond the cap. SIGHUP takes configuration and certificates in and
drops no connection but those that may not send any more. SIGTERM takes what has arrived.
"""
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

import transport_kit as kit

R, F = "record", "fragment"


def openssl(*words):
    return subprocess.run(("openssl",) + words, check=True, capture_output=True, text=True).stdout


def tls_connect(url, context, source=None):
    return context.wrap_socket(kit.connect(url, source), server_hostname="localhost")


def is_closed(s):
    """True when the collector has ended the connection."""
    return kit.read_to_end(s) == b""


# ---- connections


def connections(programs, work, pki):
    tls = kit.tls_block(pki)
    collector = kit.Collector(programs, os.path.join(work, "connections"), [
        "url: tcp://127.0.0.1:0\nlimits: {connections: 3}",
        "url: tcp://127.0.0.2:0\nlimits: {connections_per_address: 2}",
        "url: tls://127.0.0.3:0\n" + tls + "\nlimits: {connections_per_certificate: 2}",
        "url: tcp://127.0.0.4:0\nallow: [127.9.0.0/16]",
        "url: tcp://127.0.0.5:0\nlimits: {frame_timeout: 1s}",
        "url: relp://127.0.0.6:0\nlimits: {frame_timeout: 1s}",
        "url: tcp://127.0.0.7:0\nlimits: {frame_timeout: 1s, idle_timeout: 1s}",
        "url: tcp://127.0.0.8:0",
        "url: udp://127.0.0.9:0\nallow: [127.9.0.0/16]",
    ])
    urls = collector.urls
    context = kit.client_context(pki)
    kept = []

    def opened(make, count):
        """`count` connections, each with a record that has arrived: so they are all counted."""
        before = collector.records()
        for i in range(count):
            kept.append(make(i))
            kept[-1].sendall(b"<13>kept\n")
        kit.until("they are all open", lambda: collector.records() >= before + count)

    opened(lambda i: kit.connect(urls[0], kit.address(i)), 3)
    kit.check(is_closed(kit.connect(urls[0], kit.address(9))), "one connection too many is open")
    opened(lambda i: kit.connect(urls[1], kit.address(1)), 2)
    kit.check(is_closed(kit.connect(urls[1], kit.address(1))), "one too many of an address is open")
    opened(lambda i: kit.connect(urls[1], kit.address(2)), 1)  # others are not concerned
    opened(lambda i: tls_connect(urls[2], context, kit.address(i)), 2)
    kit.send_stream(urls[2], b"<13>refused\n", kit.address(9), context)
    other = tls_connect(urls[2], kit.client_context(pki, "water-b"))
    opened(lambda i: other, 1)
    kit.check(is_closed(kit.connect(urls[3])), "an address that is not allowed is open")
    opened(lambda i: kit.connect(urls[3], "127.9.0.1"), 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"<13>not allowed", kit.host_port(urls[8]))
    # When one is closed there is room for another.
    kept.pop(0).close()
    kit.until("a place is free", lambda: [
        x["connections"] for x in collector.status()["listeners"] if x["url"] == urls[0]] == [2])
    opened(lambda i: kit.connect(urls[0], kit.address(11)), 1)

    # Deadlines: of a record, of a silent connection, and of a first record that may be whole.
    slow = kit.connect(urls[4])
    slow.sendall(b"5 <13>a9 <13>hal")
    slow_relp = kit.Relp(urls[5])
    slow_relp.open()
    slow_relp.send(b"2 syslog 100 <13>hal")
    idle = kit.connect(urls[6])
    idle.sendall(b"<13>then silence\n")
    doubtful = kit.connect(urls[7])
    before = collector.records()
    doubtful.sendall(b"5 hello")
    kit.check(is_closed(slow), "slow: it said something")
    kit.check(slow_relp.answer() == (0, b"serverclose", b""), "slow RELP: no good-bye")
    kit.check(is_closed(idle), "idle: it said something")
    kit.until("a first record that may be whole is taken", lambda: collector.records() > before)
    doubtful.close()
    for s in kept:
        s.close()
    entries = collector.stop()

    for number, address, reason in (
            (0, kit.address(9), "the listener has as many connections as `connections` allows"),
            (1, kit.address(1), "its address has as many connections as `connections_per_address` "
             "allows"),
            (2, kit.address(9), "its certificate has as many connections as "
             "`connections_per_certificate` allows"),
            (3, "127.0.0.1", "its address is not in `allow` of the listener"),
            (8, "127.0.0.1", "its address is not in `allow` of the listener")):
        listener = urls[number].rsplit(":", 1)[0] + ":0"
        events = entries.event("refused", listener=listener)
        kit.check([(e["address"], e["reason"], e["count"]) for e in events] ==
                  [(address, reason, "1")], "%s: refused %s" % (listener, events))
        kit.check("listener %s: %s refused: %s\n" % (listener, address, reason) in collector.stderr(),
                  "standard error does not say: " + reason)
    texts = [p for k, _, p, _ in entries.all if k == R]
    kit.check(texts.count(b"<13>kept") == 11 and b"<13>refused" not in texts and
              b"<13>not allowed" not in texts, "records: %s" % texts)
    for listener, want in (("tcp://127.0.0.5:0", [(R, b"<13>a"), (F, b"<13>hal")]),
                           ("relp://127.0.0.6:0", [(F, b"<13>hal")]),
                           ("tcp://127.0.0.7:0", [(R, b"<13>then silence")]),
                           ("tcp://127.0.0.8:0", [(R, b"hello")])):
        ordinal = entries.source(listener=listener)
        entries.is_list(listener, entries.of(ordinal), want)
        if want[-1][0] == F:
            kit.check([(e["kept"], e["reason"]) for e in entries.event("unfinished", source=ordinal)] ==
                      [("7", "a record was not finished within `frame_timeout`")],
                      "%s: %s" % (listener, entries.event("unfinished", source=ordinal)))


def behind_many(programs, work):
    """A round over all connections goes on over several turns of the loop: it comes to the last one
    too, also when others come and go."""
    collector = kit.Collector(programs, os.path.join(work, "many"), [
        "url: tcp://127.0.0.1:0\nlimits: {frame_timeout: 1s, idle_timeout: 1s}",
        "url: tcp://127.0.0.2:0"])
    idle = kit.connect(collector.urls[0])
    idle.sendall(b"<13>first\n")
    kit.until("it is open", lambda: collector.records() == 1)
    conns = []
    for i in range(600):
        conns.append(kit.connect(collector.urls[1], kit.address(i % 10)))
        conns[-1].sendall(b"<13>%d\n" % i)
        if i % 3 == 2:
            conns.pop(-2).close()
    kit.check(idle.recv(1) == b"", "behind many: it said something")
    for s in conns:
        s.close()
    kit.until("all have come in", lambda: collector.records() == 601)
    entries = collector.stop()
    got = [e[2] for e in entries.all if e[0] == R]
    kit.check(sorted(got) == sorted([b"<13>first"] + [b"<13>%d" % i for i in range(600)]),
              "behind many: %s" % got)


def files_run_out(programs, work):
    """Senders wait in the kernel's queue until there are files again, and the log goes on meanwhile:
    nothing is lost."""
    collector = kit.Collector(programs, os.path.join(work, "files"),
                              ["url: tcp://127.0.0.1:0", "url: udp://127.0.0.1:0"],
                              wrap=["prlimit", "--nofile=180:180"])
    conns = []
    for i in range(300):
        conns.append(kit.connect(collector.urls[0]))
        conns[-1].sendall(b"<13>%d\n" % i)
    collector.says("listener tcp://127.0.0.1:0: 106 connections are open, more files are not allowed: "
                   "senders wait until one is closed. Raise LimitNOFILE (ulimit -n), or lower "
                   "`connections`.\n")
    kit.until("those that are open were heard", lambda: collector.records() == 106)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"<13>meanwhile", kit.host_port(collector.urls[1]))
    kit.until("others go on", lambda: collector.records() == 107)
    for s in conns:
        s.close()
    kit.until("all have come in", lambda: collector.records() == 301)
    entries = collector.stop()
    got = entries.of(entries.source(transport="tcp"))
    kit.check(sorted(got) == sorted((R, b"<13>%d" % i) for i in range(300)), "files: %s" % got)
    kit.check(entries.event("write-failure") == [], "files: a write failed")
    kit.check("180 open files are allowed, the listeners' `connections` may need 4170: raise "
              "LimitNOFILE (ulimit -n), or lower `connections`\n" in collector.stderr(),
              "files: the start does not warn: " + collector.stderr()[:500])


def handshakes(programs, work, pki):
    """Connections that begin no handshake: so many and no more, and none of them for long."""
    limit = 256  # HANDSHAKES_MAX
    collector = kit.Collector(programs, os.path.join(work, "handshakes"), [
        "url: tls://127.0.0.1:0\n%s\nlimits: {handshake_timeout: 600s, connections_per_address: 4096}" %
        kit.tls_block(pki)])
    conns = [kit.connect(collector.urls[0]) for _ in range(limit)]
    kit.until("they are open", lambda: collector.status()["listeners"][0]["connections"] == limit)
    kit.check(is_closed(kit.connect(collector.urls[0], kit.address(1))), "one handshake too many")
    conns.pop().close()
    kit.until("one is closed", lambda: collector.status()["listeners"][0]["connections"] < limit)
    kit.send_stream(collector.urls[0], b"<13>honest\n", None, kit.client_context(pki))
    for s in conns:
        s.close()
    entries = collector.stop()
    entries.same("handshakes", entries.source(transport="tls"), [b"<13>honest"])
    kit.check([(e["address"], e["reason"]) for e in entries.event("refused", count="1")
               if e["address"] == kit.address(1)] ==
              [(kit.address(1), "too many TLS handshakes at once")], "handshakes: %s" % entries.events)


def resident(collector):
    with open("/proc/%d/status" % collector.process.pid, encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024


def memory(programs, work, pki):
    """What an idle connection costs: 16 KiB plain, 64 KiB with TLS, at most."""
    with open(programs[0], "rb") as f:
        if re.search(b"__[at]san_init", f.read()):
            print("skipped: memory, with sanitizers")
            return
    limits = "\nlimits: {connections_per_address: 4096%s}"
    collector = kit.Collector(programs, os.path.join(work, "memory"), [
        "url: tcp://127.0.0.1:0" + limits % "", "url: relp://127.0.0.1:0" + limits % "",
        "url: tls://127.0.0.1:0\n" + kit.tls_block(pki) +
        limits % ", connections_per_certificate: 4096"])
    context = kit.client_context(pki)
    conns = []
    for number, count, most in ((0, 400, 16384), (1, 400, 16384), (2, 200, 65536)):
        for part in range(2):  # the first ones warm up what all share
            before, records = resident(collector), collector.records()
            for _ in range(count):
                s = kit.connect(collector.urls[number])
                if number == 2:
                    s = context.wrap_socket(s, server_hostname="localhost")
                if number == 1:
                    s.sendall(b"1 open 30 relp_version=0\ncommands=syslog\n2 syslog 5 <13>a\n")
                else:
                    s.sendall(b"<13>a\n")
                conns.append(s)
            kit.until("they were heard", lambda: collector.records() == records + count)
            each = (resident(collector) - before) // count
            if part == 1:
                print("memory of an idle connection: %d bytes, %s" % (each, collector.urls[number]))
                kit.check(each <= most, "%d bytes for an idle connection, %d are allowed" % (each, most))
    for s in conns:
        s.close()
    collector.stop()


def unfinished_records(programs, work):
    """Long records that are not finished use up their memory: short ones go on, and the long ones are
    whole all the same, one after the other; those that never end are kept as far as they were read."""
    collector = kit.Collector(programs, os.path.join(work, "unfinished"), [
        "url: tcp://127.0.0.1:0", "url: tls://127.0.0.1:0\n" + kit.tls_block(
            kit.certificates(os.path.join(work, "unfinished-pki"))),
        "url: tcp://127.0.0.2:0\nlimits: {frame_timeout: 2s}"], top="partial_frames: 1M")
    long = b"<13>" + b"l" * 200000
    sent = b"%d " % len(long) + long
    half, rest = sent[:150000], sent[150000:]
    context = kit.client_context(os.path.join(work, "unfinished-pki"))

    def begin(number, url, tls_context=None):
        s = kit.connect(url, kit.address(number))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1048576)
        if tls_context:
            s = tls_context.wrap_socket(s, server_hostname="localhost")
        s.sendall(half)
        return s

    conns = [begin(i, collector.urls[0]) for i in range(12)]
    conns += [begin(i, collector.urls[1], context) for i in range(12, 15)]
    never = [begin(i, collector.urls[2]) for i in range(15, 18)]
    kit.until("memory is used up", lambda: collector.status()["partial_frames"]["used"] > 1000000)
    records = [b"<13>%d " % i + b"s" * (i * 37 % 3000) for i in range(200)]
    short = kit.counted(records)
    conns.append(kit.connect(collector.urls[0], kit.address(20)))
    for i in range(0, len(short), 700):
        conns[-1].sendall(short[i:i + 700])
    kit.until("short records go on", lambda: collector.records() >= len(records))
    for s in conns[:2]:
        s.close()  # in the middle
    for s in conns[2:15]:
        s.sendall(rest)
    kit.until("the others come in", lambda: collector.records() == len(records) + 13)
    for s in never:
        kit.check(is_closed(s), "unfinished: it said something")
    for s in conns[2:]:
        s.close()
    kit.until("all have ended",
              lambda: sum(x["connections"] for x in collector.status()["listeners"]) == 0)
    kit.check(collector.status()["partial_frames"]["used"] == 0, "memory is not given back")
    entries = collector.stop()

    def of(number):
        return entries.source(transport="tcp", address=kit.address(number))

    entries.same("unfinished, short", of(20), records)
    for i in range(2, 12):
        entries.same("unfinished, long", of(i), [long])
    entries.same("unfinished, long, TLS", entries.source(transport="tls"), [long] * 3)
    for i in (0, 1):
        entries.is_list("unfinished, closed", entries.of(of(i)), [(F, half[len(b"200004 "):])])
    for i in range(15, 18):
        got = entries.of(of(i))
        # What was read by then: how much of it is still in the kernel is a matter of load.
        if not kit.check(len(got) == 1 and got[0][0] == F and len(got[0][1]) > 0 and
                         long.startswith(got[0][1]),
                         "unfinished: %s" % [(k, kit.shown(p)) for k, p in got]):
            continue
        kit.check([(e["reason"], int(e["kept"])) for e in entries.event("unfinished", source=of(i))] ==
                  [("a record was not finished within `frame_timeout`", len(got[0][1]))],
                  "unfinished: no event with its reason and %d bytes" % len(got[0][1]))


def every_address(programs, work):
    """`*` is IPv4 and IPv6; the source of an IPv4 sender is its IPv4 address."""
    collector = kit.Collector(programs, os.path.join(work, "every"), ["url: tcp://*:0", "url: udp://*:0"])
    ports = [int(url.rsplit(":", 1)[1]) for url in collector.urls]
    hosts = [("127.0.0.1", socket.AF_INET)]
    try:
        with socket.create_connection(("::1", ports[0])):
            hosts.append(("::1", socket.AF_INET6))
    except OSError:
        print("skipped: no IPv6 on this machine")
    for host, family in hosts:
        with socket.create_connection((host, ports[0])) as s:
            s.sendall(b"<13>over tcp\n")
            s.shutdown(socket.SHUT_WR)
            kit.read_to_end(s)
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.sendto(b"<13>over udp", (host, ports[1]))
    entries = collector.stop()
    for host, _ in hosts:
        for transport in ("tcp", "udp"):
            entries.same("every address, %s, %s" % (transport, host),
                         entries.source(transport=transport, listener=transport + "://*:0",
                                        address=host), [b"<13>over " + transport.encode()])


# ---- UDP


def udp_drops(programs, work):
    """The process is stopped while more comes than its socket holds: each datagram is a record or is
    counted."""
    collector = kit.Collector(programs, os.path.join(work, "drops"),
                              ["url: udp://127.0.0.1:0\nlimits: {receive_buffer: 64K}"])
    where = kit.host_port(collector.urls[0])
    sent = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(2):
            collector.process.send_signal(signal.SIGSTOP)
            for i in range(1000):
                sent.append(b"<13>%d " % len(sent) + b"x" * 300)
                s.sendto(sent[-1], where)
            collector.process.send_signal(signal.SIGCONT)
            collector.says("datagrams were lost before they could be read; the log says so. Raise "
                           "`receive_buffer`, or let the sender use RELP or TCP.")
    entries = collector.stop()
    got = [p for _, p in entries.of(entries.source(transport="udp"))]
    events = entries.event("udp-drop", listener="udp://127.0.0.1:0", side="collector")
    lost = sum(int(e["count"]) for e in events)
    kit.check(0 < lost < 2000 and len(got) + lost == len(sent),
              "drops: %d sent, %d held, %d counted as lost" % (len(sent), len(got), lost))
    kit.check(all(0 < int(e["since"]) <= int(e["until"]) for e in events), "drops: %s" % events)
    rest = iter(sent)
    kit.check(all(any(x == y for y in rest) for x in got), "drops: the order is another")
    print("drops: %d of %d lost, all counted" % (lost, len(sent)))


def forged_addresses(programs, work):
    """Beyond the cap all addresses share one source; who sent what is still told."""
    collector = kit.Collector(programs, os.path.join(work, "forged"),
                              ["url: udp://127.0.0.1:0\nlimits: {sources: 4}",
                               "url: udp://127.0.0.2:0\nlimits: {sources: 4}"])
    sent = []
    for i in list(range(600)) + [7, 599, 2]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((kit.address(i), 0))
            for n in range(2):
                sent.append((kit.address(i), b"<13>%d of %s" % (n, kit.address(i).encode())))
                s.sendto(sent[-1][1], kit.host_port(collector.urls[0]))
        if i % 50 == 0:
            kit.until("they are taken", lambda: collector.records() == len(sent))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # the cap is the listener's own
        s.bind((kit.address(5000), 0))
        s.sendto(b"<13>elsewhere", kit.host_port(collector.urls[1]))
    entries = collector.stop()
    own = [o for o, d in entries.sources.items()
           if d["identity"] == "forgeable" and d["listener"] == "udp://127.0.0.1:0"]
    kit.check(len(own) == 4, "forged: %d sources of their own" % len(own))
    for ordinal in own:
        address = entries.sources[ordinal]["address"]
        entries.same("forged, " + address, ordinal, [p for a, p in sent if a == address])
    named = {entries.sources[o]["address"] for o in own}
    shared = entries.source(identity="overflow")
    rest = [(a, p) for a, p in sent if a not in named]
    entries.same("forged, shared", shared, [p for _, p in rest])
    runs = [(int(seq), a) for e in entries.event("overflow", source=shared) for seq, a in e["peers"]]
    whose, at = [], 0
    for seq in range(len(rest)):
        while at + 1 < len(runs) and runs[at + 1][0] <= seq:
            at += 1
        whose.append(runs[at][1])
    kit.check(whose == [a for a, _ in rest], "forged: the events tell other addresses")
    kit.check("listener udp://127.0.0.1:0: more than 4 sender addresses; the others share one source, "
              "their addresses are recorded. If they are real, raise `limits: sources`.\n" in
              collector.stderr(), "forged: standard error does not say it")
    entries.same("forged, elsewhere", entries.source(identity="forgeable",
                                                     listener="udp://127.0.0.2:0"), [b"<13>elsewhere"])


# ---- reload


def short_lived(pki, seconds):
    """A certificate for power-a.example that ends in so many seconds; gives when."""
    end = time.time() + seconds
    folder = os.path.join(pki, "short")
    os.makedirs(folder)
    with open(folder + "/index", "w", encoding="ascii"), \
            open(folder + "/ext", "w", encoding="ascii") as f:
        f.write("extendedKeyUsage = clientAuth\nsubjectAltName = DNS:power-a.example\n")
    with open(folder + "/conf", "w", encoding="ascii") as f:
        f.write("[ca]\ndefault_ca = d\n[d]\ndatabase = %s/index\nnew_certs_dir = %s\nrand_serial = yes\n"
                "default_md = sha256\npolicy = p\n[p]\norganizationName = optional\n"
                "commonName = supplied\n" % (folder, folder))
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            pki + "/short.key", "-subj", "/O=Akashi test/CN=short", "-out", folder + "/csr")
    openssl("ca", "-batch", "-config", folder + "/conf", "-notext", "-in", folder + "/csr", "-cert",
            pki + "/ca.pem", "-keyfile", pki + "/ca.key", "-extfile", folder + "/ext", "-startdate",
            time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end - 86400)), "-enddate",
            time.strftime("%Y%m%d%H%M%SZ", time.gmtime(end)), "-out", pki + "/short.pem")
    return end


def make_crl(pki, name):
    folder = os.path.join(pki, "crl")
    os.makedirs(folder)
    with open(folder + "/index", "w", encoding="ascii"), \
            open(folder + "/conf", "w", encoding="ascii") as f:
        f.write("[ca]\ndefault_ca = d\n[d]\ndatabase = %s/index\ndefault_md = sha256\n"
                "default_crl_days = 30\n" % folder)
    where = ("-config", folder + "/conf", "-cert", pki + "/ca.pem", "-keyfile", pki + "/ca.key")
    openssl("ca", *where, "-revoke", "%s/%s.pem" % (pki, name))
    openssl("ca", *where, "-gencrl", "-out", pki + "/ca.crl")


def served(url, context):
    """The certificate that the collector shows."""
    with tls_connect(url, context) as s:
        return s.getpeercert(binary_form=True)


def reload(programs, work):
    pki = kit.certificates(os.path.join(work, "reload-pki"))
    make_crl(pki, "water-b")
    short_end = short_lived(pki, 20)
    listeners = ["url: tcp://127.0.0.1:0", "url: tls://127.0.0.1:0\n" + kit.tls_block(pki),
                 "url: relp+tls://127.0.0.1:0\n" + kit.tls_block(pki), "url: tcp://127.0.0.2:0",
                 "url: udp://127.0.0.1:0"]
    collector = kit.Collector(programs, os.path.join(work, "reload"), listeners)
    tcp, tls, relp_tls, gone, udp = collector.urls
    context = kit.client_context(pki)
    plain = kit.connect(tcp)
    leaving = kit.connect(gone)
    secure = tls_connect(tls, context)
    revoked = tls_connect(tls, kit.client_context(pki, "water-b"))
    ending = tls_connect(tls, kit.client_context(pki, "short"))
    relp = kit.Relp(relp_tls, None, context)
    relp.open()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((kit.address(1), 0))
    datagrams.connect(kit.host_port(udp))

    def send(text):
        before = collector.records()
        plain.sendall(b"<13>" + text + b"\n")
        secure.sendall(b"<13>" + text + b"\n")
        relp.transfer([b"<13>" + text])
        datagrams.send(b"<13>" + text)
        kit.until("all came in", lambda: collector.records() == before + 4)

    before = collector.records()
    revoked.sendall(b"<13>not yet revoked\n<13>half")
    ending.sendall(b"<13>not yet over\n")
    leaving.sendall(b"<13>still here\n")
    kit.until("all came in", lambda: collector.records() == before + 3)
    send(b"before")
    first = served(tls, context)

    # A file with a fault changes nothing.
    with open(collector.config, "a", encoding="ascii") as f:
        f.write("colour: red\n")
    kit.check('unknown option "colour"' in collector.reload(), "a fault is not named")
    send(b"behind a fault")

    # A certificate that cannot be read changes nothing either.
    missing = kit.tls_block(pki).replace("server.pem", "missing.pem")
    collector.configure(listeners[:1] + ["url: tls://127.0.0.1:0\n" + missing] + listeners[2:])
    kit.check("missing.pem" in collector.reload(), "a missing certificate is not named")
    send(b"behind a missing certificate")

    # New certificate, revoked senders, one listener more and one less.
    for end in ("pem", "key"):
        os.rename("%s/server.%s" % (pki, end), "%s/old.%s" % (pki, end))
    again = kit.certificates(os.path.join(work, "again"))
    for end in ("pem", "key"):
        os.rename("%s/server.%s" % (again, end), "%s/server.%s" % (pki, end))
    with_crl = kit.tls_block(pki, ", crl: %s/ca.crl" % pki)
    collector.configure([listeners[0], "url: tls://127.0.0.1:0\n" + with_crl, listeners[2],
                         "url: relp://127.0.0.3:0", listeners[4]])
    kit.check(collector.reload() == "reload: configuration and certificates are in force",
              "reload: " + collector.stderr()[-500:])
    send(b"behind a reload")
    kit.check(is_closed(leaving), "the listener that is gone said something")
    kit.check(kit.read_to_end(revoked) == b"", "a revoked sender is answered")
    trusting = kit.client_context(pki)
    trusting.load_verify_locations(again + "/ca.pem")
    second = served(tls, trusting)
    kit.check(first != second, "the old certificate is shown still")
    added = [x["url"] for x in collector.status()["listeners"] if x["configured"] == "relp://127.0.0.3:0"]
    new = kit.Relp(added[0])
    new.open()
    new.transfer([b"<13>new"])
    new.close()
    kit.until("a certificate is over", lambda: time.time() > short_end + 1)
    collector.reload()
    kit.check(kit.read_to_end(ending) == b"", "a sender whose certificate is over is answered")
    send(b"at the end")
    relp.close()
    entries = collector.stop()

    texts = [b"before", b"behind a fault", b"behind a missing certificate", b"behind a reload",
             b"at the end"]
    for transport in ("tcp", "tls", "relp+tls", "udp"):
        ordinal = entries.source(transport=transport, listener=transport + "://127.0.0.1:0",
                                 **({"name": "power-a.example", "fingerprint": kit.fingerprint(
                                     pki, "power-a")} if "tls" in transport else {}))
        entries.same("reload, " + transport, ordinal, [b"<13>" + t for t in texts])
    water = entries.source(name="water-b.example")
    entries.is_list("revoked", entries.of(water), [(R, b"<13>not yet revoked"), (F, b"<13>half")])
    reason = "certificate CN=water-b.example was revoked by its authority (%s/ca.crl): refused, the " \
        "sender keeps its records. Give the sender a new certificate" % pki
    kit.check([e.get("reason") for e in entries.event("unfinished", source=water)] == [reason],
              "revoked: %s" % entries.event("unfinished"))
    reasons = [e["reason"] for e in entries.event("refused")]
    kit.check(len(reasons) == 2 and reasons[0] == reason and
              reasons[1].startswith("certificate CN=short expired "), "reload: refused %s" % reasons)
    kit.check(len(entries.event("configuration")) >= 3, "events of the configuration")
    entries.same("a new listener", entries.source(listener="relp://127.0.0.3:0"), [b"<13>new"])
    entries.same("a listener that is gone", entries.source(listener="tcp://127.0.0.2:0"),
                 [b"<13>still here"])


# ---- the end


def stop(programs, work, pki):
    """SIGTERM is there before the bytes are read: all that has arrived is in the log all the same."""
    collector = kit.Collector(programs, os.path.join(work, "stop"), [
        "url: tcp://127.0.0.1:0", "url: tls://127.0.0.1:0\n" + kit.tls_block(pki),
        "url: udp://127.0.0.1:0", "url: unix://%s/stop.log" % work])
    tcp, tls, udp, unix = collector.urls
    records = [b"<13>%d " % i + b"x" * 100 for i in range(100)]
    plain = kit.connect(tcp)
    secure = tls_connect(tls, kit.client_context(pki))
    for s in (plain, secure):
        s.sendall(b"<13>first\n")
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    kit.until("both are open", lambda: collector.records() == 2)
    collector.process.send_signal(signal.SIGSTOP)
    for s in (plain, secure):
        s.sendall(kit.lines(records) + b"<13>half")
    for record in records:
        datagrams.sendto(record, kit.host_port(udp))
    for record in records[:8]:  # the kernel's queue of a Unix socket is short
        local.sendto(record, unix.split("://")[1])
    collector.process.send_signal(signal.SIGTERM)
    collector.process.send_signal(signal.SIGCONT)
    entries = collector.stop()
    for transport in ("tcp", "tls"):
        ordinal = entries.source(transport=transport)
        entries.is_list("stop, " + transport, entries.of(ordinal), [(R, b"<13>first")] +
                        [(R, r) for r in records] + [(F, b"<13>half")])
        kit.check([(e["kept"], e["reason"]) for e in entries.event("unfinished", source=ordinal)] ==
                  [("8", "the collector stopped")], "stop, %s: %s" % (transport, entries.events))
    entries.same("stop, udp", entries.source(transport="udp"), records)
    entries.same("stop, unix", entries.source(transport="unix"), records[:8])
    kit.check(entries.event("udp-drop") == [], "stop: datagrams were lost")
    try:
        kit.check(secure.recv(1) == b"", "stop: TLS ends with close_notify")
    except ssl.SSLError as error:
        kit.fail("stop: TLS does not end with close_notify: %s" % error)


def main():
    programs = sys.argv[1:3]
    work = kit.workspace()
    pki = kit.certificates(os.path.join(work, "pki"))
    kit.in_threads([
        lambda: connections(programs, work, pki),
        lambda: behind_many(programs, work),
        lambda: files_run_out(programs, work),
        lambda: handshakes(programs, work, pki),
        lambda: every_address(programs, work),
        lambda: unfinished_records(programs, work),
        lambda: udp_drops(programs, work),
        lambda: forged_addresses(programs, work),
        lambda: reload(programs, work),
        lambda: stop(programs, work, pki),
        lambda: memory(programs, work, pki),
    ])
    kit.finish()


main()
