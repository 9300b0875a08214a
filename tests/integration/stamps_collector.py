#!/usr/bin/python3
"""Time stamps, as an operator meets them: authorities are asked at an interval and at the end of
each epoch, only good answers are kept, each kind of bad one is told once, records are taken on
meanwhile, and OpenSSL alone checks what was kept.

    stamps_collector.py COLLECTOR VERIFY
"""
import glob
import os
import subprocess
import sys

import fault_kit as fault
import transport_kit as kit
from tsa_kit import POLICY, Authority, Server, Stamper, run

COLLECTOR, VERIFY = sys.argv[1:3]
BAD = {"status": "status 500", "html": 'type "text/html"', "garbage": "no time-stamp reply",
       "large": "", "nonce": "not the nonce of the request", "imprint": "over other bytes",
       "untrusted": "does not lead", "unasked": "cert",
       "other-policy": "it is of policy %s.2, %s was asked for" % (POLICY, POLICY),
       "no-certificate": "certificate"}


def options(servers, ca, epoch="1s"):
    urls = ", ".join("'%s'" % s.url for s in servers)
    return "epoch: %s, stamp_interval: 10s, stamp_ca: %s, stamp_policy: %s, stamp: [%s]" % (
        epoch, ca, POLICY, urls)


def replies(victim):
    return sorted(glob.glob(victim.log_dir() + "/*.tsr"))


def main():
    folder = kit.workspace()
    root = Authority(folder + "/ca")
    tsa = Stamper(root)
    other = Stamper(Authority(folder + "/other"))
    good, second = Server(tsa), Server(Stamper(root, "second", "Second TSA"))
    bad = {mode: Server(tsa, mode, other) for mode in BAD}
    hang = Server(tsa, "hang")
    for server in [second, *bad.values()]:
        server.lock = good.lock  # one serial file
    servers = [good, second, *bad.values(), hang]
    victim = fault.Victim((COLLECTOR, VERIFY), folder, fault.LISTENERS,
                          logs=(("a", options(servers, root.cert)),))
    kit.check(victim.begin(), "no start: " + victim.stderr())
    victim.send("first", 50)
    kit.until("stamps are kept", lambda: len(replies(victim)) >= 6)
    victim.counts_all_files(".tsr")
    victim.send("second", 50)
    kit.until("all were asked", lambda: all(s.asked > 0 for s in servers))
    status = subprocess.run([COLLECTOR, "status", "--store", victim.store, "--json"],
                            capture_output=True, text=True, check=False)
    kit.check('"existed_by"' in status.stdout and '"failure"' in status.stdout,
              "status: " + status.stdout + status.stderr)
    bad["status"].mode = "good"
    kit.until("an authority that failed is asked again",
              lambda: victim.stderr().count("no time stamp from") >= len(BAD) and
              bad["status"].asked >= 2)
    kit.until("its stamp is kept", lambda: len(victim.events("stamp-resumed")) == 1)
    victim.ends()

    told = victim.events("stamp-failed")
    for mode, text in BAD.items():
        of = [p["reason"] for p in told if p["name"] == bad[mode].url]
        kit.check(len(of) == 1 and text in of[0], "%s: told as %s" % (mode, of))
    kit.check(not [p for p in told if p["name"] in (good.url, second.url)], "good ones failed")
    kept = replies(victim)
    for reply in kept:
        run("ts", "-verify", "-data", reply[:-len(".0.tsr")] + ".stamped", "-in", reply, "-CAfile",
            root.cert)
    verdict, report = victim.verdict(options=("--tsa-ca", root.cert))
    log = report["logs"][0]
    kit.check(verdict == "VALID" and log["stamps"] == log["stamps_counted"] == len(kept),
              "%s %s" % (verdict, report))
    names = {os.path.basename(reply)[:20] for reply in kept}
    notes = {os.path.basename(n)[:20] for n in glob.glob(victim.log_dir() + "/*.stamped")}
    kit.check(names == notes, "notes %s, replies %s" % (notes, names))
    kit.check(glob.glob(victim.store + "/tmp/*") == [], "left in tmp")
    print("%d stamps of %d sizes" % (len(kept), len(names)))
    kit.finish()


main()
