#!/usr/bin/python3
"""policy.py PROGRAM: `--policy`: whose cosignatures are demanded of what proves, which fails closed,
and by when entries existed. The witnesses are played here, by C2SP tlog-cosignature alone."""

import base64
import json
import os
import shutil
import sys

from prove_kit import Cases, Secrets, akbases, get, put, save

from akbase import H, Key, checkpoint_fields
from akformat import Note
from cosign_kit import T, Witness, cosigned


class Stores:
    """One log, and copies of it whose `checkpoint` is another."""

    def __init__(self):
        self.log, self.secrets = akbases.standard("example.org/policy", 31)
        self.log_id = self.log.log_id
        self.note = self.log.checkpoint
        self.size = checkpoint_fields(self.note)[1]
        self.epoch = int(self.note.split(b"/epoch/")[1].split(b" ")[0])
        self.witnesses = [Witness(n) for n in range(6)]
        self.plain = self.save("plain", self.note)
        put("none.policy", f"log {self.secrets.vkey}\nquorum none\n".encode())
        put("two.policy", (f"# two of three\nlog {self.secrets.vkey}\n" + "".join(
            f"witness w{n} {w.vkey} https://w{n}.example.org/\n"
            for n, w in enumerate(self.witnesses[:3])) +
            "group agencies 2 w0 w1 w2\nquorum agencies\n").encode())

    def save(self, name, checkpoint):
        self.log.checkpoint = checkpoint
        save(self.log, self.secrets, name)
        self.log.checkpoint = self.note
        return name


def keys_of_policy(c, s):
    """A policy's logs are trusted as --key is, and a quorum of none asks for no witness."""
    c.run(0, "check", s.plain, "--key", "plain.key")
    last = c.out.splitlines()[-1]
    c.run(0, "check", s.plain, "--policy", "none.policy")
    c.expect(c.out.splitlines()[-1] == last, "the same result line")
    c.expect("witnesses" not in c.out, "nothing is said of witnesses")
    put("no-logs.policy", b"quorum none\n")
    c.run(2, "check", s.plain, "--policy", "no-logs.policy", says="UNTRUSTED_KEY")
    c.run(0, "check", s.plain, "--policy", "no-logs.policy", "--key", "plain.key")
    c.run(0, "check", s.plain, "--policy", "none.policy", "--key", "plain.key")
    other = Secrets("example.org/policy", 32)
    put("other.policy", f"log {other.vkey}\nquorum none\n".encode())
    c.run(2, "check", s.plain, "--policy", "other.policy", says="UNTRUSTED_KEY")
    twin = Key(s.secrets.vkey.split("+")[0], seed=b"x" * 32)
    put("twin.policy", f"log {twin.vkey}\nquorum none\n".encode())
    c.run(2, "check", s.plain, "--policy", "twin.policy", "--key", "plain.key",
          says="two different keys named")


def wrong_files(c, s):
    """A policy that is none is refused with file, line and remedy; nothing is judged by the rest."""
    put("bad.policy", f"log {s.secrets.vkey}\nquorum w\n".encode())
    c.run(2, "check", s.plain, "--policy", "bad.policy",
          says="--policy: bad.policy: line 2: there is no witness or group 'w' above this line")
    put("bad.policy", f"log {s.secrets.vkey}\nquorum none".encode())
    c.run(2, "check", s.plain, "--policy", "bad.policy", says="not ended by a line feed")
    c.run(2, "check", s.plain, "--policy", "nowhere", says="--policy: open nowhere")
    c.run(2, "check", s.plain, "--policy", "two.policy", "--policy", "two.policy",
          says="--policy was given twice")
    put("bad.policy", b"log \x1b[31m\nquorum none\n")
    c.run(2, "check", s.plain, "--policy", "bad.policy", says="byte 0x1b may not be in a policy")
    c.run(2, "check", s.plain, "--key", s.witnesses[0].vkey, says="Witnesses are named in a policy")


