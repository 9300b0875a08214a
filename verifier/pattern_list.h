/* pattern_list.h - a file of fixed strings, taken apart. */
#ifndef AK_PATTERN_LIST_H
#define AK_PATTERN_LIST_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>

struct ak_pattern_string {
    const uint8_t *p; /* borrowed from the text */
    uint32_t len;     /* at least 1 */
};

/* Takes the lines of a list apart: LF or CR LF ends one, a byte order mark in front and empty lines
 * are passed over, anything else counts byte by byte. `*string` is malloc'ed. AK_EUSAGE if there is
 * none, AK_ELIMIT past AK_PATTERN_LIST_..., AK_ENOMEM. */
enum ak_code ak_pattern_list_parse(struct ak_pattern_string **string, size_t *count,
                                   const char *text, size_t len, struct ak_error *err);

#endif
