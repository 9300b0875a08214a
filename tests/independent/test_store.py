#!/usr/bin/python3
"""The independent verifier over stores that the tests make: good ones, and one for each way in
which the holder of a key, a thief or a crash can leave a log."""

import os
import pathlib
import sys
import tempfile
import unittest

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
    """Each test makes a log, judges it and compares verdict and codes."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def judge(self, maker, outside=None, key=None):
        path = maker.write(self.path)
        key = key or Key.parse(maker.log.key.text())
        return verify.judge_directory(str(path), [key], outside and Checkpoint(outside))

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
        for i in range(400):
            maker.add(0, b"record %d" % i, source, state=1 if 20 <= i < 30 else
                      3 if 290 <= i < 300 else 0)
        maker.commit()
        self.order(maker, "erase", ["22", "31"])
        self.order(maker, "expire", ["292", "295"], ["296", "301"])
        maker.close()
        self.expect(maker, "VALID", "ERASED")

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
            codes = ["ALTERED", "ERASED"] if last == "5" else ["ALTERED"]
            log = self.expect(maker, "INVALID", *codes)
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
        log = verify.judge_path(str(path / ("%020d.open.zst" % 0)), [maker.log.key], None)[0]
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
            logs = verify.judge_path(str(path / name), [maker.log.key], None)
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
            log = verify.judge_directory(str(path), [maker.log.key], None)
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


class Frames(unittest.TestCase):
    """The maker itself."""

    def test_frame(self):
        self.assertEqual(frame(4, b"x").hex(), "5a2a4d1803000000040178")


if __name__ == "__main__":
    unittest.main()
