"""Payloads that are not there, and the orders behind them: docs/format.md 10.5, R33, R38 to R42."""

import json

from akbase import Key, canonical_json
from akformat import ERASED, Entry, commit_payload, derive_salt
from akforge import renumber
from casebase import INCOMPLETE, INVALID, VALID, Expect, case

ITO, SATO, ABE, MORI = (Key(f"authority.example/{name}", bytes([number]) * 32)
                        for number, name in enumerate(("ito", "sato", "abe", "mori"), 1))
TWO = (ITO, SATO)
KNOWN = [k.vkey for k in TWO]


def erased(b, index):
    """Takes the payload at `index` out, as a rewriting by order does."""
    group = index // 256
    for s in b.log.segments:
        for block in s.blocks():
            if group not in block.groups():
                continue
            for i, e in enumerate(block.entries):
                if (block.first + i) // 256 == group and e.payload is not None and block.keys[group]:
                    e.salt = derive_salt(e.form, block.keys[group], block.first + i)
            if block.first <= index < block.end:
                e = block.entries[index - block.first]
                e.commitment = commit_payload(e.form, e.salt, e.payload)
                e.state, e.payload = ERASED, None
            block.keys[group] = None


# What an order entry holds.

def words(value):
    return {"type": "order", "case": "2026-17", "reason": "court order of 2026-11-20", **value}


def asserted(action, *ranges, **more):
    """The collector's own word."""
    return {"type": "order", "action": action, "ranges": [[str(a), str(z)] for a, z in ranges],
            "reason": "court order", **more}


def declared(keys=TWO, quorum=2):
    return {"type": "order", "action": "authority", "keys": [k.vkey for k in keys],
            "quorum": quorum}


def ordered(b, number, action, *ranges, keys=TWO, origin=None, spoiled=()):
    """An order signed by authority keys; those of `spoiled` have lines that do not verify."""
    lines = [f"range {a} {z}\n" for a, z in ranges]
    return noted(b, number, action, "".join(lines), keys, origin, spoiled,
                 {"ranges": [[str(a), str(z)] for a, z in ranges]})


def changed(b, number, to, keys=TWO, quorum=2):
    """An order that puts other keys in force."""
    lines = f"quorum {quorum}\n" + "".join(f"key {k.vkey}\n" for k in to)
    return noted(b, number, "authority", lines, keys, None, (),
                 {"keys": [k.vkey for k in to], "quorum": quorum})


def noted(b, number, action, lines, keys, origin, spoiled, members):
    value = words({"action": action, **members})
    text = (f"akashi/order/v1\n{origin or b.vkey.split('+')[0]}\n{number}\n{action}\n{lines}"
            f"case {value['case']}\nreason {value['reason']}\n")
    note = text + "\n" + "".join(
        k.line(text, None if k not in spoiled else k.sign(b"something else")) for k in keys)
    return {**value, "authority_note": note}


def put(b, *values, at=None):
    """Puts orders into the last segment (or in front of entry `at`), one behind the other. Gives the
    index of the first one. The collector's holder signs everything again."""
    at = b.victim(segment=b.last()) if at is None else at
    before = b.entry(at)
    for value in reversed(values):
        b.insert(at, Entry(5, 5, 0, before.received, canonical_json(value), before.clock_run,
                           before.form))
    renumber(b.log)
    b.move_notes()
    b.resign()
    return at


def erased_by(b, index, *values):
    put(b, *values)
    erased(b, index)
    b.resign()


def known(**more):
    return {"authority": KNOWN, "damage": (0, 0), **more}


def unauthorised(**more):
    return Expect(INCOMPLETE, codes=["ERASED_UNAUTHORISED"], **known(**more))


# R33: who ordered.

@case(holder=True)
def L1_ordered(b):
    """Erased as two authorities ordered, both known to who judges: a remark."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index)))
    return Expect(VALID, remarks=["ERASED"], **known())


@case(holder=True)
def L1_ordered_nobody_known(b):
    """The same, judged by somebody who knows no authority."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index)))
    return unauthorised(authority=[])


@case(holder=True)
def L1_ordered_one_known(b):
    """The same, judged by somebody who knows one of the two that must sign."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index)))
    return unauthorised(authority=KNOWN[:1])


@case(holder=True)
def L1_asserted(b):
    """Erased as the collector alone says it was ordered."""
    index = b.victim()
    erased_by(b, index, declared(), asserted("erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L1_other_order(b):
    """A payload taken out, and an order that names its neighbours."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index + 1, index + 5)))
    return Expect(INVALID, codes=["ALTERED"], at=b.segment_of(index).name, **known())


