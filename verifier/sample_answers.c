/* sample_answers.c - the file of answers: written in one go, read by the places of its items.
 *
 * Happy path: one pass notes where each item and each start note stands; items are read when the
 * draw asks for them. Failure modes: every length is compared with a named limit and with the
 * file's own before anything is read; behind the first thing that is not of its form nothing is
 * taken. */
#include "sample_answers.h"

#include "text.h"

#include <akashi/base64.h>
#include <akashi/epoch.h>
#include <akashi/proof.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADING        "akashi/sample-answers/v1"
#define LINE_BYTES_MAX 256u /* the longest is an origin, or an absent entry in hexadecimal */
#define HASH_LINE      (AK_BASE64_CHARS(AK_HASH_BYTES) + 1u)

struct place {
    uint64_t index;
    uint64_t at; /* behind the line that begins it */
    uint32_t note;
    uint32_t proof_len;
    uint32_t payload_len;
    uint8_t hashes;
    uint8_t state;
    uint8_t entry[AK_ENTRY_BYTES]; /* ABSENT */
};

struct note_place {
    uint64_t at;
    uint32_t len;
};

struct ak_answers {
    FILE *file;
    uint64_t bytes;
    char origin[AK_ORIGIN_BYTES_MAX + 1];
    bool has_request;
    struct ak_hash request;
    struct place *item;
    size_t count;
    size_t room;
    struct note_place *note;
    size_t notes;
    size_t note_room;
    struct ak_error why;
    char line[LINE_BYTES_MAX];
};

void ak_answers_close(struct ak_answers *a)
{
    if (a == NULL)
        return;
    free(a->item);
    free(a->note);
    free(a);
}

const char *ak_answers_origin(const struct ak_answers *a)
{
    return a->origin;
}

bool ak_answers_request(const struct ak_answers *a, struct ak_hash *request)
{
    *request = a->request;
    return a->has_request;
}

const char *ak_answers_malformed(const struct ak_answers *a)
{
    return a->why.code == AK_OK ? NULL : a->why.text;
}

size_t ak_answers_count(const struct ak_answers *a)
{
    return a->count;
}

uint64_t ak_answers_index(const struct ak_answers *a, size_t i)
{
    return a->item[i].index;
}

/* ---- The list ---- */

static enum ak_code malformed(struct ak_answers *a, uint64_t at, const char *what)
{
    return ak_fail(&a->why, AK_EMALFORMED, "answers, byte %" PRIu64 ": %s", at, what);
}

/* A line without its end; false at the end of the file, or for one that is too long. */
static bool next_line(struct ak_answers *a, struct ak_text *line)
{
    size_t len = 0;
    int c;

    while ((c = getc(a->file)) != EOF && c != '\n' && len < sizeof(a->line) - 1)
        a->line[len++] = (char)c;
    a->line[len] = '\0';
    *line = (struct ak_text){a->line, len};
    return c == '\n';
}

/* Takes a number and the blank behind it, or the end. */
static bool take_number(struct ak_text *rest, uint64_t max, uint64_t *value)
{
    size_t len = 0;

    while (len < rest->len && rest->p[len] != ' ')
        len++;
    if (!ak_text_decimal((struct ak_text){rest->p, len}, max, value))
        return false;
    len += len < rest->len;
    rest->p += len;
    rest->len -= len;
    return true;
}

/* Whether `len` bytes are there from here on, and moves behind them. */
static bool skip(struct ak_answers *a, uint64_t len)
{
    off_t at = ftello(a->file);

    return at >= 0 && (uint64_t)at <= a->bytes && len <= a->bytes - (uint64_t)at &&
           fseeko(a->file, (off_t)len, SEEK_CUR) == 0;
}

static bool read_heading(struct ak_answers *a)
{
    struct ak_text line;

    if (!next_line(a, &line) || line.len != strlen(HEADING) ||
        memcmp(line.p, HEADING, line.len) != 0 || !next_line(a, &line) ||
        line.len > AK_ORIGIN_BYTES_MAX || ak_origin_check(line.p, line.len, NULL) != AK_OK)
        return false;
    memcpy(a->origin, line.p, line.len);
    if (!next_line(a, &line))
        return false;
    if (line.len == 1 && line.p[0] == '-')
        return true;
    a->has_request = true;
    return ak_hex_decode(a->request.b, AK_HASH_BYTES, line.p, line.len, NULL) == AK_OK;
}

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
    void *grown;

    if (count < *room)
        return list;
    grown = reallocarray(list, *room == 0 ? 64 : 2 * *room, size);
    if (grown != NULL)
        *room = *room == 0 ? 64 : 2 * *room;
    return grown;
}

