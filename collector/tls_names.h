/* tls_names.h - names of senders: what a certificate says against what the operator listed.
 *
 * Knows no OpenSSL. Rules of RFC 5425 5.2 and RFC 6125 6.4, on the strict side:
 * - a wildcard is the whole left-most label, stands for exactly one label, and has two labels or
 *   more behind it (`*.com` would be half the world);
 * - an address is only ever matched by an address: text that reads as one is no name;
 * - letter case means nothing in ASCII. */
#ifndef AK_TLS_NAMES_H
#define AK_TLS_NAMES_H

#include <akashi/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names of one certificate. Zeroed is empty. */
struct ak_tls_name_list {
    char **at; /* NUL-terminated, well-formed */
    size_t count;
};

void ak_tls_name_list_clear(struct ak_tls_name_list *list);

/* Adds what a dNSName or common name says, if it is a well-formed name; else does nothing. The
 * caller has refused embedded NULs. AK_ELIMIT beyond AK_TLS_NAMES_MAX, AK_ENOMEM. */
enum ak_code ak_tls_name_list_add(struct ak_tls_name_list *list, const uint8_t *name, size_t len,
                                  struct ak_error *err);

/* Adds an iPAddress as text; lengths other than 4 and 16 do nothing. Errors as above. */
enum ak_code ak_tls_name_list_add_address(struct ak_tls_name_list *list, const uint8_t *address,
                                          size_t len, struct ak_error *err);

/* AK_EUSAGE, with the rule in the text, if a listed name could never be meant. */
enum ak_code ak_tls_pattern_check(const char *pattern, struct ak_error *err);

/* Does a listed name (which passed the check) accept a name of a list? */
bool ak_tls_name_matches(const char *pattern, const char *name);

#endif