@case(holder=True)
def L1_hold_only(b):
    """A payload taken out, and an order that says to hold it."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "hold", (index, index)))
    return Expect(INVALID, codes=["ALTERED"], at=b.segment_of(index).name, **known())


@case(holder=True)
def L1_order_before_entry(b):
    """The order stands in front of the entry that it names: it cannot speak of it."""
    index = b.victim()
    put(b, declared(), ordered(b, 1, "erase", (index + 2, index + 2)), at=index)
    erased(b, index + 2)
    b.resign()
    return Expect(INVALID, codes=["ALTERED"], remarks=["ORDER_NOT_VALID"], **known())


@case
def L1_order_not_here(b):
    """A payload taken out, and a later segment is missing: the order may stand there."""
    if len(b.sealed()) < 3:
        return None
    index = b.victim(segment=b.sealed()[0])
    erased(b, index)
    b.patch()
    gone = b.sealed()[-1]
    b.log.segments.remove(gone)
    return Expect(INCOMPLETE, codes=["MISSING"], damage=(gone.header.first, gone.end))


# R38, R39: whose orders count.

@case(holder=True)
def L2_undeclared(b):
    """Signed by authorities that the log never declared."""
    index = b.victim()
    erased_by(b, index, ordered(b, 1, "erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_declared_behind(b):
    """The declaration stands behind the order."""
    index = b.victim()
    erased_by(b, index, ordered(b, 1, "erase", (index, index)), declared())
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_declared_twice(b):
    """A second declaration by the collector, with keys of its own choice."""
    index = b.victim()
    erased_by(b, index, declared(), declared((ABE,), 1),
              ordered(b, 1, "erase", (index, index), keys=(ABE,)))
    return unauthorised(authority=[*KNOWN, ABE.vkey], remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_own_key_declared(b):
    """The log key declares itself an authority."""
    index = b.victim()
    mine = b.secrets.log
    erased_by(b, index, declared((mine,), 1),
              ordered(b, 1, "erase", (index, index), keys=(mine,)))
    return unauthorised(authority=[mine.vkey], remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_own_key_renamed(b):
    """The log key declares itself an authority under another name."""
    index = b.victim()
    mine = Key("authority.example/other", b.secrets.log.seed)
    erased_by(b, index, declared((mine,), 1),
              ordered(b, 1, "erase", (index, index), keys=(mine,)))
    return unauthorised(authority=[mine.vkey], remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_one_signature(b):
    """One of two that must sign has."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index), keys=(ITO,)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_other_keys(b):
    """Two have signed, but not those whom the log declared."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index), keys=(ABE, MORI)))
    return unauthorised(authority=[*KNOWN, ABE.vkey, MORI.vkey], remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_bad_signature(b):
    """The second signature is one over something else."""
    index = b.victim()
    erased_by(b, index, declared(),
              ordered(b, 1, "erase", (index, index), spoiled=(SATO,)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_other_log(b):
    """An order for another log of the same authorities."""
    index = b.victim()
    other = "power-b.example/syslog/" + "5" * 32
    erased_by(b, index, declared(), ordered(b, 1, "erase", (index, index), origin=other))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_wider_than_signed(b):
    """The entry names one index more than the note that was signed."""
    index = b.victim()
    value = ordered(b, 1, "erase", (index, index))
    value["ranges"] = [[str(index), str(index + 1)]]
    erased_by(b, index, declared(), value)
    return Expect(INVALID, codes=["MALFORMED", "ERASED_UNAUTHORISED"], **known())


@case(holder=True)
def L2_changed_behind_signing(b):
    """Entry and note agree, but the range is another one than was signed."""
    index = b.victim()
    value = ordered(b, 1, "erase", (index + 1, index + 1))
    value["authority_note"] = value["authority_note"].replace(
        f"range {index + 1} {index + 1}", f"range {index} {index}")
    value["ranges"] = [[str(index), str(index)]]
    erased_by(b, index, declared(), value)
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_replayed(b):
    """An order is used a second time; so is an old release, behind a new hold."""
    index = b.victim()
    release = ordered(b, 2, "release", (index, index))
    erased_by(b, index, declared(), ordered(b, 1, "hold", (index, index)), release,
              ordered(b, 3, "hold", (index, index)), release,
              ordered(b, 4, "erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L2_order_missing(b):
    """An order before it is not here: it may have been a hold."""
    if len(b.sealed()) < 3:
        return None
    index = b.victim(segment=b.sealed()[0])
    put(b, declared(), at=b.victim(segment=b.sealed()[-1]))
    erased_by(b, index, ordered(b, 1, "erase", (index, index)))
    gone = b.sealed()[-1]
    b.log.segments.remove(gone)
    return Expect(INCOMPLETE, codes=["MISSING", "ERASED_UNAUTHORISED"],
                  **known(damage=(gone.header.first, gone.end)))


# R40: holds.

@case(holder=True)
def L3_held(b):
    """What was held is erased by an order that both have signed."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "hold", (0, index)),
              ordered(b, 2, "erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L3_released(b):
    """Held, released, then erased."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "hold", (0, index)),
              ordered(b, 2, "release", (index, index)), ordered(b, 3, "erase", (index, index)))
    return Expect(VALID, remarks=["ERASED"], **known())


@case(holder=True)
def L3_released_by_one(b):
    """Held by both, released by one of them."""
    index = b.victim()
    erased_by(b, index, declared(), ordered(b, 1, "hold", (0, index)),
              ordered(b, 2, "release", (0, index), keys=(ITO,)),
              ordered(b, 3, "erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


# R41: changes of the keys.

@case(holder=True)
def L4_handed_over(b):
    """The old keys put new ones in force; who knows the old ones accepts the orders of the new."""
    index = b.victim()
    erased_by(b, index, declared(), changed(b, 1, (ABE, MORI)),
              ordered(b, 2, "erase", (index, index), keys=(ABE, MORI)))
    return Expect(VALID, remarks=["ERASED"], **known())


@case(holder=True)
def L4_taken_over(b):
    """New keys put themselves in force."""
    index = b.victim()
    erased_by(b, index, declared(), changed(b, 1, (ABE, MORI), keys=(ABE, MORI)),
              ordered(b, 2, "erase", (index, index), keys=(ABE, MORI)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


@case(holder=True)
def L4_old_keys(b):
    """Keys that are not in force any more sign an order."""
    index = b.victim()
    erased_by(b, index, declared(), changed(b, 1, (ABE, MORI)),
              ordered(b, 2, "erase", (index, index)))
    return unauthorised(remarks=["ORDER_NOT_VALID"])


# R42, and what is still there.

def rewritten(b, index, **members):
    """The segment of `index` as generation 1, with a manifest that names the order."""
    s = b.segment_of(index)
    old = s.encode()
    named = s.name
    s.name = named.replace(".0.zst", ".1.zst")
    for e in (e for x in b.log.segments for e in x.entries() if e.kind == 2):
        value = json.loads(e.payload)
        if value["file"] == named:
            value.update(file=s.name, generation=1, **members)
            e.payload = canonical_json(value)
    return named, old


@case(holder=True)
def L5_manifest_without_order(b):
    """A manifest names as the order behind a generation what stands behind itself."""
    index = b.victim(segment=b.sealed()[0])
    first = put(b, declared(), ordered(b, 1, "erase", (index, index)))
    erased(b, index)
    rewritten(b, index, order=str(first + 1))
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"], remarks=["ERASED"], **known())


@case(holder=True)
def L5_manifest_other_entry(b):
    """A manifest names as the order behind a generation an entry that is none."""
    index = b.victim(segment=b.sealed()[0])
    put(b, declared(), ordered(b, 1, "erase", (index, index)))
    erased(b, index)
    rewritten(b, index, order="0")
    b.resign()
    return Expect(INVALID, codes=["MALFORMED"], remarks=["ERASED"], **known())


@case(holder=True)
def L5_not_erased(b):
    """A valid order, and the payload is here all the same: a remark."""
    index = b.victim()
    put(b, declared(), ordered(b, 1, "erase", (index, index)))
    return Expect(VALID, remarks=["NOT_ERASED"], **known())


@case(holder=True)
def L5_old_file(b):
    """Erased as ordered, and the file from before still lies beside the new one: a remark."""
    index = b.victim(segment=b.sealed()[0])
    put(b, declared(), ordered(b, 1, "erase", (index, index)))
    s = b.segment_of(index)
    old = s.encode()
    erased(b, index)
    named, s.name = s.name, s.name.replace(".0.zst", ".1.zst")
    b.resign(leave=["manifests"])
    b.files[named] = old
    return Expect(VALID, remarks=["ERASED", "DUPLICATE_FILE", "NOT_ERASED"], **known())
