/* source_table.c - rows grow with the declarations; nothing here trusts a number it is given. */
#include "source_table.h"

#include "json.h"

#include <akashi/escape.h>

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    const char *word;
    const char *text;
};

static const struct word identities[] = {
    {"certificate", "TLS client certificate"},
    {"address", "address of the connection"},
    {"forgeable", "address of datagrams, which can be forged"},
    {"local", "a process of the collector's own machine"},
    {"imported", "brought in from a file"},
    {"overflow", "all senders beyond the listener's cap together"},
};

static const struct word transports[] = {
    {"udp", ""},      {"tcp", ""},  {"tls", ""},    {"relp", ""},
    {"relp+tls", ""}, {"unix", ""}, {"import", ""},
};

static const char *known_word(const struct word *words, size_t count, const char *text)
{
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i].word, text) == 0)
            return words[i].word;
    }
    return "";
}

const char *ak_source_identity_text(const char *identity)
{
    for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
        if (strcmp(identities[i].word, identity) == 0)
            return identities[i].text;
    }
    return "not known";
}

/* A copy that is not longer than is kept, or NULL for a member that is no string. */
static char *keep_text(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    size_t len = json_is_string(value) ? json_string_length(value) : 0;
    char *copy = NULL;

    if (len == 0)
        return NULL;
    if (len <= AK_SOURCE_TEXT_BYTES_MAX)
        return strdup(json_string_value(value));
    if (asprintf(&copy, "%.*s...", (int)AK_SOURCE_TEXT_BYTES_MAX, json_string_value(value)) < 0)
        return NULL;
    return copy;
}

static enum ak_code grow(struct ak_source_table *table, size_t index, struct ak_error *err)
{
    size_t room = table->room == 0 ? 64 : table->room;
    struct ak_source_row *row;

    if (index < table->count)
        return AK_OK;
    while (room <= index)
        room *= 2;
    if (room != table->room) {
        row = reallocarray(table->row, room, sizeof(*row));
        if (row == NULL)
            return ak_fail(err, AK_ENOMEM, "no memory for the list of sources");
        memset(row + table->room, 0, (room - table->room) * sizeof(*row));
        table->row = row;
        table->room = room;
    }
    for (; table->count <= index; table->count++) {
        table->row[table->count].identity = "";
        table->row[table->count].transport = "";
    }
    return AK_OK;
}

static enum ak_code declare(struct ak_source_table *table, const struct ak_log_entry *entry,
                            struct ak_error *err)
{
    struct ak_source_row *row;
    json_t *object = NULL;
    enum ak_code rc;

    if (entry->entry.source_seq >= AK_DECLARED_MAX)
        return AK_OK;
    rc = grow(table, (size_t)entry->entry.source_seq, err);
    if (rc != AK_OK)
        return rc;
    row = &table->row[entry->entry.source_seq];
    if (row->declared)
        return AK_OK; /* a second one is a fault that a check names; the first stands */
    row->declared = true;
    row->declared_at = entry->entry.received;
    if (entry->state != AK_STATE_PRESENT ||
        ak_json_parse(entry->payload, entry->len, &object, NULL) != AK_OK)
        return AK_OK;
    row->identity = known_word(identities, sizeof(identities) / sizeof(identities[0]),
                               json_string_value(json_object_get(object, "identity")));
    row->transport = known_word(transports, sizeof(transports) / sizeof(transports[0]),
                                json_string_value(json_object_get(object, "transport")));
    row->relay = json_is_true(json_object_get(object, "relay"));
    row->name = keep_text(object, "name");
    row->address = keep_text(object, "address");
    row->listener = keep_text(object, "listener");
    json_decref(object);
    return AK_OK;
}

enum ak_code ak_source_table_entry(struct ak_source_table *table, const struct ak_log_entry *entry,
                                   struct ak_error *err)
{
    struct ak_source_row *row;
    uint32_t source = entry->entry.source;

