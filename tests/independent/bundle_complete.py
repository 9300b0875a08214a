"""Claim 2 of a bundle, that nothing is left out: docs/format.md 14.10."""

from bundle_files import NOT_ASKED, SHOWN
from payloads import check_own
from primitives import FormatError, Malformed

OWN_SOURCES = 256
EVENTS = 3
DECLARATIONS = 1


class Range:
    """What must be complete: indices [first, end), or times [start, stop) of everything, of some
    sources, or of an identity."""

    def __init__(self):
        self.first = self.end = self.start = self.stop = self.identity = None
        self.sources = []
        self.events = False

    @staticmethod
    def of(asked):
        """That of bundle.json; None for a selection."""
        wanted = Range()
        if asked["what"] == "match":
            return None
        if asked["what"] == "index":
            wanted.first, wanted.end = int(asked["first"]), int(asked["last"]) + 1
            return wanted
        wanted.start, wanted.stop = int(asked["from"]), int(asked["to"])
        wanted.sources = asked.get("sources", [])
        wanted.identity = asked.get("identity")
        wanted.events = asked.get("events", False)
        return wanted

    @staticmethod
    def parse(words):
        """That of --expect."""
        wanted = Range()
        for word in words:
            name, _, value = word.partition(":")
            if name == "index":
                first, _, last = value.partition("-")
                wanted.first, wanted.end = int(first), int(last) + 1
            elif name == "from":
                wanted.start = int(value)
            elif name == "to":
                wanted.stop = int(value)
            elif name == "source":
                wanted.sources.append(int(value))
            elif name == "identity":
                wanted.identity = value
            elif word == "events":
                wanted.events = True
            else:
                raise Malformed("--expect has another form")
        if (wanted.first is None) == (wanted.start is None or wanted.stop is None):
            raise Malformed("--expect names neither indices nor two times")
        return wanted


class Gap:
    """Entries [first, end) that are not shown, between x and y."""

    def __init__(self, first, end, before, behind):
        self.first, self.end = first, end
        self.x = (0, 0) if before is None else (before.clock_run, before.received)
        self.y = None if behind is None else (behind.clock_run, behind.received)

    def may_hold(self, start, stop):
        """True when an entry of the times may be in it."""
        if self.y is None:
            return True
        if self.x[0] == self.y[0]:
            return not (self.y[1] < start or self.x[1] >= stop)
        return not (self.y[0] == self.x[0] + 1 and self.x[1] >= stop and self.y[1] < start)


def find_gaps(entries, proof):
    """All of them, in order."""
    by_index = {entry.index: entry for entry in entries}
    return [Gap(first, end, by_index.get(first - 1), by_index.get(end))
            for first, end, nodes in proof.stretches if nodes is not None]