/* note LENGTH, and the note. */
static enum ak_code list_note(struct ak_answers *a, struct ak_text rest, uint64_t at,
                              struct ak_error *err)
{
    struct note_place *list;
    uint64_t len;
    uint64_t from = at + (uint64_t)(rest.p - a->line) + rest.len + 1;

    if (!take_number(&rest, AK_EPOCH_NOTE_BYTES_MAX, &len) || rest.len != 0 || len == 0 ||
        a->notes == AK_ANSWERS_NOTES_MAX || !skip(a, len))
        return malformed(a, at, "a start note is not as it should be");
    list = grow(a->note, a->notes, &a->note_room, sizeof(*list));
    if (list == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    a->note = list;
    a->note[a->notes++] = (struct note_place){from, (uint32_t)len};
    return AK_OK;
}

/* HASHES NOTE PROOF-LENGTH PAYLOAD-LENGTH, or HASHES ENTRY, or nothing. */
static bool read_item(const struct ak_answers *a, struct place *place, struct ak_text rest)
{
    uint64_t hashes;
    uint64_t note;
    uint64_t proof;
    uint64_t payload;

    if (ak_text_skip(&rest, "missing")) {
        place->state = AK_SAMPLE_MISSING;
        return rest.len == 0;
    }
    if (ak_text_skip(&rest, "absent ")) {
        place->state = AK_SAMPLE_ABSENT;
        if (!take_number(&rest, AK_PROOF_HASHES_MAX, &hashes))
            return false;
        place->hashes = (uint8_t)hashes;
        return ak_hex_decode(place->entry, AK_ENTRY_BYTES, rest.p, rest.len, NULL) == AK_OK;
    }
    place->state = AK_SAMPLE_SHOWN;
    if (!ak_text_skip(&rest, "shown ") || !take_number(&rest, AK_PROOF_HASHES_MAX, &hashes) ||
        !take_number(&rest, AK_ANSWERS_NOTES_MAX, &note) || note >= a->notes ||
        !take_number(&rest, AK_PROOF_BYTES_MAX, &proof) ||
        !take_number(&rest, AK_PAYLOAD_BYTES_MAX, &payload) || rest.len != 0)
        return false;
    place->hashes = (uint8_t)hashes;
    place->note = (uint32_t)note;
    place->proof_len = (uint32_t)proof;
    place->payload_len = (uint32_t)payload;
    return true;
}

static enum ak_code list_item(struct ak_answers *a, struct ak_text rest, uint64_t at,
                              struct ak_error *err)
{
    struct place place = {.at = at + (uint64_t)(rest.p - a->line) + rest.len + 1};
    struct place *list;
    uint64_t length;