def not_met(c, s):
    """Without a quorum everything that is proven by keys alone is INCOMPLETE, and said to be so."""
    w = s.witnesses
    for name, lines in (("no", []), ("one", [(w[0], T)]), ("foreign", [(w[0], T), (w[4], T)])):
        store = s.save(name, cosigned(s.note, *lines))
        c.run(0, "check", store, "--key", "plain.key")
        c.run(3, "check", store, "--policy", "two.policy",
              says=["INCOMPLETE QUORUM (R43)", f"entries 0-{s.size - 1}", "quorum agencies",
                    f"that one has are {min(len(lines), 1)}, of 3 witnesses",
                    "no checkpoint here meets the quorum agencies"])
        report = c.json(3, "check", store, "--policy", "two.policy")["logs"][0]
        c.expect(report["verdict"] == "INCOMPLETE" and report["codes"].get("QUORUM") == 1 and
                 report["witnessed_size"] == 0 and report["quorum"] == "agencies" and
                 "existed_by" not in report, "JSON of a quorum that is not met")
        c.expect(("UNKNOWN_SIGNATURE" in report["codes"]) == (name == "foreign"),
                 "lines of witnesses in the policy are known, others are not")


def met(c, s):
    """With a quorum it is VALID, and existed by the earliest of the latest times that are needed."""
    w = s.witnesses
    store = s.save("met", cosigned(s.note, (w[2], T + 50), (w[0], T + 5), (w[1], T + 20)))
    c.run(0, "check", store, "--policy", "two.policy",
          says=["VALID", f"{s.size:,} entries existed by 2027-01-15T08:00:20Z, by the clocks of the "
                "quorum agencies"])
    c.expect("QUORUM" not in c.out, "no finding")
    report = c.json(0, "check", store, "--policy", "two.policy")["logs"][0]
    c.expect(report["witnessed_size"] == s.size and report["existed_by_s"] == T + 20 and
             report["existed_by"] == "2027-01-15T08:00:20Z", "JSON of a quorum that is met")
    c.run(0, "check", store, "--key", "plain.key", says="remark UNKNOWN_SIGNATURE")
    put("all.policy", get("two.policy").replace(b"agencies 2", b"agencies all"))
    c.run(0, "check", store, "--policy", "all.policy", says="existed by 2027-01-15T08:00:50Z")


def from_outside(c, s):
    """A cosigned checkpoint that was kept elsewhere counts as one in the store."""
    w = s.witnesses
    put("kept", cosigned(s.note, (w[0], T), (w[1], T + 1)))
    c.run(0, "check", s.plain, "--policy", "two.policy", "--checkpoint", "kept",
          says="existed by 2027-01-15T08:00:01Z")
    put("kept-one", cosigned(s.note, (w[0], T)))
    c.run(3, "check", s.plain, "--policy", "two.policy", "--checkpoint", "kept-one", says="QUORUM")
    put("kept-bad", w[1].cosign(cosigned(s.note, (w[0], T)), T, "another\n"))
    c.run(2, "check", s.plain, "--policy", "two.policy", "--checkpoint", "kept-bad",
          says="checkpoint kept-bad: the cosignature of w1.example.org does not fit")
    c.run(0, "checkpoint", "kept", "--policy", "two.policy", says="existed by")
    c.run(3, "checkpoint", "kept-one", "--policy", "two.policy", says="QUORUM")
    c.run(1, "checkpoint", "kept-bad", "--policy", "two.policy", says="INVALID ALTERED (R7)")


