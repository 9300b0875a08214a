#!/usr/bin/python3
"""fields.py VERIFY SHARED: what `akashi-verify cat --fields` shows of a store's records, as text and as
JSON lines; and, over the cases of other programs in SHARED/data, that its parts are what those
programs' tests want, but for the differences that KNOWN lists with their reasons. docs/fields.md holds
the same list for readers: a difference that is new, or one that is gone, fails here.

Exit status 77: a module of Debian's python3 is missing."""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tamper"))
try:
    import akbases
    from akbase import Secrets
    from akforge import Maker
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

# (suite, first case, last case, what differs): why. Cases are numbered by line, from 0.
KNOWN = {
    ("go-syslog", 12, 12, "valid"): "a header without PRI is taken: relays write it into files",
    ("go-syslog", 48, 48, "timestamp"): "no part of a stamp that is wrong is a time",
    ("go-syslog", 53, 53, "timestamp"): "without a host there is no header to take a time from",
    ("go-syslog", 56, 56, "hostname"): "nothing but \"-\" is there for a time: no header",
    ("go-syslog", 98, 99, "valid"): "an SD-ID that occurs twice is shown twice",
    ("go-syslog", 115, 115, "valid"): "RFC 5424 6.3.3: a wrong escape is text",
    ("go-syslog", 116, 116, "message"): "RFC 5424 6.4: the BOM is no part of the text",
    ("go-syslog", 121, 121, "message"): "RFC 5424 6.4: the BOM is no part of the text",
    ("go-syslog", 140, 164, "valid"): "a message that is no UTF-8 is one, and shown escaped",
    ("rfc-examples", 1, 1, "pri"): "what the sender did not write is not made up",
    ("rfc-examples", 13, 13, "timestamp_valid"): "nanoseconds are read: many senders write them",
    ("rsyslog parsertest-parse-nodate", 1, 1, "PRI"): "what the sender did not write is not made up",
    ("rsyslog parsertest-parse-nodate", 1, 1, "hostname"): "no time, no header: words are message",
    ("rsyslog parsertest-parse1", 10, 10, "syslogtag"): "a word with quotes and commas is no tag",
    ("rsyslog parsertest-parse1", 12, 12, "PRI"): "what the sender did not write is not made up",
    ("rsyslog parsertest-parse1", 20, 20, "hostname"): "a year behind the time is a year, no host",
    ("rsyslog pmsnare", 1, 1, "syslogtag"): "Cisco's number, host and time are known",
    ("rsyslog pmsnare", 7, 7, "syslogtag"): "Snare's tabs end a tag; the parts of its text are not "
                                            "taken apart",
    ("rsyslog mmnormalize", 0, 2, "hostname"): "no time, no header: a rule of that test says so",
    ("japanese", 0, 30, "form"): "UTF-16 is message as a whole: parts are stretches of the record's "
                                 "own bytes",
}


