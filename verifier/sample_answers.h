/* sample_answers.h - what the operator answers (format.md 16.4): for each entry what proves it, in
 * one file of any size, read in bounded memory. */
#ifndef AK_SAMPLE_ANSWERS_H
#define AK_SAMPLE_ANSWERS_H

#include "sample.h"

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Items of a file: what a draw can have, and a declaration for each of many sources. */
#define AK_ANSWERS_ITEMS_MAX (AK_SAMPLE_DRAWN_MAX + 65536u)

/* Start notes: one for each epoch that the sample touches. */
#define AK_ANSWERS_NOTES_MAX 65536u

struct ak_answers;

/* Lists what is in a file, which stays open as long as `answers` lives and is borrowed.
 * `origin` and `request` (the digest of what is answered; `*has_request` false: of nothing) are
 * what the file says. What is not of its form ends the list there: then `malformed` says why, and
 * what stands before it can be used. AK_EMALFORMED if not even the first lines are; AK_EIO;
 * AK_ENOMEM. */
enum ak_code ak_answers_open(struct ak_answers **answers, FILE *file, struct ak_error *err);
void ak_answers_close(struct ak_answers *answers);

const char *ak_answers_origin(const struct ak_answers *answers);
bool ak_answers_request(const struct ak_answers *answers, struct ak_hash *request);

/* NULL if all of the file is of its form. */
const char *ak_answers_malformed(const struct ak_answers *answers);

size_t ak_answers_count(const struct ak_answers *answers);
uint64_t ak_answers_index(const struct ak_answers *answers, size_t i); /* rising */

/* Takes the item of an index, owned by the caller; MISSING if the file has none. AK_EIO, AK_ENOMEM.
 */
enum ak_code ak_answers_item(struct ak_answers *answers, uint64_t index,
                             struct ak_sample_item *item, struct ak_error *err);

/* Writing: the first lines, then items in any order, each index once. */
struct ak_answers_writer {
    FILE *file;
    uint8_t *note; /* the start note that was written last */
    size_t note_len;
    uint32_t notes;
};

void ak_answers_begin(struct ak_answers_writer *writer, FILE *file, const char *origin,
                      const struct ak_hash *request);
enum ak_code ak_answers_put(struct ak_answers_writer *writer, const struct ak_sample_item *item,
                            struct ak_error *err);
void ak_answers_end(struct ak_answers_writer *writer);

#endif
