#!/usr/bin/python3
"""bundle_readme.py VERIFY INDEPENDENT: README.txt of every kind of bundle is what `bundle` writes again
for it; one that is not is told where nobody overlooks it, and changes no verdict. The second verifier
says the same of each."""

import datetime
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bundle_kit import Bundle, Cases, STATEMENTS, get, put, recipe, save  # noqa: E402
import akbases  # noqa: E402
from casebase import Base  # noqa: E402
from cases_orders import KNOWN, declared, erased_by, ordered  # noqa: E402
from prove_kit import entries  # noqa: E402

REMARK = "README_DIFFERS"
LAST = f", {REMARK}: do not type the recipe in README.txt"
INDEPENDENT = os.path.realpath(sys.argv[2])
c = Cases(sys.argv[1])


def last_line():
    return c.out.strip().split("\n")[-1]


def second(path, key):
    """Exit status of the verifier that knows nothing of the text of README.txt."""
    return subprocess.run([sys.executable, INDEPENDENT, path, "--key", key], capture_output=True,
                          check=False).returncode


def standing(report):
    return next(f["standing"] for f in report["files"] if f["name"] == "README.txt")


def equal(path, key, status=0, *words):
    """README.txt is ours, with the log's key and without it."""
    report = c.json(status, "bundle", path, "--key", key, *words)
    c.expect(report.get("readme") == {"of_this_release": True} and standing(report) == "written",
             f"{path}: {report.get('readme')}")
    c.run(status, "bundle", path, "--key", key, *words,
          says="README.txt what this release writes for this bundle")
    c.expect(REMARK not in c.out, f"{path}: a remark")
    c.expect(c.json(2, "bundle", path).get("readme") == {"of_this_release": True}, f"{path}: no key")


def differs(path, key, status=0, says=(), keyless=True):
    """It is not, which changes neither verdict nor exit status."""
    report = c.json(status, "bundle", path, "--key", key)
    readme = report.get("readme", {})
    c.expect(readme.get("of_this_release") is False and standing(report) == "statement" and
             readme["finding"]["code"] == REMARK and readme["finding"]["rule"] == "14.1" and
             "do not type its recipe" in readme["finding"]["text"], f"{path}: {readme}")
    c.expect(all(x.get("finding", {}).get("code") != REMARK for x in report["claims"]),
             f"{path}: it is no finding of a claim")
    c.run(status, "bundle", path, "--key", key,
          says=(f"remark {REMARK} (14.1)", "do not type its recipe", *says))
    c.expect(LAST in last_line(), f"{path}: the last line")
    c.expect("\x1b" not in c.out, f"{path}: a control character")
    whole = c.out
    c.run(status, "bundle", path, "--key", key, "--quiet")
    c.expect(c.out.strip() == whole.strip().split("\n")[-1], f"{path}: --quiet hides it")
    if keyless:
        c.expect(c.json(2, "bundle", path)["readme"]["of_this_release"] is False, f"{path}: no key")
        c.run(2, "bundle", path, says=LAST)
    return report


def both(name, store, *words, status=0, judge=(), statements=STATEMENTS):
    """A kind of bundle, as a directory and as one file."""
    for path in (name, name + ".tar"):
        c.run(status, "export", store, *words, "--key", store + ".key", *statements, *judge, "-o", path)
        c.expect(REMARK not in c.out, f"export {path}: a remark")
        equal(path, store + ".key", status, *judge)


# Logs.
log, secrets = akbases.standard()
save(log, secrets, "std")
save(*akbases.standard(number=2, form=2), "by-parts")
save(*akbases.standard(number=3, form=akbases.MIXED), "mixed")
epochs, epoch_secrets = akbases.epochs()
save(epochs, epoch_secrets, "ep")
starts = [i for i, e, _ in entries(epochs) if e.kind == 4]
received = [e.received for _, e, _ in entries(log)]


def relay():
    """A log whose only source is a relay."""
    m = akbases.Maker(akbases.Secrets("example.org/relay", 51))
    source = 256 + m.own(1, type="source", relay=True, **akbases.CERTIFICATE)
    akbases.records(m, source, "far", 40)
    m.state()
    m.commit()
    return m.finish(), m.secrets


save(*relay(), "relay")


