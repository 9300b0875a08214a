#!/usr/bin/env python3
"""transport_data.py COLLECTOR VERIFY SHARED: whatever is sent arrives, byte for byte, on every
transport.

Sent are records made here (NULs, none at all, CR, every byte, at and over the limit) and, where the
folder SHARED is at hand, every file of its data, each as a sender of its own: over UDP, a Unix
socket, TCP and TLS with both framings, RELP and RELP over TLS.
"""
import os
import socket
import sys

import transport_kit as kit

LIMIT = 262144     # record_max
DATAGRAM = 65507   # the longest over UDP and IPv4
PIECE = 3000       # binary files are sent in pieces of this size
TEXT = (".log", ".json", ".jsonl", ".data", ".testdata", ".txt")

EVERY_BYTE = bytes(range(256))
# The first begins with a priority, so that a stream's framing is beyond doubt.
MADE = [
    b"<13>made here", b"", b"\0", b"\0\0\0", b"<34>a\0b\0", b"\r", b"text\r", b"\n", b"a\nb\n",
    b"\r\n", EVERY_BYTE, EVERY_BYTE * 30, b" ", b"<", b"<191>", b"<192>pri out of range",
    b"<999>pri", b"<99999999999999999999>pri", b"<-1>pri", b"<>pri", b"<13", b"0", b"00 1", b"1 a",
    b"12345678901234567890 x", b"\x1b[31mred\x1b[0m", "\u202eabc".encode(), b"\xef\xbb\xbfBOM",
    b"\xff\xfe\xfd", b"\x16\x03\x01 not TLS any more", b"POST / HTTP/1.1\r", b"1 open 0",
    "認証に失敗しました".encode("utf-8"), "認証に失敗しました".encode("shift_jis"),
    "認証に失敗しました".encode("euc_jp"), "認証に失敗しました".encode("iso2022_jp"),
    "認証に失敗しました".encode("utf-16"), b"x" * 1023, b"x" * 1024, b"x" * 1025, b"y" * 8192,
    b"z" * DATAGRAM, b"",
]
LONG = [b"<1>" + b"l" * (LIMIT - 4), b"<1>" + b"l" * (LIMIT - 3), b"<2>" + b"\0" * (LIMIT - 3)]
OVER = [b"<1>" + b"o" * (LIMIT - 2), b"<3>" + EVERY_BYTE * 4096]


def pieces_of(name, data):
    """The records in which a file is sent where a record may be anything."""
    if name.endswith(TEXT) or b"\0" not in data:
        records = data.split(b"\n")
        return records[:-1] if records[-1] == b"" else records
    return [data[i:i + PIECE] for i in range(0, len(data), PIECE)]


def read_data(folder):
    """[(name, whole bytes or None, records)] of all files; lists of cases come a second time with
    their decoded inputs as records."""
    import base64
    import json
    out = []
    for top, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                data = f.read()
            short = os.path.relpath(path, folder)
            out.append((short, data, pieces_of(name, data)))
            if name.endswith(".jsonl") and b'"input_b64"' in data:
                inputs = [base64.b64decode(json.loads(line)["input_b64"])
                          for line in data.splitlines()]
                out.append((short + " (inputs)", None, inputs))
    return out


def as_lines(data, records):
    """Bytes of a stream of lines, and what must come of them: records, and a last fragment."""
    if data is None:
        records = [r for r in records if b"\n" not in r]
        return kit.lines(records), [("record", r) for r in records]
    rows = data.split(b"\n")
    tail = rows.pop()
    return data, [("record", r) for r in rows] + ([("fragment", tail)] if tail else [])


def queued(port):
    """Bytes that wait in the UDP socket of this port."""
    with open("/proc/net/udp", encoding="ascii") as f:
        for line in f:
            fields = line.split()
            if fields[1].endswith(":%04X" % port):
                return int(fields[4].split(":")[1], 16)
    raise RuntimeError("no UDP socket at port %d" % port)


def send_udp(url, senders):
    where = kit.host_port(url)
    for source, records in senders:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * DATAGRAM)
            s.bind((source, 0))
            waiting = 0
            for record in records:
                # UDP does not hold back: we do, far below any receive buffer.
                if waiting + len(record) + 1024 > 131072:
                    kit.until("the UDP socket is empty", lambda: queued(where[1]) == 0)
                    waiting = 0
                s.sendto(record, where)
                waiting += len(record) + 1024
    kit.until("the UDP socket is empty", lambda: queued(where[1]) == 0)


def send_unix(url, senders):
    path = url.split("://", 1)[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * LIMIT)
        for _, records in senders:
            for record in records:
                s.sendto(record, path)


def send_relp(url, senders, context=None):
    for source, records in senders:
        client = kit.Relp(url, source, context)
        client.open()
        client.transfer(records)
        kit.check([a[1] for a in client.close()] == [b"rsp", b"serverclose"], "RELP: no good-bye")


def first_not_empty(records):
    """A stream that begins with "0 " is one of lines: RFC 6587 has no count of 0."""
    while records and records[0] == b"":
        records = records[1:]
    return records


def cut(records):
    """What must come of records that may be over the limit."""
    return [("record", r) if len(r) <= LIMIT else ("fragment", r[:LIMIT]) for r in records]


