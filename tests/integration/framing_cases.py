#!/usr/bin/env python3
"""framing_cases.py COLLECTOR VERIFY SHARED: streams that are good, odd, cut off or wrong.

Nothing is lost and nothing invented: each case says what its bytes must become in the log, with the
events that tell of it and the words on standard error. Where the folder SHARED is at hand the cases
of other projects run too (syslog-ng, go-syslog, RELP traces), each with the expectation that stands
there and the account of every byte.
"""
import base64
import json
import os
import re
import sys

import transport_kit as kit

R, F = "record", "fragment"
LIMIT = 1024  # record_max of the log here
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512)
COUNT = ("octet-count", "there is no octet count where one must be (RFC 6587 3.4.1): what follows "
         "cannot be divided into records; set the sender to one framing and look for counts of "
         "characters, not bytes")
LONG = ("too-long", "a record of more than 16 MiB is announced or does not end: what follows cannot "
        "be divided into records; look at the sender's framing")
HTTP = ("http", "this looks like HTTP on a syslog listener: nothing was taken as a record; let the "
        "sender use syslog, or send it elsewhere")
TLS = ("tls", "this looks like TLS on a plain listener; use tls://")
RELP = ("relp", "this looks like RELP on a syslog listener; use relp://, or relp+tls:// with TLS: "
        "the sender keeps its records until then")
RELP_HEADER = ("relp-header", "this is not the header of a RELP frame: what follows cannot be divided "
               "into records; the sender sends what was not acknowledged again")
RELP_TRAILER = ("relp-trailer", "there is no LF behind the data of a RELP frame, so its length is "
                "wrong: what follows cannot be divided into records; the sender sends what was not "
                "acknowledged again")
RELP_LONG = ("too-long", "a RELP frame of more than 16 MiB is announced: it is not taken, and the "
             "sender will send it again and again; set a maximum message size there")
RELP_TLS = ("tls", "this looks like TLS on a plain listener; use relp+tls://")
RELP_HTTP = ("http", "this looks like HTTP on a RELP listener: nothing was taken as a record; let the "
             "sender use RELP, or send it elsewhere")
RELP_SYSLOG = ("syslog", "this looks like syslog on a RELP listener: nothing was taken as a record; "
               "use tcp:// (tls:// with TLS) here, or omrelp in the sender")
TXNR = ("relp-txnr", "a RELP transaction has not the number that must come next: one is missing, or "
        "came twice; the connection was closed, and the sender sends again what was not acknowledged")
STATE = ("relp-state", "a RELP command came where it makes no sense (a record before open, a second "
         "open, or anything behind close); the connection was closed; look at the sender's RELP "
         "library")
COMMAND = ("relp-command", "a RELP command came that was not offered (we offer syslog); the "
           "connection was closed, its data was not taken as a record; let the sender use syslog")
VERSION = ("relp-version", "a RELP session was opened without a usable relp_version; it was refused "
           "before any record; look at the sender's RELP library")
GOODBYE = b"0 serverclose 0\n"
OPEN = b"1 open 30 relp_version=0\ncommands=syslog\n"
ANSWER = b"1 rsp 58 200 OK\nrelp_version=0\nrelp_software=akashi\ncommands=syslog\n"

BIG = bytes(range(256)) * 5  # over the limit


class Case:
    """`data` over a stream; what it must become; the framing error with its reason and text, or
    None; kept: bytes of an `unfinished` fragment, or None; cuts: lengths in all of what was cut;
    answer: what the collector says, None for anything."""

    def __init__(self, name, data, want, error=None, unfinished=None, cuts=(), answer=b"",
                 pieces=None):
        self.name, self.data, self.want, self.error = name, data, want, error
        self.unfinished, self.cuts, self.answer, self.pieces = unfinished, list(cuts), answer, pieces


