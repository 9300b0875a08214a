"""Group I (hostile evidence), the cheats of collectors, and what must not raise an alarm (N)."""

import json
import os
import shutil
import socket
import tarfile
import threading
import time

import akbases
from akbase import H, Secrets, b64, canonical_json, u32
from akformat import Entry, Mark, Note, compress
from akforge import SECOND, Maker, rebuild, renumber
from casebase import (ALL, ANY, INCOMPLETE, INVALID, NOT_CHECKABLE, VALID, Expect, case,
                      note_size)
from cases_store import with_data

MIB = 1 << 20


def instead(b, maker):
    """Shows another log, made here, in place of the base."""
    log = maker.finish()
    b.log, b.secrets, b.vkey, b.n = log, maker.secrets, maker.secrets.vkey, log.end
    return Expect(VALID, damage=(0, 0))


def new_log(number, **more):
    m = Maker(Secrets("example.org/special", number), **more)
    m.start()
    return m, m.declare(**akbases.CERTIFICATE)


# I. Hostile evidence.

@case
def I1_bomb(b):
    """A DATA frame of a few KiB that gives 128 MiB."""
    return with_data(b, compress(bytes(128 * MIB), 19), seconds=20)


@case
def I1_bomb_without_size(b):
    """The same without content size."""
    return with_data(b, compress(bytes(128 * MIB), 19, size=False), seconds=20)


@case
def I1_window(b):
    """A frame header that asks for a window of 2^41 bytes."""
    data = bytearray(compress(b.sealed()[0].blocks()[0].text()))
    text = b.sealed()[0].blocks()[0].text_bytes
    frame = bytes(data[:4]) + b"\x84\xf8" + u32(text)[::-1] + bytes(data[4 + 1 + 4:])
    return with_data(b, frame)


@case
def I2_empty_segments(b):
    """A thousand segments without an entry: processes that began and ended at once."""
    m, source = new_log(21)
    akbases.records(m, source, "fw1", 20)
    m.commit()
    for _ in range(1000):
        # Of one first index there can be one open file only, so each holds one entry.
        m.restart()
        m.record(source, b"x")
        m.commit()
    return instead(b, m)


@case
def I2_small_records(b):
    """A hundred thousand records of one byte."""
    m, source = new_log(22, block_entries=8192)
    for i in range(100000):
        if i % 50 == 0:
            m.tick()
        m.record(source, b"%d" % (i % 10))
    m.commit()
    return instead(b, m)


def special(b, make, name="00000000000000999999.open.zst"):
    def run(directory):
        make(os.path.join(directory, name))
    return Expect(NOT_CHECKABLE, codes=["IO_ERROR"], run=run, seconds=20, damage=(0, 0))


@case
def I3_symlink(b):
    """A link to a segment in place of the segment."""
    s = b.sealed()[0]

    def run(directory):
        path = os.path.join(directory, s.name)
        os.rename(path, path + ".elsewhere")
        os.symlink(path + ".elsewhere", path)
    return Expect(NOT_CHECKABLE, codes=["IO_ERROR"], may=["MISSING"], run=run)


@case
def I3_fifo(b):
    """A FIFO among the segments: a reader that opens it hangs."""
    return special(b, os.mkfifo)


@case
def I3_directory(b):
    """A directory named as a segment."""
    return special(b, os.mkdir)


@case
def I3_socket(b):
    """A socket among the segments."""
    def make(path):
        here = os.getcwd()
        os.chdir(os.path.dirname(path))     # a socket's path has 107 bytes at most
        try:
            s = socket.socket(socket.AF_UNIX)
            s.bind(os.path.basename(path))
            s.close()
        finally:
            os.chdir(here)
    return special(b, make)


@case
def I3_device(b):
    """A device as segment."""
    if os.geteuid() != 0:
        return None

    def make(path):
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
    try:
        os.mknod("/tmp/.akashi-tamper-device", 0o600 | 0o020000, os.makedev(1, 5))
        os.unlink("/tmp/.akashi-tamper-device")
    except OSError:
        return None
    return special(b, make)