    if (entry->entry.kind == AK_KIND_SOURCE)
        return declare(table, entry, err);
    if (!ak_kind_received(entry->entry.kind))
        return AK_OK;
    if (source < AK_SOURCE_FIRST || source - AK_SOURCE_FIRST >= AK_DECLARED_MAX) {
        table->undeclared++;
        return AK_OK;
    }
    if (source - AK_SOURCE_FIRST >= table->count) { /* its declaration is not here */
        enum ak_code rc = grow(table, source - AK_SOURCE_FIRST, err);
        if (rc != AK_OK)
            return rc;
    }
    row = &table->row[source - AK_SOURCE_FIRST];
    if (row->count == 0)
        row->first_time = entry->entry.received;
    row->last_time = entry->entry.received;
    if (entry->entry.source_seq > row->last_seq)
        row->last_seq = entry->entry.source_seq;
    row->count++;
    row->fragments += entry->entry.kind == AK_KIND_FRAGMENT;
    row->bytes += entry->len;
    return AK_OK;
}

struct reading {
    struct ak_source_table *table;
};

static enum ak_code on_declaration(void *ctx, const struct ak_log_entry *entry,
                                   struct ak_error *err)
{
    struct reading *reading = ctx;

    return ak_source_table_entry(reading->table, entry, err);
}

enum ak_code ak_source_table_read(struct ak_source_table *table, const char *path,
                                  struct ak_error *err)
{
    static const uint32_t declarations[] = {AK_KIND_SOURCE};
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct reading reading = {table};
    struct ak_log_visitor visitor = {.ctx = &reading, .on_entry = on_declaration};

    filter.sources = declarations;
    filter.source_count = 1;
    return ak_log_read(path, &filter, NULL, &visitor, err);
}

void ak_source_table_free(struct ak_source_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->row[i].name);
        free(table->row[i].address);
        free(table->row[i].listener);
    }
    free(table->row);
    memset(table, 0, sizeof(*table));
}

const struct ak_source_row *ak_source_table_row(const struct ak_source_table *table,
                                                uint32_t ordinal)
{
    if (table == NULL || ordinal < AK_SOURCE_FIRST || ordinal - AK_SOURCE_FIRST >= table->count)
        return NULL;
    return &table->row[ordinal - AK_SOURCE_FIRST];
}

/* What a source is called, or NULL: its name, else its address, else what it is. */
static const char *row_text(const struct ak_source_row *row)
{
    if (row == NULL)
        return NULL;
    if (row->name != NULL)
        return row->name;
    if (row->address != NULL)
        return row->address;
    return row->identity[0] != '\0' ? row->identity : NULL;
}

const char *ak_source_name(char *out, const struct ak_source_table *table, uint32_t ordinal)
{
    const char *text = row_text(ak_source_table_row(table, ordinal));

    if (text != NULL)
        (void)ak_escape_terminal(out, AK_SOURCE_LABEL_BYTES, text, strlen(text));
    else if (ordinal < AK_SOURCE_FIRST)
        (void)snprintf(out, AK_SOURCE_LABEL_BYTES, "log");
    else
        (void)snprintf(out, AK_SOURCE_LABEL_BYTES, "%" PRIu32, ordinal);
    return out;
}

const char *ak_source_label(char *out, const struct ak_source_table *table, uint32_t ordinal)
{
    const char *text = row_text(ak_source_table_row(table, ordinal));
    size_t used;

    if (ordinal < AK_SOURCE_FIRST) {
        (void)snprintf(out, AK_SOURCE_LABEL_BYTES, "the log itself (%" PRIu32 ")", ordinal);
        return out;
    }
    if (text == NULL)
        return ak_source_name(out, table, ordinal);
    used = ak_escape_terminal(out, AK_SOURCE_LABEL_BYTES, text, strlen(text));
    (void)snprintf(out + used, AK_SOURCE_LABEL_BYTES - used, " (%" PRIu32 ")", ordinal);
    return out;
}

bool ak_source_row_matches(const struct ak_source_row *row, const char *pattern)
{
    return (row->name != NULL && fnmatch(pattern, row->name, 0) == 0) ||
           (row->address != NULL && fnmatch(pattern, row->address, 0) == 0);
}
