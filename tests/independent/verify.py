#!/usr/bin/python3
"""Independent verifier of an Akashi store, written from docs/format.md alone.

    verify.py PATH... [--key VKEY]... [--authority VKEY]... [--tsa-ca FILE] [--checkpoint FILE]
              [--json]

PATH is a store, the directory of one log, or a segment. Certificates of time-stamping authorities
are taken from one file (PEM), and their signatures are judged by the program openssl. One line for each finding (code, place,
what it means), last the verdict and the number of proven entries; the exit status is that of
section 13. With --json one object for each log. It shares no code with the programs of this
project: where it and they differ, one of them or the document is wrong. It is no fast program, and
it does not follow a growing log beyond the second look of section 9.3.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys
import time

sys.dont_write_bytecode = True

from content import Content
from notes import (Checkpoint, Epochs, Key, NOTE_BYTES_MAX, StartNote, start_note_signed_by)
from orders import TAKES_OUT, Authority, authority_key, spans_of
from primitives import (EMPTY_ROOT, EpochError, FormatError, GROUP, INDEX_END, Malformed,
                        point_is_sound)
from segment import (Block, File, FileError, FileReader, HEADER, MAGIC, NAME_OPEN, NAME_SEALED,
                     NAME_STAMP, NAME_TORN, Segment, named_index, read_frame)
from timestamps import REPLY_BYTES_MAX, NotTrusted, judge as judge_stamp
from tree import Offer, Spans, Tree

VERDICTS = ("INVALID", "NOT CHECKABLE", "INCOMPLETE", "VALID")
EXIT = {"INVALID": 1, "NOT CHECKABLE": 2, "INCOMPLETE": 3, "VALID": 0}
VERDICT_OF = {
    "ALTERED": "INVALID", "FORKED": "INVALID", "ROLLED_BACK": "INVALID", "MALFORMED": "INVALID",
    "NUMBERING": "INVALID", "EPOCH": "INVALID", "SUCCESSION_FALSE": "INVALID",
    "UNTRUSTED_KEY": "NOT CHECKABLE", "UNSUPPORTED": "NOT CHECKABLE", "LIMIT": "NOT CHECKABLE",
    "IO_ERROR": "NOT CHECKABLE",
    "MISSING": "INCOMPLETE", "ERASED_UNAUTHORISED": "INCOMPLETE",
    "SUCCESSION_UNCONFIRMED": "INCOMPLETE", "TAIL_UNSIGNED": "INCOMPLETE", "STALE": "INCOMPLETE",
    "EMPTY": "INCOMPLETE",
}
SECOND_LOOK_SECONDS = 0.03
FINDINGS_MAX = 1000             # of one code
FOOTER_GROUPS_MAX = 1 << 20     # level-8 hashes that are taken from a FOOTER
TRIES = 3
LOG_ID = re.compile(r"\A[0-9a-f]{32}\Z")
STORE_OTHER = ("names", "lock", "control", "tmp", "cache", "keys")


class Finding:
    """A code of section 13 at a place."""

    def __init__(self, code, file=None, offset=None, first=None, end=None, text=""):
        self.code = code
        self.file = file
        self.offset = offset
        self.first = first
        self.end = end
        self.text = text

    def line(self):
        """For people."""
        place = [self.code]
        if self.file is not None:
            place.append(self.file + ("" if self.offset is None else "@%d" % self.offset))
        if self.first is not None:
            place.append("[%d,%s)" % (self.first, "?" if self.end is None else self.end))
        return clean("%s: %s" % (" ".join(place), self.text))

    def fields(self):
        """For programs."""
        return {"code": self.code, "file": self.file, "offset": self.offset, "first": self.first,
                "end": self.end, "text": self.text}


def clean(text):
    """Names in a hostile store must not write control characters to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in
                   text.encode("utf-8", "replace").decode("utf-8"))


def has_header(file):
    """True when a whole HEADER frame stands at the begin of a file, whatever is in it."""
    try:
        read_frame(file, 0, (HEADER,))
    except Malformed:
        return False
    return True


class Root:
    """A validly signed root: a checkpoint, or what a start note says of the size before it."""

    def __init__(self, size, root, epoch, file, offset, start_note=False):
        self.size = size
        self.root = root
        self.epoch = epoch
        self.file = file
        self.offset = offset
        self.start_note = start_note


class Given:
    """What comes from outside the evidence: log keys, a checkpoint or None, keys of authorities, the
    name of a file with certificates of time-stamping authorities or None."""

    def __init__(self, keys, checkpoint=None, authority=(), tsa=None):
        self.keys = keys
        self.checkpoint = checkpoint
        self.authority = list(authority)
        self.tsa = tsa


