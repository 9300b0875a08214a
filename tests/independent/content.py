"""What the entries of a log say once they are proven: numbering, time, own payloads, positions
(docs/format.md sections 3, 7 R18, 9.2 R26 and 10.4), and the FOOTERs derived from them (6.7)."""

import base64
import hashlib
import struct
import time

from orders import Order
from payloads import check_own
from primitives import FormatError, Malformed, range_levels, tree_root
from segment import FileReader
from succession import INDEX, MOST, read_succession
from tree import Spans

SOURCES_MAX = 1048576
OWN_SOURCES = 256
KINDS_ASSIGNED = 9
KINDS_CRITICAL = 128


class Content:
    """Walks all entries in order. `report(code, segment, offset, first, end, text)`."""

    def __init__(self, proven, tail, true_roots, epochs, report):
        self.proven = proven
        self.tail = tail
        self.true_roots = true_roots
        self.epochs = epochs
        self.starts = {note.index for note in epochs.by_number.values()}
        self.report = report
        self.succession = None
        self.successions = 0        # further ones
        self.has_second = False     # entry 1 is proven
        self.next_seq = {}
        self.latest = {}
        self.declared = []
        self.complete = False
        self.clock = None
        self.epoch = None
        self.expected = None
        self.manifests = {}         # first -> (index, object), the last one of each
        self.manifest_list = []
        self.orders = []            # Order of every proven entry of kind 5
        self.absent = {}            # state -> [first, end, file, offset]
        self.recoveries = set()     # (length, digest)
        self.positions_at = {}
        self.seen = set()
        self.now = time.time_ns()
        self.future = False
        self.remarked = set()

    def forget(self):
        """Behind a hole each source and the clock start anew (R26)."""
        self.next_seq, self.latest, self.declared = {}, {}, []
        self.complete, self.clock, self.epoch = False, None, None

    def segment(self, segment, blocks, wrong_footers):
        """All entries of one segment, then its FOOTER. `wrong_footers`: places of those whose range
        the tree contradicts."""
        self.seen = set()
        table, node_hashes = [], []
        self.whole = True
        for block in blocks:
            columns = block.columns()
            self.block(segment, block, columns)
            table.append(self.footer_row(block, columns))
            node_hashes += [columns.node_hashes[g] for g in columns.full_groups]
        if blocks:
            end = blocks[-1].end
            if self.complete:
                self.positions_at[end] = self.positions_root()
        if segment.sealed:
            self.footer(segment, blocks, table, node_hashes, wrong_footers)

    def block(self, segment, block, columns):
        """All entries of one block."""
        payloads = None
        span = Spans([(block.first, block.end)])
        judged = span.intersect(self.proven)
        self.take_absent(segment, block, columns, judged)
        whole = judged.count() == block.count
        if not whole:
            self.whole = False
        needed = any(kind not in (0, 7) for _, kind, *_ in columns.runs)
        if needed:
            payloads = block.payloads(columns)
        for i, row in enumerate(columns.rows()):
            index = block.first + i
            proven = whole or self.proven.holds(index)
            payload = payloads.get(i) if row[0] not in (0, 7) else None
            if not proven:
                self.forget()
                self.expected = None
                if row[0] == 3 and payload is not None and self.tail.holds(index):
                    self.recovery(payload)
                continue
            if index != self.expected:
                self.forget()
                self.complete = index == 0
            self.expected = index + 1
            self.has_second = self.has_second or index == INDEX
            try:
                self.number(index, *row)
            except FormatError as error:
                self.report("NUMBERING", segment, block.offset, index, index + 1, str(error))
            self.time(segment, block, index, row)
            if row[0] != 4 and (index == 0 or index in self.starts):
                self.report("EPOCH", segment, block.offset, index, index + 1,
                            "R3, R37: the entry is no start note")
            if row[0] not in (0, 7):
                self.own(segment, block, index, row, payload)
            self.count(index, *row)

    def take_absent(self, segment, block, columns, judged):
        """Keeps which proven entries have no payload (R33)."""
        for i, (state, _) in columns.absent.items():
            index = block.first + i
            spans = self.absent.setdefault(state, [])
            if not judged.holds(index):
                continue
            if spans and spans[-1][1] == index and spans[-1][3] == block.offset:
                spans[-1][1] = index + 1
            else:
                spans.append([index, index + 1, segment.file.name, block.offset])

    def number(self, index, kind, source, seq, clock_run, received):
        """R1 to R5 but R3."""
        if source < OWN_SOURCES and kind in (0, 7):
            raise Malformed("R1: a received entry has the source %d" % source)
        if source >= OWN_SOURCES and self.complete and source - OWN_SOURCES >= len(self.declared):
            raise Malformed("R1: source %d is not declared before" % source)
        expected = self.next_seq.get(source, 0 if self.complete else None)
        if expected is not None and seq != expected:
            raise Malformed("R2: source %d has number %d where %d must be"
                            % (source, seq, expected))
        if self.clock is None:
            if index == 0 and clock_run != 0:
                raise Malformed("R5: clock_run of entry 0 is not 0")
            return
        same = clock_run == self.clock[0] and received >= self.clock[1]
        risen = clock_run == self.clock[0] + 1 and received < self.clock[1]
        if not same and not risen:
            raise Malformed("R5: clock_run %d and received %d stand behind %d and %d"
                            % (clock_run, received, *self.clock))

    def count(self, index, kind, source, seq, clock_run, received):
        """The entry is taken into the positions."""
        self.clock = (clock_run, received)
        self.next_seq[source] = seq + 1
        self.latest[source] = (index, received)
        self.seen.add(source)
        if kind == 1:
            if len(self.declared) == SOURCES_MAX:
                self.remark("LIMIT", None, 0, index, "more than 1,048,576 sources are declared")
            else:
                self.declared.append(index)

    def remark(self, code, segment, offset, index, text, key=None):
        """Reports once for each (code, key)."""
        if (code, key) not in self.remarked:
            self.remarked.add((code, key))
            self.report(code, segment, offset, index, index + 1, text)

    def time(self, segment, block, index, row):
        """Remarks about time."""
        if self.clock is not None and row[3] > self.clock[0]:
            self.report("CLOCK_STEP", segment, block.offset, index, index + 1, "clock_run rises")
        if row[4] > self.now:
            self.remark("FUTURE", segment, block.offset, index, "received lies in the future")

    def own(self, segment, block, index, row, payload):
        """R18, R3, R10, R30, and what is kept for other rules."""
        kind = row[0]
        place = (segment, block.offset, index, index + 1)
        if kind >= KINDS_CRITICAL:
            self.report("UNSUPPORTED", *place, "kind %d may change the meaning of others" % kind)
        elif kind >= KINDS_ASSIGNED:
            self.remark("UNKNOWN_KIND", segment, block.offset, index,
                        "kind %d is not known" % kind, kind)
        if kind >= KINDS_ASSIGNED or payload is None:
            return
        if kind == 4:
            self.epoch_begins(place, payload)
            return
        if kind == 5:
            self.orders.append(Order(index, row[2], payload))
            if self.orders[-1].error:
                self.report("MALFORMED", *place, "order: %s" % self.orders[-1].error)
            return
        try:
            value = check_own(kind, payload)
        except FormatError as error:
            self.report("MALFORMED", *place, "payload of kind %d: %s" % (kind, error))
            return
        if kind == 2:
            self.manifests[int(value["first"])] = (index, value)
            self.manifest_list.append((index, value, place))
        elif kind == 3:
            self.recovery(payload)
            if value["event"] == "succession":
                self.begins_behind(place, index, value)
        elif kind == 8 and self.complete:
            if value["sources"] != len(self.declared) or \
                    value["positions"] != self.positions_root():
                self.report("NUMBERING", *place, "R30: the positions root is not that of the "
                            "entries before")

    def epoch_begins(self, place, payload):
        """R10 for a proven start note; the note itself is judged with the epochs."""
        note = next((n for n in self.epochs.by_number.values() if n.raw == payload), None)
        if note is None:
            return
        if self.epoch is not None and note.number != self.epoch + 1 or \
                self.complete and self.epoch is None and note.number != 0:
            self.report("EPOCH", *place, "R10: epoch %d begins out of order" % note.number)
        self.epoch = note.number

    def begins_behind(self, place, index, value):
        """R51: this log goes on from another one."""
        try:
            found = read_succession(value, index)
            if index == INDEX:
                self.succession = found
                return
            self.successions += 1
            if self.successions >= MOST:
                raise Malformed("R51: more than %d successions" % MOST)
            if self.succession is not None:
                self.succession.take(found)
            elif self.has_second:
                raise Malformed("R51: entry 1 is no succession")
        except Malformed as error:
            self.report("MALFORMED", *place, str(error))

    def recovery(self, payload):
        """Keeps what recovery events tell of cut bytes (R27)."""
        try:
            value = check_own(3, payload)
        except FormatError:
            return
        if value["event"] == "recovery":
            self.recoveries.add((int(value["cut"]), value["sha256"]))

    def position_seq(self, ordinal):
        """next_seq of a source as u48; the number behind the last one that is allowed is 0."""
        return (self.next_seq.get(ordinal, 0) & (1 << 48) - 1).to_bytes(6, "big")

    def positions_root(self):
        """Section 10.4, as base64."""
        leaves = []
        for ordinal in range(OWN_SOURCES + len(self.declared)):
            latest = self.latest.get(ordinal, (0, 0))
            leaves.append(struct.pack(">I", ordinal)
                          + self.position_seq(ordinal)
                          + struct.pack(">QQ", *latest))
        return base64_text(tree_root(leaves))

    @staticmethod
    def footer_row(block, columns):
        """The row of a block in the FOOTER."""
        kinds = 0
        for _, kind, *_ in columns.runs:
            kinds |= 1 << (kind if kind < 15 else 15)
        first, last = columns.runs[0], columns.runs[-1]
        return struct.pack(">QQIHQHQH", block.offset, block.first, block.count, first[4],
                           first[5], last[4], last[5], kinds)

    def footer(self, segment, blocks, table, node_hashes, wrong_footers):
        """R23 for the FOOTER: one finding. With damage in the segment `self` alone is judged."""
        footer = segment.footer
        place = (segment, footer.offset, None, None)
        start, end = footer.offset + 8, footer.end
        if end - start < 34 + 32:
            self.report("MALFORMED", *place, "R23: the footer is too short")
        elif segment.file.read(end - 32, 32) != segment.file.digest(hashlib.sha256(), start,
                                                                    end - 32):
            self.report("ALTERED", *place, "R23: the footer's digest of itself does not come out")
        elif segment.damaged:
            return
        elif segment.file.read(start + 2, 32) != segment.frames_digest():
            self.report("ALTERED", *place, "R23: the footer's digest of the frames does not come "
                        "out")
        elif (segment.file.name, footer.offset) in wrong_footers:
            self.report("MALFORMED", *place, "R23: the footer's range is not that of the log")
        else:
            try:
                self.footer_fields(segment, FileReader(segment.file, start + 34, end), blocks,
                                   table, node_hashes)
            except FormatError as error:
                self.report(error.code, *place, "R23: %s" % error)

    def footer_fields(self, segment, r, blocks, table, node_hashes):
        """All fields of the FOOTER but the two digests and the range, which the tree judges."""
        first = segment.header.first
        end = blocks[-1].end if blocks else first
        if r.uint(8) != first or r.uint(8) != end:
            raise Malformed("the footer's first or end is not that of the segment")
        if r.uint(4) != len(table) or r.take(42 * len(table)) != b"".join(table):
            raise Malformed("the footer's list of blocks is not that of the segment")
        if r.uint(4) != len(node_hashes) or r.hashes(len(node_hashes)) != node_hashes:
            raise Malformed("the footer's level-8 hashes are not those of the segment")
        declared = r.uint(4)
        if declared > SOURCES_MAX or (self.complete and declared != len(self.declared)):
            raise Malformed("the footer's number of sources is not that of the log")
        positions = r.take(34 * (OWN_SOURCES + declared))
        if r.uint(1) != len(range_levels(end)):
            raise Malformed("the range of the footer has not popcount(end) hashes")
        r.hashes(len(range_levels(end)))
        r.take(32)
        r.end()
        if self.whole:
            self.footer_positions(positions, declared)

    def footer_positions(self, raw, declared):
        """Positions of the sources that were seen; of all when the log is known from its start."""
        for ordinal in range(OWN_SOURCES + declared):
            position = raw[34 * ordinal:34 * ordinal + 34]
            if ordinal not in self.seen and not self.complete:
                if position[:4] != struct.pack(">I", ordinal):
                    raise Malformed("the footer's positions are not in order")
                continue
            latest = self.latest.get(ordinal, (0, 0))
            expected = struct.pack(">I", ordinal) \
                + self.position_seq(ordinal) + struct.pack(">QQ", *latest)
            declaration = 0
            if ordinal >= OWN_SOURCES:
                if not self.complete:
                    declaration = None
                else:
                    declaration = self.declared[ordinal - OWN_SOURCES]
            if position[:26] != expected or (
                    declaration is not None and position[26:] != struct.pack(">Q", declaration)):
                raise Malformed("the footer's position of source %d is not that of the log"
                                % ordinal)


def base64_text(value):
    """Base64 as a string."""
    return base64.b64encode(value).decode()
