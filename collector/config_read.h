/* config_read.h - from texts to values, with the place of every fault. Private to the
 * configuration's files. */
#ifndef AK_CONFIG_READ_H
#define AK_CONFIG_READ_H

#include "config.h"
#include "config_marks.h"
#include "config_schema.h"

/* What is being read and where we are in it. */
struct ak_reader {
    const char *name;             /* of the file, for messages; NULL: options of a command line */
    const char *directory;        /* relative paths begin here */
    const struct ak_marks *marks; /* NULL with name */
    bool closed;                  /* a configuration without a listener is right */
    struct ak_error *err;
    struct ak_mark_step path[AK_MARKS_DEPTH_MAX];
    size_t depth;
};

void ak_reader_enter(struct ak_reader *reader, const char *key);
void ak_reader_enter_entry(struct ak_reader *reader, size_t position);
void ak_reader_leave(struct ak_reader *reader);

/* Records a fault (AK_EUSAGE) with the place where the reader is. */
enum ak_code ak_reader_fail(struct ak_reader *reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "FILE:LINE:COLUMN: KEY: " in front of a fault that a parser of values reported. */
enum ak_code ak_reader_wrap(struct ak_reader *reader, const char *key);

/* Makes a whole, checked configuration. `raw` is borrowed. */
enum ak_code ak_config_from_raw(struct ak_reader *reader, const struct raw_config *raw,
                                struct ak_config **out);

/* config_check.c: what fits the schema but makes no sense together. */
enum ak_code ak_config_check(struct ak_reader *reader, const struct ak_config *config);

#endif