class Log:
    """Judges the files of one log (sections 8, 9 and 13)."""

    def __init__(self, paths, given, alone, log_id=None, directory=None, sizes=()):
        self.paths = paths
        self.sizes = set(sizes)     # further sizes at which the root is wanted
        self.tsa = given.tsa
        self.keys = given.keys
        self.outside = given.checkpoint
        self.authority = given.authority
        self.alone = alone
        self.log_id = log_id
        self.directory = directory
        self.findings = []
        self.proven = Spans()
        self.origin = None
        self.key = None
        self.segments = []
        self.torn = []
        self.checkpoint_raw = None
        self.stamped = []           # (name, note) of those that were cosigned or time-stamped
        self.no_notes = set()       # names of those that are not what they must be
        self.replies = []           # (name, reply) of time stamps
        self.stamps_counted = 0
        self.existed_by = {}        # size -> seconds since 1970, of stamps that count
        self.content = None
        self.roots = []
        self.unknown_lines = set()
        self.headless = []          # open segments that were being begun
        self.unread = set()         # first indices, by their names, of files not taken in
        self.told = {}

    def add(self, code, file=None, offset=None, first=None, end=None, text=""):
        """Notes a finding. Of one code no more than a bound are kept."""
        self.told[code] = self.told.get(code, 0) + 1
        if self.told[code] <= FINDINGS_MAX:
            self.findings.append(Finding(code, file, offset, first, end, text))
        elif self.told[code] == FINDINGS_MAX + 1:
            self.findings.append(Finding(code, text="there are more findings of this code"))

    def verdict(self):
        """The worst of the findings."""
        found = {VERDICT_OF.get(f.code, "VALID") for f in self.findings}
        return next((v for v in VERDICTS if v in found), "VALID")

    # Reading.

    def judge(self):
        """All of it."""
        try:
            self.open_files()
            self.judge_open()
        finally:
            for segment in self.segments:
                segment.file.close()
            for file in self.torn + self.headless:
                file.close()

    def open_files(self):
        """Opens the files of the log and takes the segments' headers in. The checkpoint is read
        first, so that a log that grows meanwhile does not seem to lack what it names."""
        for path in sorted(self.paths, key=lambda p: (os.path.basename(p) != "checkpoint", p)):
            name = os.path.basename(path)
            keep, file = False, None
            try:
                file = File(path)
                keep = self.sort_file(file)
            except FileError as error:
                self.unread.add(named_index(name)[0])
                self.add("IO_ERROR", name, text=str(error))
            except FormatError as error:
                self.unread.add(named_index(name)[0])
                self.add(error.code, name, 0, named_index(name)[0], text=str(error))
            finally:
                if file is not None and not keep:
                    file.close()

    def sort_file(self, file):
        """What a file is, by its name and its first bytes (9.1). True when it stays open."""
        if not self.alone and file.name == "checkpoint":
            # One byte more than may be there, so that it is too long and said to be so.
            self.checkpoint_raw = file.read(0, NOTE_BYTES_MAX + 1)
            return False
        if not self.alone and NAME_STAMP.match(file.name):
            self.sort_stamp(file)
            return False
        if not self.alone and NAME_TORN.match(file.name):
            self.torn.append(file)
            return True
        named = named_index(file.name)[0] is not None
        if named and NAME_OPEN.match(file.name) and not has_header(file):
            self.headless.append(file)
            return True
        head = file.read(0, 9)
        if (head[:4] == MAGIC and head[8:9] == b"\x01") or named or self.alone:
            self.segments.append(Segment(file, self.form))
            return True
        self.add("UNKNOWN_FILE", file.name, text="no file of a log")
        return False

    def sort_stamp(self, file):
        """R45, R47: a note that was cosigned or stamped is a checkpoint of the size in its name; one
        that was stamped has two lines. Replies are kept (R48); renewals (R50) are left alone."""
        if ".renewal" in file.name:
            self.leave_stamp(file.name, "renewals are not judged here")
            return
        if file.name.endswith(".tsr"):
            self.replies.append((file.name, file.read(0, REPLY_BYTES_MAX + 1)))
            return
        raw = file.read(0, NOTE_BYTES_MAX + 1)
        self.stamped.append((file.name, raw))
        try:
            if Checkpoint(raw).size != int(file.name[:20]) or (
                    file.name.endswith(".stamped") and raw.count(b"\n\xe2\x80\x94 ") != 2):
                self.add("MALFORMED", file.name, text="lines or size of a note beside (R45, R47)")
                self.no_notes.add(file.name)
        except FormatError:
            pass  # told with the other checkpoints

    def leave_stamp(self, name, text):
        """A time stamp that is not judged: told once."""
        if not self.told.get("STAMP_NOT_CHECKED"):
            self.add("STAMP_NOT_CHECKED", name, text=text)

    def judge_stamps(self):
        """R48: what the replies are over, whose they are, and by when that existed."""
        self.stamps_counted, self.existed_by = 0, {}
        notes = {name[:20]: (name, raw) for name, raw in self.stamped if name.endswith(".stamped")}
        for name, raw in self.replies:
            if name[:20] not in notes:
                self.leave_stamp(name, "the note that a time stamp is over is not here")
                continue
            note, data = notes[name[:20]]
            try:
                stamp = judge_stamp(raw, data, self.tsa)
            except NotTrusted as error:
                if not self.told.get("STAMP_NOT_TRUSTED"):
                    self.add("STAMP_NOT_TRUSTED", name, text=str(error))
                continue
            except FormatError as error:
                self.add(error.code, name, text=str(error))
                continue
            size = int(name[:20])
            proven = any(root.file == note and root.size == size and
                         self.tree.true_roots.get(size) == root.root for root in self.roots)
            if note in self.no_notes:
                continue        # told
            if self.tsa is None or not proven:
                self.leave_stamp(name, "no certificates were given, or the root did not come out")
                continue
            self.stamps_counted += 1
            self.existed_by[size] = min(stamp.existed_by, self.existed_by.get(size, stamp.existed_by))

    def form(self, raw):
        """The Checkpoint when raw is by its form one of this log."""
        try:
            checkpoint = Checkpoint(raw)
        except FormatError:
            return None
        return checkpoint if checkpoint.origin == self.key.name else None

    def fits(self, raw):
        """The Checkpoint when raw is one of this log that the key signed."""
        checkpoint = self.form(raw)
        return checkpoint if checkpoint and checkpoint.signed_by(self.key) else None

    # Judging.

    def judge_open(self):
        """Picks the key by the headers' origin and goes on when there is one."""
        origins = [segment.origin for segment in self.segments if segment.origin]
        if not origins and self.checkpoint_raw:
            try:
                origins = [Checkpoint(self.checkpoint_raw).origin]
            except FormatError:
                pass
        self.key = self.pick_key(origins)
        origin = self.key.name if self.key else origins[0] if origins else None
        self.origin = origin.decode() if origin else None
        if self.origin and self.origin.startswith("exercise."):
            self.add("EXERCISE", text="the log belongs to an exercise")
        if not self.key:
            self.distrust("no key is given whose name is the origin in the headers")
            return
        self.sort_foreign()
        for segment in self.segments:
            segment.scan()
        self.sort_headless()
        self.pick_chain()
        before = list(self.findings), dict(self.told)
        while True:
            try:
                self.judge_log()
                break
            except FileError as error:
                self.findings, self.told = list(before[0]), dict(before[1])
                self.leave_out(error)
                before = list(self.findings), dict(self.told)

    def sort_foreign(self):
        """R24: a header of another origin is a damaged one where the name tells a place that no
        other file has; any other such file is not judged."""
        foreign = [s for s in self.segments if s.origin not in (None, self.key.name)]
        taken = [s.place for s in self.segments if s not in foreign]
        for segment in foreign:
            if segment.by_name is not None and segment.by_name not in taken \
                    and not self.alone:
                segment.leave_header("R24: the header has another origin")
                continue
            self.add("MALFORMED", segment.file.name, 0, text="R24: another log's header")
            self.segments.remove(segment)
            segment.file.close()

    def pick_key(self, origins):
        """The given key that is named as the log; where nothing says the origin, the one whose name
        ends as the directory's, or the first."""
        if origins:
            return next((key for key in self.keys if key.name in origins), None)
        ends = [key for key in self.keys
                if self.log_id and key.name.endswith(b"/" + self.log_id.encode("utf-8", "replace"))]
        return (ends + self.keys + [None])[0]

    def leave_out(self, error):
        """A file could not be read any more: the log is judged without it."""
        self.add("IO_ERROR", error.name, text=str(error))
        left = [s for s in self.segments if s.file.name == error.name]
        if not left:
            self.torn = [file for file in self.torn if file.name != error.name]
        for segment in left:
            self.segments.remove(segment)
            self.unread.add(segment.place)
            segment.file.close()
        self.chain = [s for s in self.chain if s not in left]
        self.others = [(s, best) for s, best in self.others
                       if s not in left and best not in left]

    def distrust(self, text):
        """R32: nothing else is reported as proven or told."""
        self.findings = [f for f in self.findings if f.code == "EXERCISE"]
        self.add("UNTRUSTED_KEY", text=text)
        self.proven = Spans()

    def sort_headless(self):
        """An open segment without a whole header is one that was being begun only at the end of
        the log and when no frame shows itself in it; else it is damaged."""
        end = max([block.end for segment in self.segments for block in segment.items
                   if isinstance(block, Block)], default=0)
        for file in list(self.headless):
            segment = Segment(file, self.form)
            segment.scan()
            frames = [item for item in segment.items
                      if isinstance(item, Block) or item.what != "damage"]
            if segment.by_name < end or frames or segment.stopped:
                self.headless.remove(file)
                self.segments.append(segment)

    def pick_chain(self):
        """Of several files with one first index one counts (9.1); names are compared."""
        by_first = {}
        for segment in self.segments:
            if segment.place is not None:
                by_first.setdefault(segment.place, []).append(segment)
        self.chain, self.others = [], []
        for segment in self.segments:
            behind = [] if segment.place is None else \
                [first for first in by_first if first > segment.place]
            segment.finish(min(behind, default=None))
            self.judge_name(segment)
        for first in sorted(by_first):
            best = max(by_first[first], key=lambda s: (
                s.sealed or s.cut, -1 if s.generation is None else s.generation,
                bool(NAME_OPEN.match(s.file.name)), s.file.size))
            self.chain.append(best)
            for segment in by_first[first]:
                if segment is not best:
                    self.others.append((segment, best))

    def judge_name(self, segment):
        """Remarks about one segment's name and flags."""
        name, header = segment.file.name, segment.header
        if header is None:
            return
        shape = NAME_SEALED if segment.sealed or segment.cut else NAME_OPEN
        if segment.stopped:
            shape = NAME_SEALED if NAME_SEALED.match(name) else NAME_OPEN
        if not self.alone and not (shape.match(name) and segment.by_name == header.first):
            self.add("NAME_DIFFERS", name, 0, text="the name does not fit the header")
        if header.compatible:
            self.add("UNKNOWN_FLAG", name, 0, text="a compatible flag is set")

    def judged_blocks(self, segment):
        """Blocks that belong to the log: of an open segment that is not the last, only those
        before its tail."""
        if self.chain and segment is self.chain[-1]:
            return segment.blocks
        return [block for block in segment.blocks if block.offset < segment.good_end]

    def judge_log(self):
        """From the files taken apart to findings."""
        self.start_notes = []           # (index, raw, file, offset)
        self.roots = []
        self.footers = set()            # places of FOOTERs that were read
        self.unjudged = []              # sizes of checkpoints whose epoch is not known (5.3)
        self.any_signed = self.any_there = False
        self.unknown_lines = set()
        self.untold = []                # (file, offset) of cut bytes of which nobody could tell yet
        for segment in self.segments:
            for code, offset, first, end, text in segment.findings:
                self.add(code, segment.file.name, offset, first, end, text)
            if segment.sealed and not segment.stopped and not segment.damaged:
                text = segment.check_seek()
                if text:
                    self.add("MALFORMED", segment.file.name, segment.seek.offset, text=text)
        self.epochs = Epochs()
        self.wanted = self.collect_sizes()
        self.tree = self.read_tree(self.chain)
        self.read_epochs()
        self.read_checkpoints()
        if self.any_there and not self.any_signed:
            self.distrust("the given key has signed nothing of the log")
            return
        self.solve()
        self.judge_stamps()
        self.judge_content()
        self.judge_chain()
        self.judge_ends()
        for segment, best in self.others:
            self.judge_other(segment, best)
        if not self.proven:
            self.add("EMPTY", text="no entry is proven")

    def raw_checkpoints(self):
        """All checkpoints of the log: (raw, file, offset, greatest size or None)."""
        for segment in self.segments:
            if segment.header and segment.header.checkpoint:
                yield segment.header.checkpoint, segment.file.name, 0, segment.header.first
            for item in segment.items:
                if not isinstance(item, Block) and item.what == "note" \
                        and item.offset < segment.good_end:
                    yield segment.note_raw(item), segment.file.name, item.offset, None
        if self.checkpoint_raw is not None:
            yield self.checkpoint_raw, "checkpoint", 0, None
        for name, raw in self.stamped:
            yield raw, name, 0, None

    def collect_sizes(self):
        """All sizes at which the root may be asked for."""
        sizes = set(self.sizes)
        for raw, *_ in self.raw_checkpoints():
            try:
                sizes.add(Checkpoint(raw).size)
            except FormatError:
                pass
        self.seen_end = max(sizes, default=0)
        if self.outside is not None:
            sizes.add(self.outside.size)
        for segment in self.segments:
            if segment.header:
                sizes.add(segment.header.first)
            for item in segment.items:
                if isinstance(item, Block):
                    sizes.add(item.end)
                elif item.what == "mark":
                    sizes.add(item.size)
        return sizes

    def read_tree(self, segments):
        """Leaves, recorded hashes and ranges, and start notes of these segments."""
        tree = Tree(self.wanted)
        for segment in segments:
            name = segment.file.name
            header = segment.header
            if header:
                tree.add_offer(Offer(header.first, header.range, (name, 0)))
            if header and header.epoch_note:
                self.start_notes.append((None, header.epoch_note, name, 0))
            taken = set(id(block) for block in self.judged_blocks(segment))
            for item in segment.items:
                if isinstance(item, Block):
                    if id(item) in taken:
                        self.read_block(tree, item, name)
                elif item.what == "mark" and item.offset < segment.good_end:
                    if item.size == tree.at or item.dirty:
                        tree.add_offer(Offer(item.size, segment.mark_range(item),
                                             (name, item.offset)))
            if segment.sealed and not segment.stopped:
                self.read_footer(tree, segment)
        return tree

    def read_block(self, tree, block, name):
        """R14, R15, R17 of one block, and its leaves."""
        columns = block.columns()
        payloads = block.payloads(columns)
        tree.go_to(block.first)
        kinds = [kind for n, kind, *_ in columns.runs for _ in range(n)]
        for i, value in enumerate(columns.leaves(payloads)):
            note = kinds[i] == 4
            if note and i in payloads:
                self.start_notes.append((block.first + i, payloads[i], name, block.offset))
            tree.add_leaf(value, note)
        tree.present.append((block.first, block.end))
        for g, value in columns.node_hashes.items():
            tree.add_recorded(g, value, (name, block.offset))
        if block.problem:
            tree.doubtful.append((columns.groups[0] * GROUP, columns.groups[-1] * GROUP + GROUP))

    def read_footer(self, tree, segment):
        """Recorded hashes of the FOOTER: a second word where COLUMNS is damaged."""
        if segment.place is None:
            return
        footer = segment.footer
        first = segment.place
        r = FileReader(segment.file, footer.offset + 8, footer.end)
        place = (segment.file.name, footer.offset)
        try:
            r.take(42)
            end = r.index()
            r.skip(42 * r.uint(4))
            count = r.uint(4)
            if end < first or count != end // GROUP - first // GROUP or count > FOOTER_GROUPS_MAX:
                return
            hashes = r.hashes(count)
            r.skip(34 * (256 + r.uint(4)))
            offer = Offer(end, r.hashes(r.uint(1)), place)
        except FormatError:
            return              # judged with the content
        for i, value in enumerate(hashes):
            tree.add_recorded(first // GROUP + i, value, place)
        self.footers.add(place)
        if len(offer.hashes) == bin(end).count("1"):
            tree.wanted.add(end)
            if tree.at == end or segment.damaged:
                tree.add_offer(offer)

    def read_epochs(self):
        """R9 and R10 for the start notes found: what does not need the tree."""
        self.epoch_errors = []
        self.bad_starts = []
        notes = {}
        for index, raw, file, offset in self.start_notes:
            self.any_there = True
            self.any_signed = self.any_signed or start_note_signed_by(raw, self.key)
            if raw in notes and index in (None, notes[raw][0].index):
                continue
            try:
                note = StartNote(raw, self.key.name, self.key)
                if index is not None and note.index != index:
                    raise EpochError("R9: the index in a start note is not that of its entry")
                self.epochs.add(note)
                notes[raw] = (note, file, offset)
            except EpochError as error:
                self.epoch_error(index, file, offset, str(error))
        for note, file, offset in notes.values():
            try:
                self.epochs.check_links(note)
            except EpochError as error:
                self.epochs.by_number.pop(note.number, None)
                self.epoch_error(note.index, file, offset, str(error))
                continue
            if note.number > 0:
                self.roots.append(Root(note.index, note.root, note.number - 1, file, offset, True))
            elif note.root != EMPTY_ROOT:
                self.epoch_error(0, file, offset, "R9: the root of size 0 is another")

    def epoch_error(self, index, file, offset, text):
        """Something is wrong with a start note."""
        self.epoch_errors.append((index, file, offset, text))
        if index is not None:
            self.bad_starts.append(index)

    def read_checkpoints(self):
        """R6 and R7 for all checkpoints."""
        for raw, file, offset, limit in self.raw_checkpoints():
            self.any_there = True
            checkpoint = self.judge_checkpoint(raw, file, offset)
            if checkpoint and limit is not None and checkpoint.size > limit:
                self.add("MALFORMED", file, offset, text="R20: the header's checkpoint is of a "
                         "size behind its first index")
        if self.outside is not None:
            self.judge_outside()

    def judge_checkpoint(self, raw, file, offset):
        """One checkpoint; when valid it becomes a signed root."""
        try:
            checkpoint = Checkpoint(raw)
            if checkpoint.signed_by(self.key):
                self.any_signed = True
            epoch, unknown = checkpoint.judge(self.key, self.epochs, self.bad_starts)
        except FormatError as error:
            self.add(error.code, file, offset, text="checkpoint: %s" % error)
            return None
        for name, key_id in unknown:
            if (name, key_id) not in self.unknown_lines and not file.endswith(".cosigned"):
                self.unknown_lines.add((name, key_id))
                self.add("UNKNOWN_SIGNATURE", file, offset, text="a line of %s+%s"
                         % (name.decode(), key_id.hex()))
        if epoch is None:
            self.unjudged.append(checkpoint.size)
        else:
            self.roots.append(Root(checkpoint.size, checkpoint.root, epoch, file, offset))
        return checkpoint

    def judge_outside(self):
        """The checkpoint that was given from outside must at least be one of this log, or of another
        one whose key was given, too."""
        self.outside_good = False
        if self.outside.origin != self.key.name and \
                any(key.name == self.outside.origin for key in self.keys):
            return
        try:
            epoch, _ = self.outside.judge(self.key, self.epochs, self.bad_starts)
        except FormatError as error:
            if self.fits(self.outside.raw) and self.outside.size > self.log_end():
                epoch = None        # signed by the log key for an epoch that the log lacks
            else:
                self.add("UNTRUSTED_KEY", "--checkpoint", 0, text=str(error))
                return
        self.outside_good = True
        if epoch is not None:
            self.roots.append(Root(self.outside.size, self.outside.root, epoch, "--checkpoint", 0))

    def log_end(self):
        """The index behind the last entry that is there."""
        return max([b for _, b in Spans(self.tree.present)], default=0)

    def solve(self):
        """Which entries are proven (R11), which are altered, which roots clash (R8)."""
        tree = self.tree
        tree.solve([(root.size, root.root) for root in self.roots])
        covered = {}
        for i in tree.fits:
            root = self.roots[i]
            covered[root.epoch] = max(covered.get(root.epoch, 0), root.size)
        spans = []
        for epoch, size in covered.items():
            note = self.epochs.by_number.get(epoch)
            if note is not None:
                spans.append((note.index, min(size, self.epochs.end_of(epoch))))
        self.proven = tree.proven.intersect(Spans(spans))
        present = Spans(tree.present)
        self.signed_end = max([root.size for root in self.roots], default=0)
        unproven = present.intersect([(0, self.signed_end)]).minus(self.proven)
        doubt = Spans(tree.doubtful).union(Spans(tree.contrary))
        self.altered = unproven.intersect(doubt)
        below = tree.proven.minus(self.proven)
        for a, b in below:
            self.add("EPOCH", None, None, a, b, "R11: no root signed in the entries' own epoch "
                     "covers them")
        self.report_altered()
        self.report_clashes()
        for index, file, offset, text in self.epoch_errors:
            if index is None or not self.altered.holds(index):
                # A checkpoint of an epoch whose start note is bad covers it too (5.3).
                covered_end = max([self.signed_end] + self.unjudged)
                if index is None or index < covered_end or not self.roots:
                    self.add("EPOCH", file, offset, index,
                             None if index is None else index + 1, text)
        for g, _, place in tree.untrue:
            if place not in self.footers:       # R23 tells of those
                self.add("ALTERED", *place, text="R17: the level-8 hash of group %d is not that "
                         "of its entries" % g)
        for offer in tree.wrong:
            if offer.place not in self.footers:
                self.add("MALFORMED", *offer.place, text="the compact range of size %d is not "
                         "that of the log" % offer.size)
        self.footers_wrong = {offer.place for offer in tree.wrong if offer.place in self.footers}

    def report_altered(self):
        """ALTERED by block, or the one finding of its data (section 7, R31)."""
        for segment in self.chain:
            for block in self.judged_blocks(segment):
                mine = self.altered.intersect([(block.first, block.end)])
                self.report_block(segment, block, mine)

    def report_block(self, segment, block, altered):
        """Either that entries of a block are altered, or the first rule that its data breaks."""
        name = segment.file.name
        for a, b in altered:
            self.add("ALTERED", name, block.offset, a, b, block.problem[1] if block.problem
                     else "entries differ from what a signed root covers")
        if block.problem and not altered and block.offset < segment.good_end:
            self.add(block.problem[0], name, block.offset, text="%s; no entry that is signed is "
                     "touched" % block.problem[1])

    def report_clashes(self):
        """R8: signed roots that the log's tree contradicts; R21 where nothing is trusted."""
        tree = self.tree
        for i in tree.clashes:
            root = self.roots[i]
            if root.start_note:
                self.add("EPOCH", root.file, root.offset, root.size, root.size + 1,
                         "R9: the root in a start note is not that of its size")
            else:
                self.add("FORKED", root.file, root.offset, text="a signed root of size %d "
                         "contradicts another signed root" % root.size)
        by_size = {}
        told = {id(self.roots[i]) for i in tree.clashes}
        for root in self.roots:
            other = by_size.setdefault(root.size, root)
            if other.root != root.root and not told & {id(root), id(other)}:
                self.add("FORKED", root.file, root.offset, text="two signed roots of size %d"
                         % root.size)

    def judge_content(self):
        """Numbering and payloads of all proven entries; the FOOTERs; payloads that are not there."""
        def report(code, segment, offset, first, end, text):
            self.add(code, segment.file.name if segment else None, offset, first, end, text)

        self.content = Content(self.proven, self.tail(), self.tree.true_roots, self.epochs, report)
        for segment in self.chain:
            self.content.segment(segment, self.judged_blocks(segment), self.footers_wrong)
        if self.proven.holds(0) and not any(note.index == 0 for note in
                                            self.epochs.by_number.values()):
            if not any(f.code == "EPOCH" for f in self.findings):
                self.add("EPOCH", None, None, 0, 1, "R3: entry 0 is no start note of epoch 0")
        self.judge_absent()

    def judge_orders(self):
        """R38 to R41: which orders are valid, and which are accepted; what of them is told."""
        epoch_keys = [note.key for note in self.epochs.by_number.values()]
        Authority(self.key, epoch_keys, self.authority).judge(self.content.orders)
        for order in self.content.orders:
            if not order.valid and not order.declares:
                self.add("ORDER_NOT_VALID", None, None, order.index, order.index + 1,
                         "R39: the order is not valid and declares no authority")
        self.judge_succession()
        self.judge_not_erased(Spans(
            (a, b) for order in self.content.orders if order.valid and order.action == "erase"
            for a, b in order.spans))

    def judge_succession(self):
        """R52, R54: from which log this one goes on, and who says so."""
        found = self.content.succession
        if found is None:
            return
        known = any(found.confirmed_by(order) for order in self.content.orders)
        self.add("SUCCESSION" if known else "SUCCESSION_UNCONFIRMED", None, None, 1, 2,
                 "R54: goes on from %s of %d entries; %d behind them are lost"
                 % (found.origin.decode(), found.size, found.lost))

    def judge_not_erased(self, ordered):
        """Payloads that are there though a valid order takes them out (10.5)."""
        for segment in self.chain + [segment for segment, _ in self.others]:
            for block in self.judged_blocks(segment):
                mine = ordered.intersect(self.proven).intersect([(block.first, block.end)])
                if not mine:
                    continue
                columns = block.columns()
                for i, row in enumerate(columns.rows()):
                    if row[0] in (0, 7) and i not in columns.absent and mine.holds(block.first + i):
                        self.add("NOT_ERASED", segment.file.name, block.offset, block.first + i,
                                 block.first + i + 1, "a valid order takes the payload out")
                        return

    def judge_absent(self):
        """R33: every payload that is not there has an order, and who gave it."""
        self.judge_orders()
        newest = max([b for _, b in self.proven], default=0)
        for state, action in ((1, "erase"), (3, "expire")):
            orders = [order for order in self.content.orders if order.action == action]
            accepted = spans_of(orders, True)
            ordered = spans_of(orders, False).minus(accepted)
            for a, b, name, offset in self.content.absent.get(state, []):
                span = Spans([(a, b)])
                for c, d in span.intersect(accepted):
                    self.add("ERASED", name, offset, c, d, "payloads are not there, by an order")
                for c, d in span.intersect(ordered):
                    self.add("ERASED_UNAUTHORISED", name, offset, c, d, "R33: payloads are not "
                             "there, and the order for it is not one of a known authority")
                for c, d in span.minus(accepted).minus(ordered):
                    self.report_taken_out(name, offset, c, d, newest)

    def report_taken_out(self, name, offset, first, end, newest):
        """R33, third case: no order says why these payloads are not there."""
        whole = max([a for a, b in self.proven if b == newest], default=newest)
        if self.alone:
            whole = end         # an order may stand in another segment
        if first < whole:
            self.add("MISSING", name, offset, first, min(end, whole), "R33: payloads are not there, "
                     "and an order that says why may stand in what is not here")
        if end > whole:
            self.add("ALTERED", name, offset, max(first, whole), end, "R33: payloads were taken "
                     "out, and no order says so")

    # Files against each other.

    def judge_chain(self):
        """R24, R25, R27, R29."""
        expected, before = 0, None
        for segment in self.chain:
            first = segment.place
            name = segment.file.name
            if first > expected and not (self.alone and before is None):
                self.judge_hole(expected, first, before)
            elif first < expected:
                self.add("MALFORMED", name, 0, first, expected, "R25: entries that the segment "
                         "before holds too")
            for a, b in segment.lost:
                self.report_lost(name, a, b)
            linked = before is not None and first == expected
            if segment.header and (linked or (before is None and first == 0)):
                self.judge_link(segment, before)
            blocks = self.judged_blocks(segment)
            expected = blocks[-1].end if blocks else first
            before = segment
        self.chain_end = expected
        if self.alone:
            return
        self.judge_torn()
        self.judge_manifests()

    def judge_hole(self, first, end, before):
        """R25: what is said of entries that are nowhere, by what stands where they should begin."""
        if first in self.unread or (before is not None and before.stopped):
            return
        if before is not None and before.loose:
            self.report_lost(before.file.name, first, end)
        else:
            self.add("MISSING", None, None, first, end, "R25: no file holds these entries")

    def report_lost(self, name, first, end):
        """Entries that were lost in damage (R35)."""
        for a, b in Spans([(first, end)]).intersect([(0, self.signed_end)]):
            self.add("ALTERED", name, None, a, b, "R35: entries were lost in damage")

    def judge_link(self, segment, before):
        """`previous` and claim (R24); the newest start note (6.2)."""
        header = segment.header
        if before is not None and before.header:
            if header.previous != before.digest:
                self.add("ALTERED", before.file.name, 0, text="R24: the header is not the one that "
                         "the next header names (%s)" % segment.file.name)
            if header.claim < before.header.claim:
                self.add("MALFORMED", segment.file.name, 0, text="R24: the claim falls")
        elif before is None and header.first == 0 and header.previous != bytes(32):
            self.add("MALFORMED", segment.file.name, 0, text="the first header names one before")
        notes = [(n.index, n.raw) for n in self.epochs.by_number.values()
                 if n.index < header.first]
        if header.epoch_note and notes and max(notes)[1] != header.epoch_note and \
                not any((file, offset) == (segment.file.name, 0)
                        for _, file, offset, _ in self.epoch_errors):
            self.add("EPOCH", segment.file.name, 0, text="the epoch note is not the newest one "
                     "before the segment")

    def judge_torn(self):
        """R27 for .torn files and for tails of open segments that are not the last."""
        cuts = [(file, 0, int(file.name[:20])) for file in self.torn]
        cuts += [(s.file, s.good_end, after.place) for s, after in zip(self.chain, self.chain[1:])
                 if not s.like_sealed and not s.stopped and s.good_end < s.file.size]
        for file, start, index in cuts:
            digest = base64.b64encode(file.digest(hashlib.sha256(), start)).decode()
            if (file.size - start, digest) in self.content.recoveries:
                continue
            if self.log_end() > index:
                self.add("ALTERED", file.name, start, text="R27: no recovery event tells of these "
                         "%d bytes" % (file.size - start))
            elif file.size > start:
                self.untold.append((file.name, start))

    def judge_manifests(self):
        """R29, FILE_DIFFERS, NO_MANIFEST, and what manifests say of roots and positions."""
        for index, value, place in self.content.manifest_list:
            self.judge_manifest_words(index, value, place)
        for first, (index, value) in sorted(self.content.manifests.items()):
            segment = self.manifest_file(first, value)
            if segment is not None:
                self.judge_manifest(segment, value)
            elif not self.listed(value["file"]) and not self.ordered_away(value):
                self.add("MISSING", value["file"], None, first, int(value["end"]),
                         "R29: entry %d names a file that is not there" % index)
        for segment in self.chain[:-1]:
            if segment.sealed and segment.place not in self.content.manifests:
                self.add("NO_MANIFEST", segment.file.name, text="no entry tells of this segment")

    def manifest_file(self, first, value):
        """The sealed segment that a manifest means, under whatever name it is there."""
        found = [s for s in self.segments if s.sealed and s.place == first
                 and s.generation in (value["generation"], None)]
        return max(found, key=lambda s: s.generation is not None, default=None)

    def listed(self, name):
        """True when a file of that name was in the directory."""
        return any(os.path.basename(path) == name for path in self.paths)

    def ordered_away(self, value):
        """True when erase or expire orders cover all entries of a manifest's file."""
        gone = Spans((a, b) for order in self.content.orders if order.action in TAKES_OUT
                     for a, b in order.spans)
        return gone.covers(int(value["first"]), int(value["end"]))

    def judge_manifest_words(self, index, value, place):
        """What any manifest says of the log, whether or not it counts."""
        segment, offset, first, end = place
        name = segment.file.name
        last = int(value["end"])
        root = self.tree.true_roots.get(last)
        if last > index:
            self.add("MALFORMED", name, offset, first, end, "a manifest's end is behind its entry")
        elif root is not None and value["root"] != base64.b64encode(root).decode():
            self.add("MALFORMED", name, offset, first, end, "the root in a manifest is not that of "
                     "its size")
        positions = self.content.positions_at.get(last)
        if positions is not None and value["positions"] != positions:
            self.add("NUMBERING", name, offset, first, end, "the positions root in a manifest is "
                     "not that of its size")
        if "order" in value and self.proven.holds(int(value["order"])) and \
                not self.caused_by(value, index):
            self.add("MALFORMED", name, offset, first, end, "R42: what a manifest names as its "
                     "order is none before it that takes out something of the segment")

    def caused_by(self, value, index):
        """R42: True when the order that a manifest names can be the cause of its generation."""
        span = Spans([(int(value["first"]), int(value["end"]))])
        return any(order.index == int(value["order"]) < index and order.action in TAKES_OUT
                   and span.intersect(Spans(order.spans)) for order in self.content.orders)

    def judge_manifest(self, segment, value):
        """The file that a manifest names, against the manifest."""
        name = segment.file.name
        if segment.header and value["header"] != base64.b64encode(segment.digest).decode():
            self.add("ALTERED", name, 0, text="the header is not the one that the manifest names")
        if segment.stopped:
            return
        digest = base64.b64encode(segment.file.digest(hashlib.sha512())).decode()
        if int(value["bytes"]) != segment.file.size or value["sha512"] != digest:
            self.add("FILE_DIFFERS", name, text="the file is not byte by byte the one that the "
                     "manifest names")
        elif value.get("frames", "") not in \
                ("", base64.b64encode(segment.frames_digest()).decode()):
            self.add("MALFORMED", name, text="10.2: the manifest names another digest of frames")

    # The end of the log.

    def judge_ends(self):
        """R28, ROLLED_BACK, tails."""
        end = self.log_end()
        sizes = [root.size for root in self.roots
                 if root.file != "--checkpoint" and not root.start_note]
        top = max(sizes, default=0)
        if top > end and not self.alone:
            self.judge_hole(end, top, self.chain[-1] if self.chain else None)
        if self.outside is not None and self.outside_good and not self.alone \
                and self.outside.size > end:
            self.add("ROLLED_BACK", "--checkpoint", 0, end, self.outside.size,
                     "the log is smaller than the checkpoint that was given")
        last = self.chain[-1] if self.chain else None
        tail, bytes_behind = Spans(), False
        if last is not None and not last.stopped:
            tail = self.tail()
            bytes_behind = last.good_end < last.file.size
        if tail or bytes_behind or self.untold or any(file.size for file in self.headless):
            self.judge_tail(tail, last, bytes_behind)

    def tail(self):
        """Section 9.3: entries from n on."""
        sizes = [root.size for root in self.roots
                 if root.file != "--checkpoint" and not root.start_note]
        end = self.log_end()
        reached = max([size for size in sizes if size <= end] + self.unjudged, default=0)
        return Spans(self.tree.present).intersect([(reached, INDEX_END)]) \
            .minus(self.altered).minus(self.proven)

    def judge_tail(self, tail, last, bytes_behind):
        """Section 9.3: looks a second time, then names the tail."""
        first = min([a for a, _ in tail], default=None)
        end = max([b for _, b in tail], default=None)
        flight = self.second_look(last, end or 0)
        code = "TAIL_IN_FLIGHT" if flight else "TAIL_UNSIGNED"
        for file in self.headless:
            if file.size > 0:
                self.add(code, file.name, 0, text="%d bytes of a segment that was being begun"
                         % file.size)
        for name, offset in self.untold:
            self.add(code, name, offset, text="bytes that no recovery event tells of yet")
        if tail or bytes_behind:
            self.add(code, last.file.name, last.good_end if bytes_behind else None, first, end,
                     "the log is being written" if flight
                     else "entries or bytes behind the newest checkpoint, or the limit")

    def second_look(self, last, end):
        """True when the log went on since the first look."""
        time.sleep(SECOND_LOOK_SECONDS)
        newest = self.seen_end
        if self.directory is not None:
            if self.newer_segment(max(end, self.log_end())):
                return True
            newest = max(newest, self.checkpoint_again())
        if last is None:
            return False
        again = self.segment_again(last)
        if again is not None and again.digest != last.digest:
            return False
        for item in again.items if again is not None else []:
            if isinstance(item, Block) or item.what not in ("mark", "note"):
                continue
            fits = self.fits(again.note_raw(item)) if item.what == "note" else None
            newest = max(newest, fits.size if fits else 0)
            if item.end > last.file.size and (fits or (item.what == "mark" and item.good)):
                return True
        whole = last.like_sealed or last.good_end == last.file.size
        return (whole or again is None) and newest >= end and newest > self.seen_end

    def newer_segment(self, end):
        """True when a segment now begins behind all that the first look saw."""
        try:
            names = os.listdir(self.directory)
        except OSError:
            return False
        begun_before = {file.name for file in self.headless}
        seen = {os.path.basename(path) for path in self.paths} - begun_before
        for name in names:
            index = named_index(name)[0]
            if name in seen or index is None or index < end:
                continue
            again = self.segment_again(None, os.path.join(self.directory, name))
            if again is not None and again.header and again.header.origin == self.key.name:
                return True
        return False

    def checkpoint_again(self):
        """Size of the checkpoint in the directory now, if it is one of this log."""
        try:
            file = File(os.path.join(self.directory, "checkpoint"))
            try:
                checkpoint = self.fits(file.read(0, NOTE_BYTES_MAX + 1))
            finally:
                file.close()
        except FileError:
            return 0
        return checkpoint.size if checkpoint else 0

    def segment_again(self, last, path=None):
        """A segment read a second time; None when it is not there any more, or is no segment."""
        try:
            file = File(path or last.file.path)
            try:
                again = Segment(file, self.form)
                again.scan()
            finally:
                file.close()
        except (FormatError, FileError):
            return None
        return again

    def judge_other(self, segment, best):
        """A further file with the first index of another (9.1): it must not contradict."""
        name = segment.file.name
        self.add("DUPLICATE_FILE", name, 0, text="%s counts in its place" % best.file.name)
        if segment.header and best.header and segment.digest != best.digest:
            self.add("ALTERED", name, 0, text="the header differs from that of %s"
                     % best.file.name)
        notes, footers = self.start_notes, self.footers
        self.start_notes = []
        tree = self.read_other(segment)
        self.start_notes, self.footers = notes, footers
        roots = [(root.size, root.root) for root in self.roots]
        roots += [(size, root) for size, root in self.tree.true_roots.items() if size]
        tree.solve(sorted(set(roots)))
        for i in tree.clashes:
            self.add("FORKED", name, text="signed roots over this file contradict a signed root "
                     "of size %d" % tree.roots[i][0])
        doubt = Spans(tree.doubtful).union(Spans(tree.contrary))
        unproven = Spans(tree.present).intersect([(0, self.signed_end)]).minus(tree.proven)
        altered = unproven.intersect(doubt)
        for block in self.judged_blocks(segment):
            self.report_block(segment, block, altered.intersect([(block.first, block.end)]))

    def read_other(self, segment):
        """The tree of one file alone, before its tail."""
        chain, self.chain = self.chain, []
        try:
            return self.read_tree([segment])
        finally:
            self.chain = chain

    # Output.

    def report(self):
        """One JSON object."""
        newest = max(self.existed_by, default=None)
        stamps = {} if newest is None else {"stamped_size": newest,
                                            "stamped_existed_by_s": self.existed_by[newest]}
        return {"origin": self.origin, "verdict": self.verdict(), **stamps,
                "stamps_counted": self.stamps_counted,
                "codes": sorted({f.code for f in self.findings}),
                "proven": [list(span) for span in self.proven],
                "findings": [f.fields() for f in self.findings]}


def judge_directory(path, given, sizes=()):
    """A log's directory. When a file went away meanwhile (it was sealed), looks again."""
    for attempt in range(TRIES):
        try:
            paths = [os.path.join(path, name) for name in sorted(os.listdir(path))]
        except OSError as error:
            log = Log([], given, False)
            log.add("IO_ERROR", os.path.basename(path), text=str(error.strerror))
            return log
        name = os.path.basename(os.path.realpath(path))
        log = Log(paths, given, False, name, path, sizes)
        log.judge()
        if log.verdict() == "VALID" or all(os.path.lexists(p) for p in paths):
            break
    if log.origin and not log.origin.endswith("/" + name):
        log.add("NAME_DIFFERS", name, text="the directory has not the name of the log")
    return log


def judge_path(path, given):
    """The logs at PATH and findings of the store itself."""
    if not os.path.isdir(path):
        log = Log([path], given, True)
        log.judge()
        return [log]
    names = sorted(os.listdir(path))
    ids = [name for name in names if LOG_ID.match(name)
           and os.path.isdir(os.path.join(path, name))]
    if not ids:
        return [judge_directory(path, given)]
    logs = []
    for name in ids:
        if os.path.islink(os.path.join(path, name)):
            log = Log([], given, False)
            log.add("IO_ERROR", name, text="a link is not followed")
        else:
            log = judge_directory(os.path.join(path, name), given)
        logs.append(log)
    for name in names:
        if name not in ids and name not in STORE_OTHER:
            logs[0].add("UNKNOWN_FILE", name, text="no file of a store")
    return logs


def compare_successions(logs, given):
    """R53: every succession against the old log, where that is among the logs, and by its key."""
    for log in logs:
        found = log.content.succession if log.content else None
        if found is None:
            continue
        old = next((other for other in logs if other is not log and other.key and
                    other.directory and other.key.name == found.origin), None)
        key = next((key for key in given.keys if key.name == found.origin), None)
        roots = found.roots()
        if key is not None:
            if key.public != found.key.public:
                falsify(log, "it names another key of the old log than the one given")
            for note in found.notes:
                if note.signed_by(key):
                    roots.append((note.size, note.root))
                else:
                    falsify(log, "a checkpoint in it is not signed by the old log's key")
            if given.checkpoint and given.checkpoint.signed_by(key):
                compare_size(log, found, given.checkpoint.size)
        if old is not None:
            compare_old(log, found, old, roots, given)


def compare_old(log, found, old, roots, given):
    """The old log itself: roots of sizes that are all proven, and how far it is signed."""
    again = judge_directory(old.directory, given, [size for size, _ in roots])
    for size, root in roots:
        if not Spans([(0, size)]).minus(again.proven) and \
                again.tree.true_roots.get(size, root) != root:
            falsify(log, "a root in it is not that of the old log's entries")
    signed = max([root.size for root in old.roots
                  if not root.start_note and root.file != "--checkpoint"], default=0)
    compare_size(log, found, signed)
    if found.size < signed <= found.known:
        log.add("SUCCESSION", None, None, 1, 2, "R53: entries that it calls lost are here")


def compare_size(log, found, size):
    """What the old log is signed for, against what the successor knew of."""
    if size > found.known:
        falsify(log, "the old log is signed for more entries than it knows of")


def falsify(log, text):
    """A succession that is contradicted."""
    log.add("SUCCESSION_FALSE", None, None, 1, 2, "R53: " + text)


def given_key(text):
    """A key that was given: a vkey of type 01 whose key section 4.2 (1) does not refuse."""
    key = Key.parse(text.strip().encode())
    if not point_is_sound(key.public):
        raise Malformed("the public key is not canonical, or not in the prime-order subgroup")
    return key


def main():
    """Reads the arguments, judges, prints."""
    parser = argparse.ArgumentParser(description="independent verifier of an Akashi store")
    parser.add_argument("path", nargs="+")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--authority", action="append", default=[])
    parser.add_argument("--tsa-ca")
    parser.add_argument("--checkpoint")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        keys = [given_key(text) for text in args.key]
        outside = None
        if args.checkpoint:
            with open(args.checkpoint, "rb") as stream:
                outside = Checkpoint(stream.read(NOTE_BYTES_MAX + 1))
        authority = [authority_key(text.strip()) for text in args.authority]
        given = Given(keys, outside, authority, args.tsa_ca)
        logs = [log for path in args.path for log in judge_path(path, given)]
        compare_successions(logs, given)
    except (FormatError, OSError) as error:
        print("NOT CHECKABLE: %s" % clean(str(error)), file=sys.stderr)
        return EXIT["NOT CHECKABLE"]
    for log in logs:
        if args.json:
            print(json.dumps(log.report(), sort_keys=True))
        else:
            for finding in log.findings:
                print(finding.line())
    verdict = min((log.verdict() for log in logs), key=VERDICTS.index)
    if not args.json:
        print("%s %d" % (verdict, sum(log.proven.count() for log in logs)))
    return EXIT[verdict]


if __name__ == "__main__":
    sys.exit(main())
