#!/usr/bin/python3
"""report_bundle.py PROGRAM [nobrowser]: the page that carries a bundle and checks it in the browser:
what it says of good data, of data that were changed anywhere, with a key from outside and with a
wrong one, without its script, of hostile texts; that it asks for nothing and runs nothing. Without
chromium, or with `nobrowser`, only what needs none. Exit status 77: a module of Debian's python3 is
missing."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys

import browser
import bundle_make as kit
from prove_kit import Cases, akbases, akforge, put, get, save
from akbase import Secrets, canonical_json, make_note

PIECES = [(0, 3), (300, 700), (1200, 1300)]
ASKED = {"what": "index", "first": "300", "last": "699"}
RED = "INVALID 不一致"
GREY = "NOT CHECKABLE 検証不能"
GREEN = "VALID 有効"
AMBER = "CONSISTENT WITH THE KEY IN THIS FILE このファイル内の鍵と整合"
PART = "INCOMPLETE 不完全"


def fill(viewer, data):
    """The viewer with a bundle in it, as docs/format.md 14.11 says."""
    text = base64.b64encode(data).decode()
    lines = "\n" + "".join(text[i:i + 96] + "\n" for i in range(0, len(text), 96))
    return viewer.replace(b'id="data"></script>', b'id="data">' + lines.encode() + b"</script>")


def settled(page):
    """Waits until a check has ended; gives its word."""
    page.run("new Promise((done) => { const look = () => byId('word').textContent.startsWith("
             "'CHECKING') || byId('word').textContent.startsWith('NOT CHECKED') ? "
             "setTimeout(look, 20) : done(); look(); })")
    return page.run("byId('word').textContent")


class Pages:
    def __init__(self, cases):
        self.cases, self.browser = cases, browser.Browser()
        self.viewer = get("viewer.html")

    def open(self, data, **how):
        put("page.html", fill(self.viewer, data))
        return self.browser.page("page.html", **how)

    def expect(self, data, word, *texts, keep=False, **how):
        """What the page of `data` says; it must ask for nothing and complain of nothing."""
        p = self.open(data, **how)
        self.told(p, word, *texts)
        if keep:
            return p
        p.close()
        return None

    def told(self, p, word, *texts):
        said = settled(p)
        self.cases.out, self.cases.err = p.text()[:3000], str(p.complaints() + p.requests())
        self.cases.expect(said == word, f"{said}, not {word}")
        for text in texts:
            self.cases.expect(text in " ".join(p.text().split()), f"the page does not say: {text}")
        self.cases.expect(p.requests() == [] and p.complaints() == [], "requests or complaints")

    def give(self, p, key):
        p.run("byId('key').value = ''")
        p.type("#key", key)
        p.key("Enter", 13)


def good(pages, log, secrets):
    files = kit.bundle(log, secrets, PIECES, ASKED, redact=(305, 310))
    data = kit.tar(files)
    raw = secrets.log.public
    p = pages.expect(data, AMBER, "503 of 2237 entries shown", "501 payloads hashed",
                     "503 leaves and 28 hashes lead to the root", "entries 300 to 699: all is here",
                     "none given yet", "■ blacked out 墨消し: name of a person", "Case, exhibit",
                     keep=True)
    fingerprint = hashlib.sha256(raw).hexdigest()[:32]
    pages.give(p, secrets.vkey)
    pages.told(p, GREEN, "All 492 records that are shown are, byte for byte, what the collector "
               "signed, under the key that you gave.", "it is the key that has signed")
    pages.give(p, "00" * 16)
    pages.told(p, GREY, "UNTRUSTED_KEY: the fingerprint that you gave is not that of the key")
    pages.give(p, ":".join(fingerprint[i:i + 4] for i in range(0, 32, 4)).upper())
    pages.told(p, GREEN)
    for slip in ("fw1", secrets.vkey[:-4] + "AAAA", fingerprint[:-1]):
        pages.give(p, slip)
        p.run("new Promise((done) => { const look = () => byId('key-fault').textContent === '' ? "
              "setTimeout(look, 20) : done(); look(); })")
        pages.told(p, GREEN, "give NAME+ID+KEY as akashi-collector key show prints it")
        pages.give(p, fingerprint)
        p.run("new Promise((done) => { const look = () => byId('key-fault').textContent !== '' ? "
              "setTimeout(look, 20) : done(); look(); })")
        pages.told(p, GREEN)
    other = Secrets("example.org/other", 5)
    pages.give(p, other.vkey)
    pages.told(p, GREY, "UNTRUSTED_KEY: the checkpoint has no signature of this key")
    p.close()
    pages.expect(data, AMBER, dark=True, width=390)
    return data


def stamped(pages, log, secrets):
    """Time stamps are taken, and said to be not judged by the page."""
    files = kit.bundle(log, secrets, PIECES, ASKED)
    files.update({"stamped": files["checkpoint"], "stamp.0": b"a reply", "stamp.1": b"another"})
    files["SHA256SUMS"] = kit.sums(files)
    pages.expect(kit.tar(files), AMBER, "witnesses; time stamps")


def forged(pages, log, secrets):
    """Each a minimal change, with what the page must say."""
    def case(word, text, change=None, sums=True, **how):
        files = kit.bundle(log, secrets, how.pop("pieces", PIECES), ASKED, **how)
        if change:
            change(files)
        if sums:
            files["SHA256SUMS"] = kit.sums(files)
        pages.expect(kit.tar(files), word, text)

    def flip(name, at):
        def change(files):
            data = bytearray(files[name])
            data[at] ^= 1
            files[name] = bytes(data)
        return change

    def payload(chosen):
        item = next(i for i in chosen if i.index == 400)
        item.payload = item.payload.replace(b"Accepted", b"Rejected")

    def swap(chosen):
        a, b = (next(i for i in chosen if i.index == n) for n in (400, 401))
        a.payload, b.payload = b.payload, a.payload

    def salt(chosen):
        item = next(i for i in chosen if i.index == 400)
        item.salt = bytes(16)

    def received(files):
        data = bytearray(files["entries"])
        data[103 * 54 + 4:103 * 54 + 12] = bytes(8)
        files["entries"] = bytes(data)

    def resigned(files):
        thief = Secrets("example.org/agency", 99)
        text = files["checkpoint"].decode().split("\n\n")[0] + "\n"
        thief.log.name = secrets.origin
        files["checkpoint"] = make_note(text, [thief.log, secrets.epochs[0]])

    def one_line(files):
        lines = files["checkpoint"].decode().split("\n")
        files["checkpoint"] = "\n".join(lines[:5] + [""]).encode()

    def bomb(files):
        """Lengths that would be 400 MB of text."""
        out, data, at = bytearray(), files["openings"], 0
        while at < len(data):
            out += data[at:at + 1] + ((1 << 20) - 1).to_bytes(4, "big") + data[at + 5:at + 21]
            at += 21
        files["openings"] = bytes(out)

    def reorder(chosen):
        a, b = (next(n for n, i in enumerate(chosen) if i.index == x) for x in (400, 401))
        chosen[a], chosen[b] = chosen[b], chosen[a]

    def moved(files):
        """The same entries, said to stand one place further on."""
        leaves = [kit.leaf_hash(i.data) for i in kit.items(log)]
        files["proof"] = kit.proof(leaves, [(a + (a > 0), b + (a > 0)) for a, b in PIECES])

    def longer(files):
        files["proof"] = files["proof"].replace(b"show 400", b"show 401")

    def without_text(chosen):
        next(i for i in chosen if i.index == 400).state = kit.BOUND

    def taken_away(chosen):
        item = next(i for i in chosen if i.index == 400)
        item.state = 1

    def about(**members):
        def change(files):
            files["bundle.json"] = canonical_json(dict(json.loads(files["bundle.json"]), **members))
        return change

    case(RED, "ALTERED: the payload of entry 400 is not what its entry commits to", prepare=payload)
    case(RED, "ALTERED: the payload of entry 400 is not what its entry commits to", prepare=swap)
    case(RED, "ALTERED: the payload of entry 400 is not what its entry commits to", prepare=salt)
    case(RED, "ALTERED: entries and hashes do not lead to the root", received)
    case(RED, "ALTERED: entries and hashes do not lead to the root", prepare=reorder)
    case(RED, "ALTERED: entries and hashes do not lead to the root", moved)
    case(RED, "MALFORMED", longer)
    case(PART, "MISSING: entries of the range that was asked for are not here", prepare=without_text)
    case(PART, "MISSING: the text of entry 400 is said to be erased, and no order that says so is shown",
         prepare=taken_away)
    case(RED, "MALFORMED: stamped and stamps do not belong together",
         lambda files: files.update({"stamped": files["checkpoint"]}))
    case(RED, "MALFORMED: stamped and stamps do not belong together",
         lambda files: files.update({"stamp.0": b"reply"}))
    case(RED, "README.txt: not the digest that SHA256SUMS says", flip("README.txt", 3), sums=False)
    case(RED, "MALFORMED: zstd: ", flip("records.zst", 60), sums=False)
    case(RED, "MALFORMED", flip("proof", 3))
    case(GREY, "UNTRUSTED_KEY: the checkpoint has no signature of this key", resigned)
    case(RED, "ALTERED: the checkpoint has no signature of epoch 0", one_line)
    case(GREY, "UNSUPPORTED: a bundle of another version", about(version=2))
    case(GREY, "UNSUPPORTED: the records have more text than this page takes", bomb)
    case(RED, "MALFORMED: bundle.json names another log", about(origin="example.org/x/" + "0" * 32))
    case(RED, "MALFORMED", about(redactions="none"))
    case(PART, "MISSING: no start note of an epoch is shown", pieces=[(300, 700)])
    case(PART, "What is shown is consistent with the key that this file itself names: give the key",
         pieces=[(0, 3), (300, 699)])
    case(PART, "MISSING: entries of the range that was asked for are not here",
         pieces=[(0, 3), (300, 699)])
    case(RED, "MALFORMED", lambda files: files.pop("openings") and None or files.update(openings=b""))
    files = kit.bundle(log, secrets, PIECES, ASKED)
    names = [n for n in kit.FILES if n in files]
    pages.expect(kit.tar(files, names[::-1]), RED, "MALFORMED")
    pages.expect(kit.tar(files)[:-512], RED, "MALFORMED")
    pages.expect(b"nothing of the kind", RED, "MALFORMED: this is no bundle in one file")


def every_byte(pages, data):
    """One changed bit anywhere in the data: never amber, never green."""
    p = pages.open(data)
    settled(p)
    bad = p.run("""(async () => {
      const passed = [];
      for (let i = 0; i < current.length; i += 389) {
        const bytes = current.slice();
        bytes[i] ^= 1 << (i % 8);
        try {
          const bundle = readBundle(bytes);
          await checkBundle(bundle, null, () => {});
          passed.push(i);
        } catch { /* as it must be */ }
      }
      return passed;
    })()""")
    pages.cases.expect(bad == [], f"changed and not noticed: {bad[:20]} of {len(data)}")
    p.close()


def scripts_off(pages, data):
    p = pages.open(data, scripts=False)
    text = " ".join(p.run("document.body.innerText").split())
    pages.cases.out = text[:500]
    pages.cases.expect("NOT CHECKED BY THIS PAGE このページでは未検査 Nothing was checked yet." in text,
                       "a page without its script must say that nothing was checked")
    pages.cases.expect("VALID" not in text and "CONSISTENT" not in text, "a verdict without a check")
    p.close()


def without_ed25519(pages, data):
    """A browser that has no Ed25519: said plainly, and nothing is vouched for."""
    p = pages.open(data)
    settled(p)
    p.run("crypto.subtle.__proto__.importKey = () => Promise.reject(new Error('no')); "
          "look(current, null)")
    pages.told(p, GREY, "UNSUPPORTED: this browser cannot check Ed25519 signatures (WebCrypto).")
    p.close()


HOSTILE = [b"</script><script>document.title='run'</script>",
           b"<img src=x onerror=\"document.title='run'\">", b"<!--<script>", b"nul\0 in \x01text",
           "\u202egnp.exe \u2066bidi".encode(), b"\x1b]0;title\x07", b"caf\xe9 shift_jis \x93\xfa",
           "正しい日本語".encode(), b"back\\slash", b"", b"javascript:alert(1)"]


def hostile(pages):
    secrets = Secrets("example.org/hostile", 77)
    m = akforge.Maker(secrets)
    m.start()
    source = m.declare(transport="relp+tls", listener="relp+tls://</script>", identity="certificate",
                       address="192.0.2.7", name="<img src=x onerror=alert(1)>",
                       fingerprint=akbases.CERTIFICATE["fingerprint"])
    for text in HOSTILE:
        m.tick()
        m.record(source, text)
    m.record(source, b"<b>" + b"A" * 1048500 + b"</b>")
    m.commit()
    log = m.finish()
    size = len(kit.items(log))
    files = kit.bundle(log, secrets, [(0, size)], case="</title><script>alert(2)</script>",
                       reason="\"; } * { display: none", by="<svg onload=alert(3)>")
    p = pages.expect(kit.tar(files), AMBER, "</script><script>document.title='run'</script>",
                     "<img src=x onerror=alert(1)> (256)", "nul\\x00 in \\x01text",
                     "\\xe2\\x80\\xaegnp.exe \\xe2\\x81\\xa6bidi", "caf\\xe9 shift_jis \\x93\\xfa",
                     "正しい日本語", "back\\\\slash", "show all 1,048,507 bytes",
                     "</title><script>alert(2)</script>", keep=True)
    cases = pages.cases
    cases.expect(p.run("document.title").startswith("Akashi evidence bundle"), "a script of the evidence ran")
    cases.expect(p.run("document.querySelectorAll('script').length") == 2, "more scripts")
    cases.expect(p.run("document.querySelectorAll('img, b, iframe, object').length") == 0, "markup")
    cases.expect(p.run("getComputedStyle(document.body).display") == "block", "a style of the evidence")
    p.run("Array.from(document.querySelectorAll('button')).find(b => b.textContent.startsWith('show "
          "all')).click()")
    cases.expect(p.run("document.body.textContent.includes('A</b>')"), "the whole of a long record")
    # Nothing leaves the page even if a script of it wanted to.
    p.run("fetch('http://127.0.0.1:9/x').catch(() => 0)")
    p.run("new Promise(done => { const i = new Image(); i.onerror = () => done(1); i.src = 'file:///etc/x.png'; })")
    p.run("{ const s = document.createElement('script'); s.textContent = \"document.title='run'\"; "
          "document.body.append(s); }")
    cases.expect(p.run("document.title").startswith("Akashi evidence bundle"), "a script that was put in ran")
    refused = [c for c in p.complaints() if "Content Security Policy" in c]
    cases.out = "\n".join(p.complaints())
    cases.expect(len(refused) >= 3, f"{len(refused)} of 3 refused by the policy")
    responses = p.of("Network.responseReceived")
    cases.expect(all(r["response"]["url"] == p.url for r in responses), "something was fetched")
    p.close()


def parts(pages, log, secrets):
    """Parts of a record that are blacked out: the rest is proven, and nothing else passes for it."""
    def made(*changes):
        def prepare(chosen):
            item = next(i for i in chosen if i.index == 400)
            kit.withhold(item, {3, 4})
            for change in changes:
                change(item)
        return kit.tar(kit.bundle(log, secrets, [(0, 3), (300, 420)], prepare=prepare))

    def join(item):
        (a, text), (b, more) = item.parts[0], item.parts[1]
        item.parts[0:2] = [(bytes([len(text + more)]) + a[1:], text + more)]

    def other(item):
        item.payload = item.payload.replace(b"<134>", b"<135>")

    def sign(item):
        item.payload = item.payload.replace(kit.BLOCK, b"???", 1)

    def longer(item):
        item.parts[3] = (item.parts[3][0][:3] + bytes(32), kit.BLOCK)

    p = pages.expect(made(), AMBER, "1 with parts of it blacked out", keep=True)
    row = p.run("Array.from(document.querySelectorAll('tr')).find(r => r.innerText.startsWith('400'))"
                ".innerText")
    pages.cases.out = row
    pages.cases.expect("■■" in row and "blacked out 墨消し: name of a person" in row, "the parts")
    p.close()
    pages.expect(made(other), RED, "the payload of entry 400 is not what its entry commits to",
                 "✖ not what its entry commits to")
    pages.expect(made(longer), RED, "the payload of entry 400 is not what its entry commits to")
    pages.expect(made(sign), RED, "a text without the sign of a part that is withheld")
    pages.expect(made(join), RED, "MALFORMED")


def forms(pages):
    """Entries that commit by parts; two epochs in one bundle; one record alone; a large bundle."""
    log, secrets = akbases.standard(form=2)
    pages.expect(kit.tar(kit.bundle(log, secrets, [(0, 3), (300, 420)])), AMBER, "all is here")
    parts(pages, log, secrets)
    log, secrets = akbases.standard()
    pages.expect(kit.tar(kit.bundle(log, secrets, [(0, 1), (1500, 1501)])), AMBER,
                 "2 of 2237 entries shown", "CONSISTENT 1 records")
    secrets = Secrets("example.org/erased", 6)
    m = akforge.Maker(secrets)
    source = m.declare(**akbases.CERTIFICATE)
    for n in range(3):
        m.tick()
        m.record(source, b"record %d" % n)
    target = m.size - 2
    m.own(5, type="order", action="erase", ranges=[[str(target), str(target)]], reason="a court's word")
    order = m.size - 1
    m.commit()
    log = m.finish()

    def erase(chosen):
        next(i for i in chosen if i.index == target).state = 1
    pages.expect(kit.tar(kit.bundle(log, secrets, [(0, m.size)], prepare=erase)), PART,
                 f"the text of entry {target} was erased by the order in entry {order}", "□ erased 消去")
    log, secrets = akbases.standard()
    selection = {"what": "match", "match": ["user1"]}
    pages.expect(kit.tar(kit.bundle(log, secrets, [(0, 1), (1500, 1501)], selection)), AMBER,
                 "A selection: what does not match is not here.", "not claimed: a selection")


def complete(pages):
    """Claim 2 in the browser is that of the program: for time, sources, identities, events; whole,
    and with entries left out or without their text."""
    from report import hours
    cases = pages.cases
    log, secrets = hours()
    save(log, secrets, "hours")
    begin, end = "2023-11-14T23:20:00Z", "2023-11-15T01:00:00Z"
    asks = [["--from", begin, "--to", end], ["--from", begin, "--to", end, "--source", "fw1*"],
            ["--from", begin, "--to", end, "--source", "257", "--events"],
            ["--from", begin, "--to", end, "--identity", "fw1.example.org"],
            ["--from", begin, "--to", "2023-11-16"], ["--from", "2023-11-01", "--to", begin],
            ["--match", "user1[0-9]"]]
    size = len(kit.items(log))
    for i, ask in enumerate(asks):
        name = f"time{i}.tar"
        statements = ["--case", "1", "--exhibit", "2", "--by", "B", "--reason", "R"]
        cases.run(3 if i == 4 else 0, "export", "hours", "--key", "hours.key", *ask, *statements, "-o",
                  name)
        if not os.path.exists(name):
            continue
        files = kit.untar(get(name))
        about = json.loads(files["bundle.json"])
        shown, at = [], 0
        for line in files["proof"].decode().split("\n")[2:-1]:
            if " " in line:
                what, n = line.split(" ")
                shown += [(at, at + int(n))] if what == "show" else []
                at += int(n)
        asked, counts = about["asked"], files.get("positions")
        every = {i.index: i.entry for i in kit.items(log)}
        inside = [n for a, b in shown for n in range(a, b)]
        middle = inside[len(inside) // 4:3 * len(inside) // 4]
        variants = [None] + [next((n for n in middle if (every[n].kind, every[n].source) == of), None)
                             for of in ((0, 256), (0, 257), (3, 3))]
        for left_out in dict.fromkeys(variants):
            pieces = [p for a, b in shown for p in
                      ([(a, left_out), (left_out + 1, b)] if left_out is not None and a <= left_out < b
                       else [(a, b)]) if p[0] < p[1]]
            made = int(about["made"]) // 10 ** 9
            if left_out is not None:
                files, made = kit.bundle(log, secrets, pieces, asked), kit.MADE
                files.update({"positions": counts} if counts else {})
                files["SHA256SUMS"] = kit.sums(files)
            data = kit.tar(files, made=made)
            put("variant.tar", data)
            report = judged(cases, "variant.tar", "hours.key")
            claim = next(c for c in report["claims"] if c["claim"] == "complete")["verdict"]
            p = pages.open(data)
            settled(p)
            line = p.run("Array.from(document.querySelectorAll('.steps li')).map(l => l.innerText)"
                         ".filter(t => /Complete|MISSING|NUMBERING/.test(t)).join()")
            cases.out, cases.err = line, str(report["claims"])[:600]
            good = {"VALID": "all is here", "INCOMPLETE": "MISSING", "NOT CLAIMED": "not claimed"}
            cases.expect(good.get(claim, "?") in line, f"{ask} without {left_out} of {size}: {claim}")
            p.close()
    nameless(pages)


def nameless(pages):
    """Whose a text without its bytes is, or what is hidden behind a declaration without its text,
    nobody can say: no identity is complete then, in the browser and by the program."""
    secrets = Secrets("example.org/nameless", 93)
    m = akforge.Maker(secrets)
    m.start()
    sources = []
    for declared in (akbases.CERTIFICATE, akbases.DATAGRAM):
        sources.append(m.declare(**declared))
        for i in range(9):
            m.tick(5000)
            m.record(sources[i % len(sources)], f"<13>text {i}".encode())
    m.stop()
    m.commit()
    log = m.finish()
    save(log, secrets, "nameless")
    every = kit.items(log)
    early, late = [i.index for i in every if i.entry.kind == 1]
    inside = every[late + 4].index
    inside += every[inside].entry.source != sources[1]
    for first, gone, bound in ((late + 2, late, inside), (early, early + 4, early),
                               (late + 2, late, None), (early, early + 4, None)):
        def prepare(chosen, bound=bound):
            for i in chosen:
                if i.index == bound:
                    i.state = kit.BOUND
        asked = {"what": "time", "from": str(every[first].entry.received),
                 "to": str(every[-1].entry.received), "identity": "nobody.example.org"}
        data = kit.tar(kit.bundle(log, secrets, [(0, gone), (gone + 1, len(every))], asked,
                                  prepare=prepare))
        put("nameless.tar", data)
        report = judged(pages.cases, "nameless.tar", "nameless.key")
        found = {c["claim"]: c["verdict"] for c in report["claims"]}
        want = "VALID" if bound is None else "INCOMPLETE"
        pages.cases.expect(found["complete"] == want,
                           f"{gone} left out, {bound} without text: {found}, not {want}")
        if bound is None:
            pages.expect(data, AMBER, "nobody.example.org: all is here")
        else:
            pages.expect(data, PART, "is shown without its text")


def judged(cases, name, key):
    """The program's judgement as JSON, whatever it is."""
    done = subprocess.run([cases.program, "bundle", name, "--key", key, "--json"],
                          capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def picker(pages, data):
    """The viewer without data takes a bundle that the reader picks."""
    put("picked.tar", data)
    p = pages.browser.page("viewer.html")
    text = " ".join(p.text().split())
    pages.cases.expect("NOT CHECKED BY THIS PAGE" in text and "Bundle in one file (.tar)" in text,
                       "the viewer asks for a file")
    node = p.call("DOM.getDocument")["root"]["nodeId"]
    node = p.call("DOM.querySelector", nodeId=node, selector="#bundle-file")["nodeId"]
    p.call("DOM.setFileInputFiles", nodeId=node, files=[os.path.realpath("picked.tar")])
    pages.told(p, AMBER)
    p.close()


def keyboard(pages, data):
    """Every control can be reached by the tabulator key and is seen to be reached."""
    p = pages.open(data)
    settled(p)
    reached = []
    for _ in range(30):
        p.key("Tab", 9)
        reached.append(p.run("(document.activeElement.id || document.activeElement.getAttribute("
                             "'aria-label') || document.activeElement.textContent).slice(0, 20)"))
    for name in ("key", "Check with this key ", "Entries", "next", "Sources"):
        pages.cases.expect(name in reached, f"{name} is not reached by keys: {reached}")
    p.close()


def printed(pages, data):
    p = pages.open(data)
    settled(p)
    p.paper("bundle.pdf")
    pages.cases.expect(len(re.findall(rb"/Type\s*/Page\b", get("bundle.pdf"))) > 2, "printed pages")
    rules = p.run("Array.from(document.styleSheets[0].cssRules).map(r => r.cssText).join()")
    pages.cases.expect("Case 2026-117, exhibit 3, SHA256SUMS" in rules, "the foot of printed pages")
    pages.cases.expect("Case 2026-117, exhibit 3, SHA256SUMS" in p.run("document.title"), "the title")
    p.close()


def refill(page, data):
    """The same page with other data."""
    return re.sub(rb'(id="data">)[^<]*(</script>)', b"\\1\\2", page, count=1).replace(
        b'id="data"></script>', b'id="data">' + data + b"</script>")


def program(cases, log, secrets):
    """What the program makes of bundles, and says of pages: the data are judged by themselves, every
    other byte is compared."""
    save(log, secrets, "store")
    cases.run(0, "export", "store", "--key", "store.key", "--index", "300-699", "--case", "2026-117",
              "--exhibit", "3", "--by", "A. Tester", "--reason", "a test", "-o", "bundle.tar")
    cases.run(0, "report", "bundle.tar", "--key", "store.key", "-o", "out.html",
              says="complete for entries 300 to 699")
    page = get("out.html")
    cases.expect(page == fill(get("viewer.html"), get("bundle.tar")),
                 "a page is the viewer with the archive in it, and nothing else")
    cases.run(2, "report", "bundle.tar", "-o", "out2.html", says="NOT CHECKABLE")
    cases.expect(get("out2.html") == page, "a page does not depend on the key that was given")
    for command in ("check", "bundle"):
        cases.run(0, command, "out.html", "--key", "store.key",
                  says=["every byte but the data is the viewer of akashi-verify",
                        hashlib.sha256(get("viewer.html")).hexdigest(), "complete for entries 300 to 699"])
    report = cases.json(0, "bundle", "out.html", "--key", "store.key")
    cases.expect(report.get("viewer", {}).get("of_this_release") is True, "JSON names the viewer")
    cases.run(2, "check", "out.html", says="NOT CHECKABLE")

    folder = kit.untar(get("bundle.tar"))
    os.mkdir("folder")
    for name, data in folder.items():
        os.makedirs(os.path.dirname(os.path.join("folder", name)), exist_ok=True)
        put(os.path.join("folder", name), data)
    cases.run(0, "report", "folder", "--key", "store.key", "-o", "out3.html")
    cases.expect(get("out3.html") == page, "a directory makes the page that its archive makes")

    put("folder/entries", bytes(65537 * 54))
    cases.run(2, "report", "folder", "-o", "no.html", says="more than 65536 entries")
    put("folder/entries", folder["entries"])
    os.truncate("folder/records.zst", 49 << 20)
    cases.run(2, "report", "folder", "-o", "no.html", says="more than 48 MiB")

    # A forged viewer, over good data and over forged ones.
    lie = page.replace(b"'CONSISTENT WITH THE KEY IN THIS FILE'", b"'VALID, CHECKED BY THE POLICE'")
    put("lie.html", lie)
    cases.run(2, "check", "lie.html", "--key", "store.key",
              says=["VIEWER_DIFFERS", f"byte {lie.index(b'VALID, CHECKED')}", "do not go by what"])
    report = cases.json(2, "bundle", "lie.html", "--key", "store.key")
    cases.expect(report.get("viewer", {}).get("of_this_release") is False, "JSON names a forged viewer")
    put("more.html", page + b"<script>alert(1)</script>")
    cases.run(2, "check", "more.html", "--key", "store.key", says="VIEWER_DIFFERS")
    files = dict(folder)
    files["own.txt"] = files["own.txt"].replace(b"collector", b"operator!", 1)
    files["SHA256SUMS"] = kit.sums(files)
    wrong = fill(get("viewer.html"), kit.tar(files, made=int(get("bundle.tar")[136:147], 8)))
    put("wrong.html", wrong)
    cases.run(1, "check", "wrong.html", "--key", "store.key",
              says=["ALTERED", "every byte but the data is the viewer of"])
    put("both.html", wrong + b" ")
    cases.run(1, "check", "both.html", "--key", "store.key", says=["ALTERED", "VIEWER_DIFFERS"])

    # Data that are written in another form, are none, or have no end.
    put("long.html", refill(page, base64.b64encode(get("bundle.tar"))))
    cases.run(2, "check", "long.html", "--key", "store.key", says="VIEWER_DIFFERS")
    cases.run(2, "check", "viewer.html", says="the page carries no data: it is the viewer alone")
    put("stars.html", refill(page, b"\n****\n"))
    cases.run(2, "check", "stars.html", says="stars.html")
    put("cut.html", page[:page.index(b'id="data">') + 500])
    cases.run(2, "check", "cut.html", says="the data of the page have no end")
    put("other.html", b"<!doctype html><title>a page</title>")
    cases.run(2, "check", "other.html", says="the page carries no bundle")
    cases.run(2, "check", "out.html", "store", says="out.html is a bundle")
    cases.run(2, "store", "out.html", says="out.html is a bundle")
    put("no.tar", b"\0" * 1024)
    cases.run(2, "report", "no.tar", "-o", "no.html")
    cases.expect(not os.path.exists("no.html"), "a page of what is no bundle")
    cases.run(2, "report", "bundle.tar", "--period", "2023", "-o", "no.html", says="--period is for stores")
    cases.run(2, "report", "bundle.tar", "-o", "out.html", says="--force overwrites it")
    cases.run(0, "--version", says=hashlib.sha256(get("viewer.html")).hexdigest())
    return page


def main():
    cases = Cases(sys.argv[1])
    cases.run(0, "report", "--viewer", "-o", "viewer.html", says="viewer of akashi-verify")
    cases.expect(hashlib.sha256(get("viewer.html")).hexdigest() in cases.out, "the viewer's digest")
    text = get("viewer.html").decode()
    cases.expect("@" not in re.sub(r"@(page|media|bottom)|\.@?_:@", "", text.split("<style>")[0]),
                 "names that nothing filled in")
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        cases.expect(f"{tag}-src 'sha256-{digest}'" in text, f"the policy names the {tag}")
    cases.run(2, "report", "store", "--viewer", "-o", "x.html", says="leave store out")
    cases.run(2, "report", "-o", "x.html", says="report wants PATH")
    log, secrets = akbases.standard()
    page = program(cases, log, secrets)
    if browser.find() is None or "nobrowser" in sys.argv:
        print("left out: what needs a browser (chromium)")
        cases.end()
    pages = Pages(cases)
    put("page.html", page)
    exported = pages.browser.page("page.html")
    pages.told(exported, AMBER, "entries 300 to 699: all is here", "Case, exhibit 事件番号・証拠番号")
    pages.give(exported, secrets.vkey)
    pages.told(exported, GREEN)
    exported.close()
    data = good(pages, log, secrets)
    stamped(pages, log, secrets)
    forged(pages, log, secrets)
    every_byte(pages, data)
    scripts_off(pages, data)
    without_ed25519(pages, data)
    hostile(pages)
    forms(pages)
    complete(pages)
    picker(pages, data)
    keyboard(pages, data)
    printed(pages, data)
    pages.browser.close()
    cases.end()


if __name__ == "__main__":
    main()
