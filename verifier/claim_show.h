/* claim_show.h - one claim's verdict in words and as JSON, the same way for prove, proof, history
 * and compare. */
#ifndef AK_CLAIM_SHOW_H
#define AK_CLAIM_SHOW_H

#include "jsonout.h"

#include <akashi/claim.h>
#include <akashi/entry.h>
#include <akashi/policy.h>
#include <akashi/error.h>
#include <akashi/stamped.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The line that names the program and its digest, and an empty line. */
void ak_claim_show_program(FILE *file);

/* "  LABEL  " in the column of labels. */
void ak_claim_show_label(FILE *file, const char *label);

/* The line EXERCISE if the origin belongs to one. */
void ak_claim_show_exercise(FILE *file, const char *origin);
bool ak_claim_is_exercise(const char *origin);

/* Code, text, what it means and what to do; nothing for a claim that is VALID. */
void ak_claim_show_finding(FILE *file, const struct ak_claim *claim, bool colour);

/* Kind, time, source and number of an entry, each with its label. */
void ak_claim_show_entry(FILE *file, uint64_t index, const struct ak_entry *entry);

/* Opens the object of a report and gives what all reports begin with: program, verdict, exit
 * status, the finding, and `error` (or NULL: none), why nothing could be judged. */
void ak_claim_json_begin(struct ak_json_out *out, const struct ak_claim *claim,
                         const struct ak_error *error);

/* Closes it and ends the line. */
void ak_claim_json_end(struct ak_json_out *out);

/* The members index, kind, received, received_ns, clock_run, source, source_seq. */
void ak_claim_json_entry(struct ak_json_out *out, uint64_t index, const struct ak_entry *entry);

/* What the witnesses' lines amount to; nothing where no quorum is demanded. */
void ak_claim_show_quorum(FILE *file, const struct ak_quorum *quorum);
void ak_claim_json_quorum(struct ak_json_out *out, const struct ak_quorum *quorum);

/* What the time stamps say, each line with its indent, or why they say nothing; nothing where there
 * are none. `what` existed by then; they lie `where`: "in it", "beside it". In JSON the members
 * stamps, stamps_counted, and where one counts stamped_by and stamped_existed_by_s. */
void ak_claim_show_stamps(FILE *file, const struct ak_stamps_judged *stamps, const char *what,
                          const char *where);
void ak_claim_json_stamps(struct ak_json_out *out, const struct ak_stamps_judged *stamps);

#endif