def older(c, s):
    """A quorum on an older checkpoint holds for what it covers, and not for what came later."""
    w = s.witnesses
    notes = [n.note for segment in s.log.segments for n in segment.of(Note)]
    old = sorted((n for n in notes if checkpoint_fields(n)[1] < s.size),
                 key=lambda n: checkpoint_fields(n)[1])[-1]
    size = checkpoint_fields(old)[1]
    put("old", cosigned(old, (w[0], T), (w[1], T)))
    c.run(3, "check", s.plain, "--policy", "two.policy", "--checkpoint", "old",
          says=[f"the newest checkpoint with the quorum agencies is of size {size}",
                f"entries {size}-{s.size - 1}", f"{size:,} entries existed by"])
    put("new", cosigned(s.note, (w[0], T + 9), (w[1], T + 9)))
    c.run(0, "check", s.plain, "--policy", "two.policy", "--checkpoint", "old", "--checkpoint",
          "new", says=f"{s.size:,} entries existed by 2027-01-15T08:00:09Z")


def beside(c, s):
    """`.cosigned` files beside the log count (R45), and are compared with it as every checkpoint."""
    w = s.witnesses
    notes = [n.note for segment in s.log.segments for n in segment.of(Note)]
    notes = sorted({checkpoint_fields(n)[1]: n for n in notes}.items())[-3:]
    s.save("beside", s.note)

    def lay(size, data):
        put(f"beside/{s.log_id}/{size:020}.cosigned", data)

    for size, note in notes:
        lay(size, cosigned(note, (w[0], T + size)))
    c.run(3, "check", "beside", "--policy", "two.policy", says="one has are 1, of 3 witnesses")
    lay(s.size, cosigned(s.note, (w[2], T + 3), (w[1], T + 2)))
    c.run(0, "check", "beside", "--policy", "two.policy",
          says=[f"{s.size:,} entries existed by 2027-01-15T08:00:03Z", "cosigned by w1, w2"])
    report = c.json(0, "check", "beside", "--policy", "two.policy")["logs"][0]
    c.expect(report["witnessed_by"] == ["w1", "w2"], "JSON names who has cosigned")
    c.run(0, "check", "beside", "--key", "plain.key")
    c.expect("UNKNOWN" not in c.out, "unknown lines there are no remark")
    c.run(0, "prove", "beside", "--index", s.size - 1, "--policy", "two.policy", "-o", "beside.proof")
    forged = s.secrets.checkpoint(s.size, b"f" * 32, epoch=s.epoch)
    lay(s.size, cosigned(forged, (w[0], T), (w[1], T)))
    c.run(1, "check", "beside", "--policy", "two.policy", says="FORKED (R8)")
    c.run(1, "check", "beside", "--key", "plain.key", says="FORKED (R8)")
    lay(s.size, cosigned(s.note, (w[0], T), (w[1], T)))
    ahead = s.secrets.checkpoint(s.size + 5, b"a" * 32, epoch=s.epoch)
    lay(s.size + 5, cosigned(ahead, (w[0], T), (w[1], T)))
    c.run(3, "check", "beside", "--key", "plain.key",
          says=["MISSING (R28)", f"a checkpoint is of size {s.size + 5}"])
    lay(s.size + 5, s.secrets.log.sign(b"x"))
    c.run(1, "check", "beside", "--key", "plain.key", says="MALFORMED (R45)")
    stranger = Secrets("example.org/policy", 33)
    lay(s.size + 5, stranger.checkpoint(s.size + 5, b"a" * 32))
    c.run(1, "check", "beside", "--key", "plain.key", says="MALFORMED (R45)")


def bad_lines(c, s):
    """A line of a witness that is not valid makes the note invalid, and only with its policy."""
    w = s.witnesses
    good = cosigned(s.note, (w[0], T), (w[1], T))
    cases = {
        "other-text": w[2].cosign(good, T, "another\n"),
        "time-changed": w[2].cosign(good, T, stated=T - 512),
        "time-zero": w[2].cosign(good, 0),
        "time-past": w[2].cosign(good, 1 << 63),
    }
    for name, note in cases.items():
        store = s.save(name, note)
        c.expect(note != good, f"{name} is changed")
        c.run(0, "check", store, "--key", "plain.key")
        c.run(1, "check", store, "--policy", "two.policy", says="INVALID ALTERED (R7): checkpoint")
    store = s.save("twice", cosigned(good, (w[0], T + 1)))
    c.run(1, "check", store, "--policy", "two.policy",
          says=["INVALID MALFORMED (R7)", "two signature lines of w0.example.org"])


