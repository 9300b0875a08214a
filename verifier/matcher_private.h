/* matcher_private.h - what compiling what is looked for leaves to looking for it. */
#ifndef AK_MATCHER_PRIVATE_H
#define AK_MATCHER_PRIVATE_H

#include "literals.h"
#include "matcher.h"

#include <hs/hs.h>

/* A pattern in one encoding. */
struct ak_matcher_variant {
    uint32_t pattern;
    uint32_t len; /* of a string; 0: an expression, whose matches begin anywhere */
    enum ak_charset charset;
    enum ak_charset_begin begins;
    uint8_t *bytes; /* of a string that `literals` borrows, or NULL */
};

struct ak_matcher {
    size_t count;
    bool given; /* the user says what the encoding is */
    struct ak_matcher_variant *variant;
    size_t variants;
    hs_database_t *expressions; /* NULL: none */
    hs_database_t *beginnings;  /* the same, and it tells where matches begin; NULL: it cannot */
    hs_database_t *fronts; /* for the first pass: shorter ones that have places in the same lines;
                              NULL: `expressions` serve */
    bool in_line;          /* a place of variant 0 is a match of its line, if that is plain ASCII */
    struct ak_literals *literals;
    char *bytes; /* the list, which `literals` borrows */
    char note[AK_ERROR_TEXT_BYTES];
};

#endif
