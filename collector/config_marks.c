/* config_marks.c - one pass over libyaml's events; see config_marks.h. No recursion: the way from
 * the document down to where we are is a stack of indices of fixed depth. */
#include "config_marks.h"

#include <akashi/escape.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define MARKS_FIRST 64u

struct pass {
    const char *name;
    struct ak_error *err;
    struct ak_marks *marks;
    size_t room;                      /* of marks->mark */
    size_t stack[AK_MARKS_DEPTH_MAX]; /* open mappings and sequences */
    size_t depth;
    bool have_key; /* in a mapping: the next value belongs to `key` */
    char key[AK_MARKS_KEY_BYTES_MAX + 1];
    yaml_mark_t key_at;
    unsigned documents;
};

#define FAIL_AT(pass, at, ...)                                                                     \
    fail_at((pass), ak_fail((pass)->err, AK_EUSAGE, __VA_ARGS__), (at).line, (at).column)

/* Puts the place in front of a message; libyaml counts from 0. */
static enum ak_code fail_at(const struct pass *pass, enum ak_code rc, size_t line, size_t column)
{
    ak_wrap(pass->err, "%s:%zu:%zu", pass->name, line + 1, column + 1);
    return rc;
}

/* NUL bytes are looked for first: they end texts early in every C library behind us. */
static enum ak_code refuse_nul(const char *name, const char *text, size_t len, struct ak_error *err)
{
    const char *nul = memchr(text, '\0', len);
    size_t line = 1;
    size_t column = 1;

    if (nul == NULL)
        return AK_OK;
    for (const char *p = text; p < nul; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return ak_fail(err, AK_EUSAGE,
                   "%s:%zu:%zu: a NUL byte; a configuration is UTF-8 text without any", name, line,
                   column);
}

bool ak_marks_printable(const void *text, size_t len)
{
    char room[AK_ESCAPE_GROWTH_MAX + 1];
    const unsigned char *p = text;
    size_t i = 0;

    while (i < len) {
        /* The first character alone, escaped if it must be: then it is longer than it was. */
        size_t n = p[i] < 0x80 ? 1 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;

        if (p[i] == '\\') {
            i++;
            continue;
        }
        if (n > len - i || ak_escape_terminal(room, sizeof(room), p + i, n) != n ||
            memcmp(room, p + i, n) != 0)
            return false;
        i += n;
    }
    return true;
}

/* A key that stands twice would silently lose one of its values. */
static enum ak_code key_take(struct pass *pass, const yaml_event_t *event)
{
    const struct ak_marks *marks = pass->marks;
    size_t parent = pass->stack[pass->depth - 1];
    size_t len = event->data.scalar.length;

    if (marks->mark[parent].children >= AK_MARKS_KEYS_MAX)
        return FAIL_AT(
            pass, event->start_mark,
            "more than %u options in one place; no part of the configuration has so many",
            AK_MARKS_KEYS_MAX);
    memset(pass->key, 0, sizeof(pass->key));
    memcpy(pass->key, event->data.scalar.value,
           len > AK_MARKS_KEY_BYTES_MAX ? AK_MARKS_KEY_BYTES_MAX : len);
    for (size_t i = parent + 1; i < marks->count; i++) {
        if (marks->mark[i].parent == parent && strcmp(marks->mark[i].key, pass->key) == 0)
            return FAIL_AT(
                pass, event->start_mark,
                "\"%s\" stands here a second time (first in line %u); remove one of them",
                pass->key, marks->mark[i].key_line);
    }
    pass->key_at = event->start_mark;
    pass->have_key = true;
    return AK_OK;
}

static enum ak_code mark_add(struct pass *pass, const yaml_event_t *event, enum ak_mark_kind kind)
{
    struct ak_marks *marks = pass->marks;
    yaml_mark_t at = event->start_mark;
    yaml_mark_t key_at = pass->have_key ? pass->key_at : at;
    struct ak_mark *mark;

    if (marks->count == pass->room) {
        size_t room = pass->room == 0 ? MARKS_FIRST : 2 * pass->room;
        struct ak_mark *grown = realloc(marks->mark, room * sizeof(*grown));

        if (grown == NULL)
            return ak_fail(pass->err, AK_ENOMEM, "%s: no memory", pass->name);
        marks->mark = grown;
        pass->room = room;
    }
    mark = &marks->mark[marks->count];
    memset(mark, 0, sizeof(*mark));
    mark->kind = kind;
    if (pass->depth > 0) {
        mark->parent = pass->stack[pass->depth - 1];
        mark->position = marks->mark[mark->parent].children++;
    }
    if (pass->have_key)
        memcpy(mark->key, pass->key, sizeof(mark->key));
    mark->line = (unsigned)at.line + 1;
    mark->column = (unsigned)at.column + 1;
    mark->key_line = (unsigned)key_at.line + 1;
    mark->key_column = (unsigned)key_at.column + 1;
    marks->count++;
    pass->have_key = false;
    return AK_OK;
}

/* True where the next scalar is a key of a mapping. */
static bool at_key(const struct pass *pass)
{
    return pass->depth > 0 && !pass->have_key &&
           pass->marks->mark[pass->stack[pass->depth - 1]].kind == AK_MARK_MAPPING;
}

static enum ak_code on_scalar(struct pass *pass, const yaml_event_t *event)
{
    const unsigned char *value = event->data.scalar.value;