def in_the_log(c, s):
    """Cosignatures in a NOTE of the segment itself count; a checkpoint of another history does not."""
    w = s.witnesses
    log, secrets = akbases.tiny(33)
    name = "tiny"
    put("tiny.policy", (f"log {secrets.vkey}\nwitness w0 {w[0].vkey}\nquorum w0\n").encode())
    log.checkpoint = None
    save(log, secrets, name)
    c.run(3, "check", name, "--policy", "tiny.policy", says="QUORUM")
    last = log.segments[-1].of(Note)[-1]
    last.note = w[0].cosign(last.note, T)
    shutil.rmtree(name)
    save(log, secrets, name)
    c.run(0, "check", name, "--policy", "tiny.policy", says="existed by 2027-01-15T08:00:00Z")
    segment = os.path.join(name, log.log_id, sorted(
        f for f in os.listdir(os.path.join(name, log.log_id)) if ".zst" in f or ".open" in f)[-1])
    c.run(0, "segment", segment, "--policy", "tiny.policy", says="existed by")
    other = secrets.checkpoint(checkpoint_fields(last.note)[1], H(b"another"))
    put("forked", w[0].cosign(other, T))
    c.run(1, "check", name, "--policy", "tiny.policy", "--checkpoint", "forked", says="FORKED")


def proofs(c, s):
    """`prove` takes a checkpoint with the quorum or none, and `proof` demands it of what it is given."""
    w = s.witnesses
    index = s.size - 3
    c.run(3, "prove", s.plain, "--index", index, "--policy", "two.policy", "-o", "none.tlog-proof",
          says=["QUORUM (R43)", "0 of the 3 witnesses", f"entry {index} is not proven"])
    c.expect(not os.path.exists("none.tlog-proof"), "nothing was written")
    c.run(0, "prove", "met", "--index", index, "--policy", "two.policy", "-o", "met.tlog-proof",
          "--record", "met.record")
    c.run(0, "proof", "met.tlog-proof", "--policy", "two.policy", "--record", "met.record",
          says=["3 cosigned: existed by 2027-01-15T08:00:20Z"])
    c.expect("other keys" not in c.out, "the witnesses' lines are not those of unknown keys")
    report = c.json(0, "proof", "met.tlog-proof", "--policy", "two.policy", "--record", "met.record")
    c.expect(report["quorum"] == {"met": True, "cosigned": 3, "unchecked": 0,
                                  "existed_by": "2027-01-15T08:00:20Z",
                                  "existed_by_s": T + 20}, "JSON of the quorum")
    plain = get("met.tlog-proof")
    put("one.tlog-proof", plain[:plain.rindex("\u2014 w0".encode())])
    put("one.tlog-proof.epoch", get("met.tlog-proof.epoch"))
    c.run(0, "proof", "one.tlog-proof", "--key", "plain.key", "--record", "met.record")
    c.run(3, "proof", "one.tlog-proof", "--policy", "two.policy", "--record", "met.record",
          says="1 of the 3 witnesses in the policy have cosigned it")
    c.json(3, "proof", "one.tlog-proof", "--policy", "two.policy", "--record", "met.record")
    c.run(1, "proof", "met.tlog-proof", "--policy", "two.policy", "--record", "two.policy",
          says="ALTERED")


