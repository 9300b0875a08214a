#!/usr/bin/python3
"""The independent verifier over stores that the tests make: good ones, and one for each way in
which the holder of a key, a thief or a crash can leave a log."""

import os
import pathlib
import resource
import shutil
import sys
import tempfile
import unittest
from random import Random

sys.dont_write_bytecode = True
try:
    import cryptography  # noqa: F401
    import zstandard  # noqa: F401
except ImportError as missing:
    print("skipped: %s" % missing)
    sys.exit(77)
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import verify  # noqa: E402
from build import Maker, Signer, b64, frame  # noqa: E402
from notes import Checkpoint, Key  # noqa: E402
from primitives import sha256  # noqa: E402


def filled(maker, records, size=100):
    """Records from one source, in group commits."""
    source = maker.declare()
    for i in range(records):
        maker.add(0, b"<13>record %d from host=web-1" % i + (b"\nsecond" if i % 7 == 0 else b""),
                  source)
        if len(maker.rows) >= size:
            maker.commit()
    if maker.rows:
        maker.commit()
    return source


class Stores(unittest.TestCase):
    """Makes logs, judges them and compares verdict and codes."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        self.maker = None

    def tearDown(self):
        self.folder.cleanup()

    def judge(self, maker, outside=None, key=None):
        if maker is not self.maker:
            shutil.rmtree(self.path / maker.x.hex(), ignore_errors=True)
        self.maker = maker
        path = maker.write(self.path)
        key = key or Key.parse(maker.log.key.text())
        given = verify.Given([key], outside and Checkpoint(outside))
        return verify.judge_directory(str(path), given)

    def expect(self, maker, verdict, *codes, **more):
        log = self.judge(maker, **more)
        lines = "\n".join(f.line() for f in log.findings)
        self.assertEqual((verdict, sorted(codes)),
                         (log.verdict(), sorted({f.code for f in log.findings})), lines)
        return log

    def two_segments(self, form=1, epochs=4):
        """A sealed segment of 601 entries and an open one with its manifest; a second epoch."""
        maker = Maker(epochs, form)
        source = maker.declare()
        for i in range(599):
            maker.add(0, b"record %d" % i, source, step=1000 if i % 3 else 0)
            if len(maker.rows) == 150:
                maker.commit(sealed=True)
        maker.commit(sealed=True)
        manifest = maker.seal()
        maker.open()
        maker.add(2, manifest)
        maker.state()
        if epochs > 1:
            maker.begin_epoch()
        for i in range(300):
            maker.add(0, b"later %d" % i, source)
        maker.commit()
        maker.close()
        return maker


class Logs(Stores):
    """Each test makes a log as somebody can leave it."""

    def test_good(self):
        for form in (1, 2):
            maker = Maker(form=form)
            filled(maker, 700)
            maker.close()
            log = self.expect(maker, "VALID")
            self.assertEqual([list(s) for s in log.proven], [[0, 702]])

    def test_good_two_segments_and_epochs(self):
        for epochs in (1, 4):
            for form in (1, 2):
                maker = self.two_segments(form, epochs)
                maker.files["checkpoint"] = maker.checkpoint()
                log = self.expect(maker, "VALID")
                self.assertEqual(log.proven.count(), len(maker.leaves))

    def test_erased_and_expired(self):
        maker = Maker()
        source = maker.declare()
        for i in range(150):
            maker.add(0, b"record %d" % i, source, state=1 if 20 <= i < 30 else
                      3 if 120 <= i < 130 else 0)
        maker.commit()
        self.order(maker, "erase", ["22", "31"])
        self.order(maker, "expire", ["122", "125"], ["126", "131"])
        maker.close()
        log = self.expect(maker, "INCOMPLETE", "ERASED_UNAUTHORISED", "ORDER_NOT_VALID")
        self.assertEqual([(22, 32), (122, 132)], [(f.first, f.end) for f in log.findings
                                                  if f.code == "ERASED_UNAUTHORISED"])

    @staticmethod
    def order(maker, action, *ranges):
        """An order, committed."""
        maker.add(5, {"type": "order", "action": action, "ranges": list(ranges),
                      "reason": "court", "case": "1"})
        maker.commit()

    def test_taken_out_without_order(self):
        """R33: no order, one of the other action, one that does not name all, one that came first."""
        for action, first, last, before in (("hold", "5", "6", 0), ("expire", "5", "6", 0),
                                            ("erase", "5", "5", 0), ("erase", "5", "6", 1)):
            maker = Maker()
            maker.erased.add(0)
            source = maker.declare()
            if before:
                self.order(maker, action, [first, last])
            for i in range(10):
                maker.add(0, b"record %d" % i, source, state=i + 2 + before in (5, 6))
            maker.commit()
            if not before:
                self.order(maker, action, [first, last])
            maker.close()
            codes = ["ERASED_UNAUTHORISED"] if last == "5" else []
            log = self.expect(maker, "INVALID", "ALTERED", *codes, "ORDER_NOT_VALID")
            self.assertEqual(log.proven.count(), 13)

    def test_taken_out_and_the_order_may_be_elsewhere(self):
        """R33: MISSING in a segment judged alone."""
        maker = Maker()
        source = maker.declare()
        for i in range(10):
            maker.add(0, b"record %d" % i, source, state=i == 3)
        maker.commit()
        maker.close()
        path = maker.write(self.path)
        log = verify.judge_path(str(path / ("%020d.open.zst" % 0)), verify.Given([maker.log.key]))[0]
        self.assertEqual(({f.code for f in log.findings}, log.proven.count()), ({"MISSING"}, 12))

    def test_altered_record_names_its_group(self):
        maker = Maker()
        filled(maker, 1000, 1002)
        whole = maker.frames[2]
        bent = bytearray(whole)
        bent[-1] ^= 1                   # the checksum
        maker.frames[2] = bytes(bent)
        maker.close()
        log = self.expect(maker, "INVALID", "ALTERED")
        self.assertEqual(log.proven.count(), 1002)

    def test_wrong_level_8_hash(self):
        """R17 and R31: the entries are proven, the recorded hash is not theirs."""
        maker = Maker()
        source = maker.declare()
        for i in range(300):
            maker.add(0, b"record %d" % i, source)
        maker.block()
        maker.frames[-2] = maker.frames[-2][:-1] + bytes([maker.frames[-2][-1] ^ 1])
        maker.mark()
        maker.note()
        maker.close()
        log = self.expect(maker, "INVALID", "ALTERED")
        self.assertEqual(log.proven.count(), 302)

    def test_forged_record(self):
        """Somebody without a key changes a record and writes all digests anew."""
        maker = Maker()
        source = maker.declare()
        for i in range(600):
            maker.add(0, b"record %d" % i, source)
        rows, leaves = list(maker.rows), list(maker.leaves)
        maker.commit()
        good = list(maker.frames)
        maker.rows, maker.leaves = rows, leaves
        row = list(rows[300])
        row[6] = b"forged"
        maker.rows[300] = tuple(row)
        maker.frames, maker.sizes, maker.since_mark = good[:1], [0], 0
        maker.block()
        maker.mark()
        maker.put(good[-1])
        maker.close()
        log = self.expect(maker, "INVALID", "ALTERED")
        self.assertEqual([list(s) for s in log.proven], [[0, 256], [512, 602]])
        finding = next(f for f in log.findings if f.code == "ALTERED")
        self.assertEqual((finding.first, finding.end), (256, 512))

    def test_numbering_by_the_holder(self):
        for change in ({"seq": 7}, {"step": -1000}, {"source": 300}):
            maker = Maker()
            source = maker.declare()
            maker.add(0, b"one", source)
            maker.commit()
            maker.add(0, b"two", **{"source": source, **change})
            maker.commit()
            maker.close()
            codes = ["CLOCK_STEP"] if "step" in change else ["NUMBERING"]
            self.expect(maker, "VALID" if "step" in change else "INVALID", *codes)

    def test_wrong_positions_root(self):
        maker = Maker()
        source = maker.declare()
        maker.positions[source] = (0, 5, 0)
        maker.state()
        maker.positions.pop(source)
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "NUMBERING")

    def test_json_of_own_entries(self):
        maker = Maker()
        maker.add(3, b'{"type":"event","event":"stop","side":"operator","reason":"signal"}')
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "MALFORMED")

    def test_fork_in_one_log(self):
        maker = Maker()
        filled(maker, 300)
        maker.note(maker.checkpoint(root=sha256(b"other")))
        maker.close()
        self.expect(maker, "INVALID", "FORKED")

    def test_fork_of_two_files(self):
        logs = []
        for records in (300, 350):
            maker = Maker()
            source = maker.declare()
            for i in range(records):
                maker.add(0, b"%d of %d" % (i, records), source)
                if len(maker.rows) == 100:
                    maker.commit()
            maker.commit()
            maker.close()
            logs.append(maker)
        logs[0].files["other"] = logs[1].files["%020d.open.zst" % 0]
        log = self.judge(logs[0])
        self.assertEqual(log.verdict(), "INVALID")
        self.assertIn("FORKED", {f.code for f in log.findings})

    def test_unknown_signature(self):
        maker = Maker()
        filled(maker, 10)
        checkpoint = maker.checkpoint()
        other = Signer(b"\x33" * 32, b"witness.example/w")
        maker.note(checkpoint + other.line(checkpoint.split(b"\n\n")[0] + b"\n"))
        maker.close()
        self.expect(maker, "VALID", "UNKNOWN_SIGNATURE")

    def test_fork_and_rollback_from_outside(self):
        maker = Maker()
        filled(maker, 300)
        maker.close()
        self.expect(maker, "VALID", outside=maker.checkpoint(150))
        self.expect(maker, "INVALID", "FORKED",
                    outside=maker.checkpoint(150, root=sha256(b"other")))
        self.expect(maker, "INVALID", "ROLLED_BACK",
                    outside=maker.checkpoint(500, root=sha256(b"other")))

    def test_rewritten_with_both_keys_of_a_later_epoch(self):
        """Who has the log key and the key of epoch 1 cannot change what epoch 0 signed."""
        maker = Maker()
        filled(maker, 10)
        maker.begin_epoch(root=sha256(b"other"))
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "EPOCH")

    def test_epoch_skipped(self):
        maker = Maker()
        filled(maker, 10)
        maker.epoch += 1
        maker.begin_epoch()
        maker.commit()
        maker.close()
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")
        self.assertIn("EPOCH", {f.code for f in log.findings})

    def test_checkpoint_of_another_epoch(self):
        maker = Maker()
        filled(maker, 10)
        maker.begin_epoch()
        maker.block()
        maker.mark()
        maker.note(maker.checkpoint(epoch=0))
        maker.close()
        log = self.expect(maker, "INVALID", "ALTERED", "TAIL_UNSIGNED")
        self.assertEqual(log.proven.count(), 12)

    def test_key(self):
        maker = Maker()
        filled(maker, 10)
        maker.close()
        other = Signer(b"\x22" * 32, maker.origin)
        log = self.expect(maker, "NOT CHECKABLE", "UNTRUSTED_KEY", key=other.key)
        self.assertFalse(log.proven)
        self.expect(maker, "NOT CHECKABLE", "UNTRUSTED_KEY",
                    key=Signer(b"\x11" * 32, b"a/" + b"0" * 32).key)

    def test_tail(self):
        maker = Maker()
        filled(maker, 300)
        maker.add(3, {"type": "event", "event": "stop", "side": "operator", "reason": "signal"})
        maker.block()
        maker.close()
        self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        maker.mark()
        maker.close()
        log = self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        self.assertEqual(log.proven.count(), 302)

    def test_tail_with_a_good_part_behind_is_corruption(self):
        maker = Maker()
        filled(maker, 300)
        raw = bytearray(b"".join(maker.frames))
        at = sum(len(f) for f in maker.frames[:9]) + 3
        raw[at] ^= 0xFF                 # a magic number in the middle
        maker.files["%020d.open.zst" % 0] = bytes(raw)
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")
        self.assertTrue(log.proven.covers(0, 100))

    def test_segment_missing(self):
        maker = self.two_segments()
        maker.files.pop("%020d.0.zst" % 0)
        log = self.expect(maker, "INCOMPLETE", "MISSING")
        self.assertEqual([list(s) for s in log.proven], [[601, len(maker.leaves)]])

    def test_checkpoint_ahead(self):
        maker = Maker()
        filled(maker, 100)
        maker.close()
        filled(maker, 100)
        maker.files["checkpoint"] = maker.checkpoint()
        self.expect(maker, "INCOMPLETE", "MISSING")

    def test_empty(self):
        maker = Maker()
        maker.close()
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INCOMPLETE")
        self.assertIn("EMPTY", {f.code for f in log.findings})

    def test_duplicates(self):
        maker = self.two_segments()
        sealed = maker.files["%020d.0.zst" % 0]
        maker.files["%020d.1.zst" % 0] = sealed
        self.expect(maker, "VALID", "DUPLICATE_FILE")
        bent = bytearray(sealed)
        bent[3000] ^= 1
        maker.files["%020d.0.zst" % 0] = bytes(bent)
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")

    def test_torn(self):
        maker = Maker()
        filled(maker, 100)
        maker.close()
        maker.files["%020d.torn" % 0] = b"cut bytes"
        self.expect(maker, "INVALID", "ALTERED")
        maker.add(3, {"type": "event", "event": "recovery", "side": "collector",
                      "file": "%020d.torn" % 0, "good": "1", "cut": "9",
                      "sha256": b64(sha256(b"cut bytes")), "size": "102"})
        maker.commit()
        maker.close()
        self.expect(maker, "VALID")

    def test_names_and_other_files(self):
        maker = self.two_segments()
        maker.files["odd.zst"] = maker.files.pop("%020d.open.zst" % 601)
        maker.files["notes.txt"] = b"hello"
        self.expect(maker, "VALID", "NAME_DIFFERS", "UNKNOWN_FILE")
        (self.path / maker.x.hex() / "link").symlink_to("notes.txt")
        self.expect(maker, "NOT CHECKABLE", "NAME_DIFFERS", "UNKNOWN_FILE", "IO_ERROR")

    def test_unsupported(self):
        maker = Maker()
        filled(maker, 10)
        maker.frames[0] = maker.frames[0][:14] + b"\x01" + maker.frames[0][15:]
        maker.close()
        self.expect(maker, "NOT CHECKABLE", "EMPTY", "UNSUPPORTED")

    def test_segment_alone(self):
        maker = self.two_segments()
        path = maker.write(self.path)
        for name in maker.files:
            logs = verify.judge_path(str(path / name), verify.Given([maker.log.key]))
            self.assertEqual(logs[0].verdict(), "VALID",
                             "\n".join(f.line() for f in logs[0].findings))

    def test_second_look(self):
        maker = Maker()
        filled(maker, 100)
        maker.add(3, {"type": "event", "event": "stop", "side": "operator", "reason": "signal"})
        maker.block()
        maker.close()
        path = maker.write(self.path)
        maker.mark()
        maker.note()
        maker.close()
        sleep, verify.time.sleep = verify.time.sleep, lambda seconds: maker.write(self.path)
        try:
            log = verify.judge_directory(str(path), verify.Given([maker.log.key]))
        finally:
            verify.time.sleep = sleep
        self.assertEqual((log.verdict(), {f.code for f in log.findings}),
                         ("VALID", {"TAIL_IN_FLIGHT"}))

    def test_bomb(self):
        """A block whose frame gives more than it says is bounded and no traceback."""
        maker = Maker()
        filled(maker, 10)
        data = maker.frames[2]
        bomb = data[:4] + b"\xa4" + (1 << 20).to_bytes(4, "little") \
            + (b"\x02\x00\x10x" * 2000) + data[-4:]
        maker.frames[2] = bomb
        maker.close()
        self.assertEqual(self.judge(maker).verdict(), "INVALID")


class Rules(Stores):
    """Rules of docs/format.md sections 4 to 9 and 13, one log for each."""

    OPEN = "%020d.open.zst" % 0
    SEALED = "%020d.0.zst" % 0

    def small(self, records=300):
        """An open segment of a few commits."""
        maker = Maker()
        filled(maker, records)
        maker.close()
        return maker

    @staticmethod
    def bend(maker, name, at, value):
        """Bytes of a file replaced."""
        raw = maker.files[name]
        maker.files[name] = raw[:at] + value + raw[at + len(value):]

    def spans(self, log):
        return [list(span) for span in log.proven]

    # HEADER and damage (R35, R36).

    def test_header_that_does_not_decode(self):
        """The blocks are judged all the same, and nothing that follows from it is told."""
        for maker, name in ((self.small(), self.OPEN), (self.two_segments(), self.SEALED)):
            self.bend(maker, name, 8 + 12, b"\xff")         # first is not below 2^63
            log = self.expect(maker, "INVALID", "MALFORMED",
                              *(["FILE_DIFFERS"] if name == self.SEALED else []))
            self.assertEqual(log.proven.count(), len(maker.leaves))

    def test_header_that_is_no_frame(self):
        for maker, name in ((self.small(), self.OPEN), (self.two_segments(), self.SEALED)):
            self.bend(maker, name, 0, b"\0\0\0\0")
            log = self.expect(maker, "INVALID", "MALFORMED",
                              *(["FILE_DIFFERS"] if name == self.SEALED else []))
            self.assertEqual(log.proven.count(), len(maker.leaves))

    def test_sealed_name_without_header(self):
        """It is damaged, and what it should hold is lost: not missing."""
        for raw in (b"", b"Z", bytes(3000)):
            maker = self.two_segments()
            maker.files[self.SEALED] = raw
            log = self.expect(maker, "INVALID", "ALTERED", "MALFORMED")
            lost = next(f for f in log.findings if f.code == "ALTERED")
            self.assertEqual((lost.first, lost.end), (0, 601))
            self.assertEqual(self.spans(log), [[601, len(maker.leaves)]])

    def test_lost_block(self):
        """A COLUMNS frame that does not decode: its entries are ALTERED, the others proven."""
        maker = self.two_segments()
        at = sum(len(f) for f in self.frames(maker, self.SEALED)[:3])
        self.bend(maker, self.SEALED, at + 8, b"\x09")
        log = self.expect(maker, "INVALID", "ALTERED", "FILE_DIFFERS", "MALFORMED")
        self.assertEqual({(f.first, f.end) for f in log.findings if f.code == "ALTERED"},
                         {(150, 300)})
        self.assertTrue(log.proven.covers(512, 601))     # group 1 is torn by the loss

    @staticmethod
    def frames(maker, name):
        """The frames of ours of a file, each with the data behind it."""
        raw = maker.files[name]
        cuts = [0]
        while True:
            at = raw.find(b"\x5a\x2a\x4d\x18", cuts[-1] + 1)
            if at < 0:
                return [raw[a:b] for a, b in zip(cuts, cuts[1:] + [len(raw)])]
            cuts.append(at)

    def test_cut_sealed_segment(self):
        """6.1: without FOOTER it is a sealed one that was cut, not an open one with a tail."""
        maker = self.two_segments()
        frames = self.frames(maker, self.SEALED)
        whole = b"".join(frames[:-1])               # the FOOTER and what is behind left out
        maker.files[self.SEALED] = whole
        log = self.expect(maker, "INVALID", "MALFORMED")
        self.assertEqual(log.proven.count(), len(maker.leaves))
        maker.files[self.SEALED] = whole[:-len(frames[-2]) - 20]
        log = self.expect(maker, "INVALID", "ALTERED", "MALFORMED")
        self.assertFalse(log.proven.holds(600))
        self.assertTrue(log.proven.covers(601, len(maker.leaves)))

    def test_unsupported_in_a_block(self):
        """R34: nothing behind it in that file, all of the other file."""
        maker = self.two_segments()
        at = sum(len(f) for f in self.frames(maker, self.SEALED)[:3])
        self.bend(maker, self.SEALED, at + 9, b"\x02")
        log = self.expect(maker, "NOT CHECKABLE", "UNSUPPORTED")
        self.assertEqual(self.spans(log)[-1], [601, len(maker.leaves)])
        self.assertFalse(log.proven.holds(150))

    def test_second_block_with_a_gap(self):
        """R13."""
        maker = Maker()
        filled(maker, 100)
        maker.leaves.append(sha256(b"left out"))
        maker.add(0, b"behind a gap", 256, seq=100)
        maker.commit()
        maker.close()
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")
        self.assertIn("MALFORMED", {f.code for f in log.findings})

    # FOOTER and seek table (R23).

    def footer(self, change, *codes):
        maker = self.two_segments()
        raw = maker.files[self.SEALED]
        at = raw.rfind(b"\x5a\x2a\x4d\x18") + 8
        end = at + int.from_bytes(raw[at - 4:at], "little")
        maker.files[self.SEALED] = raw[:at] + change(raw[at:end]) + raw[end:]
        log = self.expect(maker, "INVALID", "FILE_DIFFERS", *codes)
        self.assertEqual(log.proven.count(), len(maker.leaves))
        found = [f for f in log.findings if f.code in codes]
        self.assertEqual(len(found), 1)

    def test_footer(self):
        """One finding, the first of `self`, `frames` and any other field."""
        def sealed_again(content):
            return content[:-32] + sha256(content[:-32])

        def flip(content, at):
            at %= len(content)
            return content[:at] + bytes([content[at] ^ 1]) + content[at + 1:]

        self.footer(lambda c: flip(c, 100), "ALTERED")
        self.footer(lambda c: flip(c, -1), "ALTERED")
        self.footer(lambda c: sealed_again(flip(flip(c, 5), 100)), "ALTERED")
        for at in (41, 49, 53, 61, 34 + 16 + 4 + 5 * 42 + 4 + 3, -40, -40 - 32 * 5 - 20):
            self.footer(lambda c, place=at: sealed_again(flip(c, place)), "MALFORMED")

    def test_seek_table(self):
        for at in (-5, -9, -1, -20):
            maker = self.two_segments()
            raw = maker.files[self.SEALED]
            self.bend(maker, self.SEALED, len(raw) + at, bytes([raw[at] ^ 1]))
            self.expect(maker, "INVALID", "FILE_DIFFERS", "MALFORMED")

    # The end of a log (9.3).

    def test_note_of_broken_form_is_tail(self):
        maker = self.small()
        maker.note(maker.checkpoint()[:-1])
        maker.close()
        log = self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        self.assertEqual(log.proven.count(), 302)

    def test_note_badly_signed_is_judged(self):
        maker = self.small()
        note = maker.checkpoint().split(b"\n")
        note[-2] = note[-2][:-8] + b"AAAAAAA="
        maker.note(b"\n".join(note))
        maker.close()
        self.expect(maker, "INVALID", "ALTERED")

    def test_bad_mark_at_the_end_is_tail(self):
        maker = self.small()
        maker.add(0, b"one more", 256)
        maker.block()
        maker.mark()
        maker.frames[-1] = maker.frames[-1][:-1] + bytes([maker.frames[-1][-1] ^ 1])
        maker.close()
        self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        maker.note()
        maker.close()
        self.expect(maker, "INVALID", "ALTERED")

    def test_segment_that_was_being_begun(self):
        for raw, verdict, codes in ((b"", "VALID", ()), (b"\x5a\x2a", "INCOMPLETE", ["TAIL_UNSIGNED"]),
                                    (bytes(500), "INCOMPLETE", ["TAIL_UNSIGNED"])):
            maker = self.small()
            maker.files["%020d.open.zst" % 302] = raw
            log = self.expect(maker, verdict, *codes)
            self.assertEqual(log.proven.count(), 302)

    def test_open_name_without_header_in_the_middle(self):
        maker = self.small()
        maker.files["%020d.open.zst" % 100] = bytes(500)
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")

    def test_tail_of_a_segment_that_is_not_the_last(self):
        """R27 and the recovery event."""
        maker = self.small()
        torn = b"half a frame"
        maker.files[self.OPEN] += torn
        maker.claim = 2
        maker.open()
        maker.add(3, {"type": "event", "event": "start", "side": "collector"})
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "ALTERED")
        maker.add(3, {"type": "event", "event": "recovery", "side": "collector", "good": "1",
                      "file": self.OPEN, "cut": str(len(torn)), "sha256": b64(sha256(torn))})
        maker.commit()
        maker.close()
        self.expect(maker, "VALID")

    # Checkpoints and keys.

    def test_lines(self):
        """R7: unknown lines may repeat, known ones may not; 32 at most."""
        witness = Signer(b"\x33" * 32, b"witness.example/w")
        for extra, verdict, code in (([witness] * 2, "VALID", "UNKNOWN_SIGNATURE"),
                                     ([witness] * 30, "VALID", "UNKNOWN_SIGNATURE"),
                                     ([witness] * 31, "INVALID", "MALFORMED"),
                                     (["log"], "INVALID", "MALFORMED"),
                                     (["epoch"], "INVALID", "MALFORMED")):
            maker = self.small()
            checkpoint = maker.checkpoint()
            text = checkpoint.split(b"\n\n")[0] + b"\n"
            for signer in extra:
                signer = {"log": maker.log, "epoch": maker.signers[0]}.get(signer, signer)
                checkpoint += signer.line(text)
            maker.files["checkpoint"] = checkpoint
            self.expect(maker, verdict, code)

    def test_checkpoint_file(self):
        """R28 and the codes of 4.3."""
        maker = self.small()
        good = maker.checkpoint()
        stranger = Maker(name="other.example")
        for raw, code in ((good[:-1], "MALFORMED"), (b"", "MALFORMED"),
                          (good.replace(b"\n302\n", b"\n0302\n"), "MALFORMED"),
                          (good.replace(b"\n302\n", b"\n301\n"), "ALTERED"),
                          (b"".join(good.splitlines(True)[:-1]), "ALTERED"),
                          (b"".join(good.splitlines(True)[:4] + good.splitlines(True)[5:]),
                           "ALTERED"),
                          (stranger.checkpoint(), "MALFORMED"),
                          (good + b"x" * 70000, "MALFORMED")):
            maker.files["checkpoint"] = raw
            log = self.expect(maker, "INVALID", code)
            self.assertEqual(log.proven.count(), 302)

    def test_key_that_signed_the_start_note_only(self):
        """R32: the key has signed something, so the log is judged."""
        maker = Maker()
        source = maker.declare()
        maker.add(0, b"record", source)
        maker.block()
        maker.mark()
        maker.close()
        self.expect(maker, "INCOMPLETE", "EMPTY", "TAIL_UNSIGNED")

    def test_start_note_that_is_not_valid(self):
        """5.3: what its epoch's checkpoints cover is neither altered nor a tail."""
        maker = Maker()
        row = list(maker.rows[0])
        source = maker.declare()
        maker.add(0, b"record", source)
        row[6] = row[6].replace(b"\n4\n", b"\n3\n")     # the number of epochs
        maker.rows[0] = tuple(row)
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "EMPTY", "EPOCH", "UNKNOWN_SIGNATURE")

    def test_entry_0_is_no_start_note(self):
        """R3 and R37."""
        maker = Maker()
        note = maker.rows.pop()[6]
        maker.leaves.pop()
        maker.positions.clear()
        maker.add(3, {"type": "event", "event": "start", "side": "collector"})
        maker.commit()
        maker.close()
        maker.epoch_note = note
        maker.open()
        maker.add(0, b"x", 256)
        maker.commit()
        maker.close()
        log = self.judge(maker)
        self.assertEqual(log.verdict(), "INVALID")
        self.assertIn("EPOCH", {f.code for f in log.findings})

    def test_no_log_at_all(self):
        maker = Maker()
        maker.files = {}
        self.expect(maker, "INCOMPLETE", "EMPTY")

    # Headers and manifests (R24, R29).

    def test_chain(self):
        for change, code in ((lambda m: setattr(m, "previous", sha256(b"x")), "ALTERED"),
                             (lambda m: setattr(m, "claim", 1), "MALFORMED")):
            maker = Maker(claim=3)
            filled(maker, 10)
            maker.close()
            change(maker)
            maker.open()
            maker.add(0, b"x", 256)
            maker.commit()
            maker.close()
            self.expect(maker, "INVALID", code)

    def test_manifest(self):
        for change, codes in (({"root": b64(bytes(32))}, ["MALFORMED"]),
                              ({"end": "700"}, ["MALFORMED"]),
                              ({"file": "x"}, ["MALFORMED", "NO_MANIFEST"]),
                              ({"positions": b64(bytes(32))}, ["NUMBERING"]),
                              ({"header": b64(bytes(32))}, ["ALTERED"]),
                              ({"frames": b64(bytes(32))}, ["MALFORMED"]),
                              ({"sha512": b64(bytes(64))}, ["FILE_DIFFERS"])):
            maker = Maker()
            filled(maker, 50, 60)
            maker.frames = [f for f in maker.frames if f[8:9] != b"\x03"]
            maker.sizes = [s for s in (0, 0, self.text_bytes(maker), 0)][:len(maker.frames)]
            maker.table = [row for row in maker.table]
            manifest = maker.seal()
            maker.open()
            maker.add(2, {**manifest, **change})
            maker.commit()
            maker.close()
            verdict = "VALID" if codes == ["FILE_DIFFERS"] else "INVALID"
            self.expect(maker, verdict, *codes)

    @staticmethod
    def text_bytes(maker):
        return int.from_bytes(maker.frames[1][14:18], "big")

    def test_manifest_of_a_file_that_is_not_there(self):
        maker = self.two_segments()
        name = "%020d.1.zst" % 0
        manifest = {"type": "manifest", "first": "0", "end": "601", "generation": 1, "file": name,
                    "bytes": "1", "sha512": b64(bytes(64)), "header": b64(bytes(32)),
                    "root": b64(maker.root(601)), "positions": b64(bytes(32))}
        maker.add(2, manifest)
        maker.commit()
        maker.close()
        log = self.judge(maker)
        self.assertIn(("MISSING", name), {(f.code, f.file) for f in log.findings})

    def test_another_log_in_the_directory(self):
        maker = self.small()
        other = Maker(name="other.example")
        filled(other, 10)
        other.close("x")
        for name in ("99999999999999999999.0.zst", "copy"):     # no names of segments
            maker.files[name] = other.files["x"]
            log = self.expect(maker, "INVALID", "MALFORMED")
            self.assertEqual(log.proven.count(), 302)
            del maker.files[name]
            (self.path / maker.x.hex() / name).unlink()

    def test_origin_changed_in_a_header(self):
        """R24: in a place that no other file has, one changed byte does not take the blocks."""
        maker = self.two_segments()
        raw = maker.files[self.SEALED]
        self.bend(maker, self.SEALED, raw.index(maker.origin) + 1, b"\x78")
        log = self.expect(maker, "INVALID", "FILE_DIFFERS", "MALFORMED")
        self.assertEqual(log.proven.count(), len(maker.leaves))
        maker.files["%020d.7.zst" % 0] = maker.files[self.SEALED]
        maker.files[self.SEALED] = raw
        log = self.expect(maker, "INVALID", "MALFORMED")
        self.assertEqual(log.proven.count(), len(maker.leaves))

    def test_torn_file_that_nobody_could_tell_of_yet(self):
        """R27: part of the tail until the log has an entry behind it."""
        maker = self.small()
        torn = "%020d.torn" % 302
        maker.files[torn] = maker.files[self.OPEN][:50]     # it may begin as a segment does
        self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        maker.add(0, b"one more", 256)
        maker.commit()
        maker.close()
        self.expect(maker, "INVALID", "ALTERED")

    def test_recovery_event_in_the_tail(self):
        """R27: it counts before it is proven."""
        maker = self.small()
        maker.files["%020d.torn" % 0] = b"cut bytes"
        maker.add(3, {"type": "event", "event": "recovery", "side": "collector", "cut": "9",
                      "file": "%020d.torn" % 0, "sha256": b64(sha256(b"cut bytes"))})
        maker.block()
        maker.mark()
        maker.close()
        self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")

    def test_commit_that_was_written_again(self):
        """9.3: a good MARK behind the next segment's first is no limit."""
        maker = self.small()
        kept = {name: list(getattr(maker, name)) for name in ("leaves", "declared")}
        positions, good = dict(maker.positions), sum(len(f) for f in maker.frames)
        checkpoint = maker.last_checkpoint
        maker.add(0, b"one more", 256)
        maker.block()
        maker.mark()
        maker.close()
        self.expect(maker, "INCOMPLETE", "TAIL_UNSIGNED")
        torn = maker.files[self.OPEN][good:]
        maker.leaves, maker.declared, maker.positions = kept["leaves"], kept["declared"], positions
        maker.last_checkpoint = checkpoint
        maker.open()
        maker.add(3, {"type": "event", "event": "recovery", "side": "collector",
                      "file": self.OPEN, "cut": str(len(torn)), "sha256": b64(sha256(torn))})
        maker.add(0, b"one more", 256)
        maker.commit()
        maker.close()
        log = self.expect(maker, "VALID")
        self.assertEqual(log.proven.count(), 304)

    def test_names_of_no_control_characters(self):
        """What a hostile store names is not written as it is."""
        maker = self.small()
        maker.files["\x1b[2J\u202e"] = b"x"
        log = self.expect(maker, "VALID", "UNKNOWN_FILE")
        self.assertTrue(all(f.line().isprintable() for f in log.findings))


