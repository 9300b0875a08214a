"""Claim 5 of a bundle: docs/format.md 14.2, 14.11 and R44."""

import datetime
import re

from bundle_files import RECORD_NAME, read_sums
from notes import parse_note
from primitives import FormatError, Malformed, ed25519_verify, sha256

RECORD_BYTES_MAX = 16384
TEXT_BYTES_MAX = 512
RECORDS_MAX = 4096
STAMP = re.compile(r"\A([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z\Z")
# (name, must be there), in order; the last one hangs on `changes`.
FIELDS = (("number", True), ("evidence", True), ("previous", True), ("at", True),
          ("exhibit", True), ("by", True), ("to", False), ("place", False), ("purpose", True),
          ("changes", True), ("answerable", False))
TEXTS = ("exhibit", "by", "to", "place", "purpose", "changes", "answerable")


class Record:
    """One custody record by its form."""

    def __init__(self, raw):
        if len(raw) > RECORD_BYTES_MAX:
            raise Malformed("a custody record is longer than 16,384 bytes")
        self.raw, self.text, self.lines = raw, raw, []
        if b"\n\n" in raw:
            self.text, self.lines = parse_note(raw, RECORD_BYTES_MAX)
        try:
            lines = self.text.decode("utf-8").split("\n")
        except UnicodeDecodeError:
            raise Malformed("a custody record is not UTF-8") from None
        if lines.pop() or lines[:1] != ["akashi/custody/v1"]:
            raise Malformed("a custody record has not the lines it must have")
        self.fields, left = {}, lines[1:]
        for name, must in FIELDS:
            if left and left[0].startswith(name + " "):
                self.fields[name] = left.pop(0)[len(name) + 1:]
            elif must:
                raise Malformed("a custody record has no line \"%s\" at its place" % name)
        if left:
            raise Malformed("a custody record has a line too many")
        self.check()

    def check(self):
        """The form of each field."""
        fields = self.fields
        if not re.match(r"\A[1-9][0-9]{0,3}\Z", fields["number"]):
            raise Malformed("the number of a custody record has not its form")
        if not re.match(r"\A[0-9a-f]{64}\Z", fields["evidence"]) or \
                not re.match(r"\A([0-9a-f]{64}|none)\Z", fields["previous"]):
            raise Malformed("a digest in a custody record has not its form")
        check_stamp(fields["at"])
        for name in TEXTS:
            value = fields.get(name, "x")
            if not 1 <= len(value.encode()) <= TEXT_BYTES_MAX or value[0] == " " or \
                    value[-1] == " " or any(ord(c) < 0x20 or ord(c) == 0x7f for c in value):
                raise Malformed("\"%s\" of a custody record has not its form" % name)
        if (fields["changes"] != "none") != ("answerable" in fields):
            raise Malformed("\"answerable\" of a custody record lacks, or is there for nothing")

    def number(self):
        """Its own word for it."""
        return int(self.fields["number"])


def check_stamp(value):
    """A time that there is."""
    match = STAMP.match(value)
    try:
        if not match or int(match.group(1)) < 1970:
            raise ValueError
        datetime.datetime(*(int(part) for part in match.groups()))
    except ValueError:
        raise Malformed("the time of a custody record is none") from None


def judge_custody(loaded, keys, add):
    """`add(claim, code, text)`."""
    try:
        for name in read_sums(loaded.files["SHA256SUMS"], loaded.files):
            add("custody", "ALTERED", "%s has not the digest in SHA256SUMS" % name)
    except FormatError as error:
        add("custody", error.code, str(error))
    evidence = sha256(loaded.files["SHA256SUMS"]).hex()
    numbers = []
    for name in sorted(loaded.custody):
        if not RECORD_NAME.match(name) or not 1 <= int(name) <= RECORDS_MAX:
            add("custody", "MALFORMED", "a custody record has another name than its number")
            continue
        numbers.append(int(name))
        try:
            judge_record(int(name), loaded.custody, evidence, keys, add)
        except FormatError as error:
            add("custody", error.code, "record %s: %s" % (name, error))
    if numbers and len(numbers) != max(numbers):
        add("custody", "MISSING", "a custody record is not here while a later one is")


def judge_record(number, records, evidence, keys, add):
    """R44 for one record."""
    record = Record(records["%04d" % number])
    before = records.get("%04d" % (number - 1))
    if record.number() != number or (number == 1) != (record.fields["previous"] == "none"):
        raise Malformed("the record has another number")
    if record.fields["evidence"] != evidence:
        add("custody", "ALTERED", "record %d is of other evidence" % number)
    if before is not None and record.fields["previous"] != sha256(before).hex():
        add("custody", "ALTERED", "record %d follows another one than that before it" % number)
    if keys:
        judge_lines(record, keys, add)


def judge_lines(record, keys, add):
    """Lines of custodians, where their keys are given."""
    good = []
    for name, key_id, signature in record.lines:
        for key in keys:
            if (key.name, key.id) != (name, key_id):
                continue
            if key in good:
                raise Malformed("a key has signed the record twice")
            if not ed25519_verify(key.public, record.text, signature):
                add("custody", "ALTERED", "a custodian's line is not valid")
            good.append(key)
    if not good:
        add("custody", "UNTRUSTED_KEY", "no given custodian has signed the record")
