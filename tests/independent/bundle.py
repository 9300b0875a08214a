#!/usr/bin/python3
"""Independent judge of bundles, written from docs/format.md section 14 alone.

    bundle.py BUNDLE [--key VKEY]... [--authority VKEY]... [--custody-key VKEY]...
              [--expect WHAT]... [--json]

BUNDLE is a directory or a ustar archive. WHAT is index:A-B (both ends in), or from:NS and to:NS
with source:NUMBER (may be repeated) or identity:TEXT, and events; NS are nanoseconds since 1970. One
line for each finding and each claim, last the verdict. With --json one object. Derived copies (14.8),
policies and what authorities say in time stamps are not looked at; what they stamped is.
"""

import argparse
import base64
import json
import struct
import sys

sys.dont_write_bytecode = True

from bundle_complete import Range, complete
from bundle_custody import judge_custody
from bundle_files import (BLACKED_OUT, ERASED, EXPIRED, IN_PART, RECEIVED, SECOND, SHOWN, Proof,
                          cut_parts, give_texts, load, read_about, read_entries, read_openings,
                          read_positions)
from notes import Checkpoint, Epochs, StartNote
from orders import Authority, Order, authority_key
from payloads import check_own
from primitives import (Altered, EpochError, FormatError, Malformed, commit_parts,
                        commit_whole, fold, inclusion_root, leaf_hash, push_node, sha256)
from succession import read_succession
from verify import EXIT, VERDICTS, VERDICT_OF, clean, given_key

CLAIMS = ("authentic", "complete", "redacted", "time", "custody")
NOT_CLAIMED = "NOT CLAIMED"
NOT_PROVEN = "NOT PROVEN"       # a claim that rests on claim 1 where that proves nothing
OWN_SOURCES = 256
KINDS_ASSIGNED = 9
KINDS_CRITICAL = 128


