#!/usr/bin/env python3
"""stop_seals.py COLLECTOR VERIFY: what an orderly stop makes of its open segment.

Commits of one record each make a long file of little text: it is cut into blocks anew, as when it is
sealed by its size. Much text, or very many entries, would take too long: the blocks stay as they are.
"""
import base64
import glob
import os
import random
import struct
import sys

import transport_kit as kit

OPEN_BYTES = 9 << 20     # the file of little text: longer than one of much text may be
RECORD_BYTES = 900
SMALL_COMMITS = 300
MUCH_TEXT = 40 << 20     # manifest.c: more than 32 MiB
MANY_ENTRIES = 280000    # more than 262,144


def files(collector, suffix):
    return sorted(glob.glob(os.path.join(collector.store, "*", "*" + suffix)))


def frames(path):
    """Frames of a sealed file, by its seek table (docs/format.md 6.8)."""
    with open(path, "rb") as f:
        f.seek(-9, os.SEEK_END)
        return struct.unpack("<I", f.read(4))[0]


def one_by_one(url, records):
    client = kit.Relp(url)
    client.open()
    client.transfer(records, window=1)
    client.close()


def newest_sealed(collector):
    return files(collector, ".0.zst")[-1]


def little_text(programs, work):
    """A file of many bytes that holds little: whole blocks come of it."""
    rng = random.Random(11)
    collector = kit.Collector(programs, os.path.join(work, "little"), ["url: relp://127.0.0.1:0"],
                              logs=(("a", "seal_size: 1G"),))
    sent = []
    while os.path.getsize(files(collector, ".open.zst")[-1]) < OPEN_BYTES:
        some = [b"<13>" + base64.b64encode(rng.randbytes(RECORD_BYTES))[:RECORD_BYTES]
                for _ in range(500)]
        one_by_one(collector.urls[0], some)
        sent += some
    entries = collector.stop()
    entries.same("little text", entries.source(transport="relp"), sent)
    sealed = newest_sealed(collector)
    size, text = os.path.getsize(sealed), sum(len(r) + 1 for r in sent)
    print("%d commits, %d bytes of text: %d bytes in %d frames" %
          (len(sent), text, size, frames(sealed)))
    kit.check(not files(collector, ".open.zst"), "an open file stays behind the stop")
    # At most 1 MiB of text a block, two frames and a NOTE of each; the text is base64 of noise.
    kit.check(frames(sealed) < 3 * (text // (1 << 20) + 2) + 6, "the blocks were not made whole")
    kit.check(size < 0.8 * text, "%d bytes of %d of text" % (size, text))


def much(programs, work, name, record, count):
    """Too much for a short stop: the small blocks stay."""
    collector = kit.Collector(programs, os.path.join(work, name),
                              ["url: relp://127.0.0.1:0", "url: tcp://127.0.0.1:0"],
                              logs=(("a", "seal_size: 1G"),))
    one_by_one(collector.urls[0], [b"<13>small %d" % i for i in range(SMALL_COMMITS)])
    kit.send_stream(collector.urls[1], b"".join(record(i) + b"\n" for i in range(count)))
    kit.until("all is taken", lambda: collector.records() == SMALL_COMMITS + count)
    collector.stop()
    sealed = newest_sealed(collector)
    print("%s: %d frames" % (name, frames(sealed)))
    kit.check(not files(collector, ".open.zst"), "an open file stays behind the stop")
    kit.check(frames(sealed) > 2 * SMALL_COMMITS, name + ": the small blocks were made whole")


def main():
    programs = [os.path.abspath(p) for p in sys.argv[1:3]]
    work = kit.workspace()
    little_text(programs, work)
    line = b"<13>" + b"a line of much text " * 400
    much(programs, work, "much text", lambda i: b"%s%d" % (line, i), MUCH_TEXT // len(line))
    much(programs, work, "many entries", lambda i: b"<13>%d" % i, MANY_ENTRIES)
    kit.finish()


main()
