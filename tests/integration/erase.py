#!/usr/bin/python3
"""Erasure by order, on a disk that is then searched byte by byte. Records of a running collector go
while it takes others in; it is killed on the way, and the next start goes on; a stopped log is
erased too; orders that are not valid change nothing. Afterwards neither the words nor the compressed
frames that held them, nor salt or group key, are anywhere in the image of the disk.

    erase.py COLLECTOR VERIFY

Where no file system can be mounted the files of the store are searched instead, and that is said.
"""
import base64
import glob
import hashlib
import os
import subprocess
import sys

import disk_kit
import fault_kit as fault
import transport_kit as kit

sys.path.insert(0, os.path.join(kit.HERE, "..", "tamper"))
try:
    from akformat import Log, derive_salt
except ImportError as e:
    kit.skip(str(e))

COLLECTOR, VERIFY = sys.argv[1:3]
LISTENERS = ["url: relp://127.0.0.1:0\nroute:\n  - {address: 127.0.0.5/32, log: a}\n"
             "  - {address: 127.0.0.6/32, log: b}\n"]


def frames(data):
    """(content of COLUMNS, DATA) of each block of a segment file."""
    at, columns = 0, None
    while at + 8 <= len(data):
        magic = data[at:at + 4]
        if magic[1:] == b"\x2a\x4d\x18" and magic[0] & 0xf0 == 0x50:
            length = int.from_bytes(data[at + 4:at + 8], "little")
            columns = data[at + 8:at + 8 + length] if data[at + 8:at + 9] == b"\x02" else None
            at += 8 + length
        elif columns:
            length = int.from_bytes(columns[2:6], "big")
            yield columns, data[at:at + length]
            at, columns = at + length, None
        else:
            return


