#!/usr/bin/python3
"""Old seeds, searched for on the disk itself: a file system in an image, which is read as a thief reads
a disk. A change of epoch, and the end of a log's keys, stop at every step of their work on the disk;
then, in one copy, the processes die, and in another one the power fails: what the file system had
still in memory is lost, but for the bytes of the files themselves, which it may write before it
writes whose they are. Either store goes on, contradicts no checkpoint that was to be seen, and holds
no seed of an epoch that is over, neither in its files nor anywhere between them.

    seeds_on_disk.py COLLECTOR VERIFY STOP-LIBRARY [--all]

The change in the process of the keys is stopped at every step; of what the other processes do at every
tenth, or with --all at every one (8 minutes). Skipped where no image can be mounted.
"""
import ctypes
import glob
import hashlib
import os
import signal
import subprocess
import sys
import time

import disk_kit
import fault_kit as fault
import transport_kit as kit

COLLECTOR, VERIFY, STOP = sys.argv[1:4]
EVERY = 1 if "--all" in sys.argv[4:] else 10
EPOCHS = 16
IMAGE_BYTES = 48 << 20
WRITE_OUT = 1 | 2 | 4  # SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE, _WAIT_AFTER
LIBC = ctypes.CDLL(None, use_errno=True)


def store_of(disk):
    return os.path.join(disk.folder, "case", "store")


def key_file(disk, name):
    return glob.glob(store_of(disk) + "/keys/*/" + name)


def needles(disk):
    """What must not be found once it is over: the seeds of all epochs, and the Ed25519 seeds that are
    made of them."""
    with open(key_file(disk, "epoch.seed")[0], "rb") as f:
        seed = f.read()[4:]
    with open(key_file(disk, "log.key")[0], "rb") as f:
        found = {"log key": f.read()}
    for epoch in range(EPOCHS):
        found["seed %d" % epoch] = seed
        found["key %d" % epoch] = hashlib.sha256(b"akashi/epoch-key/v1\n" + seed).digest()
        seed = hashlib.sha256(b"akashi/epoch-next/v1\n" + seed).digest()
    return found


def running(disk):
    with open(key_file(disk, "epoch.seed")[0], "rb") as f:
        return int.from_bytes(f.read(4), "big")


def order(disk, word):
    return [COLLECTOR, "key", word, "--store", store_of(disk), "--log", "a"]


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as f:
            return [int(word) for word in f.read().split()]
    except OSError:
        return []


def stopped(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def write_out(disk):
    """The bytes of the store's files go to the disk, and nothing else: neither their lengths nor which
    blocks are theirs."""
    for folder, _, names in os.walk(store_of(disk)):
        for name in names:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            LIBC.sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), WRITE_OUT)
            os.close(fd)


def stop_at(disk, words, who, step, cut):
    """Gives an order that stops at a step, takes the disk as it is then, and ends all. False: it went
    through."""
    env = dict(os.environ, LD_PRELOAD=STOP, AKASHI_STOP="%s %d" % (who, step))
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True)
    end = time.monotonic() + kit.PATIENCE
    while process.poll() is None and time.monotonic() < end:
        all_of_them = [process.pid] + children(process.pid)
        if any(stopped(pid) for pid in all_of_them):
            break
        time.sleep(0.002)
    if process.poll() is not None:
        kit.check(process.returncode == 0, "not stopped, but failed: " + process.stderr.read())
        return False
    for pid in all_of_them:
        os.kill(pid, signal.SIGSTOP)
    write_out(disk)
    disk_kit.copy(disk.image, cut)
    for pid in reversed(all_of_them):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    kit.until("all of them are gone",
              lambda: not any(os.path.exists("/proc/%d" % pid) for pid in all_of_them))
    return True


def seen(disk, folder):
    """The published checkpoint, as somebody keeps it who looks now."""
    path = os.path.join(folder, "seen")
    with open(glob.glob(store_of(disk) + "/*/checkpoint")[0], "rb") as f, open(path, "wb") as out:
        out.write(f.read())
    return path


