/* show.h - numbers, sizes and texts for people's eyes.
 *
 * All bytes that come from evidence, files or the command line go through ak_show_text: what a
 * terminal would act on is never written (akashi/escape.h). */
#ifndef AK_SHOW_H
#define AK_SHOW_H

#include <akashi/finding.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for "18,446,744,073,709,551,615" and for "1023.9 MiB", each with its NUL. */
#define AK_SHOW_NUMBER_BYTES 28u

/* "1,204,331" into `out` of AK_SHOW_NUMBER_BYTES; gives `out`. */
const char *ak_show_count(char *out, uint64_t n);

/* "12.3 MiB", "512 bytes". */
const char *ak_show_bytes(char *out, uint64_t n);

/* "s" unless there is exactly one. */
const char *ak_show_plural(uint64_t n);

/* "2,222 records", and " and 1 fragment" where there are some: bytes that are not a whole record
 * are never counted as one. */
void ak_show_records(FILE *file, uint64_t records, uint64_t fragments);

void ak_show_text(FILE *file, const char *text);
void ak_show_data(FILE *file, const void *data, size_t len);

/* "INVALID" in bold red and so on when `colour`, else plain. */
void ak_show_verdict(FILE *file, enum ak_verdict verdict, bool colour);

/* Prints `text`, whose words are ours, in lines of at most AK_SHOW_COLUMNS, each behind `indent`
 * blanks but for the first, which goes on at column `at`. Ends with a line end. */
#define AK_SHOW_COLUMNS 100u
void ak_show_wrapped(FILE *file, const char *text, unsigned indent, unsigned at);

/* The same for text that may hold bytes of the evidence: escaped, at `indent` from the start. */
void ak_show_wrapped_text(FILE *file, const char *text, unsigned indent);

#endif
