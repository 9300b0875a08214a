/* fields.h - the parts of a syslog record (akashi/syslog.h) as people and programs read them: one
 * form for all commands that show records. */
#ifndef AK_FIELDS_H
#define AK_FIELDS_H

#include "jsonout.h"

#include <akashi/syslog.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes the object `fields` into the object that is open, with the members that docs/fields.md
 * lists. `received` is the entry's, ns; it gives the year where the sender wrote none. Uses 5
 * levels of depth. */
void ak_fields_json(struct ak_json_out *out, const void *record, size_t len, uint64_t received);

/* The same as words on one line, without a line end: NAME=VALUE, the message last, all of it
 * escaped. */
void ak_fields_text(FILE *file, const void *record, size_t len, uint64_t received);

/* "", "year", "zone" or "year, zone" for the bits of ak_syslog_time. */
const char *ak_fields_assumed(unsigned assumed);

#endif
