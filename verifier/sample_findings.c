/* sample_findings.c - an auditor's findings, line by line.
 *
 * The happy path: the program writes a file with every record that is drawn, as comments, and one
 * line for each that ends in "-"; the auditor puts ok or deviation there, and a note; the file
 * comes back. Failure modes: a file for another sample, a line that is none, a record that was not
 * drawn: each is named, and nothing is taken in half. */
#include "sample_findings.h"

#include "pick.h"
#include "text.h"
#include "when.h"

#include <akashi/base64.h>
#include <akashi/escape.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADING "akashi/sample-findings/v1"

/* Bytes of a record's text that the file to fill in shows, and how many of them a line. */
#define SHOWN_BYTES_MAX 4096u
#define SHOWN_LINE      200u

struct findings {
    FILE *file;
    uint64_t line;
    char text[AK_FINDINGS_LINE_BYTES_MAX];
    struct ak_error *err;
};

static enum ak_code fail(const struct findings *f, const char *what)
{
    return ak_fail(f->err, AK_EUSAGE, "findings, line %" PRIu64 ": %s", f->line, what);
}

/* The next line without its end; `*more` is false at the end of the file. */
static enum ak_code next_line(struct findings *f, struct ak_text *line, bool *more)
{
    size_t len = 0;
    int c;

    f->line++;
    *more = false;
    while ((c = getc(f->file)) != EOF && c != '\n') {
        if (c == '\0' || len == sizeof(f->text) - 1)
            return fail(f, c == '\0' ? "a NUL byte" : "it is too long; at most 1,023 bytes");
        f->text[len++] = (char)c;
    }
    if (ferror(f->file))
        return ak_fail_errno(f->err, errno, "findings");
    if (len > 0 && f->text[len - 1] == '\r')
        len--;
    f->text[len] = '\0';
    *line = (struct ak_text){f->text, len};
    *more = c != EOF || len > 0;
    if (*more && f->line > AK_FINDINGS_LINES_MAX)
        return fail(f, "too many lines");
    return AK_OK;
}

static enum ak_code read_head(struct findings *f, struct ak_hash *seed)
{
    struct ak_text line;
    bool more;
    enum ak_code rc = next_line(f, &line, &more);

    if (rc != AK_OK)
        return rc;
    if (!more || line.len != strlen(HEADING) || memcmp(line.p, HEADING, line.len) != 0)
        return fail(f, "the file must begin with " HEADING "; --worksheet writes one to fill in");
    rc = next_line(f, &line, &more);
    if (rc != AK_OK)
        return rc;
    if (!more || !ak_text_skip(&line, "seed ") ||
        ak_hex_decode(seed->b, AK_HASH_BYTES, line.p, line.len, NULL) != AK_OK)
        return fail(f, "the second line is `seed` and the seed of the sample, 64 digits");
    return AK_OK;
}

/* INDEX WORD [NOTE], divided by blanks. */
static enum ak_code read_finding(struct findings *f, struct ak_text line,
                                 ak_finding_line_fn on_line, void *ctx)
{
    static const char *const words[] = {
        [AK_SAMPLE_UNJUDGED] = "-", [AK_SAMPLE_GOOD] = "ok", [AK_SAMPLE_DEVIATION] = "deviation"};
    size_t digits = strcspn(line.p, " ");
    const char *word = line.p + digits + strspn(line.p + digits, " ");
    size_t len = strcspn(word, " ");
    const char *note = word + len + strspn(word + len, " ");
    uint64_t index;

    if (!ak_text_decimal((struct ak_text){line.p, digits}, AK_TREE_SIZE_MAX, &index))
        return fail(f, "a finding is `INDEX ok`, `INDEX deviation NOTE`, or `INDEX -`");
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (len == strlen(words[i]) && memcmp(word, words[i], len) == 0)
            return on_line(ctx, index, (enum ak_sample_finding)i, note, f->err);
    }
    return fail(f, "behind the index stands ok, deviation, or - where there is no finding yet");
}

enum ak_code ak_findings_read(FILE *file, struct ak_hash *seed, ak_finding_line_fn on_line,
                              void *ctx, struct ak_error *err)
{
    struct findings f = {.file = file, .err = err};
    enum ak_code rc = read_head(&f, seed);
    bool more = true;

    while (rc == AK_OK && more) {
        struct ak_text line;
        rc = next_line(&f, &line, &more);
        if (rc == AK_OK && more && line.len > 0 && line.p[0] != '#')
            rc = read_finding(&f, line, on_line, ctx);
        if (rc != AK_OK && err != NULL && strncmp(err->text, "findings", 8) != 0)
            ak_wrap(err, "findings, line %" PRIu64, f.line);
    }
    return rc;
}

/* ---- Into the rows of a sample ---- */

struct apply {
    struct ak_sample_row **row; /* the records, by index */
    size_t count;
    bool *seen;
    bool foreign; /* a finding was of a record that is not among them */
};

static int by_index(const void *a, const void *b)
{
    const struct ak_sample_row *x = *(struct ak_sample_row *const *)a;
    const struct ak_sample_row *y = *(struct ak_sample_row *const *)b;

    return x->index < y->index ? -1 : x->index > y->index;
}

