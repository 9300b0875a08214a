/* extsort.h - sorting any number of small items of one size in bounded memory.
 *
 * Items are compared as bytes, so numbers in them are big-endian. What does not fit into memory
 * goes to files in a directory of the caller's choice; they have no name there and are gone when
 * the sorter is freed or the program ends. */
#ifndef AK_EXTSORT_H
#define AK_EXTSORT_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest item. */
#define AK_SORT_ITEM_BYTES_MAX 128u

/* Least memory of one sorter: room to read all runs side by side. */
#define AK_SORT_MEMORY_MIN 65536u

struct ak_sorter;

/* Takes `memory` bytes and a little more. AK_ENOMEM. `dir` is borrowed as long as it lives. */
enum ak_code ak_sorter_new(struct ak_sorter **sorter, const char *dir, size_t item_bytes,
                           size_t memory, struct ak_error *err);
void ak_sorter_free(struct ak_sorter *sorter);

/* AK_ENOSPC, AK_EIO, AK_ENOTFOUND if the directory cannot be written to. */
enum ak_code ak_sorter_add(struct ak_sorter *sorter, const void *item, struct ak_error *err);

/* Items added so far. */
uint64_t ak_sorter_count(const struct ak_sorter *sorter);

/* Gives the next item in rising order, equal ones as often as they were added; the first call ends
 * the adding. `*item` becomes NULL behind the last one, and is otherwise there until the next call.
 */
enum ak_code ak_sorter_next(struct ak_sorter *sorter, const uint8_t **item, struct ak_error *err);

#endif