    if (event->data.scalar.anchor != NULL)
        return FAIL_AT(pass, event->start_mark,
                       "anchors (&name) are not used here; write the value where it is needed");
    if (event->data.scalar.tag != NULL)
        return FAIL_AT(pass, event->start_mark, "tags (!name) are not used here; leave it out");
    if (!ak_marks_printable(value, event->data.scalar.length))
        return FAIL_AT(pass, event->start_mark,
                       "a control character, line end or turn of direction within a value; write "
                       "it on one line, without");
    if (at_key(pass))
        return key_take(pass, event);
    return mark_add(pass, event, AK_MARK_SCALAR);
}

static enum ak_code on_open(struct pass *pass, const yaml_event_t *event)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    const unsigned char *anchor =
        mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const unsigned char *tag =
        mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    enum ak_code rc;

    if (anchor != NULL)
        return FAIL_AT(pass, event->start_mark,
                       "anchors (&name) are not used here; write the value where it is needed");
    if (tag != NULL)
        return FAIL_AT(pass, event->start_mark, "tags (!name) are not used here; leave it out");
    if (at_key(pass))
        return FAIL_AT(pass, event->start_mark, "the name of an option is one word, not a list");
    if (pass->depth == AK_MARKS_DEPTH_MAX)
        return FAIL_AT(pass, event->start_mark,
                       "nested more than %u deep; check the indentation and the brackets",
                       AK_MARKS_DEPTH_MAX);
    rc = mark_add(pass, event, mapping ? AK_MARK_MAPPING : AK_MARK_SEQUENCE);
    if (rc == AK_OK)
        pass->stack[pass->depth++] = pass->marks->count - 1;
    return rc;
}

static enum ak_code on_event(struct pass *pass, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (pass->documents++ > 0)
            return FAIL_AT(pass, event->start_mark,
                           "a second document (---); a configuration is one document");
        return AK_OK;
    case YAML_ALIAS_EVENT:
        return FAIL_AT(pass, event->start_mark,
                       "\"*%.40s\" is an alias in YAML; write the value itself, in quotes where it "
                       "begins with *",
                       (const char *)event->data.alias.anchor);
    case YAML_SCALAR_EVENT:
        return on_scalar(pass, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_open(pass, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        pass->depth--;
        return AK_OK;
    default:
        return AK_OK;
    }
}

/* What libyaml says is wrong, in one line with its place. */
static enum ak_code yaml_failed(const struct pass *pass, const yaml_parser_t *parser,
                                const char *text, size_t len)
{
    const char *problem = parser->problem == NULL ? "no memory" : parser->problem;

    if (parser->error == YAML_MEMORY_ERROR)
        return ak_fail(pass->err, AK_ENOMEM, "%s: no memory", pass->name);
    if (parser->error == YAML_READER_ERROR) {
        size_t line = 0;

        for (size_t i = 0; i < parser->problem_offset && i < len; i++)
            line += text[i] == '\n';
        return ak_fail(pass->err, AK_EUSAGE, "%s:%zu: not UTF-8 text (%s); write the file in UTF-8",
                       pass->name, line + 1, problem);
    }
    if (strcmp(problem, "found character that cannot start any token") == 0)
        return FAIL_AT(pass, parser->problem_mark,
                       "not YAML: %s; indent with spaces, never tabs, and put quotes around a "
                       "value that begins with @, %% or `",
                       problem);
    return FAIL_AT(pass, parser->problem_mark,
                   "not YAML: %s; check indentation and quotes here and in the line above",
                   problem);
}

static enum ak_code events_read(struct pass *pass, const char *text, size_t len)
{
    yaml_parser_t parser;
    enum ak_code rc = AK_OK;
    bool end = false;

    if (!yaml_parser_initialize(&parser))
        return ak_fail(pass->err, AK_ENOMEM, "%s: no memory", pass->name);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (rc == AK_OK && !end) {
        yaml_event_t event;

        if (!yaml_parser_parse(&parser, &event)) {
            rc = yaml_failed(pass, &parser, text, len);
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        rc = on_event(pass, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return rc;
}

enum ak_code ak_marks_read(const char *name, const void *text, size_t len, struct ak_marks *out,
                           struct ak_error *err)
{
    struct pass pass = {.name = name, .err = err, .marks = out};
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    rc = refuse_nul(name, text, len, err);
    if (rc == AK_OK)
        rc = events_read(&pass, text, len);
    if (rc == AK_OK && out->count == 0)
        rc = ak_fail(err, AK_EUSAGE,
                     "%s: the configuration is empty; akashi.conf.example shows one", name);
    if (rc != AK_OK)
        ak_marks_free(out);
    return rc;
}

void ak_marks_free(struct ak_marks *marks)
{
    free(marks->mark);
    memset(marks, 0, sizeof(*marks));
}

const struct ak_mark *ak_marks_find(const struct ak_marks *marks, const struct ak_mark_step *path,
                                    size_t depth)
{
    size_t here = 0;

    for (size_t d = 0; d < depth; d++) {
        size_t i = here + 1;

        while (i < marks->count &&
               (marks->mark[i].parent != here ||
                (path[d].key != NULL ? strcmp(marks->mark[i].key, path[d].key) != 0
                                     : marks->mark[i].position != path[d].position)))
            i++;
        if (i == marks->count)
            break;
        here = i;
    }
    return &marks->mark[here];
}