def check_cuts(entries, ordinal, case, over):
    events = entries.event("cut", source=ordinal)
    kit.check([(e["received"], e["kept"]) for e in events] ==
              [(str(len(r)), str(LIMIT)) for r in over],
              "%s: events of cuts: %s" % (case, events))
    for event in events:
        kit.check(entries.all[event["at"] - 1][0] == "fragment" and
                  int(event["index"]) == event["at"] - 1,
                  "%s: the event of a cut does not stand behind its fragment" % case)


def main():
    programs = sys.argv[1:3]
    data = kit.shared(sys.argv[3])
    work = kit.workspace()
    pki = kit.certificates(os.path.join(work, "pki"))
    context = kit.client_context(pki)
    files = [("made", None, MADE)] + (read_data(data) if data else [])
    loose = [kit.address(i) for i in range(len(files))]
    small = [(a, records) for a, (_, _, records) in zip(loose, files)]
    long_one = (kit.address(len(files)), LONG + OVER + MADE)
    large = small + [long_one]
    counted_part = [(a, kit.counted(first_not_empty(records))) for a, records in large]
    lines_part = [(a,) + as_lines(whole, records) for a, (_, whole, records) in zip(loose, files)]

    tls = kit.tls_block(pki)
    collector = kit.Collector(programs, os.path.join(work, "c"), [
        "url: udp://127.0.0.1:0",
        "url: unix://%s/log" % work,
        "url: tcp://127.0.0.1:0",
        "url: tcp://127.0.0.2:0",
        "url: tls://127.0.0.1:0\n" + tls,
        "url: tls://127.0.0.2:0\n" + tls,
        "url: relp://127.0.0.1:0",
        "url: relp+tls://127.0.0.1:0\n" + tls,
    ])
    udp, unix, tcp, tcp_lines, tls_, tls_lines, relp, relp_tls = collector.urls

    def streams(url, senders, tls_context=None):
        def job():
            for sender in senders:
                kit.check(kit.send_stream(url, sender[1], sender[0], tls_context) == b"",
                          "%s: a syslog listener said something" % url)
        return job

    kit.in_threads([
        lambda: send_udp(udp, small),
        lambda: send_unix(unix, small),
        streams(tcp, counted_part),
        streams(tcp_lines, lines_part),
        streams(tls_, counted_part, context),
        streams(tls_lines, lines_part, context),
        lambda: send_relp(relp, large),
        lambda: send_relp(relp_tls, large, context),
    ])
    entries = collector.stop()

    def whose(sender):
        return files[loose.index(sender)][0] if sender in loose else "over the limit"

    for transport, listener in (("udp", "udp://127.0.0.1:0"), ("tcp", "tcp://127.0.0.1:0"),
                                ("relp", "relp://127.0.0.1:0")):
        for sender, records in small:
            ordinal = entries.source(transport=transport, listener=listener, address=sender)
            if transport == "tcp":
                records = first_not_empty(records)
            entries.same("%s, %s" % (transport, whose(sender)), ordinal, records)
    everything = [r for _, records in small for r in records]
    entries.same("unix", entries.source(transport="unix"), everything)
    entries.check_raw("unix", entries.source(transport="unix"), everything)
    entries.check_raw("everything", None, [e[2] for e in entries.all if e[0] == "record"])
    for sender, _, want in lines_part:
        ordinal = entries.source(transport="tcp", listener="tcp://127.0.0.2:0", address=sender)
        got = entries.of(ordinal) if ordinal is not None else []
        entries.is_list("tcp, lines, " + whose(sender), got, want)
    for transport in ("tcp", "relp"):
        ordinal = entries.source(transport=transport, listener=transport + "://127.0.0.1:0",
                                 address=long_one[0])
        entries.is_list(transport + ", over the limit", entries.of(ordinal), cut(long_one[1]))
        check_cuts(entries, ordinal, transport, OVER)
    # With TLS the certificate is the source, whatever the address.
    for transport, listener in (("tls", "tls://127.0.0.1:0"), ("relp+tls", "relp+tls://127.0.0.1:0")):
        ordinal = entries.source(transport=transport, listener=listener)
        sent = [first_not_empty(r) if transport == "tls" else r for _, r in large]
        entries.is_list(transport, entries.of(ordinal), [x for r in sent for x in cut(r)])
        check_cuts(entries, ordinal, transport, OVER)
        kit.check(entries.sources[ordinal]["identity"] == "certificate" and
                  entries.sources[ordinal]["name"] == "power-a.example",
                  "%s: declared as %s" % (transport, entries.sources[ordinal]))
    entries.is_list("tls, lines", entries.of(entries.source(listener="tls://127.0.0.2:0")),
                    [x for _, _, want in lines_part for x in want])
    fragments = sum(1 for e in entries.all if e[0] == "fragment")
    kit.check(len(entries.event("unfinished")) + len(entries.event("cut")) == fragments,
              "each fragment has its event")
    for name in ("framing-error", "udp-drop", "refused", "connection-unacknowledged"):
        kit.check(entries.event(name) == [], "no event %s: %s" % (name, entries.event(name)[:3]))
    print("%d files and lists, %d entries" % (len(files), len(entries.all)))
    kit.finish()


main()