def manifest_named(b, name):
    index = b.find(2)
    value = json.loads(b.entry(index).payload)
    value["file"] = name
    b.entry(index).payload = canonical_json(value)
    b.resign(leave=["manifests"])
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0))


@case(holder=True)
def I4_parent(b):
    """A manifest that names ../../etc/passwd."""
    return manifest_named(b, "../../etc/passwd")


@case(holder=True)
def I4_absolute(b):
    """A manifest that names an absolute path."""
    return manifest_named(b, "/etc/passwd")


@case(holder=True)
def I4_controls(b):
    """A manifest that names a file with NUL, line feed and escape."""
    return manifest_named(b, "a\x00b\n\x1b[2J.zst")


@case(holder=True)
def I4_long(b):
    """A manifest that names a file of 4096 bytes."""
    return manifest_named(b, "x" * 4096)


@case
def I5_shrinks(b):
    """Files shrink and grow while they are read: any verdict, no crash, no hang."""
    s = b.sealed()[0]
    whole = s.encode()

    def run(directory):
        path = os.path.join(directory, s.name)

        def change():
            for i in range(200):
                with open(path, "r+b") as f:
                    f.truncate(len(whole) * (i * 37 % 100) // 100)
                    f.seek(0, os.SEEK_END)
                    f.write(whole[f.tell():])
                time.sleep(0.001)
        thread = threading.Thread(target=change, daemon=True)
        thread.start()
        return thread
    return Expect(ANY, may=ALL, run=run, racing=True)


def unreadable(b, at):
    s = b.sealed()[0]
    offset = at if at >= 0 else len(s.encode()) + at
    # How far around the place a reader cannot read is left open (section 13).
    return Expect(NOT_CHECKABLE, codes=["IO_ERROR"], damage=(0, s.end), at=s.name, open=True,
                  preload=(s.name, offset))


@case
def I12_header(b):
    """The first sector of a segment cannot be read; the others are proven."""
    return unreadable(b, 0)


@case
def I12_middle(b):
    """A byte in the middle of a segment cannot be read."""
    return unreadable(b, len(b.sealed()[0].encode()) // 3)


@case
def I12_end(b):
    """The last byte of a segment cannot be read."""
    return unreadable(b, -1)


@case
def I6_hard_link(b):
    """The same inode twice."""
    s = b.sealed()[0]

    def run(directory):
        os.link(os.path.join(directory, s.name), os.path.join(directory, "again.zst"))
    return Expect(VALID, remarks=["DUPLICATE_FILE"], run=run, damage=(0, 0))


NASTY = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe\x08\r\x9b31m"


@case
def I7_file_name(b):
    """Escape sequences and direction marks in a file's name: nothing of it reaches a terminal."""
    b.files[NASTY] = b"hello"
    return Expect(VALID, remarks=["UNKNOWN_FILE"], damage=(0, 0), clean=True)


@case(holder=True)
def I7_texts(b):
    """The same in payloads, names and addresses."""
    e = b.entry(b.find(1))
    value = json.loads(e.payload)
    value["name"] = value["listener"] = NASTY
    e.payload = canonical_json(value)
    b.entry(b.victim()).payload = NASTY.encode()
    b.resign()
    return Expect(VALID, damage=(0, 0), clean=True)


@case(holder=True)
def I9_deep_record(b):
    """A record of deep JSON: it is not parsed."""
    b.entry(b.victim()).payload = b"[" * 500000
    b.resign()
    return Expect(VALID, damage=(0, 0))


@case(holder=True)
def I9_deep_event(b):
    """An event of the collector's own that is too deep."""
    e = b.entry(b.find(3))
    e.payload = (b'{"event":"x","side":"unknown","type":"event","x":' + b"[" * 30000 + b"]" * 30000
                 + b"}")
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"])


@case(holder=True)
def I9_large_event(b):
    """An event above 65,536 bytes."""
    e = b.entry(b.find(3))
    e.payload = canonical_json({"type": "event", "event": "x", "side": "unknown", "x": "y" * 66000})
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"], damage=(0, 0))


@case
def I10_empty_file(b):
    """A segment of no bytes."""
    s = b.sealed()[0]
    b.files[s.name] = b""
    return Expect(INVALID, codes=["MALFORMED", "ALTERED"], touched=[s.header.first],
                  damage=(s.header.first, s.end), at=s.name)


@case
def I10_one_byte(b):
    """A segment of one byte."""
    s = b.sealed()[0]
    b.files[s.name] = b"Z"
    return Expect(INVALID, codes=["MALFORMED", "ALTERED"], touched=[s.header.first],
                  damage=(s.header.first, s.end), at=s.name)


@case
def I11_many_sources(b):
    """Two thousand sources, whose names all look alike."""
    m = Maker(Secrets("example.org/special", 23), block_entries=8192)
    m.start()
    for i in range(2000):
        m.declare("udp", "udp://0.0.0.0:514", "forgeable", address=f"10.0.{i >> 8}.{i & 255}")
        m.record(256 + i, b"x")
    m.state()
    m.commit()
    return instead(b, m)


# Cheats of format-notes.md, made by the holder of the keys or by a disk.

@case
def cheat_A2_signature_outlived_data(b):
    """A NOTE is there, a sector of the block it covers is not: corruption, never a tail."""
    s = b.last()
    block = s.blocks()[-1]
    data = bytearray(s.encode())
    at = s.offset(block) + len(block.encode()) - len(block.data)
    data[at:at + len(block.data)] = bytes(len(block.data))
    b.files[s.name] = bytes(data)
    return Expect(INVALID, codes=["ALTERED"], may=["MALFORMED", "TAIL_UNSIGNED"], at=s.name,
                  damage=(block.first // 256 * 256, b.n), touched=[block.first])


@case
def cheat_A2_torn_commit(b):
    """MARK and note never came, the block came in part: a crash, so a tail."""
    s = b.last()
    if s.sealed or len(s.of(Note)) < 2:
        return None
    size = note_size(s.of(Note)[-2].note)
    b.cut(s, size)
    b.log.checkpoint = s.of(Note)[-1].note
    b.files[s.name] = s.encode() + bytes(300)
    return Expect(INCOMPLETE, codes=["TAIL_UNSIGNED"], damage=(size, b.n))


@case(holder=True)
def cheat_A4_run_without_fall(b):
    """clock_run rises and the time does not fall."""
    half = b.last().header.first
    for s in b.log.segments:
        for i, e in enumerate(s.entries()):
            e.clock_run += s.header.first + i >= half
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A4_fall_without_run(b):
    """The time falls and clock_run does not rise."""
    s = b.last()
    for e in s.entries():
        e.received -= 3600 * SECOND
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A4_run_skipped(b):
    """clock_run rises by two."""
    for e in b.last().entries():
        e.clock_run += 2
        e.received -= 3600 * SECOND
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A5_number_twice(b):
    """Two entries of one source have one number."""
    source = b.entry(b.victim(segment=b.last())).source
    for e in b.last().entries():
        e.source_seq -= e.source == source
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A5_number_left_out(b):
    """A number of a source is left out."""
    source = b.entry(b.victim(segment=b.last())).source
    for e in b.last().entries():
        e.source_seq += e.source == source
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A5_event_left_out(b):
    """An event that tells of losses never came into the log, its number did."""
    index = b.find(3, b"udp-drop")
    after = next((i for i in range(index + 1, b.n) if b.entry(i).kind == 3), None)
    if after is None or b.block_of(after) is b.block_of(index):
        return None
    b.delete(index)
    b.move_notes()
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A5_not_declared(b):
    """A record of a source that was never declared."""
    index = b.victim(segment=b.last())
    e = b.entry(index)
    e.source, e.source_seq = 256 + 500, 0
    renumber(b.log)
    b.resign()
    return Expect(INVALID, codes=["NUMBERING"])


@case(holder=True)
def cheat_A5_declared_later(b):
    """A source is declared behind its first record."""
    m, _ = new_log(31)
    m.record(257, b"too early")
    m.tick()
    m.declare(**akbases.DATAGRAM)
    m.commit()
    expect = instead(b, m)
    expect.verdict, expect.codes, expect.damage = INVALID, {"NUMBERING"}, None
    return expect


@case(holder=True)
def cheat_A5_positions_root(b):
    """A state whose positions root is not that of the entries before it."""
    e = b.entry(b.find(8))
    value = json.loads(e.payload)
    value["positions"] = b64(H(b"other positions"))
    e.payload = canonical_json(value)
    b.resign(leave=["states"])
    return Expect(INVALID, codes=["NUMBERING"])


@case
def cheat_B1_fragment_as_record(b):
    """A fragment shown as a whole record."""
    index = b.find(7)
    b.entry(index).kind = 0
    b.patch()
    return Expect(INVALID, codes=["ALTERED"], damage=b.group(index), touched=[index])


def of_kind(b, kind):
    index = b.victim(segment=b.last())
    last = b.entry(index)
    b.insert(index, Entry(kind, kind, 0, last.received, b"what is this", last.clock_run, last.form))
    renumber(b.log)
    b.move_notes()
    b.resign()


@case(holder=True)
def cheat_B4_critical_kind(b):
    """An entry of a critical kind that nobody knows."""
    of_kind(b, 200)
    return Expect(NOT_CHECKABLE, codes=["UNSUPPORTED"])


@case(holder=True)
def cheat_B4_unknown_kind(b):
    """An entry of an unknown kind that is not critical."""
    of_kind(b, 99)
    return Expect(VALID, remarks=["UNKNOWN_KIND"])


@case(holder=True)
def cheat_A1_no_epoch(b):
    """Entry 0 is no epoch."""
    e = b.entry(0)
    e.kind = e.source = 3
    e.payload = canonical_json({"type": "event", "event": "start", "side": "collector"})
    renumber(b.log)
    b.resign()
    return Expect(INVALID, codes=["EPOCH"])


# N. Must not raise an alarm.

@case
def N0_unchanged(b):
    """The store as it is."""
    return Expect(VALID, damage=(0, 0))


@case
def N0_repaired(b):
    """The store read and written by the forger without a change."""
    b.repair()
    return Expect(VALID, damage=(0, 0))


def crashed(recover):
    """A log whose process died inside a commit; `recover`: what the next one did."""
    m, source = new_log(41)
    akbases.records(m, source, "fw1", 60)
    m.commit()
    akbases.records(m, source, "fw1", 30)
    m.commit(sign=False)
    good = m.size
    old, tail = m.segment, bytes(range(200)) * 3
    m.claim += 1
    if recover == "signed":
        # What was durable and unsigned is signed by the next process.
        m.signed = good
    m.open_segment()
    m.event("start", version="1", claim="2", pid=77)
    if recover == "torn":
        rebuild(m.log, m.secrets)
        name = f"{old.header.first:020d}.torn"
        m.event("recovery", file=name, good=str(len(old.encode())), cut=str(len(tail)),
                sha256=b64(H(tail)), size=str(good))
        m.log.others[name] = tail
    else:
        m.event("recovery", file=old.name, good="0", cut="0", sha256=b64(H(b"")), size=str(good))
    m.event("gap", since=str(m.now - SECOND), until=str(m.now))
    m.state()
    akbases.records(m, source, "fw1", 10)
    m.commit()
    return m


@case
def N1_recovered(b):
    """A crash, and the next process went on."""
    return instead(b, crashed("signed"))


@case
def N1_recovered_torn(b):
    """A crash inside a write; the torn bytes were cut away, kept and told of."""
    return instead(b, crashed("torn"))


@case
def N1_torn_changed(b):
    """The kept bytes changed: they are told of by their digest (R27)."""
    expect = instead(b, crashed("torn"))
    name = next(iter(b.log.others))
    b.log.others[name] = b.log.others[name][:-1] + b"!"
    expect.verdict, expect.one, expect.at = INVALID, {"ALTERED"}, name
    return expect


@case
def N3_clock_falls_thrice(b):
    """The clock fell three times and jumped into the future in between."""
    m, source = new_log(43)
    for step in (-3600, 86400, -90000, -5):
        akbases.records(m, source, "fw1", 30)
        old, m.now = m.now, m.now + step * SECOND
        if step < 0:
            m.clock_run += 1
        m.event("clock-step", old=str(old), new=str(m.now), boottime="1000", boot_id="x")
    m.commit()
    expect = instead(b, m)
    expect.remarks = {"CLOCK_STEP"}
    return expect


@case
def N5_tar(b):
    """Packed with tar and unpacked elsewhere."""
    def run(directory):
        path = directory + ".tar"
        with tarfile.open(path, "w") as tar:
            tar.add(directory, arcname=os.path.basename(directory))
        shutil.rmtree(directory)
        with tarfile.open(path) as tar:
            tar.extractall(os.path.dirname(directory))
        os.unlink(path)
    return Expect(VALID, damage=(0, 0), run=run)


def write_whole(path, data):
    with open(path + ".new", "wb") as f:
        f.write(data)
    os.rename(path + ".new", path)


@case
def N6_growing(b):
    """A collector writes while the store is read: some hundred commits, each by one write."""
    m, source = new_log(48)
    m.commit()
    for _ in range(400):
        akbases.records(m, source, "fw1", 3)
        m.commit()
    expect = instead(b, m)
    s, steps, data = b.last(), [], b""
    for p in s.parts:
        data += p.encode()
        if isinstance(p, Mark):
            steps.append(len(data))
    notes, whole = [n.note for n in s.of(Note)], data

    def run(directory):
        path = os.path.join(directory, s.name)
        with open(path, "wb") as f:
            f.write(whole[:steps[0]])
        write_whole(os.path.join(directory, "checkpoint"), notes[0])

        def grow():
            for i, (start, end) in enumerate(zip(steps, steps[1:] + [len(whole)])):
                with open(path, "ab") as f:
                    f.write(whole[start:end])
                if i % 20 == 0 and i < len(notes) - 1:
                    write_whole(os.path.join(directory, "checkpoint"), notes[i])
                time.sleep(0.002)
        thread = threading.Thread(target=grow, daemon=True)
        thread.start()
        return thread
    return Expect(expect.verdict, run=run, racing=True)


@case
def N7_bare(b):
    """A log of one entry."""
    m = Maker(Secrets("example.org/special", 44))
    m.commit()
    return instead(b, m)


@case
def N7_payloads(b):
    """Records of no bytes, of the greatest size, of all byte values, of line feeds."""
    m, source = new_log(45)
    for payload in (b"", b"x" * (MIB - 1), bytes(range(256)), b"", b"\n" * (MIB - 1),
                    bytes(range(256)) * 4095, b""):
        m.tick()
        m.record(source, payload)
        m.commit()
    return instead(b, m)


@case
def N7_many_groups(b):
    """A block that ends, and one that begins, at the edge of a group."""
    m, source = new_log(46, block_entries=256)
    akbases.records(m, source, "fw1", 256 * 5 - m.size)
    m.commit()
    akbases.records(m, source, "fw1", 256)
    m.commit()
    return instead(b, m)


@case
def N8_duplicates(b):
    """The sender sent its records twice after a lost connection."""
    m, source = new_log(47)
    for _ in range(2):
        for i in range(50):
            m.tick()
            m.record(source, b"<13>the same line %d" % i)
        m.event("connection-unacknowledged", "network", source=source, count="50")
    m.commit()
    return instead(b, m)


@case
def N10_read_only(b):
    """Nobody may write the folder, the files belong to another, odd locale and zone."""
    def run(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            os.chmod(path, 0o444)
            if os.geteuid() == 0:
                os.chown(path, 12345, 12345)
        os.chmod(directory, 0o555)
    return Expect(VALID, damage=(0, 0), run=run,
                  environment={"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "LANG": "ja_JP"})
