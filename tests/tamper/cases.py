"""All cases of the catalogue, in its order. A case's name is its id in the catalogue and a word."""

import cases_records  # noqa: F401  A, B, H
import cases_store  # noqa: F401    C, G
import cases_keys  # noqa: F401     D, E
import cases_hostile  # noqa: F401  I, cheats, what must not alarm
from casebase import CASES

__all__ = ["CASES"]
