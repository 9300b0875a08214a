/* syslog_data.c - STRUCTURED-DATA of RFC 5424 6.3: where it ends, and the walk over it.
 *
 * Its length is found by walking over it once with the same functions that readers use, so that
 * what was accepted can be walked. Read more widely than written: blanks behind `=`, and values
 * without quotes as far as they hold none of blank, `"` and `]`. */
#include "syslog_private.h"

/* SD-ID and PARAM-NAME: printable ASCII without `=`, `]` and `"`. */
static size_t name_length(const struct ak_syslog_rest *r)
{
    size_t n = 0;

    while (n < r->len && r->p[n] > ' ' && r->p[n] < 127 && r->p[n] != '=' && r->p[n] != ']' &&
           r->p[n] != '"')
        n++;
    return n <= AK_SYSLOG_ID_BYTES_MAX ? n : 0;
}

/* Length of a value up to its closing quote; false if there is none, or a `]` before it. */
static bool quoted_length(const struct ak_syslog_rest *r, size_t *len)
{
    size_t n = 0;

    while (n < r->len && r->p[n] != '"' && r->p[n] != ']') {
        bool escape = r->p[n] == '\\' && n + 1 < r->len &&
                      (r->p[n + 1] == '"' || r->p[n + 1] == '\\' || r->p[n + 1] == ']');
        n += escape ? 2 : 1;
    }
    *len = n;
    return n < r->len && r->p[n] == '"';
}

static size_t bare_length(const struct ak_syslog_rest *r)
{
    size_t n = 0;

    while (n < r->len && r->p[n] > ' ' && r->p[n] < 127 && r->p[n] != ']' && r->p[n] != '"')
        n++;
    return n;
}

/* ` name="value"`. */
static bool param(struct ak_syslog_rest *r, struct ak_syslog_part *name,
                  struct ak_syslog_part *value)
{
    bool quoted;
    size_t n;

    ak_syslog_skip_blanks(r);
    n = name_length(r);
    if (n == 0 || ak_syslog_at(r, n) != '=')
        return false;
    *name = (struct ak_syslog_part){r->p, n};
    ak_syslog_skip(r, n + 1);
    ak_syslog_skip_blanks(r);
    quoted = ak_syslog_at(r, 0) == '"';
    if (quoted)
        ak_syslog_skip(r, 1);
    if (quoted && !quoted_length(r, &n))
        return false;
    if (!quoted && (n = bare_length(r)) == 0)
        return false;
    *value = (struct ak_syslog_part){r->p, n};
    ak_syslog_skip(r, quoted ? n + 1 : n);
    return true;
}

static bool element(struct ak_syslog_rest *r, struct ak_syslog_part *id)
{
    size_t n;

    if (ak_syslog_at(r, 0) != '[')
        return false;
    ak_syslog_skip(r, 1);
    n = name_length(r);
    if (n == 0)
        return false;
    *id = (struct ak_syslog_part){r->p, n};
    ak_syslog_skip(r, n);
    return true;
}

size_t ak_syslog_data_length(const struct ak_syslog_rest *whole)
{
    struct ak_syslog_rest r = *whole;
    struct ak_syslog_part name;
    struct ak_syslog_part value;

    if (ak_syslog_at(&r, 0) == '-')
        return 1;
    while (ak_syslog_at(&r, 0) == '[') {
        if (!element(&r, &name))
            return 0;
        while (ak_syslog_at(&r, 0) == ' ') {
            ak_syslog_skip_blanks(&r);
            if (ak_syslog_at(&r, 0) != ']' && !param(&r, &name, &value))
                return 0;
        }
        if (ak_syslog_at(&r, 0) != ']')
            return 0;
        ak_syslog_skip(&r, 1);
    }
    return whole->len - r.len;
}

void ak_syslog_data_begin(struct ak_syslog_data *walk, const struct ak_syslog *syslog)
{
    walk->p = syslog->data.p;
    walk->len = syslog->data.p == NULL ? 0 : syslog->data.len;
}

bool ak_syslog_data_param(struct ak_syslog_data *walk, struct ak_syslog_part *name,
                          struct ak_syslog_part *value)
{
    struct ak_syslog_rest r = {walk->p, walk->len};
    bool found = ak_syslog_at(&r, 0) == ' ' && param(&r, name, value);

    if (found)
        *walk = (struct ak_syslog_data){r.p, r.len};
    return found;
}

bool ak_syslog_data_element(struct ak_syslog_data *walk, struct ak_syslog_part *id)
{
    struct ak_syslog_rest r;
    struct ak_syslog_part name;
    struct ak_syslog_part value;
    bool found;

    while (ak_syslog_data_param(walk, &name, &value))
        continue;
    r = (struct ak_syslog_rest){walk->p, walk->len};
    ak_syslog_skip_blanks(&r);
    if (ak_syslog_at(&r, 0) == ']')
        ak_syslog_skip(&r, 1);
    found = element(&r, id);
    *walk = (struct ak_syslog_data){r.p, r.len};
    return found;
}

size_t ak_syslog_data_value(char *out, struct ak_syslog_part value)
{
    size_t n = 0;

    for (size_t i = 0; i < value.len; i++) {
        char next = i + 1 < value.len ? value.p[i + 1] : '\0';
        if (value.p[i] == '\\' && (next == '"' || next == '\\' || next == ']'))
            i++;
        out[n++] = value.p[i];
    }
    return n;
}

static bool equals(struct ak_syslog_part part, const char *text)
{
    return part.len == strlen(text) && memcmp(part.p, text, part.len) == 0;
}

bool ak_syslog_data_find(const struct ak_syslog *syslog, const char *id, const char *name,
                         struct ak_syslog_part *value)
{
    struct ak_syslog_data walk;
    struct ak_syslog_part found;

    ak_syslog_data_begin(&walk, syslog);
    while (ak_syslog_data_element(&walk, &found)) {
        if (!equals(found, id))
            continue;
        while (ak_syslog_data_param(&walk, &found, value)) {
            if (equals(found, name))
                return true;
        }
    }
    return false;
}
