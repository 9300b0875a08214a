/* self.h - what this program is: version, libraries, and the digest of its own file, which every
 * report carries so that it can be told later which program judged. */
#ifndef AK_SELF_H
#define AK_SELF_H

#include "jsonout.h"

#include <stdio.h>

/* 64 lower-case hexadecimal digits of the SHA-256 of the running program's file, or "unknown" if
 * it cannot be read. Computed at the first call; main's thread only. */
const char *ak_self_digest(void);

/* Version, libraries and digest, one fact a line. */
void ak_self_print(FILE *file);

/* Opens a report in JSON: the object with its member `program`, and the array `logs`, which stays
 * open for one object a log; ak_self_json_end closes both and ends the line. */
void ak_self_json(struct ak_json_out *out);
void ak_self_json_end(struct ak_json_out *out);

/* The member `program` alone. */
void ak_self_json_program(struct ak_json_out *out);

#endif