static enum ak_code on_line(void *ctx, uint64_t index, enum ak_sample_finding finding,
                            const char *note, struct ak_error *err)
{
    struct apply *a = ctx;
    struct ak_sample_row wanted = {.index = index};
    struct ak_sample_row *key = &wanted;
    struct ak_sample_row **found;

    assert(a->row != NULL);
    found = bsearch(&key, a->row, a->count, sizeof(struct ak_sample_row *), by_index);

    a->foreign = found == NULL;
    if (found == NULL)
        return ak_fail(err, AK_EUSAGE, "entry %" PRIu64 " is no record of this sample", index);
    if (a->seen[found - a->row])
        return ak_fail(err, AK_EUSAGE, "entry %" PRIu64 " stands there twice", index);
    a->seen[found - a->row] = true;
    (*found)->finding = (uint8_t)finding;
    if (note[0] == '\0')
        return AK_OK;
    (*found)->note = strdup(note);
    return (*found)->note == NULL ? ak_fail(err, AK_ENOMEM, "no memory for findings") : AK_OK;
}

static enum ak_code index_rows(struct apply *a, struct ak_sample_rows *rows, struct ak_error *err)
{
    a->row = calloc(rows->records + 1, sizeof(struct ak_sample_row *));
    a->seen = calloc(rows->records + 1, sizeof(*a->seen));
    if (a->row == NULL || a->seen == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for findings");
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->row[i].class == AK_SAMPLE_RECORD)
            a->row[a->count++] = &rows->row[i];
    }
    qsort(a->row, a->count, sizeof(struct ak_sample_row *), by_index);
    return AK_OK;
}

enum ak_code ak_findings_apply(struct ak_sample_rows *rows, const struct ak_hash *seed,
                               const char *path, uint64_t *judged, uint64_t *deviations,
                               struct ak_error *err)
{
    struct apply a = {0};
    struct ak_hash of = {{0}};
    FILE *file = fopen(path, "re");
    enum ak_code rc;

    if (file == NULL)
        return ak_fail_errno(err, errno, "%s", path);
    rc = index_rows(&a, rows, err);
    if (rc == AK_OK)
        rc = ak_findings_read(file, &of, on_line, &a, err);
    /* Whoever gives findings of another sample wants to hear that first. */
    if ((rc == AK_OK || a.foreign) && !ak_hash_equal(&of, seed))
        rc = ak_fail(err, AK_EUSAGE,
                     "%s is for another sample: its seed is not that of origin, head, range and "
                     "nonce as they were given here",
                     path);
    else if (rc != AK_OK)
        ak_wrap(err, "%s", path);
    fclose(file);
    *judged = *deviations = 0;
    for (size_t i = 0; i < a.count; i++) {
        *judged += ak_sample_row_shown(a.row[i]) && a.row[i]->finding != AK_SAMPLE_UNJUDGED;
        *deviations += ak_sample_row_shown(a.row[i]) && a.row[i]->finding == AK_SAMPLE_DEVIATION;
    }
    free(a.row);
    free(a.seen);
    return rc;
}

/* ---- The file to fill in ---- */

void ak_findings_begin(FILE *file, const char *origin, const struct ak_hash *seed)
{
    char hex[2 * AK_HASH_BYTES + 1];

    (void)ak_hex_encode(hex, sizeof(hex), seed->b, AK_HASH_BYTES);
    fprintf(file,
            HEADING "\nseed %s\n"
                    "# Log %s\n"
                    "# Behind each index: ok, or deviation and a note. - means: not judged yet.\n"
                    "# 各番号の後に ok、または deviation と理由を書く。- は未判定。\n"
                    "# Then: akashi-verify sample ... --seed NONCE --findings THIS-FILE\n",
            hex, origin);
}

static void put_text(FILE *file, const uint8_t *data, size_t len)
{
    size_t shown = len > SHOWN_BYTES_MAX ? SHOWN_BYTES_MAX : len;

    for (size_t at = 0; at < shown; at += SHOWN_LINE) {
        size_t n = shown - at < SHOWN_LINE ? shown - at : SHOWN_LINE;
        fputs("#   ", file);
        (void)ak_escape_terminal_file(file, data + at, n);
        fputc('\n', file);
    }
    if (shown < len)
        fprintf(file, "#   (%zu bytes more; akashi-verify cat --raw --index shows all)\n",
                len - shown);
}

void ak_findings_record(FILE *file, const struct ak_sample_row *row,
                        const struct ak_sample_item *item, const struct ak_source_table *sources)
{
    char label[AK_SOURCE_LABEL_BYTES];
    char time[AK_WHEN_TEXT_BYTES];

    if (!ak_sample_row_shown(row)) {
        fprintf(file, "\n# %" PRIu64 ": %s; it counts as a deviation whatever stands here\n",
                row->index, ak_finding_info(row->code)->name);
        return;
    }
    fprintf(file, "\n# %s  %s  %s\n", ak_when_format(time, row->received),
            ak_source_label(label, sources, row->source), ak_pick_kind(row->kind));
    put_text(file, item->payload, item->payload_len);
    fprintf(file, "%" PRIu64 " -\n", row->index);
}
