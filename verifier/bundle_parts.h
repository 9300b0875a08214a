/* bundle_parts.h - an entry of a bundle of which parts are withheld (docs/format.md 14.5, state
 * 17), and the mark that stands for one of them. */
#ifndef AK_BUNDLE_PARTS_H
#define AK_BUNDLE_PARTS_H

#include "bundle_payloads.h"

/* Stands in the text for each part that is withheld, whatever its length: U+2588. A record may hold
 * this character itself; openings tell one from the other. */
#define AK_BUNDLE_MARK       "\xe2\x96\x88"
#define AK_BUNDLE_MARK_BYTES 3u

/* First byte of a part that is withheld; that of one that is shown is its length. */
#define AK_BUNDLE_WITHHELD 255u

/* Longest text of such an entry: only the last part of a payload can be shorter than the mark, by
 * two bytes. */
#define AK_BUNDLE_TEXT_BYTES_MAX (AK_PAYLOAD_BYTES_MAX + 2u)

/* Reads what follows state 17, and the text; `opening` has its state. What does not fit the split
 * of a payload is told in opening->split, and reading can go on. AK_EMALFORMED for what is not of
 * the form of 14.5; else as ak_bundle_payloads_next. */
enum ak_code ak_bundle_parts_read(struct ak_bundle_payloads *p, const struct ak_entry *entry,
                                  struct ak_bundle_opening *opening, struct ak_error *err);

#endif