def at(ns):
    """A time as it is typed."""
    t = datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S") + f".{ns % 10**9 // 1000:06d}Z"


TIMES = ["--from", at(received[300]), "--to", at(received[900])]
REDACT = ["--redact-reason", "privacy"]

# Every kind of range, of form, of what is hidden.
both("index", "std", "--index", "300-700")
both("time", "std", *TIMES)
both("source", "std", "--source", "fw1*", *TIMES, "--events")
both("identity", "std", "--identity", "fw1.example.org", *TIMES)
both("match", "std", "--match", "user5[0-9]")
both("copies", "std", "--index", "300-310", "--also", "timesketch", "--also", "csv",
     "--also", "case")
both("redacted", "std", "--index", "300-700", "--redact", "index:310-320", *REDACT)
both("form2", "by-parts", "--index", "300-700")
both("hidden", "by-parts", "--index", "300-700", "--redact", r"part:for (user\d+)", *REDACT)
both("all-hidden", "by-parts", "--index", "300-301", "--redact", "index:300-301", *REDACT)
both("mixed-forms", "mixed", "--index", "250-900")
both("epochs", "ep", "--index", f"{starts[1] - 9}-{starts[1] + 9}")
both("relayed", "relay", "--identity", "fw1.example.org", "--from", "2020-01-01")
texts = {n: get(n + "/README.txt") for n in ("index", "form2", "hidden")}
c.expect(b"parts(salt" in texts["index"] and b"def parts" not in texts["index"] and
         b"def parts" in texts["form2"] and b"def hidden" in texts["hidden"], "three kinds of recipe")

# What its maker states stands in it, escaped, whatever bytes it has.
both("odd", "std", "--index", "3-5", statements=[
    "--case", "証拠\\ \u202e7", "--exhibit", "%s%n", "--by", "\u00e9", "--reason", "r" * 300,
    "--mandate", "\n    rm -rf \x1b[2J", "--on-behalf-of", " ", "--severity", "a:b", "--tlp", "AMBER"])
c.expect(b"\\x0a    rm -rf \\x1b[2J\n" in get("odd/README.txt"), "one line for a statement")

# Orders for what is gone; whose they are changes nothing here.
base = Base(akbases.standard()[0], secrets.vkey, secrets)
victim = base.victim()
erased_by(base, victim, declared(), ordered(base, 1, "erase", (victim, victim)))
save(base.log, secrets, "erased")
put("authorities", "".join(k + "\n" for k in KNOWN).encode())
both("gone", "erased", "--index", f"{victim - 5}-{victim + 5}", judge=["--authority", "authorities"])
both("not-accepted", "erased", "--index", f"{victim - 5}-{victim + 5}", status=3)

# Custody records that are added afterwards change nothing of it.
for path in ("index", "index.tar"):
    c.run(0, "custody", path, "--by", "M. Sato", "--to", "K. Abe", "--purpose", "hand-over")
    equal(path, "std.key")


# Any other text, with SHA256SUMS made right: the evidence stands, the recipe must not be typed.
def changed(folder, **files):
    """A bundle of which files are others, as a forger leaves it: a directory and one file."""
    bundle = Bundle(folder)
    for name, data in files.items():
        bundle.files[name.replace("_", ".")] = data
    bundle.write("x")
    bundle.tar("x.tar")
    return bundle


good = get("index/README.txt")
key = get("std.key").decode().strip()
size = int(get("index/checkpoint").split(b"\n")[1])
lie = good.replace(b"python3 -I /tmp/check/fold.py", b"echo the root is the one in the checkpoint")
c.expect(lie != good, "a recipe that lies")
for what, text in {
        "a bit": bytes([good[0] ^ 1]) + good[1:], "the last byte": good[:-1] + b" ",
        "a byte less": good[:-1], "a byte more": good + b"\n", "empty": b"",
        "a recipe that lies": lie, "line ends": good.replace(b"\n", b"\r\n"),
        "controls": good + b"\x1b]0;owned\x07\x1b[2J\xff\xfe\0",
        "another size": good.replace(b"as of %d entries" % size, b"as of %d entries" % (size + 1)),
        "another time": good.replace(b"    made          2", b"    made          1"),
        "another maker": good.replace(b"M. Sato", b"M. Saito"),
        "another program": good.replace(b"made with     akashi-verify", b"made with     akashi-verifi"),
        "no stamps are there": get("index/README.txt").replace(
            b"\nRemove /tmp/check", b"\nBY WHEN IT EXISTED: trust me\nRemove /tmp/check")}.items():
    c.expect(text != good, f"{what}: nothing is changed")
    changed("index", README_txt=text)
    for path in ("x", "x.tar"):
        report = differs(path, "std.key")
        c.expect(report["verdict"] == "VALID" and
                 all(x["verdict"] in ("VALID", "NOT CLAIMED") for x in report["claims"]), f"{what}: verdict")
        c.expect(second(path, key) == 0, f"{what}: the second verifier")

# Each kind of openings has its own recipe: of another kind is another text. Without the log's key, or
# where openings are broken, nobody reads what kind it is, and any of ours counts.
for folder, store in (("index", "std"), ("form2", "by-parts"), ("hidden", "by-parts")):
    for n, text in texts.items():
        about = get(folder + "/README.txt").split(b"WHAT ITS MAKER STATES")[1].split(b"WHAT IS IN IT")[0]
        head, rest = text.split(b"WHAT ITS MAKER STATES")[0], text.split(b"WHAT IS IN IT")[1]
        text = head + b"WHAT ITS MAKER STATES" + about + b"WHAT IS IN IT" + rest
        changed(folder, README_txt=text)
        if n == folder:
            equal("x", store + ".key")
        else:
            differs("x", store + ".key", keyless=False)
        c.expect(c.json(2, "bundle", "x")["readme"]["of_this_release"], f"{folder}, {n}: no key")
broken = Bundle("hidden")
changed("hidden", openings=broken.files["openings"][:-1])
report = c.json(1, "bundle", "x", "--key", "by-parts.key")
c.expect(report["readme"] == {"of_this_release": True}, "openings cut")
changed("hidden", openings=broken.files["openings"][:-1], README_txt=good)
differs("x", "by-parts.key", status=1)

# What the text follows from: other statements ask for another text, and are told with their own place.
changed("index").about(case="2026-115").write("x")
differs("x", "std.key")
forged = changed("index")
forged.rows[forged.position(400)][2] = b"<134>forged"
forged.build().write("x")
c.expect(c.json(1, "bundle", "x", "--key", "std.key")["readme"] == {"of_this_release": True},
         "the records were changed, and README.txt was not")
changed("index", README_txt=lie).write("x", sums=False)
put("x/README.txt", good)
report = c.json(1, "bundle", "x", "--key", "std.key")
c.expect(report["readme"] == {"of_this_release": True} and
         report["claims"][4]["finding"]["code"] == "ALTERED", "SHA256SUMS of another one")
changed("index").write("x")
put("x/README.txt", lie)
differs("x", "std.key", status=1, says=("claim 5, custody: INVALID",), keyless=False)

# What cannot be compared is told as well.
for name, data in (("bundle.json", b"{}"), ("checkpoint", b"none\n"),
                   ("bundle.json", get("index/bundle.json").replace(b'"version":1', b'"version":2'))):
    bundle = Bundle("index")
    bundle.files[name] = data
    bundle.write("x")
    status = 2 if b"version" in data else 1
    report = c.json(status, "bundle", "x", "--key", "std.key")
    readme = report.get("readme", {})
    c.expect(readme.get("of_this_release") is False and
             "could not be compared" in readme["finding"]["text"], f"{name}: {readme}")
    c.run(status, "bundle", "x", "--key", "std.key", says=f"remark {REMARK} (14.1)")
c.run(2, "bundle", "x", "--key", "std.key", "--quiet", says=LAST)

# A bundle without it is none, and of a README.txt that is not there nothing is said.
for path in ("x", "x.tar"):
    bundle = Bundle("index")
    del bundle.files["README.txt"]
    bundle.write("x")
    bundle.tar("x.tar")
    report = c.json(1, "bundle", path, "--key", "std.key")
    c.expect("readme" not in report and report["claims"][0]["finding"]["code"] == "MALFORMED", f"{path}")
    c.run(1, "bundle", path, "--key", "std.key", says="no file README.txt")
    c.expect(REMARK not in c.out, f"{path}: {REMARK}")

# A text of any length is read in passing, in little memory.
changed("index", README_txt=good)
with open("x/README.txt", "wb") as f:
    f.truncate(1 << 30)
before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
differs("x", "std.key", status=1, keyless=False)
c.expect(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < max(before, 1 << 18), "memory")

# Other ways to the same judgement.
changed("index", README_txt=lie)
c.run(0, "check", "x", "--key", "std.key", says=LAST)
for path, text in (("x.tar", True), ("index.tar", False)):
    c.run(0, "report", path, "--key", "std.key", "-o", "page.html", "--force")
    c.expect((LAST in last_line()) == text, f"report {path}")
    c.run(0, "bundle", "page.html", "--key", "std.key")
    c.expect((LAST in last_line()) == text, f"a page of {path}")

# The recipe that is told to be ours is good; the one that is told not to be may say anything.
status, said = recipe("index", key, os.path.join(os.getcwd(), "check"))
c.expect(status == 0 and "the root is the one in the checkpoint;" in said, said)
c.end()