def named(c, s):
    """info, checkpoint and proof name who has cosigned, when, and whether that was checked."""
    w = s.witnesses
    pq = b"\x06" + b"k" * 1312
    put("named.policy", get("two.policy").replace(b"group", (
        f"witness pq pq.example.org+{H(b'pq.example.org' + bytes([10]) + pq)[:4].hex()}+"
        f"{base64.b64encode(pq).decode()}\ngroup").encode()))
    line = H(b"pq.example.org" + bytes([10]) + pq)[:4] + bytes(8) + bytes(2420)
    note = cosigned(s.note, (w[1], T + 1), (w[5], T + 5), (w[0], T)) + (
        f"\u2014 pq.example.org {base64.b64encode(line).decode()}\n").encode()
    expected = [("w1.example.org", "w1", T + 1, "valid"),
                ("w5.example.org", None, T + 5, "not in the policy"),
                ("w0.example.org", "w0", T, "valid"),
                ("pq.example.org", "pq", None, "type of key not checked")]
    unchecked = [(name, None, time, "not checked") for name, _, time, _ in expected]
    store = s.save("named", note)

    def seen(report):
        return [(x["name"], x.get("witness"), x.get("time_s"), x["state"])
                for x in report["cosignatures"]]

    def infos(*words):
        c.run(0, "info", store, "--json", *words)
        return {x["file"]: x for x in json.loads(c.out)["logs"][0]["checkpoints"]}

    c.expect(seen(infos("--policy", "named.policy")["checkpoint"]) == expected, "info names them")
    c.expect(seen(infos()["checkpoint"]) == unchecked, "info without a policy checks none")
    c.run(0, "info", store, "--policy", "named.policy", says=[
        "cosigned by w1, w1.example.org, at 2027-01-15T08:00:01Z: valid",
        "w5.example.org, at 2027-01-15T08:00:05Z: not checked, no witness of the policy",
        "pq, pq.example.org: not checked, a type of key"])
    c.run(0, "info", store, says="w1.example.org, at 2027-01-15T08:00:01Z: not checked, no policy")
    put(f"{store}/{s.log_id}/{900:020}.cosigned", s.note)  # another size: info only shows
    put(f"{store}/{s.log_id}/{1000:020}.cosigned", w[2].cosign(s.note, T, "another\n"))
    report = infos("--policy", "named.policy")
    c.expect(seen(report[f"{1000:020}.cosigned"]) == [("w2.example.org", "w2", T, "not valid")] and
             len(report) == 2, f"the newest .cosigned file, a line that is not valid: {report}")
    c.run(0, "info", store, "--policy", "named.policy", says=["w2.example.org", ": NOT valid"])
    put(f"{store}/{s.log_id}/{1000:020}.cosigned", b"no note")
    c.expect(list(infos()) == ["checkpoint"], "what is no note is passed over")
    c.run(0, "info", f"{store}/{s.log_id}/{s.log.segments[0].name}")
    c.expect("cosigned" not in c.out, "a segment alone has no checkpoint beside it")
    c.run(2, "info", store, "--policy", "nowhere", says="--policy: open nowhere")

    put("named.note", note)
    c.run(0, "checkpoint", "named.note", "--policy", "named.policy",
          says=["cosigned by w1, w1.example.org, at 2027-01-15T08:00:01Z: valid", "w5.example.org"])
    report = c.json(0, "checkpoint", "named.note", "--policy", "named.policy")
    c.expect(seen(report["logs"][0]) == expected, "JSON of checkpoint")
    report = c.json(0, "checkpoint", "named.note", "--key", "plain.key")
    c.expect(seen(report["logs"][0]) == unchecked, "JSON of checkpoint, no policy")
    put("plain.note", s.note)
    c.run(0, "checkpoint", "plain.note", "--key", "plain.key")
    c.expect("cosigned" not in c.out, "nothing where nobody has")

    c.run(0, "prove", store, "--index", 9, "--key", "plain.key", "-o", "n.tlog-proof", "--record", "n")
    words = ["proof", "n.tlog-proof", "--record", "n"]
    c.run(0, *words, "--policy", "named.policy",
          says=["2 cosigned", "cosigned by w1, w1.example.org, at 2027-01-15T08:00:01Z: valid"])
    c.expect(seen(c.json(0, *words, "--policy", "named.policy")) == expected, "JSON of proof")
    c.expect(seen(c.json(0, *words, "--key", "plain.key")) == unchecked, "and without a policy")
    c.run(1, "proof", "n.tlog-proof", "--record", "named.policy", "--key", "plain.key", says="w0")