def syslog_cases():
    def bad_count(name, data, before=()):
        """What follows is kept as a fragment, with its reason."""
        rest = data
        for r in before:
            rest = rest[len(b"%d " % len(r)) + len(r):]
        return Case(name, data, [(R, r) for r in before] + [(F, rest[:LIMIT])], COUNT)

    first = b"5 <13>a"
    out = [
        Case("counted", b"5 <13>a6 <14>bb", [(R, b"<13>a"), (R, b"<14>bb")]),
        Case("counted, with LF, NUL, CR and digits inside", b"12 <13>a\n1 x\r\n\0005 <14>b",
             [(R, b"<13>a\n1 x\r\n\0"), (R, b"<14>b")]),
        Case("counted, byte by byte", b"5 <13>a0 5 <13>b", [(R, b"<13>a"), (R, b""), (R, b"<13>b")],
             pieces=[bytes([c]) for c in b"5 <13>a0 5 <13>b"]),
        Case("lines", b"<13>a\n<13>b\r\n\n 5 <13>c\n",
             [(R, b"<13>a"), (R, b"<13>b\r"), (R, b""), (R, b" 5 <13>c")]),
        Case("NUL between records", b"<1>a\0<2>b\nb\0<3>c\0",
             [(R, b"<1>a"), (R, b"<2>b\nb"), (R, b"<3>c")]),
        Case("8-bit bytes and an escape", b"<13>\xff\xfe\x80\x1b[31m\n",
             [(R, b"<13>\xff\xfe\x80\x1b[31m")]),
        Case("priorities out of range are records",
             b"<192>a\n<999>b\n<100000000000000000000>c\n<-1>d\n<>e\n<13\n",
             [(R, x) for x in (b"<192>a", b"<999>b", b"<100000000000000000000>c", b"<-1>d", b"<>e",
                               b"<13")]),
        Case("nothing at all", b"", []),
        Case("an empty line", b"\n", [(R, b"")]),
        Case("a record of 0 bytes behind another", b"5 <13>a0 0 5 <13>b",
             [(R, b"<13>a"), (R, b""), (R, b""), (R, b"<13>b")]),
        Case("the end within a counted record", first + b"9 <13>half", [(R, b"<13>a"), (F, b"<13>half")],
             unfinished=8),
        Case("the end behind a count", first + b"9 ", [(R, b"<13>a"), (F, b"9 ")], unfinished=2),
        Case("the end within a count", first + b"12", [(R, b"<13>a"), (F, b"12")], unfinished=2),
        Case("count then the end, at once", b"16 ", [(F, b"16 ")], unfinished=3),
        Case("digits then the end, at once", b"16", [(F, b"16")], unfinished=2),
        Case("the end within a line", b"<13>a\n<13>half", [(R, b"<13>a"), (F, b"<13>half")],
             unfinished=8),
        Case("at the limit, counted", b"%d <1>%s5 <13>a" % (LIMIT, b"l" * (LIMIT - 3)),
             [(R, b"<1>" + b"l" * (LIMIT - 3)), (R, b"<13>a")]),
        Case("over the limit, counted", b"%d <1>%s5 <13>a" % (LIMIT + 1, b"l" * (LIMIT - 2)),
             [(F, b"<1>" + b"l" * (LIMIT - 3)), (R, b"<13>a")], cuts=[LIMIT + 1]),
        Case("at the limit, a line", b"<1>" + b"l" * (LIMIT - 3) + b"\n<13>a\n",
             [(R, b"<1>" + b"l" * (LIMIT - 3)), (R, b"<13>a")]),
        Case("over the limit, a line", b"<1>" + b"l" * 5000 + b"\n<13>a\n",
             [(F, b"<1>" + b"l" * (LIMIT - 3)), (R, b"<13>a")], cuts=[5003]),
        Case("over the limit and cut off", first + b"5000 " + b"x" * 2000,
             [(R, b"<13>a"), (F, b"x" * LIMIT)], unfinished=LIMIT),
        Case("16 MiB are announced, a few bytes come", first + b"16777216 <13>b",
             [(R, b"<13>a"), (F, b"<13>b")], unfinished=5),
        Case("one byte over 16 MiB is announced", first + b"16777217 <13>b",
             [(R, b"<13>a"), (F, b"16777217 <13>b")], LONG),
        Case("a count with its LF behind each record", b"5 <13>a\n5 <13>b\n",
             [(R, b"<13>a"), (R, b"<13>b")]),
        Case("one byte of count too few", b"5 <13>a4 <13>b5 <13>c",
             [(R, b"<13>a"), (R, b"<13>"), (F, b"b5 <13>c")], COUNT),
        Case("TLS on a plain listener", TLS_HELLO, [(F, TLS_HELLO[:LIMIT])], TLS),
        Case("HTTP on a syslog listener", b"POST /v1/logs HTTP/1.1\r\nHost: a\r\n\r\n{}",
             [(F, b"POST /v1/logs HTTP/1.1\r\nHost: a\r\n\r\n{}")], HTTP),
        Case("RELP on a syslog listener", OPEN, [(F, OPEN)], RELP),
    ]
    for digits in (10, 100, 700):
        out.append(bad_count("a count of %d digits" % digits, first + b"9" * digits + b" x",
                             [b"<13>a"]))
        out.append(Case("%d digits at first are a line" % digits, b"9" * digits + b" x\n",
                        [(R, b"9" * digits + b" x")]))
    for name, data in (("leading zeros", b"005 <13>b"), ("a minus", b"-5 <13>b"),
                       ("hexadecimal", b"0x5 <13>b"), ("no space", b"5<13>b"),
                       ("2^31", b"2147483648 <13>b"), ("2^32", b"4294967296 <13>b"),
                       ("2^64", b"18446744073709551616 <13>b"), ("an empty count", b" <13>b")):
        out.append(bad_count("no count: " + name, first + data, [b"<13>a"]))
    return out


