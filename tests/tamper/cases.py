"""All cases of the catalogue, in its order. A case's name is its id in the catalogue and a word."""

import re

import cases_records  # noqa: F401  A, B, H
import cases_store  # noqa: F401    C, G
import cases_frames  # noqa: F401   frames of ours
import cases_keys  # noqa: F401     D, E
import cases_hostile  # noqa: F401  I, cheats, what must not alarm
import cases_damage  # noqa: F401   damage, false statements
import cases_narrow  # noqa: F401   how far damage in one place reaches
import cases_parts  # noqa: F401    P: commitment by parts
import cases_epochs  # noqa: F401   Q: keys that forget
import cases_orders  # noqa: F401   payloads taken out, and by whose order
import cases_stamps  # noqa: F401   time stamps, and logs that go on from others
import casebase


def place(item):
    """Groups A to I, the cheats, then N; within a group by number."""
    group, number = re.match(r"(cheat_[AB]|[A-Z])(\d+)", item[0]).groups()
    return {"cheat_A": "J", "cheat_B": "K"}.get(group, group), int(number)


CASES = sorted(casebase.CASES, key=place)
