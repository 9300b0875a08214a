#!/usr/bin/python3
"""Two agencies on one collector: who comes with the wrong certificate or from the wrong address is
refused and that is in the log; a flood into one log neither holds up nor changes the other; and one
log's directory, copied alone, verifies and shows nothing of the other.

    fault_two.py COLLECTOR VERIFY
"""
import glob
import os
import shutil
import ssl
import subprocess
import sys
import time

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY = sys.argv[1:3]
SECRET_A = "substation-of-agency-a"
SECRET_B = "waterworks-of-agency-b"


def listeners(pki):
    tls = kit.tls_block(pki, ", names: ['power-a.example', 'water-b.example']")
    return ["url: relp+tls://127.0.0.1:0\nroute:\n  - {certificate: power-a.example, log: a}\n"
            "  - {certificate: water-b.example, log: b}\n" + tls,
            "url: relp://127.0.0.1:0\nallow: [127.0.0.5/32, 127.0.0.6/32]\nroute:\n"
            "  - {address: 127.0.0.5/32, log: a}\n  - {address: 127.0.0.6/32, log: b}\n",
            "url: tcp://127.0.0.1:0\nlog: a"]


def refused(victim, pki):
    """Strangers: a certificate of somebody else's authority, one that has expired, none at all, and
    an address that may not come. Gives how many."""
    strangers = ["stranger", "expired", None]
    for name in strangers:
        try:
            client = kit.Relp(victim.urls[0], context=kit.client_context(pki, name))
            client.s.settimeout(kit.PATIENCE)
            client.open()
            kit.fail("%s was let in" % name)
        except (OSError, ssl.SSLError, TypeError, AssertionError):
            pass
    try:
        client = kit.Relp(victim.urls[1], source="127.0.0.9")
        client.s.settimeout(kit.PATIENCE)
        client.open()
        kit.fail("127.0.0.9 was let in")
    except (OSError, TypeError, AssertionError):
        pass
    return len(strangers) + 1


class Flood:
    """As many senders into log a as make it busy all the time, with and without acknowledgements."""

    def __init__(self, victim):
        self.senders = [fault.Sender("%s-%d" % (SECRET_A, i), lambda: victim.urls[1], window=512,
                                     longest=4000, source="127.0.0.5") for i in range(3)]
        self.plain = fault.Plain(SECRET_A, lambda: victim.urls[2], pause=0)
        for thread in self.senders + [self.plain]:
            thread.start()

    def acked(self):
        return sum(len(sender.acked) for sender in self.senders)

    def end(self):
        self.plain.done.set()
        self.plain.join()
        for sender in self.senders:
            sender.enough = True
        for sender in self.senders:
            kit.until("the flood ends", sender.done.is_set)


def quiet_beside_flood(victim, pki):
    """A sender of log b has 300 records acknowledged one by one while the flood goes on."""
    flood = Flood(victim)
    kit.until("the flood has begun", lambda: flood.acked() > 1000)
    before = flood.acked()
    quiet = fault.Sender(SECRET_B, lambda: victim.urls[0], window=1, longest=200,
                         context=kit.client_context(pki, "water-b"))
    for _ in range(300):
        quiet.make()
    quiet.enough = True
    quiet.start()
    kit.until("the quiet sender is served", quiet.done.is_set)
    kit.until("the flood still runs", lambda: flood.acked() > before)
    kit.check(not any(s.done.is_set() for s in flood.senders), "the flood still runs")
    flood.end()
    return flood, quiet


def raw_of(directory):
    """All that the files of a log hold: as they lie there, and as `zstd -dc` prints them."""
    raw = b""
    for path in glob.glob(os.path.join(directory, "*")):
        with open(path, "rb") as f:
            raw += f.read()
        if path.endswith(".zst"):
            raw += subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
    return raw


def alone(victim, log, other, mine, theirs):
    """The log's directory in another place, by itself."""
    place = os.path.join(victim.folder, "alone-" + log)
    shutil.copytree(victim.log_dir(log), place)
    verdict, report = victim.verdict(log, path=place)
    kit.check(verdict == "VALID", "log %s alone: %s %s" % (log, verdict, fault.findings(report)))
    raw = raw_of(place)
    kit.check(mine.encode() in raw, "log %s holds its own" % log)
    for word in (theirs, other + ".example", os.path.basename(victim.log_dir(other))):
        kit.check(word.encode() not in raw, "log %s shows %r of log %s" % (log, word, other))


def main():
    folder = kit.workspace()
    pki = kit.certificates(os.path.join(folder, "pki"))
    victim = fault.Victim((COLLECTOR, VERIFY), os.path.join(folder, "store-of-two"), listeners(pki),
                          logs=(("a", "seal_size: 1M"), ("b", "seal_size: 1M")))
    kit.check(victim.begin(), "no start: %s" % victim.stderr())
    strangers = refused(victim, pki)
    flood, quiet = quiet_beside_flood(victim, pki)
    wrong = fault.Sender("wrong-log", lambda: victim.urls[1], source="127.0.0.6")
    wrong.enough = True
    wrong.make()
    wrong.start()
    kit.until("the address of b is served", wrong.done.is_set)
    victim.ends()
    entries = {}
    for log in ("a", "b"):
        victim.judge_now(("VALID",), "log " + log, log, ("NO_MANIFEST", "DUPLICATE_FILE"))
        entries[log] = kit.Entries(VERIFY, victim.store, ["--log", log])
    fault.compare(entries["a"], flood.senders, [flood.plain])
    fault.compare(entries["b"], [quiet, wrong])
    told = sum(int(e.get("count", 1)) for log in entries for e in entries[log].event("refused"))
    kit.check(told >= strangers, "%d strangers were refused, events tell of %d" % (strangers, told))
    alone(victim, "a", "b", SECRET_A, SECRET_B)
    alone(victim, "b", "a", SECRET_B, SECRET_A)
    print("%d records of the flood acknowledged, %d beside it, %d refusals told" %
          (flood.acked(), len(quiet.acked), told))
    kit.finish()


if __name__ == "__main__":
    main()