def judge(disk, vkey, kept, what):
    done = subprocess.run([VERIFY, "check", store_of(disk), "--key", vkey, "--checkpoint", kept],
                          capture_output=True, text=True, check=False)
    kit.check(done.returncode == 0, "%s: %s" % (what, done.stdout[-1500:]))


def obey(disk, word, what):
    done = subprocess.run(order(disk, word), capture_output=True, text=True, check=False)
    return kit.check(done.returncode == 0, "%s: key %s: %s" % (what, word, done.stderr))


def searched(disk, secrets, over, what):
    """Unmounts the disk, and looks for what is over."""
    disk.away()
    found = disk.find(secrets)
    left = [name for name in found if over(name)]
    kit.check(not left, "%s: still on the disk: %s" % (what, left))
    return found


def after_rotate(disk, vkey, kept, secrets, what):
    for _ in range(2):  # the second one, since what a crash left may be of the epoch that comes next
        if not obey(disk, "rotate", what):
            disk.away()
            return
    now = running(disk)
    kit.check(now in (2, 3), "%s: epoch %d" % (what, now))
    judge(disk, vkey, kept, what)
    found = searched(disk, secrets,
                     lambda name: name != "log key" and int(name.split()[1]) < now, what)
    kit.check("seed %d" % now in found and "log key" in found,
              "%s: the search does not find what is there: %s" % (what, found))


def after_revoke(disk, vkey, kept, secrets, what):
    if obey(disk, "revoke", what):
        judge(disk, vkey, kept, what)
        searched(disk, secrets, lambda name: True, what)


def series(folder, base, vkey, secrets, word, who, every, then):
    """Every so manieth step of an order in turn, and what comes after the last one; gives the last."""
    step = 1 - every
    while True:
        step += every
        disk = disk_kit.Disk(folder, name="work", origin=base)
        what = "%s, stopped at step %d of the %s" % (word, step, who)
        cut = os.path.join(folder, "cut")
        again = stop_at(disk, order(disk, word), who, step, cut)
        if not again and word == "revoke":
            disk_kit.remove(disk)
            return step - every
        kept = seen(disk, folder)
        if step % EVERY == 1 or EVERY == 1 or not again:
            then(disk, vkey, kept, secrets, what + ", killed")
        disk_kit.remove(disk)
        if not again:
            return step - every
        disk = disk_kit.Disk(folder, name="again", origin=cut)
        os.unlink(cut)
        then(disk, vkey, kept, secrets, what + ", power cut")
        disk_kit.remove(disk)


def main():
    folder = kit.workspace()
    disk = disk_kit.Disk(folder, IMAGE_BYTES)
    if not disk.real:
        kit.skip("only an image can be searched that way")
    victim = fault.Victim((COLLECTOR, VERIFY), os.path.join(disk.folder, "case"), fault.LISTENERS,
                          logs=(("a", "epoch: 0"),))
    vkey = os.path.join(folder, "vkey")
    with open(victim.keys["a"], "rb") as f, open(vkey, "wb") as out:
        out.write(f.read())
    kit.check(victim.begin(), "no start: " + victim.stderr())
    victim.send("first", 20)
    victim.ends()
    secrets = needles(disk)
    disk.away()
    found = disk.find(secrets)
    kit.check(found == ["log key", "seed 0"], "at the beginning: %s" % found)
    base = disk.image
    for word, who, every, then in (("rotate", "signer", 1, after_rotate),
                                   ("rotate", "collector", EVERY, after_rotate),
                                   ("revoke", "collector", EVERY, after_revoke)):
        last = series(folder, base, vkey, secrets, word, who, every, then)
        kit.check(last >= 20, "only %d steps of %s were seen" % (last, word))
        print("%s: stopped at steps up to %d of the %s, %d apart" % (word, last, who, every),
              flush=True)
    kit.finish()


main()