class Times:
    """Completeness in [start, stop)."""

    def __init__(self, wanted, entries, proof, counts):
        self.wanted, self.entries, self.proof, self.counts = wanted, entries, proof, counts
        self.open = [gap for gap in find_gaps(entries, proof)
                     if gap.may_hold(wanted.start, wanted.stop)]
        self.findings = []

    def missing(self, text):
        """Notes one."""
        self.findings.append(("MISSING", text))

    def of_range(self, entry):
        """True for entries of the times."""
        return self.wanted.start <= entry.received < self.wanted.stop

    def judge(self):
        """All that is claimed."""
        last = self.entries[-1]
        if last.index != self.proof.size - 1:
            self.missing("the last entry is not shown")
        elif last.received < self.wanted.stop:
            self.missing("open at the right: the log's last entry is of before the end")
        if self.wanted.identity is not None:
            self.judge_identity()
        for source in self.wanted.sources:
            self.judge_source(source)
        if self.wanted.identity is None and not self.wanted.sources:
            self.judge_everything()
        if self.wanted.events:
            self.judge_source(EVENTS)
            self.judge_events()
        return self.findings

    def judge_everything(self):
        """All entries of the times."""
        for gap in self.open:
            self.missing("entries of the time may be among %d to %d" % (gap.first, gap.end - 1))
        self.judge_asked(lambda entry: True)
        self.judge_events()

    def judge_events(self):
        """What events say is part of every claim about time."""
        for entry in self.entries:
            if entry.kind == EVENTS and entry.state != SHOWN and self.of_range(entry):
                self.missing("event %d is withheld" % entry.index)
                return

    def judge_asked(self, which):
        """None of those that are claimed may have a payload that was not asked for."""
        for entry in self.entries:
            if entry.state == NOT_ASKED and self.of_range(entry) and which(entry):
                self.missing("the payload of entry %d is withheld as not asked for" % entry.index)
                return

    def known(self, source):
        """How many entries of a source have an index below p, where that is known."""
        points = {}
        found = [(0, 0)]
        for entry in self.entries:
            if entry.source == source:
                found += [(entry.index, entry.seq), (entry.index + 1, entry.seq + 1)]
            if entry.kind == DECLARATIONS and entry.seq == source - OWN_SOURCES:
                found.append((entry.index, 0))
        found += [(count.state, count.next_seq) for count in self.counts
                  if count.ordinal == source]
        for at, number in found:
            if points.setdefault(at, number) != number:
                self.findings.append(("NUMBERING", "two numbers of source %d below %d"
                                      % (source, at)))
        return sorted(points.items())

    def judge_source(self, source):
        """One source."""
        if source >= OWN_SOURCES and not self.declaration(source - OWN_SOURCES):
            self.missing("the declaration of source %d is not shown" % source)
        points = self.known(source)
        shown = [entry.index for entry in self.entries if entry.source == source]
        for (p, before), (q, behind) in zip(points, points[1:]):
            hidden = behind - before - sum(p <= index < q for index in shown)
            if hidden < 0:
                self.findings.append(("NUMBERING", "source %d has fewer entries below %d than "
                                      "below %d" % (source, q, p)))
            elif hidden and self.gap_in(p, q):
                self.missing("entries of source %d may be among %d to %d" % (source, p, q - 1))
        if self.gap_in(points[-1][0], self.proof.size):
            self.missing("entries of source %d may be behind %d" % (source, points[-1][0]))
        self.judge_asked(lambda entry: entry.source == source)

    def gap_in(self, first, end):
        """True when a gap that may hold entries of the times has a part in [first, end)."""
        return any(gap.first < end and gap.end > first for gap in self.open)

    def declaration(self, number):
        """The declaration with that number, when its payload is shown."""
        for entry in self.entries:
            if (entry.kind, entry.source, entry.seq) == (1, DECLARATIONS, number) and \
                    entry.state == SHOWN:
                return entry
        return None

    def judge_identity(self):
        """All sources of an identity."""
        behind = max((gap.end for gap in self.open), default=0)
        points = self.known(DECLARATIONS)
        reached = next((n for n, (at, _) in enumerate(points) if at >= behind), None)
        shown = [entry.index for entry in self.entries if entry.source == DECLARATIONS]
        if reached is None:
            self.missing("how many sources there are is not shown")
            return
        for (p, before), (q, after) in zip(points[:reached], points[1:reached + 1]):
            if after - before != sum(p <= index < q for index in shown):
                self.missing("a declaration may be among entries %d to %d" % (p, q - 1))
        for entry in self.entries:
            if entry.kind == DECLARATIONS and entry.state == SHOWN:
                if self.is_identity(entry.payload):
                    self.judge_source(OWN_SOURCES + entry.seq)
            elif entry.kind == DECLARATIONS and entry.index < behind:
                self.missing("declaration %d is withheld" % entry.seq)
        self.judge_asked(lambda entry: entry.source >= OWN_SOURCES
                         and not self.declaration(entry.source - OWN_SOURCES))

    def is_identity(self, payload):
        """True when a declaration has the identity as name, address or fingerprint."""
        try:
            value = check_own(1, payload)
        except FormatError:
            return False
        wanted = self.wanted.identity
        return wanted in (value.get("name"), value.get("address"), value.get("fingerprint"))


def complete(wanted, entries, proof, counts):
    """[(code, text)] of what keeps the claim from holding."""
    if wanted.start is not None:
        return Times(wanted, entries, proof, counts).judge()
    shown = {entry.index: entry for entry in entries}
    for index in range(wanted.first, wanted.end):
        if index not in shown:
            return [("MISSING", "entry %d is not shown" % index)]
        if shown[index].state == NOT_ASKED:
            return [("MISSING", "the payload of entry %d is withheld as not asked for" % index)]
        if shown[index].kind == EVENTS and shown[index].state != SHOWN:
            return [("MISSING", "event %d is withheld" % index)]
    return []
