#!/usr/bin/python3
"""compare.py PROGRAM: `akashi-verify compare`: an agency's files against a log: what is held unchanged,
with another header, once more, not at all, and what is held but not in the files."""

import json
import os
import random
import sys

from prove_kit import Cases, Secrets, akbases, akforge, entries, get, put, save


def make(secrets, payloads, quiet_source=False):
    """A log whose records are these, from two sources in turn if `quiet_source`."""
    m = akforge.Maker(secrets)
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    udp = m.declare(**akbases.DATAGRAM) if quiet_source else None
    m.commit()
    for i, payload in enumerate(payloads):
        if i % 7 == 0:
            m.tick()
        m.record(udp if quiet_source and i % 2 else tls, payload)
        if i % 997 == 996:
            m.commit()
    m.commit()
    m.seal()
    m.stop()
    m.commit()
    return m.finish()


def index_of(log):
    """payload -> indices of the records with it."""
    found = {}
    for index, entry, _ in entries(log):
        if entry.kind == 0:
            found.setdefault(entry.payload, []).append(index)
    return found


def lines_of(c):
    """The JSON lines: lines of files, records, and the summary."""
    objects = [json.loads(line) for line in c.out.splitlines()]
    return ([o for o in objects if "file" in o and o["result"] != "held-again"],
            [o for o in objects if o.get("result") in ("not-in-files", "held-again", "line-feeds")],
            objects[-1])


BODY = "sshd[812]: Accepted publickey for root from 192.0.2.9 port 50022"
SAME = {  # what relays make of one message
    "5424": "<38>1 2026-11-24T05:17:27.123456+09:00 fw1 sshd 812 - - Accepted publickey for root from"
            " 192.0.2.9 port 50022",
    "5424 with data and BOM": '<38>1 2026-11-24T05:17:27Z fw1 sshd 812 ID1 [x@1 a="b ] \\" c"][meta '
                              'sequenceId="9"] \ufeffAccepted publickey for root from 192.0.2.9 port '
                              '50022',
    "3164": "<38>Nov 24 05:17:27 fw1 " + BODY,
    "3164 with another host": "<38>Nov  4 05:17:27 10.0.0.1 " + BODY,
    "3164 with a year": "<38>Nov 24 2026 05:17:27 fw1 " + BODY,
    "a file of rsyslog": "Nov 24 05:17:27 fw1 " + BODY,
    "a file with RFC 3339": "2026-11-24T05:17:27.123456+09:00 fw1 " + BODY,
    "the priority taken off": "<38>" + BODY,
    "nothing but the message": BODY,
    "a carriage return": BODY + "\r",
    "a NUL behind it": "<38>" + BODY + "\0",
    "the tag taken off too": "Accepted publickey for root from 192.0.2.9 port 50022",
}
OTHER = [  # other messages, however alike
    BODY + "3", BODY.replace("812", "813"), BODY.replace("sshd", "sudo"), BODY.replace("root", "Root"),
    "Accepted publickey", "sshd[812]:", "<38>", "", "<38>Nov 24 05:17:27 fw1 ", " ",
]


def headers(c):
    """Each form against each other form: one message. What differs in the message is not held."""
    for number, (name, held) in enumerate(SAME.items()):
        secrets = Secrets("example.org/headers", 20)
        save(make(secrets, [b"before", held.encode(), b"behind"]), secrets, f"h{number}")
        for other, line in SAME.items():
            put("line", line.encode() + b"\n")
            report = c.json(0, "compare", f"h{number}", "line", "--key", f"h{number}.key")
            what = "unchanged" if other == name else "other_header"
            c.expect(report.get(what) == 1 and report.get("not_held") == 0, f"{other} for {name}")
        # Without its tag a message equals those of all tags.
        others = [o for o in OTHER if "taken off too" not in name or not o.endswith(BODY[11:])]
        put("line", "\n".join(others).encode() + b"\n")
        report = c.json(3, "compare", f"h{number}", "line", "--key", f"h{number}.key")
        c.expect(report["not_held"] == len(others), f"another message is taken for {name}: {c.out}")