class Hostile(Stores):
    """Whatever the bytes: a verdict, and never VALID for a segment that was changed."""

    def test_random_changes(self):
        self.addCleanup(setattr, verify, "SECOND_LOOK_SECONDS", verify.SECOND_LOOK_SECONDS)
        verify.SECOND_LOOK_SECONDS = 0
        random = Random(20)
        maker = self.two_segments()
        good = dict(maker.files)
        for i in range(150):
            maker.files = dict(good)
            name = random.choice(sorted(good))
            raw = bytearray(good[name])
            for _ in range(random.choice((1, 1, 2, 5))):
                at = random.randrange(len(raw))
                how = random.randrange(6)
                if how == 0:
                    raw[at] ^= 1 << random.randrange(8)
                elif how == 1:
                    del raw[at:at + random.choice((1, 8, 200))]
                elif how == 2:
                    raw[at:at] = random.randbytes(random.choice((1, 4, 60)))
                elif how == 3:
                    raw[at:at] = bytes(raw[at:at + 3000])
                elif how == 4:
                    raw[at:at + 512] = bytes(len(raw[at:at + 512]))
                else:
                    place = raw.find(b"\x5a\x2a\x4d\x18", at)
                    at = place + 4 + random.randrange(8) if place >= 0 else at
                    raw[min(at, len(raw) - 1)] = random.choice((0, 1, 2, 3, 4, 5, 128, 255))
                raw = raw or bytearray(b"x")
            maker.files[name] = bytes(raw)
            log = self.judge(maker)
            if maker.files != good:
                self.assertNotEqual(log.verdict(), "VALID", i)

    def test_footer_that_says_much(self):
        """Numbers in a FOOTER of a sparse file lead to no memory."""
        maker = self.two_segments()
        path = maker.write(self.path)
        with open(path / ("%020d.open.zst" % 601), "r+b") as file:
            file.seek(0, 2)
            file.write(b"\x5a\x2a\x4d\x18" + (1 << 28).to_bytes(4, "little") + b"\x05\x01")
            at = file.tell()
            file.seek(at + 40)
            file.write((1 << 40).to_bytes(8, "big") + bytes(4) + (1 << 22).to_bytes(4, "big"))
            file.truncate(at - 2 + (1 << 28))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        log = verify.judge_directory(str(path), verify.Given([maker.log.key]))
        self.assertEqual(log.verdict(), "INVALID")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown, 100 * 1024)

    def test_many_findings_are_bounded(self):
        maker = Maker()
        filled(maker, 10)
        for _ in range(verify.FINDINGS_MAX + 50):
            maker.note(b"x")
        maker.note()
        maker.close()
        log = self.expect(maker, "INVALID", "MALFORMED")
        self.assertEqual(len(log.findings), verify.FINDINGS_MAX + 1)


class Frames(unittest.TestCase):
    """The maker itself."""

    def test_frame(self):
        self.assertEqual(frame(4, b"x").hex(), "5a2a4d1803000000040178")


if __name__ == "__main__":
    unittest.main()
