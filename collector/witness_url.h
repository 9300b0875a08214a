/* witness_url.h - where a witness listens: http:// or https:// HOST:PORT, with the prefix that its
 * URL has for everybody else. */
#ifndef AK_WITNESS_URL_H
#define AK_WITNESS_URL_H

#include "url.h"

#define AK_WITNESS_PREFIX_BYTES 128u

struct ak_witness_url {
    struct ak_url at; /* the address; HOST as url.h has it */
    bool tls;
    char prefix[AK_WITNESS_PREFIX_BYTES]; /* "" or "/path", without a slash at the end */
};

/* AK_EUSAGE with a text that names the right form, for anything else. */
enum ak_code ak_witness_url_parse(const char *text, struct ak_witness_url *out,
                                  struct ak_error *err);

#endif