def counts(c, log):
    """Lines are counted as often as they occur, on both sides."""
    at = index_of(log)
    put("a", b"one\ntwo\ntwo\nthree\nlost\n")
    put("b", b"four\n<13>Nov 24 05:17:27 fw1 app: five\nsix\nno end")
    c.run(3, "compare", "counts", "a", "b", "--key", "counts.key", "--jsonl")
    lines, records, summary = lines_of(c)
    want = [("a", 1, "unchanged", at[b"one"][0]), ("a", 2, "unchanged", at[b"two"][0]),
            ("a", 3, "unchanged", at[b"two"][1]), ("a", 4, "unchanged", at[b"three"][0]),
            ("a", 5, "not-held", None), ("b", 1, "unchanged", at[b"four"][0]),
            ("b", 2, "other-header", at[b"app: five"][0]), ("b", 3, "not-held", None),
            ("b", 4, "unchanged", at[b"no end"][0])]
    c.expect([(o["file"], o["line"], o["result"], o.get("index")) for o in lines] == want, "lines")
    c.expect([o.get("message") for o in lines if o["result"] == "not-held"] == ["lost", "six"],
             "text of what is not held")
    c.expect(lines[4]["offset"] == 18 and lines[8]["offset"] == get("b").rindex(b"no end"), "offsets")
    again = [o for o in records if o["result"] == "held-again"]
    c.expect([(o["index"], o["file"], o["line"]) for o in again] ==
             [(at[b"two"][2], "a", 2), (at[b"three"][1], "a", 4)], f"held again: {again}")
    only = [o["index"] for o in records if o["result"] == "not-in-files"]
    first, last = at[b"one"][0], at[b"no end"][0]
    c.expect(only == [at[b""][0], at[b"seven"][0]], f"held and not in the files: {only}")
    c.expect([o["index"] for o in records if o["result"] == "line-feeds"] == [at[b"with\nfeed"][0]],
             "records with line feeds")
    c.expect(summary["range"]["first"] == first and summary["range"]["last"] == last and
             summary["not_held"] == 2 and summary["unchanged"] == 6 and summary["held_again"] == 2 and
             summary["verdict"] == "INCOMPLETE" and summary["lines"] == 9, f"summary: {summary}")
    c.run(3, "compare", "counts", "a", "b", "--key", "counts.key",
          says=["INCOMPLETE 2 of 9 lines not held", "Not held: a, line 5: lost",
                "b, line 2: entry", "Held once more: a, line 2: entry",
                "Held, and not in the files: entry", "seven",
                "1 record of the range holds line feeds", f"entries {first}-{last}, received"])
    report = c.json(3, "compare", "counts", "a", "b", "--key", "counts.key")
    c.expect(len(report["lines_to_see"]) == 3 and len(report["records_to_see"]) == 5, "JSON lists")
    # A file twice asks for each record twice.
    put("one", b"one\n")
    c.run(0, "compare", "counts", "one", "--key", "counts.key", says="VALID 1 line, all held")
    c.run(3, "compare", "counts", "one", "one", "--key", "counts.key", says="1 of 2 lines not held")
    put("empty", b"")
    c.run(0, "compare", "counts", "empty", "--key", "counts.key",
          says=["VALID 0 lines, all held", "none: no record for any line was found"])
    put("feeds", b"\n\n")
    c.run(3, "compare", "counts", "feeds", "--key", "counts.key", says="1 of 2 lines not held")
    put("long", b"x" * 3_000_000 + b"\none\n" + b"y" * 1_048_576)
    c.run(3, "compare", "counts", "long", "--key", "counts.key", says=["2 of 3 lines not held",
          "line 1: longer than any record", "line 3: longer than any record"])
    put("rude", b"\x1b[31m\xff\xe2\x80\xae\n")
    c.run(3, "compare", "counts", "rude", "--key", "counts.key", says="\\x1b[31m\\xff\\xe2\\x80\\xae")
    c.expect("\x1b" not in c.out, "an escape sequence is shown")
    c.run(3, "compare", "counts", "rude", "--key", "counts.key", "--jsonl")
    c.expect("message_base64" in lines_of(c)[0][0], "bytes that are no UTF-8")


