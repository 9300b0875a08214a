/* custody.c - one custody record as text (docs/format.md 14.11).
 *
 * Lines "word value" in one order, some of which may lack; all others are malformed, so that two
 * readers cannot read one record in two ways. */
#include <akashi/custody.h>

#include <akashi/base64.h>

#include "calendar.h"
#include "text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADING   "akashi/custody/v1"
#define HEX_CHARS (2 * AK_HASH_BYTES)
#define NONE      "none"

/* A line whose value is a text. */
struct text_line {
    const char *word;
    size_t offset; /* in struct ak_custody_record */
    bool may_lack;
};

static const struct text_line text_lines[] = {
    {"exhibit", offsetof(struct ak_custody_record, exhibit), false},
    {"by", offsetof(struct ak_custody_record, by), false},
    {"to", offsetof(struct ak_custody_record, to), true},
    {"place", offsetof(struct ak_custody_record, place), true},
    {"purpose", offsetof(struct ak_custody_record, purpose), false},
    {"changes", offsetof(struct ak_custody_record, changes), false},
    {"answerable", offsetof(struct ak_custody_record, answerable), true},
};

#define TEXT_LINES (sizeof(text_lines) / sizeof(text_lines[0]))

bool ak_custody_text_valid(const char *text, size_t len)
{
    return len > 0 && len <= AK_CUSTODY_TEXT_BYTES_MAX && ak_text_is_note(text, len) &&
           memchr(text, '\n', len) == NULL && memchr(text, 0x7f, len) == NULL && text[0] != ' ' &&
           text[len - 1] != ' ';
}

static const char *text_of(const struct ak_custody_record *record, const struct text_line *line)
{
    return (const char *)record + line->offset;
}

/* Somebody must answer for a change, and nobody for none. */
static bool changes_fit(const struct ak_custody_record *record)
{
    return (strcmp(record->changes, NONE) == 0) == (record->answerable[0] == '\0');
}

static enum ak_code check_record(const struct ak_custody_record *record, struct ak_error *err)
{
    if (record->number < 1 || record->number > AK_CUSTODY_RECORDS_MAX)
        return ak_fail(err, AK_EUSAGE, "a bundle has at most %u custody records",
                       AK_CUSTODY_RECORDS_MAX);
    if (record->at > AK_CUSTODY_TIME_MAX)
        return ak_fail(err, AK_EUSAGE, "a custody record's time lies past the year 9999");
    for (size_t i = 0; i < TEXT_LINES; i++) {
        const char *text = text_of(record, &text_lines[i]);
        size_t len = strnlen(text, AK_CUSTODY_TEXT_BYTES_MAX + 1);
        if (len == 0 && text_lines[i].may_lack)
            continue;
        if (!ak_custody_text_valid(text, len))
            return ak_fail(err, AK_EUSAGE,
                           "%s: write 1 to %u bytes of UTF-8 on one line, without control "
                           "characters and without blanks at the ends",
                           text_lines[i].word, AK_CUSTODY_TEXT_BYTES_MAX);
    }
    if (!changes_fit(record))
        return ak_fail(err, AK_EUSAGE,
                       "whoever answers for a change is named with it, and nobody for none");
    return AK_OK;
}

static void hex(char out[HEX_CHARS + 1], const struct ak_hash *hash)
{
    (void)ak_hex_encode(out, HEX_CHARS + 1, hash->b, AK_HASH_BYTES);
}