def show(verify, folder, records):
    """A store of these records, the index of the first one, and the member `fields` of each."""
    m = Maker(Secrets("example.org/fields", 11), start=1_773_100_800 * 10**9)
    source = m.declare(**akbases.CERTIFICATE)
    for i, record in enumerate(records):
        if i % 5 == 0:
            m.tick()
        m.record(source, record)
    m.fragment(source, b"<13>Mar  5 08:15:42 torn")
    m.event("unfinished", "sender", source=source, index=str(m.size - 1), kept="8")
    m.stop()
    m.commit()
    log, store = m.finish(), os.path.join(folder, "store")
    log.save(os.path.join(store, log.log_id))
    done = subprocess.run([verify, "cat", store, "--jsonl", "--fields"], capture_output=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    got = [line for line in lines if line["kind"] == "record"]
    torn = [line for line in lines if line["kind"] == "fragment"]
    assert len(got) == len(records) and len(torn) == 1 and "fields" not in torn[0]
    return store, got[0]["index"], [line["fields"] for line in got]


def text_form(verify, store, first):
    """One line a record, nothing of it that a terminal acts on."""
    def run(*words):
        done = subprocess.run([verify, "cat", store, *words], capture_output=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
    status, out, _ = run("--fields", "--index", f"{first}-{first + 2}", "--quiet")
    assert status == 0, status
    want = [
        "form=rfc3164 pri=auth.crit time=2025-10-11T22:14:15.000000Z (year, zone assumed) "
        "written=\"Oct 11 22:14:15\" host=fw1 app=su procid=7 message=failed\\x1b[31m",
        "form=rfc5424 pri=auth.crit time=2026-03-09T16:00:00.500000Z "
        "written=\"2026-03-10T01:00:00.5+09:00\" host=h app=a msgid=ID data=[x@1 y=\"z\"] message=m",
        "form=none message=no header"]
    got = [line.split(" record ", 1)[1] for line in out.splitlines()]
    assert got == want, got
    status, _, err = run("--fields", "--raw")
    assert status == 2 and "--raw gives exact bytes" in err, err


class Cases:
    """What differs, and what was expected to."""

    def __init__(self):
        self.records, self.checks, self.used, self.wrong = [], [], set(), []

    def add(self, suite, number, record, check):
        self.records.append(record)
        self.checks.append((suite, number, check))

    def differs(self, suite, number, what, want, got):
        for known in KNOWN:
            if known[0] == suite and known[1] <= number <= known[2] and known[3] == what:
                self.used.add(known)
                return
        self.wrong.append(f"{suite} {number}: {what} is {got!r}, wanted {want!r}")

    def judge(self, fields):
        count = {}
        for (suite, number, check), f in zip(self.checks, fields):
            count[suite] = count.get(suite, 0) + 1
            for what, want, got in check(f):
                if want != got:
                    self.differs(suite, number, what, want, got)
        for suite, n in count.items():
            print(f"{suite}: {n} cases")
        for known in KNOWN:
            if known[0] in count and known not in self.used:
                self.wrong.append(f"{known} is no difference any more: take it off this list and "
                                  "off docs/fields.md")


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def record_of(case):
    return base64.b64decode(case["input_b64"])


def data_of(f):
    return {e["id"]: {p["name"]: p["value"] for p in e["params"]}
            for e in f.get("structured_data", [])} or None


def go_syslog(cases, data):
    members = {"priority": "pri", "version": "version", "timestamp": "time", "hostname": "host",
               "appname": "app", "procID": "procid", "msgID": "msgid"}

    def check(case):
        def judge(f):
            yield "valid", case["valid"], f["form"] == "rfc5424" and f["complete"]
            if case["valid"]:
                for theirs, ours in members.items():
                    yield theirs, case["expect"].get(theirs), f.get(ours)
                yield "message", case["expect"].get("message", ""), f["message"]
                yield "structured_data", case["expect"].get("structured_data"), data_of(f)
            elif case["partial"]:       # what stood before the mistake, but for VERSION alone
                for theirs in ("priority", "timestamp", "hostname", "appname", "procID", "msgID"):
                    if theirs in case["partial"]:
                        yield theirs, case["partial"][theirs], f.get(members[theirs])
        return judge
    for i, case in enumerate(lines(os.path.join(data, "rfc5424_cases.jsonl"))):
        cases.add("go-syslog", i, record_of(case), check(case))


def rfc_examples(cases, data):
    def check(case):
        def judge(f):
            for theirs, ours in (("pri", "pri"), ("host", "host"), ("tag", "app"), ("app", "app"),
                                 ("timestamp", "time"), ("procid", "procid"), ("msgid", "msgid"),
                                 ("version", "version")):
                if theirs in case and case.get("timestamp_valid", True):
                    yield theirs, case[theirs], f.get(ours)
            if "sd" in case:
                yield "sd", case["sd"], data_of(f)
            if "timestamp_valid" in case:
                yield "timestamp_valid", case["timestamp_valid"], "time_rfc3339" in f
            if "sd_valid" in case:
                yield "sd_valid", case["sd_valid"], f["complete"] and f["message"][:1] != "["
        return judge
    for i, case in enumerate(lines(os.path.join(data, "rfc_messages.jsonl"))):
        cases.add("rfc-examples", i, record_of(case), check(case))


def syslog_ng(cases, data):
    def check(case):
        def judge(f):
            for theirs, ours in (("HOST", "host"), ("PROGRAM", "app"), ("PID", "procid"),
                                 ("MSGID", "msgid"), ("MSG", "message")):
                if theirs in case["expect"]:
                    yield theirs, case["expect"][theirs], f.get(ours, "")
            if "MSGFORMAT" in case["expect"]:
                whole = f["form"] != "none" and f.get("complete", True)
                yield "MSGFORMAT", case["expect"]["MSGFORMAT"], f["form"] if whole else ""
        return judge
    for i, case in enumerate(lines(os.path.join(data, "syslogformat_tests.jsonl"))):
        cases.add("syslog-ng", i, record_of(case), check(case))


def rsyslog_stamp(f, buggy):
    """The stamp as rsyslog prints it: the sender's own clock."""
    m = re.match(r"(?i)(?:(\d{4}) )?([a-z]{3}) +(\d+)(?: \d{4})? ([0-9:]{8})", f.get("time", ""))
    if m:
        month, day, clock = m[2].capitalize(), int(m[3]), m[4]
    else:
        m = re.match(r"\d{4}-(\d\d)-(\d\d)T([0-9:]{8})", f.get("time", ""))
        if not m:
            return None
        month, day, clock = MONTHS[int(m[1]) - 1], int(m[2]), m[3]
    return f"{month} {day:02} {clock}" if buggy else f"{month} {day:2} {clock}"


def rsyslog_part(f, name):
    procid = f"[{f['procid']}]" if "procid" in f else ""
    return {"PRI": lambda: str(f["pri"]) if "pri" in f else None,
            "syslogfacility-text": lambda: f.get("facility"),
            "syslogseverity-text": lambda: f.get("severity"),
            "timestamp": lambda: rsyslog_stamp(f, False),
            "timestamp:::date-rfc3164-buggyday": lambda: rsyslog_stamp(f, True),
            "hostname": lambda: f.get("host", "$RS_HOSTNAME"),
            "programname": lambda: f.get("app", "").split("/")[0],
            "syslogtag": lambda: f.get("app", "") + procid,
            "msg": lambda: f["message"]}[name]()


RSYSLOG = ("PRI syslogfacility-text syslogseverity-text timestamp "
           "timestamp:::date-rfc3164-buggyday hostname programname syslogtag msg").split()


def rsyslog_expected(template, line):
    """The line divided by the template: name -> text; None if it cannot be."""
    pattern, names = "", []
    for literal, name in re.findall(r"([^%]*)%([^%]+)%|$", template):
        pattern += re.escape(literal) + "(.*?)" if name else ""
        names += [name] if name else []
    tail = template.rsplit("%", 1)[1].replace("\\n", "")
    m = re.fullmatch(pattern + re.escape(tail), line, re.DOTALL)
    return dict(zip(names, m.groups())) if m else None


def rsyslog(cases, data):
    """Those tests whose template prints parts of a header, and that print a line for each message."""
    messages = {}
    for m in lines(os.path.join(data, "tests_messages.dev.jsonl")):
        messages.setdefault(m["test"], []).append(record_of(m))

    def check(want):
        def judge(f):
            tag = want.get("syslogtag", "").rstrip(":")
            whole = tag == (rsyslog_part(f, "syslogtag") if "syslogtag" in want else "")
            for name, text in want.items():
                got = rsyslog_part(f, name)
                if name in ("syslogfacility-text", "syslogseverity-text") and "pri" not in f:
                    continue            # told as PRI
                if name == "hostname" and got == "$RS_HOSTNAME" and f["form"] == "none":
                    got = None
                if name == "syslogtag":
                    text = text.rstrip(":")
                if name == "programname":
                    text = text if whole else got
                if name == "msg":       # rsyslog keeps the blank behind the tag, and escapes bytes
                    plain = text[1:] if text[:1] == " " else text
                    same = got in (plain, text) or not whole or "#" in text
                    text = got if same else plain
                yield name, text, got
                if got != text and name != "PRI":   # what follows differs by it
                    return
        return judge
    for test in lines(os.path.join(data, "tests_expected.dev.jsonl")):
        name = os.path.basename(test["test"]).rsplit(".", 1)[0]
        template = test["template"][0] if len(test["template"]) == 1 else ""
        names = re.findall(r"%([^%]+)%", template)
        inputs = messages.get(test["test"], [])
        want = test["expected"][0].split("\n") if len(test["expected"]) == 1 else test["expected"]
        if not names or set(names) - set(RSYSLOG) or not set(names) & {"hostname", "syslogtag"} or \
                len(want) != len(inputs) or "%%" in template or any(b"\n" in i for i in inputs):
            continue
        suite = "rsyslog " + next((s for s in ("parsertest-parse1", "parsertest-parse-nodate",
                                               "pmsnare", "mmnormalize") if name.startswith(s)),
                                  "others")
        if suite == "rsyslog mmnormalize" and "string" not in name:
            suite = "rsyslog others"
        for i, (record, line) in enumerate(zip(inputs, want)):
            parts = rsyslog_expected(template, line.replace('\\"', '"'))
            if parts is not None:
                cases.add(suite, i, record, check(parts))


def sc4s(cases, data):
    """Templates that were filled with PRI 134, host gw-tokyo-01, 5 March 2026 08:15:42; where these
    stand in the header's places they must be found there."""
    header = re.compile(rb"<134>(?:1 )? ?((?:Mar  5 |2026-03-05T)08:15:42\S*) +gw-tokyo-01[ ,]")

    def check(record):
        def judge(f):
            yield "pri", 134, f.get("pri")
            m = header.match(record)
            if m:
                yield "host", "gw-tokyo-01", f.get("host")
                yield "time", m[1].decode(), f.get("time")
                zone = "2026-03-04T23" if b"+09:00" in m[1] else "2026-03-05T08"
                yield "time in UTC", zone, f.get("time_rfc3339", "")[:13]
        return judge
    for i, case in enumerate(lines(os.path.join(data, "vendor_messages.dev.jsonl"))):
        cases.add("sc4s", i, record_of(case), check(record_of(case)))


def japanese(cases, data):
    want = {"ssh": ("kasumigaseki-gw01", "sshd", "4211"), "4624": (None, "Security", "4624"),
            "4625": ("dc01", "MSWinEventLog", None)}

    def check(case):
        host, app, procid = want.get(case["name"], ("host", "app", None))

        def judge(f):
            yield "form", True, f["form"] != "none"
            if f["form"] == "none":
                return
            yield "app", app, f.get("app")
            yield "procid", procid, f.get("procid")
            yield "host", host, f.get("host") if host else None
            if case["encoding"] == "utf-8":
                if case["name"] == "4624":
                    yield "host", case["unicode"].split()[2], f.get("host")
                yield "message", True, case["unicode"].endswith(f["message"])
        return judge
    for i, case in enumerate(lines(os.path.join(data, "japanese_lines.dev.jsonl"))):
        cases.add("japanese", i, record_of(case), check(case))


def loghub(cases, data):
    """Files that syslogd wrote: each line has a time, the one host, and a tag."""
    for name, host in (("Linux_2k.log", "combo"), ("OpenSSH_2k.log", "LabSZ")):
        with open(os.path.join(data, name), "rb") as f:
            records = f.read().splitlines()

        def check(record, host=host):
            tag = record.decode("latin-1").split(None, 5)[4].split(":")[0].split("[")[0]

            def judge(f):
                yield "host", host, f.get("host")
                yield "time", record[:15].decode(), f.get("time")
                yield "app", tag.strip(), f.get("app")
            return judge
        for i, record in enumerate(records):
            cases.add("loghub " + name, i, record, check(record))


SUITES = {"go-syslog": go_syslog, "rfc-examples": rfc_examples, "syslog-ng-tests": syslog_ng,
          "rsyslog-tests": rsyslog, "sc4s": sc4s, "japanese": japanese, "loghub": loghub}


def main(verify, shared):
    cases = Cases()
    own = [b"<34>Oct 11 22:14:15 fw1 su[7]: failed\x1b[31m",
           b"<34>1 2026-03-10T01:00:00.5+09:00 h a - ID [x@1 y=\"z\"] m", b"no header"]
    for folder, suite in SUITES.items():
        path = os.path.join(shared, "data", folder)
        if os.path.isdir(path):
            suite(cases, path)
        else:
            print(f"skipped: {folder} is not at hand")
    with tempfile.TemporaryDirectory() as folder:
        store, first, fields = show(verify, folder, own + cases.records)
        text_form(verify, store, first)
    cases.judge(fields[len(own):])
    for wrong in cases.wrong:
        print(f"FAILED {wrong}")
    print(f"{len(cases.used)} of the differences that docs/fields.md lists were met")
    return 1 if cases.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