    if (!take_number(&rest, AK_TREE_SIZE_MAX - 1, &place.index) || !read_item(a, &place, rest) ||
        a->count == AK_ANSWERS_ITEMS_MAX)
        return malformed(a, at, "an item is not as it should be");
    length = HASH_LINE * (uint64_t)place.hashes + place.proof_len + place.payload_len;
    if (!skip(a, length) || (place.state == AK_SAMPLE_SHOWN && getc(a->file) != '\n'))
        return malformed(a, at, "the file ends within an item, or it has no line end");
    list = grow(a->item, a->count, &a->room, sizeof(*list));
    if (list == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    a->item = list;
    a->item[a->count++] = place;
    return AK_OK;
}

static int by_index(const void *x, const void *y)
{
    const struct place *a = x;
    const struct place *b = y;

    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* Two answers for one entry are none of its form; the first one counts. */
static void sort_items(struct ak_answers *a)
{
    size_t kept = 0;

    if (a->count > 1)
        qsort(a->item, a->count, sizeof(*a->item), by_index);
    for (size_t i = 0; i < a->count; i++) {
        if (kept > 0 && a->item[kept - 1].index == a->item[i].index)
            (void)malformed(a, a->item[i].at, "an entry is answered twice");
        else
            a->item[kept++] = a->item[i];
    }
    a->count = kept;
}

static enum ak_code list_all(struct ak_answers *a, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && a->why.code == AK_OK) {
        off_t at = ftello(a->file);
        struct ak_text line;

        if (at < 0)
            return ak_fail_errno(err, errno, "answers");
        if ((uint64_t)at >= a->bytes)
            break;
        if (!next_line(a, &line))
            (void)malformed(a, (uint64_t)at, "a line is too long, or has no end");
        else if (ak_text_skip(&line, "note "))
            rc = list_note(a, line, (uint64_t)at, err);
        else if (ak_text_skip(&line, "item "))
            rc = list_item(a, line, (uint64_t)at, err);
        else
            (void)malformed(a, (uint64_t)at, "neither an item nor a start note");
        if (rc == AK_EMALFORMED)
            rc = AK_OK; /* kept in `why` */
    }
    sort_items(a);
    return rc;
}

enum ak_code ak_answers_open(struct ak_answers **answers, FILE *file, struct ak_error *err)
{
    struct ak_answers *a = calloc(1, sizeof(*a));
    off_t end;
    enum ak_code rc;

    *answers = NULL;
    if (a == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    a->file = file;
    if (fseeko(file, 0, SEEK_END) != 0 || (end = ftello(file)) < 0 ||
        fseeko(file, 0, SEEK_SET) != 0) {
        rc = ak_fail_errno(err, errno, "answers: it must be a regular file");
    } else if (a->bytes = (uint64_t)end, !read_heading(a)) {
        rc = ak_fail(err, AK_EMALFORMED,
                     "this is no file of answers: its first lines are not as format.md 16.4 has "
                     "them");
    } else {
        rc = list_all(a, err);
    }
    if (rc != AK_OK) {
        ak_answers_close(a);
        return rc;
    }
    *answers = a;
    return AK_OK;
}

/* ---- Items ---- */

static enum ak_code read_bytes(struct ak_answers *a, uint64_t at, void *out, size_t len,
                               struct ak_error *err)
{
    if (fseeko(a->file, (off_t)at, SEEK_SET) != 0)
        return ak_fail_errno(err, errno, "answers");
    if (fread(out, 1, len, a->file) != len)
        return ak_fail(err, AK_EIO, "answers: the file changed while it was read");
    return AK_OK;
}

/* False if a hash is none: then the item proves nothing. */
static bool read_path(struct ak_sample_item *item, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const char *line = text + i * HASH_LINE;
        size_t n;
        if (line[HASH_LINE - 1] != '\n' ||
            ak_base64_decode(item->path[i].b, AK_HASH_BYTES, &n, line, HASH_LINE - 1, NULL) !=
                AK_OK ||
            n != AK_HASH_BYTES)
            return false;
    }
    item->path_count = count;
    return true;
}

static enum ak_code read_shown(struct ak_answers *a, const struct place *place,
                               struct ak_sample_item *item, struct ak_error *err)
{
    const struct note_place *note = &a->note[place->note];
    uint64_t at = place->at + HASH_LINE * (uint64_t)place->hashes;
    enum ak_code rc;

    item->proof = malloc(place->proof_len + 1u);
    item->payload = malloc(place->payload_len + 1u);
    item->note = malloc(note->len + 1u);
    if (item->proof == NULL || item->payload == NULL || item->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for an answer");
    rc = read_bytes(a, at, item->proof, place->proof_len, err);
    if (rc == AK_OK)
        rc = read_bytes(a, at + place->proof_len, item->payload, place->payload_len, err);
    if (rc == AK_OK)
        rc = read_bytes(a, note->at, item->note, note->len, err);
    item->proof[place->proof_len] = '\0';
    item->proof_len = place->proof_len;
    item->payload_len = place->payload_len;
    item->note_len = note->len;
    return rc;
}

enum ak_code ak_answers_item(struct ak_answers *a, uint64_t index, struct ak_sample_item *item,
                             struct ak_error *err)
{
    char path[AK_PROOF_HASHES_MAX * HASH_LINE];
    struct place wanted = {.index = index};
    const struct place *place = NULL;
    enum ak_code rc;