enum ak_code ak_custody_format(char *out, size_t cap, size_t *n,
                               const struct ak_custody_record *record, struct ak_error *err)
{
    char evidence[HEX_CHARS + 1];
    char previous[HEX_CHARS + 1] = NONE;
    char at[AK_CALENDAR_TEXT_BYTES];
    enum ak_code rc = check_record(record, err);
    int used;

    *n = 0;
    if (rc == AK_OK && record->has_previous != (record->number > 1))
        rc = ak_fail(err, AK_EUSAGE, "only the first custody record has none before it");
    if (rc != AK_OK)
        return rc;
    hex(evidence, &record->evidence);
    if (record->has_previous)
        hex(previous, &record->previous);
    ak_calendar_format(at, record->at);
    used = snprintf(out, cap, HEADING "\nnumber %u\nevidence %s\nprevious %s\nat %s\n",
                    record->number, evidence, previous, at);
    for (size_t i = 0; i < TEXT_LINES && used > 0 && (size_t)used < cap; i++) {
        const char *text = text_of(record, &text_lines[i]);
        if (text[0] != '\0')
            used += snprintf(out + used, cap - (size_t)used, "%s %s\n", text_lines[i].word, text);
    }
    if (used <= 0 || (size_t)used >= cap)
        return ak_fail(err, AK_ELIMIT, "a custody record does not fit into %zu bytes", cap);
    *n = (size_t)used;
    return AK_OK;
}

/* The value of the next line, which must begin with `word` and a blank. */
static bool take_line(struct ak_text *rest, const char *word, struct ak_text *value)
{
    struct ak_text after = *rest;

    if (!ak_text_line(&after, value) || !ak_text_skip(value, word) || !ak_text_skip(value, " "))
        return false;
    *rest = after;
    return true;
}

static bool take_hash(struct ak_text *rest, const char *word, struct ak_hash *hash, bool *none)
{
    struct ak_text value;

    if (!take_line(rest, word, &value))
        return false;
    *none = value.len == strlen(NONE) && memcmp(value.p, NONE, value.len) == 0;
    return *none || ak_hex_decode(hash->b, AK_HASH_BYTES, value.p, value.len, NULL) == AK_OK;
}

/* The lines with texts, up to the end. */
static bool take_texts(struct ak_custody_record *record, struct ak_text *rest)
{
    for (size_t i = 0; i < TEXT_LINES; i++) {
        char *to = (char *)record + text_lines[i].offset;
        struct ak_text value;
        if (!take_line(rest, text_lines[i].word, &value)) {
            if (!text_lines[i].may_lack)
                return false;
            continue;
        }
        if (!ak_custody_text_valid(value.p, value.len))
            return false;
        memcpy(to, value.p, value.len);
        to[value.len] = '\0';
    }
    return rest->len == 0 && changes_fit(record);
}

static bool parse_text(struct ak_custody_record *record, struct ak_text rest)
{
    struct ak_text line;
    uint64_t number;
    bool none;

    if (!ak_text_line(&rest, &line) || line.len != strlen(HEADING) ||
        memcmp(line.p, HEADING, line.len) != 0)
        return false;
    if (!take_line(&rest, "number", &line) ||
        !ak_text_decimal(line, AK_CUSTODY_RECORDS_MAX, &number) || number < 1)
        return false;
    record->number = (unsigned)number;
    if (!take_hash(&rest, "evidence", &record->evidence, &none) || none)
        return false;
    if (!take_hash(&rest, "previous", &record->previous, &none) || none != (number == 1))
        return false;
    record->has_previous = !none;
    if (!take_line(&rest, "at", &line) || !ak_calendar_parse(line.p, line.len, &record->at))
        return false;
    return take_texts(record, &rest);
}

enum ak_code ak_custody_parse(struct ak_custody_record *record, bool *is_signed,
                              struct ak_note *note, const void *data, size_t len,
                              struct ak_error *err)
{
    struct ak_text text = {data, len};
    enum ak_code rc = AK_OK;

    memset(record, 0, sizeof(*record));
    *is_signed = len > 0 && memmem(data, len, "\n\n", 2) != NULL;
    if (len > AK_CUSTODY_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "a custody record has at most %u bytes",
                       AK_CUSTODY_BYTES_MAX);
    if (*is_signed) {
        rc = ak_note_parse(note, data, len, err);
        text = (struct ak_text){note->text, rc == AK_OK ? note->text_len : 0};
    }
    if (rc == AK_OK && !parse_text(record, text))
        rc = ak_fail(err, AK_EMALFORMED,
                     "this is no custody record: a line is not as it must be, or not in its place");
    if (rc != AK_OK)
        memset(record, 0, sizeof(*record));
    return rc == AK_OK ? rc : AK_EMALFORMED;
}