def histories(c, s):
    """Both sides of a history need the quorum; a fork stays a fork."""
    w = s.witnesses
    put("plain.note", s.note)
    c.run(0, "history", "kept", "kept", "--policy", "two.policy", says="2 cosigned: existed by")
    c.run(3, "history", "kept", "plain.note", "--policy", "two.policy", says="QUORUM")
    c.run(0, "history", "old", "new", "--policy", "two.policy", "--store", s.plain)
    other = cosigned(s.secrets.checkpoint(s.size, H(b"another")), (w[0], T), (w[1], T))
    put("other.note", other)
    c.run(1, "history", "kept", "other.note", "--policy", "two.policy", says="FORKED")
    c.run(1, "history", "plain.note", "other.note", "--policy", "two.policy", says="FORKED")


def others(c, s):
    """cat and compare go by the same check."""
    c.run(3, "cat", s.plain, "--policy", "two.policy", "--index", "0-40", says="proven")
    c.run(0, "cat", "met", "--policy", "two.policy", "--index", "0-40", says="VALID")
    c.run(0, "cat", "met", "--policy", "two.policy", "--kind", "record", "--raw", "-o", "lines",
          "--index", "10-60")
    c.run(0, "compare", "met", "lines", "--policy", "two.policy")
    c.run(3, "compare", s.plain, "lines", "--policy", "two.policy")
    c.run(2, "custody", "met", "--policy", "two.policy", says="custody takes no --policy")


def parts(c, s):
    """search and export rest on a checkpoint with the quorum too, or say that there is none."""
    c.run(3, "search", s.plain, "nothing-is-like-this", "--policy", "two.policy",
          says=["QUORUM", "has the quorum agencies"])
    c.run(0, "search", s.plain, "nothing-is-like-this", "--policy", "none.policy")
    c.run(0, "search", "met", "nothing-is-like-this", "--policy", "two.policy")
    put("five.policy", get("two.policy").replace(b"quorum agencies", (
        f"witness w5 {s.witnesses[5].vkey}\nquorum w5").encode()))
    words = ["--index", "300-320", "--case", "1", "--exhibit", "2", "--by", "a", "--reason", "b",
             "--policy", "two.policy", "--quiet"]
    c.run(3, "export", s.plain, *words, "-o", "no-bundle", says="nothing was handed over")
    c.expect(not os.path.exists("no-bundle"), "there is no bundle")
    c.run(0, "export", "met", *words, "-o", "cosigned")
    c.expect(get("cosigned/checkpoint") == get(os.path.join("met", s.log_id, "checkpoint")),
             "the cosigned checkpoint is handed over")
    c.expect(get("cosigned/policy") == get("two.policy"), "and the policy, as a statement")
    c.run(0, "bundle", "cosigned", "--policy", "two.policy",
          says=["existed by", "policy the maker's statement"])
    c.expect(c.json(0, "bundle", "cosigned", "--policy", "two.policy")["readme"] ==
             {"of_this_release": True}, "README.txt of a bundle with policy and cosignatures")
    c.run(2, "bundle", "cosigned", says="UNTRUSTED_KEY")  # the one inside vouches for nothing
    c.run(0, "export", "met", *words, "-o", "cosigned.tar")
    c.run(0, "bundle", "cosigned.tar", "--policy", "two.policy", "--quiet")
    c.run(0, "report", "cosigned.tar", "--policy", "two.policy", "-o", "page.html", "--quiet")
    c.run(0, "check", "page.html", "--policy", "two.policy", "--quiet")
    c.run(3, "bundle", "cosigned", "--policy", "five.policy", says="QUORUM")


def main():
    c = Cases(sys.argv[1])
    s = Stores()
    for case in (keys_of_policy, wrong_files, not_met, met, from_outside, older, beside, bad_lines,
                 in_the_log, proofs, named, histories, others, parts):
        case(c, s)
    c.end()


main()