def relp_cases():
    def frame(n, command, data=b""):
        return b"%d %s %d%s\n" % (n, command, len(data), b" " + data if data else b"")

    def acks(*numbers):
        return ANSWER + b"".join(b"%d rsp 6 200 OK\n" % n for n in numbers)

    one, two = frame(2, b"syslog", b"<13>a"), frame(3, b"syslog", b"<13>b\n\0")
    return [
        Case("records and the close handshake", OPEN + one + two + frame(4, b"close"),
             [(R, b"<13>a"), (R, b"<13>b\n\0")],
             answer=acks(2, 3) + b"4 rsp 0\n0 serverclose 0\n"),
        Case("a record of 0 bytes", OPEN + frame(2, b"syslog") + frame(3, b"close"), [(R, b"")],
             answer=acks(2) + b"3 rsp 0\n0 serverclose 0\n"),
        Case("a record over the limit is acknowledged as what it is",
             OPEN + frame(2, b"syslog", BIG) + frame(3, b"close"), [(F, BIG[:LIMIT])],
             cuts=[len(BIG)], answer=acks(2) + b"3 rsp 0\n0 serverclose 0\n"),
        Case("unknown offers are passed over",
             b"1 open 68 relp_version=0\nfrobnicate=1,2,3\n\nx\nstarttls=required\ncommands=syslog"
             b"\n" + frame(2, b"close"), [],
             answer=ANSWER + b"2 rsp 0\n0 serverclose 0\n"),
        Case("a number left out", OPEN + one + frame(4, b"syslog", b"<13>c"),
             [(R, b"<13>a"), (F, b"<13>c")], TXNR, answer=None),
        Case("a number twice", OPEN + one + one, [(R, b"<13>a"), (F, b"<13>a")], TXNR, answer=None),
        Case("a record before open", frame(1, b"syslog", b"<13>a"), [(F, b"<13>a")], STATE),
        Case("open twice", OPEN + frame(2, b"open", b"relp_version=0\ncommands=syslog"),
             [(F, b"relp_version=0\ncommands=syslog")], STATE, answer=ANSWER),
        Case("a record behind close", OPEN + frame(2, b"close") + frame(3, b"syslog", b"<13>a"),
             [(F, b"<13>a")], STATE, answer=None),
        Case("a command we did not offer", OPEN + frame(2, b"starttls"), [], COMMAND, answer=ANSWER),
        Case("no version", b"1 open 15 commands=syslog\n", [(F, b"commands=syslog")], VERSION,
             answer=b"1 rsp 43 500 relp_version is missing or not a number\n"),
        Case("ten digits of a number", OPEN + b"1234567890 syslog 1 a\n",
             [(F, b"1234567890 syslog 1 a\n")], RELP_HEADER, answer=ANSWER + GOODBYE),
        Case("ten digits of a length", OPEN + b"2 syslog 1000000000 a\n",
             [(F, b"2 syslog 1000000000 a\n")], RELP_HEADER, answer=ANSWER + GOODBYE),
        Case("a length over 16 MiB", OPEN + b"2 syslog 16777217 a\n",
             [(F, b"2 syslog 16777217 a\n")], RELP_LONG, answer=ANSWER + GOODBYE),
        Case("a wrong length", OPEN + b"2 syslog 4 <13>a\n", [(F, b"2 syslog 4 <13>a\n")],
             RELP_TRAILER, answer=ANSWER + GOODBYE),
        Case("the end within a record", OPEN + b"2 syslog 9 <13>", [(F, b"<13>")], unfinished=4,
             answer=None),
        Case("the end within a header", OPEN + b"2 sys", [(F, b"2 sys")], unfinished=5, answer=None),
        Case("syslog on a RELP listener", b"<13>a\n", [(F, b"<13>a\n")], RELP_SYSLOG,
             answer=GOODBYE),
        Case("counted syslog on a RELP listener", b"5 <13>a", [(F, b"5 <13>a")], RELP_SYSLOG,
             answer=GOODBYE),
        Case("HTTP on a RELP listener", b"GET / HTTP/1.1\r\n\r\n", [(F, b"GET / HTTP/1.1\r\n\r\n")],
             RELP_HTTP, answer=GOODBYE),
        Case("TLS on a plain RELP listener", TLS_HELLO, [(F, TLS_HELLO[:LIMIT])], RELP_TLS,
             answer=GOODBYE),
    ]


