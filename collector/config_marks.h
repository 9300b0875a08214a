/* config_marks.h - where everything stands in a configuration file, and what YAML allows that a
 * configuration must not have.
 *
 * libcyaml gives values without their places and takes keys that stand twice, so one light pass
 * over libyaml's events comes first. It refuses: bad YAML, NUL and control characters, more than
 * one document, anchors, aliases and tags, keys that stand twice, deep nesting. Private to the
 * configuration's files and their tests. */
#ifndef AK_CONFIG_MARKS_H
#define AK_CONFIG_MARKS_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AK_MARKS_DEPTH_MAX     16u /* ours is 5 deep; a parser is not to be driven deeper */
#define AK_MARKS_KEYS_MAX      64u /* in one mapping; ours have fewer, and all are compared */
#define AK_MARKS_KEY_BYTES_MAX 63u /* longer keys are cut: none of ours is so long */

enum ak_mark_kind { AK_MARK_SCALAR, AK_MARK_MAPPING, AK_MARK_SEQUENCE };

struct ak_mark {
    enum ak_mark_kind kind;
    size_t parent;                        /* index; the first mark is its own parent */
    size_t children;                      /* how many it has */
    size_t position;                      /* its place among its parent's children, from 0 */
    char key[AK_MARKS_KEY_BYTES_MAX + 1]; /* in a mapping, else "" */
    unsigned key_line, key_column;        /* from 1; of the value where there is no key */
    unsigned line, column;                /* of the value */
};

/* In the order of the file; mark[0] is the whole document. */
struct ak_marks {
    struct ak_mark *mark;
    size_t count;
};

/* One step of a path: a key of a mapping, or (key NULL) a position in a sequence. */
struct ak_mark_step {
    const char *key;
    size_t position;
};

/* Reads `len` bytes; `name` stands in front of messages. Freed with ak_marks_free. */
enum ak_code ak_marks_read(const char *name, const void *text, size_t len, struct ak_marks *out,
                           struct ak_error *err);
void ak_marks_free(struct ak_marks *marks);

/* True if a text can be shown and written as it is: UTF-8 without controls, line ends and
 * characters that turn the direction of text. */
bool ak_marks_printable(const void *text, size_t len);

/* The mark a path leads to, or the last one on the way that exists. Never NULL: a document that
 * was read has a first mark. */
const struct ak_mark *ak_marks_find(const struct ak_marks *marks, const struct ak_mark_step *path,
                                    size_t depth);

#endif