def verdicts(c, log):
    """The log's own verdict counts, and only proven records are held."""
    put("one", b"one\n")
    c.run(2, "compare", "counts", "one", says="UNTRUSTED_KEY")
    c.run(2, "compare", "counts", "one", "--json", says='"verdict":"NOT CHECKABLE"')
    c.run(2, "compare", "counts", "nowhere", "--key", "counts.key", says="open nowhere")
    c.run(2, "compare", "counts", ".", "--key", "counts.key", says="is no regular file")
    c.run(2, "compare", "counts", "--key", "counts.key", says="compare wants PATH FILE...")
    c.run(2, "compare", "counts", "one", "--key", "counts.key", "--tmp", "nowhere", "--jsonl", "--json",
          says="exclude each other")
    c.run(2, "compare", "counts", "one", "--key", "counts.key", "--source", "nobody",
          says="this log has no such source")
    folder = os.path.join("counts", log.log_id)
    sealed = os.path.join(folder, log.segments[0].name)
    block = log.segments[0].blocks()[1]
    at = log.segments[0].offset(block) + len(block.encode()) - 9
    whole = get(sealed)
    put(sealed, whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
    c.run(1, "compare", "counts", "one", "--key", "counts.key", says=["INVALID", "the log itself"])
    put(sealed, whole)
    secrets = Secrets("example.org/tail", 23)
    m = akforge.Maker(secrets)
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    m.record(tls, b"signed")
    m.commit()
    m.record(tls, b"not signed")
    m.commit(sign=False)
    save(m.finish(), secrets, "tail")
    put("tail.txt", b"signed\nnot signed\n")
    report = c.json(3, "compare", "tail", "tail.txt", "--key", "tail.key")
    c.expect(report["unchanged"] == 1 and report["not_held"] == 1 and report["not_proven"] == 1,
             "what is not proven is not held")


def sources(c):
    payloads = [b"line %d" % (i // 2) for i in range(2000)]  # each from both sources
    secrets = Secrets("example.org/sources", 22)
    log = make(secrets, payloads, quiet_source=True)
    save(log, secrets, "both")
    put("half", b"".join(b"line %d\n" % i for i in range(100, 900)))
    c.run(0, "compare", "both", "half", "--key", "both.key", "--source", "256",
          says=["VALID 800 lines, all held, 0 records of the range not in the files",
                "of the sources given"])
    c.run(0, "compare", "both", "half", "--key", "both.key", "--source", "198.51*")
    c.run(0, "compare", "both", "half", "--key", "both.key")
    report = c.json(0, "compare", "both", "half", "--key", "both.key")
    c.expect(report["held_again"] == 800 and report["not_in_files"] == 0, "both sources")


def many(c):
    """Many lines, of which many are alike, against a reference."""
    rng = random.Random(5)
    words = [b"%d" % rng.randrange(60_000) for _ in range(120_000)]
    secrets = Secrets("example.org/much", 24)
    save(make(secrets, [b"<13>Nov 24 05:17:27 fw1 app: " + w for w in words]), secrets, "much")
    held = {}
    for w in words:
        held[w] = held.get(w, 0) + 1
    lines = [b"%d" % rng.randrange(80_000) for _ in range(150_000)]
    put("much.txt", b"".join(b"<13>Nov 24 05:17:27 fw1 app: " + w + b"\n" if i % 3 else
                             b"app: " + w + b"\n" for i, w in enumerate(lines)))
    exact, message = {}, {}
    for i, w in enumerate(lines):
        (exact if i % 3 else message).setdefault(w, []).append(i)
    unchanged = sum(min(len(v), held.get(w, 0)) for w, v in exact.items())
    other = sum(min(len(v), held.get(w, 0) - min(len(exact.get(w, [])), held.get(w, 0)))
                for w, v in message.items())
    report = c.json(3, "compare", "much", "much.txt", "--key", "much.key")
    c.expect(report["unchanged"] == unchanged and report["other_header"] == other and
             report["not_held"] == len(lines) - unchanged - other,
             f"{unchanged} unchanged, {other} with another header: {report}")


def main():
    c = Cases(sys.argv[1])
    headers(c)
    secrets = Secrets("example.org/counts", 21)
    payloads = [b"zero", b"one", b"two", b"two", b"two", b"three", b"", b"seven", b"with\nfeed",
                b"three", b"four", b"app: five", b"no end", b"last"]
    log = make(secrets, payloads)
    save(log, secrets, "counts")
    counts(c, log)
    verdicts(c, log)
    sources(c)
    many(c)
    c.end()


if __name__ == "__main__":
    main()
