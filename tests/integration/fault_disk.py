#!/usr/bin/python3
"""A disk that fails under a running collector: syncs and writes that fail once or for a while, short
writes, no room for one log or for all, a share that is used up, a segment that cannot be read. What
is acknowledged is durable, the operator is told loudly and with a remedy, other logs go on, the log
goes on by itself when it can, and the store is VALID.

    fault_disk.py COLLECTOR VERIFY FAULTY_DISK EIO [CASE...]
"""
import errno
import os
import subprocess
import sys
import time

import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, FAULTY, EIO_READS = sys.argv[1:5]
LISTENERS = ["url: relp://127.0.0.1:0\nlog: a", "url: relp://127.0.0.2:0\nlog: b"]
LOGS = (("a", "state_interval: 1s"), ("b", "state_interval: 1s"))
ENTRIES = "disk_warn_free: 0\ndisk_reserve: 1M"


class Bed:
    """A collector of two logs on a disk that can be told to fail, with a sender for each."""

    def __init__(self, name, root, logs=LOGS, top=ENTRIES, longest=300, rate=None):
        self.folder = os.path.join(root, name)
        os.makedirs(self.folder)
        self.name = name
        self.sent = []  # senders that are done
        self.orders = os.path.join(self.folder, "faults")
        self.victim = fault.Victim((COLLECTOR, VERIFY), self.folder, LISTENERS, top=top, logs=logs)
        self.env = dict(os.environ, LD_PRELOAD=FAULTY, AKASHI_FAULTS=self.orders)
        if not kit.check(self.victim.begin(env=self.env), "%s: no start: %s" % (name, self.said())):
            kit.finish()
        self.a = fault.Sender(name + "-a", lambda: self.url(0), window=16, longest=longest,
                              rate=rate)
        self.rate = rate
        self.b = fault.Sender(name + "-b", lambda: self.url(1), window=16, longest=longest,
                              rate=500)
        for sender in (self.a, self.b):
            sender.start()
        self.progress(self.a)
        self.progress(self.b)

    def again(self):
        """New senders, behind an end in order."""
        self.sent += [self.a, self.b]
        count = len(self.sent)
        self.a = fault.Sender("%s-a%d" % (self.name, count), lambda: self.url(0), window=16,
                              rate=self.rate)
        self.b = fault.Sender("%s-b%d" % (self.name, count), lambda: self.url(1), window=16,
                              rate=500)
        for sender in (self.a, self.b):
            sender.start()
        self.progress(self.a)
        self.progress(self.b)

    def url(self, i):
        return self.victim.urls[i] if self.victim.urls else None

    def said(self):
        return self.victim.stderr()[-3000:]

    def fail(self, *lines):
        """The disk does this from now on."""
        with open(self.orders + ".new", "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        os.rename(self.orders + ".new", self.orders)

    def mend(self):
        self.fail()

    def open_of(self, log):
        """What the paths of a log's files have in common; what is sealed lies elsewhere."""
        return "/%s/" % os.path.basename(self.victim.log_dir(log))

    def progress(self, sender, more=20):
        """Waits until more is acknowledged."""
        goal = len(sender.acked) + more
        kit.until("%s: acknowledgements for %s; %s" % (self.name, sender.label, self.said()),
                  lambda: len(sender.acked) >= goal)

    def stands(self, sender):
        """Waits until nothing is acknowledged any more. (What is not told is not waited for.)"""
        last = -1
        for _ in range(600):
            now = len(sender.acked)
            if now == last:
                return
            last = now
            time.sleep(0.4)
        kit.fail("%s: %s is still acknowledged" % (self.name, sender.label))

    def still(self, sender, while_this_goes_on):
        """Nothing is acknowledged to one while the other has much acknowledged."""
        before = len(sender.acked)
        self.progress(while_this_goes_on, 100)
        kit.check(len(sender.acked) == before, "%s: %d acknowledged that cannot be durable" %
                  (self.name, len(sender.acked) - before))

    def end(self, remarks=("EXERCISE", "NO_MANIFEST", "DUPLICATE_FILE")):
        """All is acknowledged, all is there; gives the entries of both logs."""
        for sender in (self.a, self.b):
            sender.enough = True
        kit.until("%s: all acknowledged; %s" % (self.name, self.said()),
                  lambda: self.a.done.is_set() and self.b.done.is_set())
        kit.check(self.victim.end() == 0, "%s: exit status: %s" % (self.name, self.said()))
        entries = []
        for log, sender in (("a", self.a), ("b", self.b)):
            self.victim.judge_now(("VALID",), "%s: log %s" % (self.name, log), log, remarks)
            entries.append(kit.Entries(VERIFY, self.victim.store, ["--log", log]))
            fault.compare(entries[-1], [sender] + [s for s in self.sent if log == s.label.rsplit(
                "-", 1)[1][0]])
        print("%s: %d and %d records acknowledged" % (self.name, len(self.a.acked),
                                                      len(self.b.acked)), flush=True)
        return entries

    def says(self, *texts):
        for text in texts:
            self.victim.says(text)


def one_failure(root, name, order, text):
    """One call fails: the same records go to a new segment, and both are told of."""
    bed = Bed(name, root)
    bed.fail(order % bed.open_of("a"))
    bed.says("log a: ", text, "nothing of it was acknowledged, the records go to a new segment. "
             "Look at the disk.")
    bed.progress(bed.a, 100)
    bed.progress(bed.b, 100)
    a, b = bed.end()
    failed = a.event("write-failure")
    kit.check(len(failed) == 1 and text in failed[0]["reason"], "%s: %s" % (name, failed))
    told = [e for e in a.event("recovery") if e["file"] == failed[0]["file"]]
    kit.check(len(told) == 1 and int(told[0]["cut"]) > 0 or "write" in name,
              "%s: the end of the dead segment is told of: %s" % (name, told))
    kit.check(not b.event("write-failure") and not b.event("recovery"), "%s: log b" % name)


def for_a_while(root):
    """Each sync of one log fails: it stands, the other goes on; then it goes on by itself."""
    bed = Bed("sync-fails-for-a-while", root)
    bed.fail("fdatasync %d -1 %s" % (errno.EIO, bed.open_of("a")))
    bed.says("log a: ", "fdatasync failed")
    bed.stands(bed.a)
    bed.still(bed.a, bed.b)
    bed.mend()
    bed.progress(bed.a, 100)
    a, _ = bed.end()
    kit.check(a.event("write-failure"), "an event write-failure")


def killed_behind_a_failure(root):
    """A sync fails, and then the process dies at once."""
    bed = Bed("sync-fails-then-killed", root)
    for _ in range(4):
        before = bed.victim.stderr().count("fdatasync failed")
        bed.fail("fdatasync %d 1 %s" % (errno.EIO, bed.open_of("a")))
        kit.until("it failed", lambda: bed.victim.stderr().count("fdatasync failed") > before)
        bed.victim.die()
        bed.victim.urls = []
        bed.victim.judge_now(("VALID", "INCOMPLETE"), "sync-fails-then-killed", "a",
                             ("NO_MANIFEST", "DUPLICATE_FILE"))
        bed.mend()
        kit.check(bed.victim.begin(env=bed.env), "no start: %s" % bed.said())
        bed.progress(bed.a)
    bed.end()


def short_writes(root):
    """Writes that end halfway are gone on from; nobody notices."""
    bed = Bed("short-writes", root)
    bed.fail("short 0 -1 %s" % bed.open_of("a"))
    bed.progress(bed.a, 300)
    bed.mend()
    a, _ = bed.end()
    kit.check(not a.event("write-failure"), "short writes are no failure: %s" % bed.said())


def no_room(root):
    """Writes of one log find no room: it stands, says so with the remedy, and goes on in the same
    segment when there is room."""
    bed = Bed("no-room", root)
    bed.fail("short 0 1 %s" % bed.open_of("a"), "write %d -1 %s" % (errno.ENOSPC, bed.open_of("a")))
    bed.says("log a: disk full. No acknowledgements from now on; senders with acknowledgements keep "
             "their records, UDP is being lost (counted). Free room on the disk of the store, or "
             "raise the log's share: it goes on by itself.")
    bed.stands(bed.a)
    bed.still(bed.a, bed.b)
    bed.mend()
    bed.says("log a: there is room again, acknowledgements go on")
    bed.progress(bed.a, 100)
    a, b = bed.end()
    full = a.event("disk-full")
    kit.check(len(full) == 1 and int(full[0]["since"]) < int(full[0]["until"]), "event: %s" % full)
    kit.check(not b.event("disk-full"), "log b was not full")


def share(root):
    """A log that has used up its share: the same, and a larger share is a matter of SIGHUP."""
    small = (("a", "state_interval: 1s, share: 64M, seal_size: 32M"), LOGS[1])
    bed = Bed("share", root, logs=small, longest=100000)
    bed.says("log a: its share of the disk is used up. No acknowledgements from now on")
    bed.stands(bed.a)
    bed.still(bed.a, bed.b)
    bed.victim.configure(LISTENERS, ENTRIES, LOGS)
    kit.check("in force" in bed.victim.reload(), "reload: %s" % bed.said())
    bed.says("log a: there is room again, acknowledgements go on")
    bed.progress(bed.a, 100)
    a, b = bed.end()
    kit.check(len(a.event("disk-full")) == 1 and a.event("disk-low"), "events of log a")
    kit.check(not b.event("disk-full"), "log b was not full")


def fill(path):
    """Takes all the room there is."""
    with open(path, "wb", buffering=0) as f:
        for size in (65536, 4096):
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                pass


def full_disk(root):
    """A file system that is really full."""
    mount = os.path.join(root, "small")
    os.makedirs(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", mount], check=False,
                      stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: no file system can be mounted here")
        return
    try:
        filler = os.path.join(mount, "filler")
        bed = Bed("full-disk", mount, rate=200)
        fill(filler)
        bed.says("log a: disk full. No acknowledgements from now on", "log b: disk full.")
        bed.stands(bed.a)
        bed.stands(bed.b)
        # Killed while it is full, it starts again, and still acknowledges nothing.
        bed.victim.die()
        bed.victim.urls = []
        bed.victim.judge_now(("VALID", "INCOMPLETE"), "full-disk: killed", "a",
                             ("NO_MANIFEST", "DUPLICATE_FILE"))
        kit.check(bed.victim.begin(env=bed.env), "full-disk: no start: %s" % bed.said())
        os.unlink(filler)
        bed.progress(bed.a, 50)
        bed.progress(bed.b, 50)
        bed.end()
        # Once more without a kill: then the log itself tells from when to when it was full.
        kit.check(bed.victim.begin(env=bed.env), "full-disk: no start: %s" % bed.said())
        bed.again()
        fill(filler)
        bed.stands(bed.a)
        bed.stands(bed.b)
        os.unlink(filler)
        bed.progress(bed.a, 50)
        bed.progress(bed.b, 50)
        a, b = bed.end()
        kit.check(a.event("disk-full") and b.event("disk-full"), "events of a full disk")
    finally:
        subprocess.run(["umount", "-l", mount], check=False)


def sealing_fails(root):
    """The file that is sealed cannot be synced: the open one stays, and it is said."""
    bed = Bed("sealing-fails", root)
    bed.victim.die()
    bed.victim.urls = []
    # Killed while it seals, it leaves the file there, and a start syncs that before it removes it.
    tmp = os.path.join(os.path.dirname(bed.victim.log_dir("a")), "tmp")
    for name in os.listdir(tmp):
        os.unlink(os.path.join(tmp, name))
    bed.fail("fdatasync %d -1 .seal" % errno.EIO)
    kit.check(bed.victim.begin(env=bed.env), "no start: %s" % bed.said())
    bed.says("log a: the segment at ", " could not be sealed and is tried again: fdatasync failed",
             "Nothing is lost; it stays larger.")
    bed.progress(bed.a, 50)
    bed.victim.die()
    bed.victim.urls = []
    bed.mend()
    kit.check(bed.victim.begin(env=bed.env), "no start: %s" % bed.said())
    bed.progress(bed.a, 50)
    kit.until("what is left is sealed", lambda: len(open_files(bed.victim)) == 1)
    bed.end()


def open_files(victim):
    return [name for name in os.listdir(victim.log_dir("a")) if name.endswith(".open.zst")]


def unreadable(root):
    """A start that cannot read the newest segment writes nothing, and says what to do."""
    bed = Bed("unreadable", root)
    bed.victim.die()
    bed.victim.urls = []
    newest = sorted(open_files(bed.victim))[-1]
    path = os.path.join(bed.victim.log_dir("a"), newest)
    size = os.path.getsize(path)
    before = sorted(os.listdir(bed.victim.log_dir("a")))
    for at in (20, size - 100):
        env = dict(os.environ, LD_PRELOAD=EIO_READS, AKASHI_EIO_AT=str(at),
                   AKASHI_EIO_FILE=bed.open_of("a") + newest)
        kit.check(bed.victim.begin(env=env), "the other log goes on: %s" % bed.said())
        bed.says("log a: ", "cannot be read", "log a: not opened: its senders are refused and keep "
                 "their records; the other logs go on")
        bed.victim.die()
        kit.check(sorted(os.listdir(bed.victim.log_dir("a"))) == before, "unreadable: files changed")
        kit.check(os.path.getsize(path) == size, "unreadable: the file was changed")
    bed.victim.urls = []
    kit.check(bed.victim.begin(env=bed.env), "no start: %s" % bed.said())
    bed.progress(bed.a)
    bed.end()


def main():
    root = kit.workspace()
    chosen = sys.argv[5:]
    if chosen:
        for name in chosen:
            globals()[name](root)
        kit.finish()
    one_failure(root, "sync-fails-once", "fdatasync %d 1 %%s" % errno.EIO, "fdatasync failed")
    one_failure(root, "write-fails-once", "write %d 1 %%s" % errno.EIO, "write failed")
    for_a_while(root)
    killed_behind_a_failure(root)
    short_writes(root)
    no_room(root)
    share(root)
    full_disk(root)
    sealing_fails(root)
    unreadable(root)
    kit.finish()


if __name__ == "__main__":
    main()
