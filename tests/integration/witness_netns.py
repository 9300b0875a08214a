#!/usr/bin/python3
"""Two witnesses in network namespaces of their own; the cable to one of them is cut and mended.
Records are acknowledged all the while, the other witness goes on, and the one that was away catches
up. Skipped (77) without root and `ip netns`.

    witness_netns.py COLLECTOR VERIFY
"""
import atexit
import os
import signal
import subprocess

import transport_kit as kit
import witness_three as three


def ip(*words, must=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if must and done.returncode != 0:
        kit.skip("ip %s: %s" % (" ".join(words), done.stderr.strip()))
    return done.returncode == 0


class Cable:
    """A namespace with an address that this one reaches. Names are short: an interface's has at most
    15 characters."""

    def __init__(self, n):
        self.name = "akw%d-%d" % (n, os.getpid() % 1000000)
        self.near, self.far = "akh%d-%d" % (n, os.getpid() % 1000000), "far"
        net = "10.213.%d." % (os.getpid() % 60 * 4 + n)
        self.host = net + "2"
        atexit.register(ip, "netns", "del", self.name, must=False)
        ip("netns", "add", self.name)
        ip("link", "add", self.near, "type", "veth", "peer", "name", self.far, "netns", self.name)
        ip("addr", "add", net + "1/30", "dev", self.near)
        ip("link", "set", self.near, "up")
        ip("-n", self.name, "addr", "add", net + "2/30", "dev", self.far)
        ip("-n", self.name, "link", "set", self.far, "up")

    def wrap(self):
        return ["ip", "netns", "exec", self.name]

    def cut(self):
        ip("link", "set", self.near, "down")

    def mend(self):
        ip("link", "set", self.near, "up")


def main():
    if os.geteuid() != 0:
        kit.skip("network namespaces want root")
    cables = [Cable(n) for n in range(2)]
    log, *witnesses = [three.Agency(n) for n in range(3)]
    for w, cable in zip(witnesses, cables):
        w.url = "http://%s:0/%s" % (cable.host, w.name)
        w.begin_witness([log], cable.wrap())
    log.configure(witnesses)
    kit.check(log.victim.begin(), "the collector starts")
    log.victim.send("before", 60)
    for w in witnesses:
        kit.until("%s has cosigned" % w.name, lambda w=w: w.seen(log.log)["size"] > 60)

    size = witnesses[1].seen(log.log)["size"]
    cables[1].cut()
    log.victim.send("during", 60)
    kit.until("the other one goes on", lambda: witnesses[0].seen(log.log)["size"] > size + 60)
    cables[1].mend()
    kit.until("the one that was away catches up",
              lambda: witnesses[1].seen(log.log)["size"] > size + 60)
    log.victim.ends("the collector ends")
    for w in witnesses:
        kit.check(w.seen(log.log)["forks"] == 0, "no fork")
        kit.check(w.end_witness(signal.SIGTERM) == 0, "a witness ends: " + w.told())
    kit.finish()


main()