    for (size_t low = 0, high = a->count; low < high && place == NULL;) {
        size_t middle = low + (high - low) / 2;
        if (a->item[middle].index == wanted.index)
            place = &a->item[middle];
        else if (a->item[middle].index < wanted.index)
            low = middle + 1;
        else
            high = middle;
    }
    memset(item, 0, sizeof(*item));
    item->index = index;
    item->state = AK_SAMPLE_MISSING;
    if (place == NULL || place->state == AK_SAMPLE_MISSING)
        return AK_OK;
    rc = read_bytes(a, place->at, path, HASH_LINE * (size_t)place->hashes, err);
    if (rc == AK_OK && !read_path(item, path, place->hashes)) {
        ak_claim_fail(&item->why, AK_FINDING_MALFORMED, "",
                      "the path of entry %" PRIu64 " is no list of hashes", index);
        return AK_OK;
    }
    if (rc == AK_OK && place->state == AK_SAMPLE_SHOWN)
        rc = read_shown(a, place, item, err);
    memcpy(item->entry, place->entry, AK_ENTRY_BYTES);
    if (rc != AK_OK)
        ak_sample_item_free(item);
    else
        item->state = (enum ak_sample_state)place->state;
    return rc;
}

/* ---- Writing ---- */

void ak_answers_begin(struct ak_answers_writer *w, FILE *file, const char *origin,
                      const struct ak_hash *request)
{
    char hex[2 * AK_HASH_BYTES + 1] = "-";

    memset(w, 0, sizeof(*w));
    w->file = file;
    if (request != NULL)
        (void)ak_hex_encode(hex, sizeof(hex), request->b, AK_HASH_BYTES);
    fprintf(file, HEADING "\n%s\n%s\n", origin, hex);
}

static enum ak_code put_note(struct ak_answers_writer *w, const struct ak_sample_item *item,
                             struct ak_error *err)
{
    if (w->notes > 0 && w->note_len == item->note_len &&
        memcmp(w->note, item->note, item->note_len) == 0)
        return AK_OK;
    free(w->note);
    w->note_len = 0;
    w->note = malloc(item->note_len + 1);
    if (w->note == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    if (w->notes == AK_ANSWERS_NOTES_MAX)
        return ak_fail(err, AK_ELIMIT, "the sample touches too many epochs");
    memcpy(w->note, item->note, item->note_len);
    w->note_len = item->note_len;
    w->notes++;
    fprintf(w->file, "note %zu\n", item->note_len);
    fwrite(item->note, 1, item->note_len, w->file);
    return AK_OK;
}

static void put_path(FILE *file, const struct ak_sample_item *item)
{
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];

    for (unsigned i = 0; i < item->path_count; i++) {
        (void)ak_base64_encode(text, sizeof(text), item->path[i].b, AK_HASH_BYTES);
        fprintf(file, "%s\n", text);
    }
}

enum ak_code ak_answers_put(struct ak_answers_writer *w, const struct ak_sample_item *item,
                            struct ak_error *err)
{
    char hex[2 * AK_ENTRY_BYTES + 1];
    enum ak_code rc;

    switch (item->state) {
    case AK_SAMPLE_MISSING:
        fprintf(w->file, "item %" PRIu64 " missing\n", item->index);
        return AK_OK;
    case AK_SAMPLE_ABSENT:
        (void)ak_hex_encode(hex, sizeof(hex), item->entry, AK_ENTRY_BYTES);
        fprintf(w->file, "item %" PRIu64 " absent %u %s\n", item->index, item->path_count, hex);
        put_path(w->file, item);
        return AK_OK;
    case AK_SAMPLE_SHOWN:
        break;
    }
    rc = put_note(w, item, err);
    if (rc != AK_OK)
        return rc;
    fprintf(w->file, "item %" PRIu64 " shown %u %" PRIu32 " %zu %zu\n", item->index,
            item->path_count, w->notes - 1, item->proof_len, item->payload_len);
    put_path(w->file, item);
    fwrite(item->proof, 1, item->proof_len, w->file);
    fwrite(item->payload, 1, item->payload_len, w->file);
    fputc('\n', w->file);
    return AK_OK;
}

void ak_answers_end(struct ak_answers_writer *w)
{
    free(w->note);
    memset(w, 0, sizeof(*w));
}