def judge(entries, case, ordinal, address, listener, said, stderr):
    name = case.name
    got = entries.of(ordinal) if ordinal is not None else []
    entries.is_list(name, got, case.want)
    if case.answer is not None:
        kit.check(said == case.answer, "%s: the answer is %r, not %r" % (name, said, case.answer))
    errors = entries.event("framing-error", address=address, listener=listener)
    kit.check(len(errors) == (1 if case.error else 0), "%s: framing errors %s" % (name, errors))
    if case.error and errors:
        kit.check((errors[0]["reason"], errors[0]["text"]) == case.error,
                  "%s: the event says %s" % (name, errors[0]))
        if case.want and case.want[-1][0] == F:
            kit.check(int(errors[0]["index"]) == errors[0]["at"] - 1,
                      "%s: the event stands not behind its fragment" % name)
        kit.check("akashi-collector: warning: listener %s: %s: %s. What came before is kept; the "
                  "connection is closed.\n" % (listener, address, case.error[1]) in stderr,
                  "%s: standard error does not say %r" % (name, case.error[1]))
    events = entries.event("unfinished", source=ordinal) if ordinal else []
    kit.check([e["kept"] for e in events] ==
              ([str(case.unfinished)] if case.unfinished is not None else []),
              "%s: events of an unfinished record %s" % (name, events))
    events = entries.event("cut", source=ordinal) if ordinal else []
    kit.check([(e["received"], e["kept"]) for e in events] ==
              [(str(n), str(LIMIT)) for n in case.cuts], "%s: events of cuts %s" % (name, events))


# ---- the cases of others