class Judge:
    """Judges one bundle. `findings`: (claim, code, text)."""

    def __init__(self, keys, custody_keys=(), wanted=None, authority=()):
        self.keys, self.custody_keys, self.wanted = keys, list(custody_keys), wanted
        self.authority = list(authority)
        self.findings = []
        self.entries, self.counts = [], []
        self.about = self.checkpoint = self.key = self.positions = None
        self.epochs = Epochs()
        self.proven = False     # the fold led to the signed root
        self.claimed = {"authentic": True, "complete": True, "redacted": True, "time": False,
                        "custody": True}

    def add(self, claim, code, text):
        """Notes a finding."""
        self.findings.append((claim, code, text))

    def verdict_of(self, claim):
        """Of one claim."""
        found = {VERDICT_OF.get(code, "NOT CHECKABLE") for c, code, _ in self.findings
                 if c == claim}
        # What is broken is told also where nothing was claimed.
        if not self.claimed[claim] and "INVALID" not in found:
            return NOT_CLAIMED
        return next((v for v in VERDICTS if v in found), "VALID")

    def verdict(self):
        """The worst of the claims that somebody made."""
        found = [self.verdict_of(claim) for claim in CLAIMS]
        return min((v for v in found if v != NOT_CLAIMED), key=VERDICTS.index)

    def judge(self, path):
        """All claims."""
        try:
            loaded = load(path)
        except (FormatError, OSError) as error:
            self.add("authentic", getattr(error, "code", "IO_ERROR"), str(error))
            # No file was compared, and nobody can be said to have claimed anything.
            self.claimed.update(complete=False, redacted=False, custody=False)
            return
        judge_custody(loaded, self.custody_keys, self.add)
        try:
            self.read(loaded)
            self.authentic()
        except FormatError as error:
            self.add("authentic", error.code, str(error))
        if "stamped" in loaded.files:
            self.stamped(loaded.files["stamped"])
        if self.verdict_of("authentic") in ("INVALID", "NOT CHECKABLE"):
            self.rest_on_claim_1()
        else:
            self.complete()
            self.redacted()

    def rest_on_claim_1(self):
        """Claims 2 and 3 speak of what claim 1 proves: without it, where they are made, nothing
        can be said of them."""
        if self.about is None or self.about["asked"]["what"] == "match":
            self.claimed["complete"] = self.wanted is not None
        for claim in ("complete", "redacted"):
            self.add(claim, NOT_PROVEN, "claim 1 proves nothing to say this of")

    def read(self, loaded):
        """Everything in its form (14.1 to 14.7)."""
        files = loaded.files
        self.about = read_about(files["bundle.json"])
        if loaded.mtimes - {int(self.about["made"]) // SECOND}:
            raise Malformed("a time in the archive is not that of bundle.json")
        self.checkpoint = Checkpoint(files["checkpoint"])
        if self.about["origin"].encode() != self.checkpoint.origin:
            raise Malformed("the origin in bundle.json is not that of the checkpoint")
        self.proof = Proof(files["proof"])
        if self.proof.size != self.checkpoint.size:
            raise Malformed("the size of the proof is not that of the checkpoint")
        self.entries = read_entries(files["entries"], self.proof)
        read_openings(files["openings"], self.entries)
        give_texts(self.entries, files["own.txt"], files["records.zst"])
        self.positions = files.get("positions")
        for entry in self.entries:
            if entry.kind in RECEIVED and entry.source < OWN_SOURCES:
                self.add("authentic", "NUMBERING", "R1: entry %d is received and has the source %d"
                         % (entry.index, entry.source))
            elif entry.kind not in RECEIVED and entry.source != entry.kind:
                self.add("authentic", "NUMBERING", "R1: own entry %d has the source %d"
                         % (entry.index, entry.source))

    # Claim 1.

    def authentic(self):
        """14.10, claim 1."""
        self.key = next((key for key in self.keys if key.name == self.checkpoint.origin), None)
        if self.key is None:
            self.add("authentic", "UNTRUSTED_KEY", "no key of the checkpoint's origin was given")
            return
        if not any((name, key_id) == (self.key.name, self.key.id)
                   for name, key_id, _ in self.checkpoint.lines):
            self.add("authentic", "UNTRUSTED_KEY", "the checkpoint has no line of the given key")
            return
        starts = self.read_starts()
        self.fold(starts)
        self.judge_checkpoint(starts)
        self.judge_reach(starts)
        self.judge_payloads()
        self.judge_numbers()

    def read_starts(self):
        """The start notes that are shown and good so far: index -> StartNote."""
        starts = {}
        for entry in self.entries:
            if entry.kind != 4 or entry.state != SHOWN:
                if entry.index == 0 and entry.kind != 4:
                    self.add("authentic", "EPOCH", "R3: entry 0 is no start note")
                continue
            try:
                note = StartNote(entry.payload, self.key.name, self.key)
                if note.index != entry.index:
                    raise EpochError("R9: a start note has not the index of its entry")
                self.epochs.add(note)
                starts[entry.index] = note
            except EpochError as error:
                self.add("authentic", "EPOCH", "entry %d: %s" % (entry.index, error))
        last = None
        for index, note in sorted(starts.items()):
            try:
                if last is not None and note.number <= last.number:
                    raise EpochError("R10: epoch %d begins behind epoch %d"
                                     % (note.number, last.number))
                if index == 0 and note.number:
                    raise EpochError("R10: the log begins with epoch %d" % note.number)
                self.epochs.check_links(note)
            except EpochError as error:
                self.add("authentic", "EPOCH", "entry %d: %s" % (index, error))
            last = note
        return starts

    def fold(self, starts):
        """One pass over the proof (14.4); the root so far at each start note."""
        nodes, at = [], 0
        for first, end, hashes in self.proof.stretches:
            for level, value in hashes or ():
                push_node(nodes, level, value)
            if hashes is not None:
                continue
            for entry in self.entries[at:at + end - first]:
                note = starts.get(entry.index)
                if note is not None and note.root != fold([value for _, value in nodes]):
                    self.add("authentic", "EPOCH", "R9: the root in the start note of epoch %d is "
                             "not that of the entries before" % note.number)
                push_node(nodes, 0, leaf_hash(entry.raw))
            at += end - first
        if fold([value for _, value in nodes]) != self.checkpoint.root:
            raise Altered("entries and hashes do not lead to the signed root")
        self.proven = True

    def judge_checkpoint(self, starts):
        """R6 and R7 with the epochs that are shown."""
        try:
            self.checkpoint.judge(self.key, self.epochs)
        except FormatError as error:
            newest = max((note.number for note in starts.values()), default=-1)
            if error.code == "ALTERED" and self.signed_in() > newest and self.log_line_alone():
                self.add("authentic", "MISSING", "the start note of the checkpoint's epoch is not "
                         "shown")
            else:
                self.add("authentic", error.code, "checkpoint: %s" % error)

    def signed_in(self):
        """The greatest epoch by whose name a line of the checkpoint is signed; -1 for none."""
        prefix = self.key.name + b"/epoch/"
        numbers = [int(name[len(prefix):]) for name, *_ in self.checkpoint.lines
                   if name.startswith(prefix) and name[len(prefix):].isdigit()]
        return max(numbers, default=-1)

    def log_line_alone(self):
        """True when the log key's line is valid and nothing else is wrong than the epoch's line."""
        try:
            epoch, _ = self.checkpoint.judge(self.key, Epochs())
        except FormatError:
            return False
        return epoch is None

    def judge_reach(self, starts):
        """Which entries a start note and the next one, or the checkpoint, prove (R11)."""
        notes = [starts[index] for index in sorted(starts)]
        spans = []
        for note, after in zip(notes, notes[1:]):
            if after.number == note.number + 1:
                spans.append((note.index, after.index))
        if notes and self.signed_in() <= notes[-1].number:
            spans.append((notes[-1].index, self.proof.size))
        for entry in self.entries:
            if not any(a <= entry.index < b for a, b in spans):
                self.add("authentic", "MISSING", "the start note that entry %d needs is not shown"
                         % entry.index)
                return

    def judge_payloads(self):
        """Every payload shown is that of its entry; own ones obey section 10."""
        for entry in self.entries:
            if entry.state == SHOWN:
                commitment = (commit_whole if entry.form == 1 else commit_parts)(
                    entry.key, entry.payload)
            elif entry.state == IN_PART:
                commitment = self.commit_shown(entry)
            else:
                continue
            if commitment is None:
                continue
            if commitment != entry.commitment:
                self.add("authentic", "ALTERED", "what is shown of entry %d is not what it commits "
                         "to" % entry.index)
            elif entry.state == SHOWN and entry.kind not in RECEIVED:
                self.judge_own(entry)

    def commit_shown(self, entry):
        """3.4: the commitment of a record of which parts are withheld; None when it has not the
        form of one."""
        try:
            parts = cut_parts(entry)
        except Malformed as error:
            self.add("authentic", "MALFORMED", "entry %d: %s" % (entry.index, error))
            return None
        c = [value if part is None else sha256(b"\x03" + value + part) for part, value in parts]
        return sha256(b"\x04" + struct.pack(">I", len(c)) + b"".join(c))

    def judge_own(self, entry):
        """Section 10 for a payload that is shown."""
        try:
            if entry.kind == 5:
                error = Order(entry.index, entry.seq, entry.payload).error
                if error:
                    raise error
            elif entry.kind != 4 and entry.kind < KINDS_ASSIGNED:
                value = check_own(entry.kind, entry.payload)
                if entry.kind == 3 and value["event"] == "succession":
                    read_succession(value, entry.index)
        except FormatError as error:
            self.add("authentic", error.code, "entry %d: %s" % (entry.index, error))

    def judge_numbers(self):
        """R1, R2, R4 and R5 as far as neighbours are shown."""
        seen, declared, before = {}, {}, None
        for entry in self.entries:
            if entry.kind == 1:
                declared[entry.seq] = entry.index
            try:
                self.judge_number(entry, seen.get(entry.source), before)
            except Malformed as error:
                self.add("authentic", "NUMBERING", "entry %d: %s" % (entry.index, error))
            seen[entry.source] = entry
            before = entry
        for entry in self.entries:
            if entry.source >= OWN_SOURCES and \
                    declared.get(entry.source - OWN_SOURCES, -1) > entry.index:
                self.add("authentic", "NUMBERING", "R1: the declaration of the source of entry %d "
                         "stands behind it" % entry.index)

    @staticmethod
    def judge_number(entry, same, before):
        """One entry with the one of its source before it, and the one that stands before it."""
        if entry.received % 1000:
            raise Malformed("R4: received is no multiple of 1000")
        if entry.index == 0 and (entry.clock_run or entry.seq):
            raise Malformed("R2, R5: the first entry has another number or clock_run than 0")
        most = entry.index if same is None else same.seq + entry.index - same.index
        least = 0 if same is None else same.seq + 1
        if not least <= entry.seq <= most:
            raise Malformed("R2: source %d cannot have number %d here" % (entry.source, entry.seq))
        if before is None:
            return
        steps, risen = entry.index - before.index, entry.clock_run - before.clock_run
        if not 0 <= risen <= steps or (risen == 0 and entry.received < before.received) or (
                risen == steps == 1 and entry.received >= before.received):
            raise Malformed("R5: clock_run and received cannot follow those before")

    def read_counts(self):
        """14.7: every count is one of a state entry that is shown."""
        states = {entry.index: entry for entry in self.entries
                  if entry.kind == 8 and entry.state == SHOWN}
        try:
            for count in read_positions(self.positions):
                self.judge_count(count, states)
                self.counts.append(count)
        except FormatError as error:
            self.add("complete", error.code, "positions: %s" % error)

    @staticmethod
    def judge_count(count, states):
        """One count."""
        if count.state not in states:
            raise Malformed("entry %d is no state entry that is shown" % count.state)
        value = check_own(8, states[count.state].payload)
        size = OWN_SOURCES + value["sources"]
        if count.ordinal >= size:
            raise Malformed("ordinal %d is not in the tree of positions" % count.ordinal)
        root = inclusion_root(count.ordinal, size, leaf_hash(count.leaf()), count.hashes)
        if root is None:
            raise Malformed("a proof of a position has another number of hashes")
        if b64(root) != value["positions"]:
            raise Altered("the count of ordinal %d is not what state entry %d says"
                          % (count.ordinal, count.state))

    # Claim 4.

    def stamped(self, data):
        """14.10, claim 4: the text of the checkpoint, with exactly the lines of log and epoch."""
        if self.checkpoint is None:
            return
        try:
            note = Checkpoint(data)
            if len(note.lines) != 2 or note.text != self.checkpoint.text:
                raise Malformed("R47: stamped is not the checkpoint with two lines")
            self.stamped_lines(note)
        except FormatError as error:
            self.add("time", error.code, "stamped: %s" % error)

    def stamped_lines(self, note):
        """Its lines, where those of the checkpoint are as they must be; else claim 1 says so."""
        try:
            epoch = self.checkpoint.judge(self.key, self.epochs)[0] if self.proven else None
        except FormatError:
            return
        if epoch is None:
            return
        keys = (self.key, self.epochs.by_number[epoch].key)
        if {line[:2] for line in note.lines} != {(key.name, key.id) for key in keys}:
            raise Malformed("R47: stamped has not the lines of log and epoch")
        if not all(note.signed_by(key) for key in keys):
            raise Altered("R47: a line of stamped is not valid")

    # Claims 2 and 3.

    def complete(self):
        """14.10, claim 2: for what was asked here, else for what the maker says."""
        if self.positions is not None:
            self.read_counts()
        wanted = self.wanted or Range.of(self.about["asked"])
        if wanted is None:
            self.claimed["complete"] = False
            return
        critical = [entry.index for entry in self.entries if entry.kind >= KINDS_CRITICAL]
        if critical:
            self.add("complete", "UNSUPPORTED", "entry %d may change the meaning of others"
                     % critical[0])
        for code, text in complete(wanted, self.entries, self.proof, self.counts):
            self.add("complete", code, text)

    def redacted(self):
        """14.10, claim 3."""
        orders = [Order(entry.index, entry.seq, entry.payload) for entry in self.entries
                  if entry.kind == 5 and entry.state == SHOWN]
        epoch_keys = [note.key for note in self.epochs.by_number.values()]
        Authority(self.key, epoch_keys, self.authority).judge(orders)
        for entry in self.entries:
            reasons = [entry.reason, *(why for *_, why in entry.parts)]
            if max((why for why in reasons if why is not None), default=-1) >= \
                    len(self.about["redactions"]):
                self.add("redacted", "MALFORMED", "entry %d is blacked out for a reason that "
                         "bundle.json does not give" % entry.index)
            action = {ERASED: "erase", EXPIRED: "expire"}.get(entry.state)
            found = [order for order in orders if order.action == action
                     and order.index > entry.index
                     and any(a <= entry.index < b for a, b in order.spans)]
            if action and not found:
                self.add("redacted", "MISSING", "no order is shown that takes out entry %d"
                         % entry.index)
            elif action and not any(order.accepted for order in found):
                self.add("redacted", "ERASED_UNAUTHORISED", "the order that takes out entry %d is "
                         "not one of a known authority" % entry.index)

    def report(self):
        """One JSON object."""
        shown = [entry for entry in self.entries if entry.kind in RECEIVED]
        return {"verdict": self.verdict(),
                "claims": [{"claim": claim, "verdict": self.verdict_of(claim)} for claim in CLAIMS],
                "entries": len(self.entries), "records": len(shown),
                "redacted": sum(e.state == BLACKED_OUT for e in self.entries),
                "redacted_in_part": sum(e.state == IN_PART for e in self.entries),
                "parts_withheld": sum(n is None for e in self.entries for n, *_ in e.parts),
                "findings": [{"claim": c, "code": code, "text": text}
                             for c, code, text in self.findings]}


def b64(value):
    """Base64 as a string."""
    return base64.b64encode(value).decode()


def main():
    """Reads the arguments, judges, prints."""
    parser = argparse.ArgumentParser(description="independent judge of Akashi bundles")
    parser.add_argument("bundle")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--custody-key", action="append", default=[])
    parser.add_argument("--authority", action="append", default=[])
    parser.add_argument("--expect", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        judge = Judge([given_key(text) for text in args.key],
                      [given_key(text) for text in args.custody_key],
                      Range.parse(args.expect) if args.expect else None,
                      [authority_key(text.strip()) for text in args.authority])
        judge.judge(args.bundle)
    except (FormatError, OSError) as error:
        print("NOT CHECKABLE: %s" % clean(str(error)), file=sys.stderr)
        return EXIT["NOT CHECKABLE"]
    if args.json:
        print(json.dumps(judge.report(), sort_keys=True))
        return EXIT[judge.verdict()]
    for claim, code, text in judge.findings:
        print(clean("%s: %s: %s" % (claim, code, text)))
    for claim in CLAIMS:
        print("%s: %s" % (claim, judge.verdict_of(claim)))
    print(judge.verdict())
    return EXIT[judge.verdict()]


if __name__ == "__main__":
    sys.exit(main())
