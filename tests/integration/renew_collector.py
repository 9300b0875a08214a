#!/usr/bin/python3
"""`akashi-collector renew`, beside a running collector and of a stopped one: what it keeps counts
for `check` and for OpenSSL; what an authority answers wrongly, and a log that is not good, leave
nothing behind.

    renew_collector.py COLLECTOR VERIFY
"""
import glob
import json
import os
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit
from tsa_kit import Authority, Server, Stamper, run

COLLECTOR, VERIFY = sys.argv[1:3]
BAD = {"status": "status 500", "html": 'type "text/html"', "garbage": "no time-stamp reply",
       "imprint": "over other bytes", "untrusted": "does not lead"}


def renew(status, *args, says=""):
    done = subprocess.run([COLLECTOR, "renew", *args], capture_output=True, text=True, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    kit.check(done.returncode == status and says in said,
              "renew %s: status %d, %s" % (" ".join(args), done.returncode, said))


def lists(victim):
    return sorted(glob.glob(victim.log_dir() + "/*.renewal*"))


def main():
    folder = kit.workspace()
    root = Authority(folder + "/ca")
    tsa = Stamper(root)
    other = Stamper(Authority(folder + "/other"))
    good = Server(tsa)
    options = "stamp_interval: 10s, stamp_ca: %s, stamp: ['%s']" % (root.cert, good.url)
    victim = fault.Victim((COLLECTOR, VERIFY), folder, fault.LISTENERS, logs=(("a", options),))
    kit.check(victim.begin(), "no start: " + victim.stderr())
    victim.send("first", 50)
    kit.until("a stamp is kept", lambda: glob.glob(victim.log_dir() + "/*.0.tsr"))
    here = ("--store", victim.store, "--log", "a")
    for mode, says in BAD.items():
        server = Server(tsa, mode, other)
        server.lock = good.lock  # one serial file
        renew(1, *here, "--stamp", server.url, "--stamp-ca", root.cert, says=says)
    kit.check(lists(victim) == [], "bad answers left %s" % lists(victim))
    renew(2, *here, says="--stamp URL is missing")
    renew(2, *here, "--stamp", good.url, "--stamp-ca", root.cert, "--config", victim.config,
          "--json", says="takes no --json")
    renew(0, "--config", victim.config, "--log", "a", says="files renewed")
    kit.check(len(lists(victim)) == 2, "beside a running collector: %s" % lists(victim))
    victim.counts_all_files(".tsr")
    aside = [(path, os.path.join(folder, os.path.basename(path))) for path in lists(victim)]
    for path, away in aside:
        os.rename(path, away)
    victim.counts_all_files(".tsr")
    for path, away in aside:
        os.rename(away, path)
    victim.counts_all_files(".tsr")
    victim.send("second", 50)
    victim.ends()
    renew(0, *here, "--stamp", good.url, "--stamp-ca", root.cert, says="files renewed")
    renew(1, *here, "--stamp", good.url, "--stamp-ca", root.cert, says="at this size already")
    kit.check(victim.begin() and victim.end() == 0, "it starts over renewals: " + victim.stderr()[-2000:])
    kept = lists(victim)
    for path in kept:
        if path.endswith(".renewal"):
            run("ts", "-verify", "-data", path, "-in", path + ".0.tsr", "-CAfile", root.cert)
    verdict, report = victim.verdict(options=("--tsa-ca", root.cert))
    log = report["logs"][0]
    kit.check(verdict == "VALID" and len(kept) == 4 and log["renewals"] == log["renewals_counted"] == 2
              and log["renewed_in_time"] >= 2 and set(log["codes"]) <= {"NO_MANIFEST"},
              "%s %s" % (verdict, json.dumps(report)[:2000]))
    kit.check(glob.glob(victim.store + "/tmp/*") == [], "left in tmp")
    for path in kept:
        os.unlink(path)
    sealed = sorted(glob.glob(victim.log_dir() + "/*.0.zst"))[0]
    with open(sealed, "rb") as segment:
        data = bytearray(segment.read())
    data[len(data) // 2] ^= 1
    os.unlink(sealed)
    with open(sealed, "wb") as segment:
        segment.write(data)
    renew(1, *here, "--stamp", good.url, "--stamp-ca", root.cert, says="the log is INVALID")
    kit.check(lists(victim) == [], "a bad log was renewed")
    print("%d files" % len(kept))
    kit.finish()


main()
