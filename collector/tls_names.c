/* tls_names.c - which names are well-formed, and which of them a listed name accepts. */
#include "tls_names.h"

#include "tls.h"

#include <akashi/escape.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX  253u /* RFC 1035 3.1, as text */
#define LABEL_BYTES_MAX 63u
#define ADDRESS_BYTES   16u

void ak_tls_name_list_clear(struct ak_tls_name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i]);
    free(list->at);
    list->at = NULL;
    list->count = 0;
}

/* Bytes of an address that text stands for: 4, 16, or 0 if it stands for none. */
static size_t address_read(const char *text, uint8_t out[ADDRESS_BYTES])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? ADDRESS_BYTES : 0;
}

/* True if every label has 1 to 63 bytes. */
static bool has_good_labels(const char *name)
{
    size_t label = 0;

    for (const char *p = name;; p++) {
        if (*p != '.' && *p != '\0') {
            label++;
            continue;
        }
        if (label == 0 || label > LABEL_BYTES_MAX)
            return false;
        if (*p == '\0')
            return true;
        label = 0;
    }
}

/* No star, or one as the whole left-most label with two labels or more behind it. */
static bool has_good_star(const char *name)
{
    if (strchr(name, '*') == NULL)
        return true;
    return name[0] == '*' && name[1] == '.' && strchr(name + 2, '*') == NULL &&
           strchr(name + 2, '.') != NULL;
}

/* Text that a terminal and a log line can take as it is. */
static bool is_plain(const char *name, size_t len)
{
    char escaped[NAME_BYTES_MAX * AK_ESCAPE_GROWTH_MAX + 1];

    return ak_escape_terminal(escaped, sizeof(escaped), name, len) == len &&
           memcmp(escaped, name, len) == 0 && strchr(name, ' ') == NULL;
}

static enum ak_code list_append(struct ak_tls_name_list *list, const char *name,
                                struct ak_error *err)
{
    char **at;

    if (list->count == AK_TLS_NAMES_MAX)
        return ak_fail(err, AK_ELIMIT, "more than %u names", AK_TLS_NAMES_MAX);
    at = realloc(list->at, (list->count + 1) * sizeof(*at));
    if (at == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the names of a certificate");
    list->at = at;
    at[list->count] = strdup(name);
    if (at[list->count] == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the names of a certificate");
    list->count++;
    return AK_OK;
}

enum ak_code ak_tls_name_list_add(struct ak_tls_name_list *list, const uint8_t *name, size_t len,
                                  struct ak_error *err)
{
    char text[NAME_BYTES_MAX + 1];
    uint8_t address[ADDRESS_BYTES];

    if (len == 0 || len > NAME_BYTES_MAX || memchr(name, '\0', len) != NULL)
        return AK_OK;
    memcpy(text, name, len);
    text[len] = '\0';
    if (!has_good_labels(text) || !has_good_star(text) || !is_plain(text, len) ||
        address_read(text, address) != 0)
        return AK_OK;
    return list_append(list, text, err);
}

enum ak_code ak_tls_name_list_add_address(struct ak_tls_name_list *list, const uint8_t *address,
                                          size_t len, struct ak_error *err)
{
    char text[INET6_ADDRSTRLEN];

    if (len != 4 && len != ADDRESS_BYTES)
        return AK_OK;
    if (inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)) == NULL)
        return AK_OK;
    return list_append(list, text, err);
}

enum ak_code ak_tls_pattern_check(const char *pattern, struct ak_error *err)
{
    uint8_t address[ADDRESS_BYTES];

    if (address_read(pattern, address) != 0)
        return AK_OK;
    if (!has_good_star(pattern))
        return ak_fail(err, AK_EUSAGE,
                       "\"%.80s\": * stands for one whole name at the left only, with two more "
                       "behind it, as in *.agency.example",
                       pattern);
    if (strlen(pattern) > NAME_BYTES_MAX || !has_good_labels(pattern))
        return ak_fail(err, AK_EUSAGE,
                       "\"%.80s\" is no name that a certificate could have: 1 to %u bytes, parts "
                       "of 1 to %u bytes with one dot between them",
                       pattern, NAME_BYTES_MAX, LABEL_BYTES_MAX);
    return AK_OK;
}

/* Does `*.rest` accept `label.rest`? */
static bool star_accepts(const char *star, const char *name)
{
    const char *dot = strchr(name, '.');

    return star[0] == '*' && name[0] != '*' && dot != NULL && strcasecmp(star + 1, dot) == 0;
}

bool ak_tls_name_matches(const char *pattern, const char *name)
{
    uint8_t wanted[ADDRESS_BYTES];
    uint8_t given[ADDRESS_BYTES];
    size_t bytes = address_read(pattern, wanted);

    if (bytes != 0)
        return address_read(name, given) == bytes && memcmp(wanted, given, bytes) == 0;
    if (address_read(name, given) != 0)
        return false;
    /* Either may have the wildcard: a certificate for all machines of a cluster is RFC 5425 5.2. */
    return strcasecmp(pattern, name) == 0 || star_accepts(pattern, name) ||
           star_accepts(name, pattern);
}