def traces(directory, index, word):
    """What a record leaves on a disk: its words, pieces of every frame that holds them, its group key
    and its salt."""
    needles = {"words": word}
    for path in glob.glob(os.path.join(directory, "*.zst")):
        with open(path, "rb") as f:
            for columns, data in frames(f.read()):
                first = int.from_bytes(columns[42:50], "big")
                count = int.from_bytes(columns[50:54], "big")
                if first <= index < first + count and len(data) > 200:
                    for part in range(3):
                        at = (len(data) - 64) * (part + 1) // 4
                        needles[f"frame of {os.path.basename(path)} {part}"] = data[at:at + 48]
    for segment in Log.load(directory).segments:
        for block in segment.blocks():
            if block.first <= index < block.end and block.keys.get(index // 256):
                key = block.keys[index // 256]
                needles["group key " + segment.name] = key
                needles["salt " + segment.name] = derive_salt(1, key, index)
    return needles


class Case:
    """One collector, its disk, and two authorities."""

    def __init__(self):
        folder = kit.workspace()
        self.folder = folder
        self.disk = disk_kit.Disk(folder)
        self.victim = fault.Victim((COLLECTOR, VERIFY), os.path.join(self.disk.folder, "case"),
                                   LISTENERS, logs=(("a", "seal_size: 1M"), ("b", "seal_size: 1M")))
        self.keys, self.orders = [], 0
        for name in ("ito", "sato"):
            path = os.path.join(folder, name)
            told = self.run(VERIFY, "key", "new", "auth.example/" + name, "-o", path + ".key")
            with open(path + ".vkey", "w", encoding="utf-8") as f:
                f.write(told.split("vkey")[-1].strip() + "\n")
            self.keys.append(path)

    def run(self, *words, status=0):
        done = subprocess.run(words, capture_output=True, check=False)
        text = done.stdout.decode() + done.stderr.decode()
        kit.check(done.returncode == status, "%s: exit status %d: %s" % (
            " ".join(words[:3]), done.returncode, text[-600:]))
        return text

    def order(self, action, index, signers=2, log="a"):
        """A signed order, outside of the disk."""
        self.orders += 1
        path = os.path.join(self.folder, "order-%d" % self.orders)
        self.run(VERIFY, "order", action, "--index", index, "--key", self.victim.keys[log], "--case",
                 str(self.orders), "--reason", "test", "--sign", self.keys[0] + ".key", "-o", path)
        if signers == 2:
            self.run(VERIFY, "order", "sign", path, "--sign", self.keys[1] + ".key", "-o", path,
                     "--force")
        return path

    def give(self, action, path, status=0, log="a"):
        return self.run(COLLECTOR, action, "--store", self.victim.store, "--log", log, "--order", path,
                        status=status)

    def authority(self, log="a", status=0):
        return self.run(COLLECTOR, "authority", "--store", self.victim.store, "--log", log, "--key",
                        self.keys[0] + ".vkey", "--key", self.keys[1] + ".vkey", status=status)

    def index_of(self, word):
        found = [e[3] for e in kit.Entries(VERIFY, self.victim.store, ["--log", "a"]).all
                 if word in e[2]]
        kit.check(len(found) == 1, "%r is there %d times" % (word, len(found)))
        return found[0]

    def accepted(self, authority):
        return [w for k in self.keys for w in ("--authority", k + ".vkey")] if authority else []

    def search(self, verdict, code, authority=True):
        """A search that finds nothing says what `check` says."""
        told = self.run(VERIFY, "search", self.victim.store, "no record says this", "--log", "a",
                        "--key", self.victim.keys["a"], *self.accepted(authority),
                        status=0 if verdict == "VALID" else 3)
        kit.check(code + ": log a" in told and verdict + " 0 of" in told, told[-600:])

    def judge(self, verdict, remarks, authority=True):
        options = self.accepted(authority)
        said, report = self.victim.verdict("a", options)
        codes = {f["code"] for f in fault.findings(report)}
        kit.check(said == verdict and codes - {"CLOCK_STEP"} == set(remarks),
                  "%s %s, not %s %s" % (said, sorted(codes), verdict, remarks))


def word():
    return b"word-" + base64.b32encode(os.urandom(20))


def send_words(case, words):
    """Records, each acknowledged, among others."""
    client = kit.Relp(case.victim.urls[0], source="127.0.0.5")
    client.open()
    for n, one in enumerate(words):
        for i in range(150):
            client.send(client.frame(b"syslog", b"<13>host app: %d %d %s" % (
                n, i, base64.b64encode(os.urandom(30)))))
            client.answer()
        client.send(client.frame(b"syslog", b"<13>host app: login of " + one))
        client.answer()
    client.end()


def files_of(case, log):
    out = {}
    for path in glob.glob(os.path.join(case.victim.log_dir(log), "*.0.zst")):
        with open(path, "rb") as f:
            out[os.path.basename(path)] = hashlib.sha256(f.read()).digest()
    return out


def left_of(case, needles):
    """What is still there; but for pieces of frames that the new file has too, since a stretch of
    other records can come out of the compressor as before."""
    left = case.disk.find(needles)
    for path in glob.glob(os.path.join(case.victim.log_dir(), "*.zst")) if left else ():
        with open(path, "rb") as f:
            data = f.read()
        left = [n for n in left if not n.startswith("frame") or needles[n] not in data]
    return left


def gone(case, needles, what):
    left = left_of(case, needles)
    kit.check(not left, "%s: still on the disk: %s" % (what, left))


def running(case, words):
    """Orders to a running collector: others go on meanwhile, and the other log is not touched."""
    index = case.index_of(words[0])
    case.give("erase", case.order("erase", str(index)), status=2)  # nobody was declared
    case.authority()
    case.authority(status=2)
    case.give("erase", case.order("erase", str(index), signers=1), status=2)
    case.give("erase", case.order("erase", str(index), log="b"), status=2)
    case.give("erase", case.order("hold", str(index)), status=2)  # the wrong command
    case.give("hold", case.order("hold", "0-9223372036854775807"))
    case.give("erase", case.order("erase", str(index)), status=2)  # it is held
    release = case.order("release", "0-9223372036854775807")
    case.give("release", release)
    needles = traces(case.victim.log_dir(), index, words[0])
    found = case.disk.find(needles)
    kit.check(any(name.startswith("group key") for name in found),
              "the search does not find what is there: %s of %s" % (found, sorted(needles)))
    senders = [fault.Sender("other-%s" % log, lambda: case.victim.urls[0], source=source)
               for log, source in (("a", "127.0.0.5"), ("b", "127.0.0.6"))]
    for sender in senders:
        sender.start()
    kit.until("both are being served", lambda: all(s.acked for s in senders))
    other = files_of(case, "b")
    before = [len(s.acked) for s in senders]
    case.give("erase", case.order("erase", str(index)))
    kit.until("both go on", lambda: all(len(s.acked) > b for s, b in zip(senders, before)))
    case.give("release", release, status=2)  # used up
    for sender in senders:
        sender.enough = True
    for sender in senders:
        sender.join()
    kit.check(other.items() <= files_of(case, "b").items(), "files of the other log have changed")
    gone(case, needles, "running")
    return senders


def killed(case, words, when, ready):
    """The collector dies when `ready` is true of the log's directory; the next start goes on."""
    index = case.index_of(words)
    needles = traces(case.victim.log_dir(), index, words)
    path = case.order("erase", str(index))
    giver = subprocess.Popen([COLLECTOR, "erase", "--store", case.victim.store, "--log", "a",
                              "--order", path], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    kit.until(when, lambda: ready() or giver.poll() is not None)
    case.victim.die()
    giver.wait()
    kit.check(case.victim.begin(), "it does not start again")
    # Where the order was not entered before, it is now; else it is refused as used.
    subprocess.run([COLLECTOR, "erase", "--store", case.victim.store, "--log", "a", "--order", path],
                   capture_output=True, check=False)
    kit.until("nothing is left of it: " + when, lambda: not left_of(case, needles))


def main():
    case = Case()
    kit.check(case.victim.begin(), "it does not start")
    words = [word() for _ in range(5)]
    send_words(case, words)
    senders = running(case, words)
    directory = case.victim.log_dir()
    killed(case, words[1], "a new file is there",
           lambda: glob.glob(os.path.join(case.victim.store, "tmp", "*.erase")) or
           len(glob.glob(os.path.join(directory, "*.2.zst"))) > 0)
    killed(case, words[2], "the old file is on its way out",
           lambda: glob.glob(os.path.join(case.victim.store, "tmp", "*.gone")))
    index = case.index_of(words[3])
    needles = traces(directory, index, words[3])
    case.victim.ends()
    case.give("erase", case.order("erase", "%d-%d" % (index, index + 20)))
    gone(case, needles, "stopped")
    case.judge("VALID", ["ERASED"])
    case.judge("INCOMPLETE", ["ERASED_UNAUTHORISED"], authority=False)
    case.search("VALID", "ERASED")
    case.search("INCOMPLETE", "ERASED_UNAUTHORISED", authority=False)
    told = case.run(VERIFY, "cat", case.victim.store, "--log", "a", "--index", str(index))
    kit.check("by the order in entry" in told and ", case %d: test" % case.orders in told, told)
    entries = kit.Entries(VERIFY, case.victim.store, ["--log", "a"])
    records = {e[2] for e in entries.all if e[0] == "record"}
    lost = [r for r in senders[0].acked if r not in records]
    kit.check(not lost, "%d records of others are lost" % len(lost))
    kit.check(b"<13>host app: login of " + words[4] in records, "a record that nobody named is gone")
    print("erased 4 times, %d records beside, %s" % (
        len(records), "the image searched" if case.disk.mounted else "files searched"))
    kit.finish()


main()