def read_cases(data, name):
    with open(os.path.join(data, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def unescape(text):
    """Expected bytes are written as in C: \\xHH is a byte, all else is UTF-8."""
    out = b""
    for part in re.split(r"(\\x[0-9a-fA-F]{2})", text):
        out += bytes([int(part[2:], 16)]) if re.fullmatch(r"\\x[0-9a-fA-F]{2}", part) \
            else part.encode()
    return out


def account(name, data, got, events, cut_received, error):
    """Every byte of the stream is in an entry or is framing; none is there that was not sent."""
    at = 0
    for kind, payload in got:
        m = re.match(rb"[\n\0]?(?:\d{1,9} )?", data[at:])
        for skip in sorted({0, 1, m.end()}, reverse=True):
            if data[at + skip:at + skip + len(payload)] == payload and \
                    re.fullmatch(rb"[\n\0]?(?:\d{1,9} )?", data[at:at + skip]):
                break
        else:
            return kit.check(False, "%s: %s is not what follows in %s" %
                             (name, kit.shown(payload), kit.shown(data[at:])))
        at += skip + len(payload)
        if kind == F and cut_received:
            at += cut_received.pop(0) - len(payload)
    rest = data[at:]
    return kit.check(rest in (b"", b"\n", b"\0") or error,
                     "%s: %s is nowhere (events: %s)" % (name, kit.shown(rest), events))


# syslog-ng converts characters or cuts with buffers of its own there: not the same question.
CHARACTERS = ("ucs4", "iso8859", "invalid_char", "invalid_encoding", "buffer_split")


def syslog_ng_cases(data):
    """[(name, bytes, expected records, is framed)]"""
    out = []
    for test in read_cases(data, "syslog-ng-tests/framing_tests.dev.jsonl"):
        if any(word in test["test"] for word in CHARACTERS):
            continue
        chunks = []
        for chunk in test["input"][0]["chunks_b64"]:
            if not isinstance(chunk, str):
                break
            chunks.append(base64.b64decode(chunk))
        want = [unescape(e["args"][0]) for e in test["expect"]
                if e["kind"] != "failure" and e["args"][0] != "NULL"]
        out.append((test["test"], chunks, want, test["settings"]))
    return out


def check_syslog_ng(name, got, want, settings):
    """Records as expected there; what exceeds its small limits is whole here, and what ends without
    LF is a fragment here."""
    if "trim_large_messages" in settings or "too_long" in name:
        for (_, payload), expected in zip(got, want):
            kit.check(payload.startswith(expected), "%s: %s is not %s" %
                      (name, kit.shown(payload), kit.shown(expected)))
        return
    mine = [p for _, p in got][:len(want)]
    kit.check(mine == want, "%s: %s, expected %s" % (name, mine, want))


def main():
    programs = sys.argv[1:3]
    data = kit.shared(sys.argv[3])
    work = kit.workspace()
    collector = kit.Collector(programs, os.path.join(work, "c"),
                              ["url: tcp://127.0.0.1:0", "url: relp://127.0.0.1:0"],
                              logs=(("a", "record_max: %d" % LIMIT),))
    tcp, relp = collector.urls
    own = [(c, tcp, "tcp") for c in syslog_cases()] + [(c, relp, "relp") for c in relp_cases()]
    ng = syslog_ng_cases(data) if data else []
    counting = read_cases(data, "go-syslog/octetcounting_inputs.jsonl") if data else []
    traces = read_cases(data, "relp/relp_traces.dev.jsonl") if data else []
    said, jobs = {}, []

    def at(number, url, pieces, half_close=True):
        def job():
            said[number] = kit.send_stream(url, None, kit.address(number), pieces=pieces,
                                           half_close=half_close)
        jobs.append(job)

    for number, (case, url, transport) in enumerate(own):
        at(number, url, case.pieces or [case.data], transport == "tcp" or case.unfinished is not None)
    base_ng = len(own)
    for number, (_, chunks, _, _) in enumerate(ng):
        at(base_ng + number, tcp, chunks)
    base_counting = base_ng + len(ng)
    for number, test in enumerate(counting):
        at(base_counting + number, tcp, [base64.b64decode(test["input_b64"])])
    base_traces = base_counting + len(counting)
    sent_traces = []
    for number, trace in enumerate(traces):
        sent_traces.append(as_session(trace["name"], base64.b64decode(trace["client_b64"])))
        at(base_traces + number, relp, [sent_traces[-1]], half_close=False)
    for i in range(0, len(jobs), 16):
        kit.in_threads(jobs[i:i + 16])
    entries = collector.stop()
    stderr = collector.stderr()

    def source(number, transport):
        return entries.source(transport=transport, address=kit.address(number))

    for number, (case, _, transport) in enumerate(own):
        judge(entries, case, source(number, transport), kit.address(number),
              transport + "://127.0.0.1:0", said.get(number), stderr)

    def account_of(number, name, sent):
        ordinal = source(number, "tcp")
        got = entries.of(ordinal) if ordinal is not None else []
        error = bool(entries.event("framing-error", address=kit.address(number)))
        cuts = [int(e["received"]) for e in entries.event("cut", source=ordinal)]
        account(name, sent, got, entries.event("framing-error", address=kit.address(number)), cuts,
                error)
        return got

    for number, (name, chunks, want, settings) in enumerate(ng):
        got = account_of(base_ng + number, name, b"".join(chunks))
        check_syslog_ng(name, got, want, settings)
    for number, test in enumerate(counting):
        account_of(base_counting + number, "go-syslog, " + test["descr"],
                   base64.b64decode(test["input_b64"]))
    for number, (trace, sent) in enumerate(zip(traces, sent_traces)):
        ordinal = source(base_traces + number, "relp")
        check_trace(trace["name"], sent, entries.of(ordinal) if ordinal is not None else [],
                    said.get(base_traces + number),
                    entries.event("framing-error", address=kit.address(base_traces + number)))
    print("%d cases of our own, %d of syslog-ng, %d of go-syslog, %d traces" %
          (len(own), len(ng), len(counting), len(traces)))
    kit.finish()


# What these hold must end the session; all others are good sessions, to be closed in order.
BREACHES = ("txnr-wrap", "bad-txnr-10-digits", "bad-datalen-10-digits", "bad-datalen-neg",
            "bad-datalen-hex", "bad-command-33", "short-datalen", "syslog-before-open", "double-open",
            "open-no-version")
FRAME = re.compile(rb"(\d{1,9}) ([a-z]{1,32}) (\d{1,9})( |(?=\n))")


def split_frames(data):
    """[(command, payload)] of good frames."""
    out, at = [], 0
    while at < len(data):
        m = FRAME.match(data, at)
        n = int(m.group(3))
        out.append((m.group(2), data[m.end():m.end() + n]))
        at = m.end() + n + 1
    return out


def as_session(name, client):
    """A trace that is from the middle of a session, behind an open and with numbers that follow it;
    and a close behind what has none."""
    if name in BREACHES:
        return client if b" open " in client or name == "syslog-before-open" else OPEN + client
    frames = split_frames(client)
    if frames[0][0] != b"open":
        frames.insert(0, (b"open", b"relp_version=0\ncommands=syslog\n"))
    if frames[-1][0] != b"close":
        frames.append((b"close", b""))
    return b"".join(b"%d %s %d%s\n" % (i + 1, c, len(p), b" " + p if p else b"")
                    for i, (c, p) in enumerate(frames))


def check_trace(name, sent, got, said, errors):
    """A session that is good is stored and answered frame by frame, one that is not ends with an
    event and no record."""
    if name in BREACHES:
        kit.check(len(errors) == 1 and all(k == F and p in sent for k, p in got),
                  "%s: %s, events %s" % (name, got, errors))
        return
    records = [p for c, p in split_frames(sent) if c == b"syslog"]
    kit.check(got == [(R, p) for p in records] and errors == [], "%s: %s %s" % (name, got, errors))
    want = re.sub(rb"version=0", re.search(rb"version=\d", sent).group(), ANSWER)
    want += b"".join(b"%d rsp 6 200 OK\n" % (i + 2) for i in range(len(records)))
    want += b"%d rsp 0\n" % (len(records) + 2) + GOODBYE
    kit.check(said == want, "%s: the answers are %r, not %r" % (name, said, want))


main()
