#!/usr/bin/python3
"""report.py PROGRAM [nobrowser]: `report` of stores: what the page says, that bytes of the evidence
are text in it and nothing else, that it asks for nothing. The parts that need a browser are left
out, and that is said, where there is no chromium or `nobrowser` is given. Exit status 77: a module
of Debian's python3 is missing."""

import base64
import copy
import hashlib
import html.parser
import os
import re
import sys

import browser
from prove_kit import Cases, akbases, akforge, put, get, save
from akbase import Secrets

VOID = {"meta", "br", "path", "rect", "img", "input"}


class Reader(html.parser.HTMLParser):
    """Elements, attributes and texts of a page, and whether its tags fit."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.styles, self.open, self.misfits = [], "", [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.misfits.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles.append(data)
        else:
            self.text += data


def page(cases, name):
    """What must hold for every page of a store."""
    text = get(name).decode()
    reader = Reader(text)
    cases.out, cases.err = name, ""
    cases.expect(not reader.misfits and not reader.open, f"{name}: tags that do not fit")
    names = {tag for tag, _ in reader.elements}
    cases.expect(not names & {"script", "iframe", "object", "embed", "link", "base", "form", "img"},
                 f"{name}: elements {names}")
    for tag, attrs in reader.elements:
        cases.expect(not any(a.startswith("on") or a in ("style", "src") for a in attrs),
                     f"{name}: {tag} {attrs}")
        if "href" in attrs:
            cases.expect(attrs["href"].startswith("#"), f"{name}: a link to {attrs['href']}")
    policy = [a["content"] for t, a in reader.elements
              if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    hashes = " ".join("'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()
                      + "'" for s in reader.styles)
    cases.expect(policy == ["default-src 'none'; base-uri 'none'; form-action 'none'; style-src "
                            + hashes], f"{name}: policy {policy}")
    cases.expect(all(ord(c) >= 32 or c == "\n" for c in text), f"{name}: control characters")
    cases.expect(not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]", text),
                 f"{name}: characters that turn the direction of text")
    return reader


def says(cases, reader, *texts):
    flat = " ".join(reader.text.split())
    for text in texts:
        cases.expect(text in flat, f"the page does not say: {text}")


HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>",
           "\u202egnp.exe", "'\"><svg onload=alert(3)>", "a & b &lt; c", "\x1b[31mred\x07"]


def hostile():
    """A log whose declarations and events are full of markup."""
    secrets = Secrets("example.org/hostile", 77)
    m = akforge.Maker(secrets)
    m.start()
    for i, text in enumerate(HOSTILE):
        source = m.declare(transport="relp+tls", listener="relp+tls://" + text,
                           identity="certificate", address="192.0.2.7", name=text + str(i),
                           fingerprint=akbases.CERTIFICATE["fingerprint"])
        m.tick()
        m.record(source, b"<script>alert(4)</script>")
        m.event(text, "<b>side</b>", source=source, count="3")
    m.commit()
    return m.finish(), secrets


def hours():
    """Four hours with states, a stretch without anybody, drops, silence and an order."""
    secrets = Secrets("example.org/hours", 78)
    m = akforge.Maker(secrets)
    second = akforge.SECOND
    m.start()
    tls = m.declare(**akbases.CERTIFICATE)
    udp = m.declare(**akbases.DATAGRAM)
    begin = m.now
    for minute in range(240):
        m.now = begin + minute * 60 * second
        if 80 <= minute < 110:
            continue
        if minute == 110:
            m.event("gap", "collector", since=str(begin + 80 * 60 * second), until=str(m.now))
        m.state()
        for _ in range(minute % 7 + 1):
            m.record(tls, akbases.line("fw1", m.size))
        if minute < 50 or minute > 150:
            m.record(udp, akbases.line("sw9", m.size))
        if minute == 55:
            m.event("silence", "sender", source=udp, since=str(begin + 50 * 60 * second))
        if minute == 151:
            m.event("resumed", "sender", source=udp, since=str(m.now))
        if minute == 200:
            m.event("udp-drop", "network", listener=akbases.DATAGRAM["listener"], count="1234",
                    since=str(m.now - 5 * second), until=str(m.now))
    m.stop()
    m.commit()
    return m.finish(), secrets


def stores(cases):
    log, secrets = akbases.standard()
    save(log, secrets, "good")
    cases.run(0, "report", "good", "--key", "good.key", "-o", "good.html", says="VALID 2,222 records")
    good = page(cases, "good.html")
    says(cases, good, "VALID 有効", "All that is shown is, byte for byte, what the collector signed.",
         "示した記録は、収集装置が署名した時点から 1 バイトも変わっていません。",
         "Not shown: whether what a device reported is true", "2,222 records and 1 fragment",
         secrets.vkey, "fw1.example.org (256)", "TLS client certificate", "udp-drop",
         "SHA-256 of its file", "no checkpoint from before", "Findings 所見 None.")
    cases.expect(good.text.count("EXERCISE") == 0, "an exercise where there is none")
    cases.run(2, "report", "good", "--key", "good.key", "-o", "good.html",
              says="good.html is there already; --force overwrites it")
    cases.run(0, "report", "good", "--key", "good.key", "-o", "good.html", "--force")
    cases.run(2, "report", "good", "--key", "good.key", says="say where the page goes: -o FILE.html")

    altered = copy.deepcopy(log)
    altered.save(os.path.join("altered", log.log_id))
    block = altered.segments[1].blocks()[0]
    at = altered.segments[1].offset(block) + len(block.encode()) - len(block.data) // 2
    path = os.path.join("altered", log.log_id, altered.segments[1].name)
    data = bytearray(get(path))
    data[at] ^= 4
    put(path, bytes(data))
    cases.run(1, "report", "altered", "--key", "good.key", "-o", "altered.html")
    says(cases, page(cases, "altered.html"), "INVALID 不一致", "ALTERED", "entries 768-1023",
         "Something differs from what was signed (below).", "Does not mean:")

    cases.run(2, "report", "good", "-o", "keyless.html", says="no key given")
    says(cases, page(cases, "keyless.html"), "NOT CHECKABLE 検証不能",
         "This could not be checked (below). Nothing is said about the records.", "UNTRUSTED_KEY",
         "It was not: no key of this log was given")

    log.save(os.path.join("two", log.log_id))
    other, other_secrets = akbases.tiny()
    other.save(os.path.join("two", other.log_id))
    put("two/names", f"power-a {log.log_id}\nwater-b {other.log_id}\n".encode())
    cases.run(0, "report", "two", "--key", "good.key", "--key", other_secrets.vkey, "-o", "two.html")
    says(cases, page(cases, "two.html"), "The worst of 2 logs:", "power-a: VALID", "water-b: VALID")

    training, training_secrets = akbases.standard(name="exercise.example.org/drill", number=9)
    save(training, training_secrets, "exercise")
    cases.run(0, "report", "exercise", "--key", "exercise.key", "-o", "exercise.html")
    says(cases, page(cases, "exercise.html"), "EXERCISE / 訓練")


def periods(cases):
    log, secrets = hours()
    save(log, secrets, "hours")
    cases.run(0, "report", "hours", "--key", "hours.key", "-o", "hours.html")
    reader = page(cases, "hours.html")
    says(cases, reader, "1,234", "30 min 0 s", "gap", "silence")
    cases.expect(get("hours.html").count(b'class="stop"') == 1, "the stretch without anybody")
    cases.expect(get("hours.html").count(b'class="silent"') == 1, "the silence of a source")
    cases.expect(get("hours.html").count(b'class="lost"') == 1, "the datagrams that were dropped")
    cases.run(0, "report", "hours", "--key", "hours.key", "--period", "2023-11", "-o", "month.html")
    says(cases, page(cases, "month.html"), "Log report, 2023-11",
         "2023-11-01 00:00:00 UTC to 2023-12-01 00:00:00 UTC", "3 h 28 min of 30 days 0 h; 1 stretch with none",
         "2 of 2 that were declared so far", "udp-drop: 1 time, 1,234 in all",
         "None: no order to erase", "VALID, of the whole log, by this run")
    cases.run(0, "report", "hours", "--key", "hours.key", "--period", "2023-11-15", "-o", "day.html")
    says(cases, page(cases, "day.html"), "Log report, 2023-11-15", "2023-11-16 00:00:00 UTC")
    cases.run(0, "report", "hours", "--key", "hours.key", "--period", "2022", "-o", "year.html")
    says(cases, page(cases, "year.html"), "0 of 2 that were declared so far", "0.0 %")
    cases.run(0, "report", "hours", "--key", "hours.key", "--from", "2023-11-15T01:00", "--to",
              "2023-11-15T01:10", "-o", "minutes.html")
    page(cases, "minutes.html")
    for words, text in ((["--period", "October"], "write a year, a month or a day"),
                        (["--period", "2023-13"], "write a year, a month or a day"),
                        (["--period", "2023-11", "--from", "-3d"], "leave --from and --to out"),
                        (["--from", "2023-11-15", "--to", "2023-11-14"], "--to must be behind")):
        cases.run(2, "report", "hours", "--key", "hours.key", "-o", "not.html", *words, says=text)
    cases.expect(not os.path.exists("not.html"), "a page in spite of a wrong period")


def evidence(cases):
    log, secrets = hostile()
    name = "<script>alert(5)</script>"
    log.save(os.path.join(name.replace("/", "_"), log.log_id))
    put("hostile.key", (secrets.vkey + "\n").encode())
    # A side of no known value is MALFORMED (R18); the page is what is looked at here.
    cases.run(1, "report", name.replace("/", "_"), "--key", "hostile.key", "-o", "hostile.html")
    reader = page(cases, "hostile.html")
    for text in HOSTILE[:2] + HOSTILE[3:5]:
        says(cases, reader, text)
    says(cases, reader, "\\xe2\\x80\\xaegnp.exe", "\\x1b[31mred\\x07", "<b>side</b>")


def looks(cases):
    """In a browser: nothing runs, nothing is asked for, nothing is complained of."""
    b = browser.Browser()
    for name in ("good", "altered", "keyless", "two", "exercise", "hours", "month", "hostile"):
        for dark in (False, True):
            p = b.page(name + ".html", dark=dark)
            cases.out, cases.err = str(p.requests()), str(p.complaints())
            cases.expect(p.requests() == [], f"{name}: requests")
            cases.expect(p.complaints() == [], f"{name}: complaints")
            paper = p.run("getComputedStyle(document.documentElement).backgroundColor")
            cases.expect((paper == "rgb(255, 255, 255)") != dark, f"{name}: paper {paper}")
            cases.expect(p.run("document.documentElement.scrollWidth <= innerWidth"),
                         f"{name}: wider than the screen")
            p.close()
    p = b.page("good.html", width=380)
    cases.expect(p.run("document.documentElement.scrollWidth <= innerWidth"), "wide on a telephone")
    p.close()
    p = b.page("month.html")
    p.paper("month.pdf")
    pages = len(re.findall(rb"/Type\s*/Page\b", get("month.pdf")))
    cases.expect(pages == 1, f"the page for management has {pages} pages")
    p.close()
    b.close()


def main():
    cases = Cases(sys.argv[1])
    stores(cases)
    periods(cases)
    evidence(cases)
    if browser.find() is None or "nobrowser" in sys.argv:
        print("left out: what needs a browser (chromium)")
    else:
        looks(cases)
    cases.end()


if __name__ == "__main__":
    main()
