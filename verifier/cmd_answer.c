/* cmd_answer.c - the operator's answers to an auditor who holds a checkpoint: what he drew, or
 * where he committed to his nonce.
 *
 * Happy path: the draw that the requests name is drawn here too, and of each entry what proves it
 * up to the auditor's checkpoint is written; then the declarations of the sources, so that he sees
 * who they are. Failure modes: what the store cannot give is answered as missing, or absent. */
#include "commands.h"

#include "claim_show.h"
#include "output.h"
#include "pick.h"
#include "sample.h"
#include "sample_answers.h"
#include "sample_requests.h"
#include "show.h"
#include "trust.h"

#include <akashi/base64.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of sources whose declarations are given; what a file of answers has room for beside a draw. */
#define DECLARATIONS_MAX (AK_ANSWERS_ITEMS_MAX - AK_SAMPLE_DRAWN_MAX)

struct answering {
    const struct ak_options *options;
    struct ak_trust trust;
    struct ak_check_options how;
    struct ak_log_places places;
    struct ak_log_tree *tree;
    struct ak_sample_anchor anchor;
    struct ak_claim claim;
    struct ak_sample_rows rows;
    struct ak_sample_scan scan;
    struct ak_answers_writer writer;
    uint32_t *declared; /* sources whose declarations are to be given */
    size_t declared_count;
    uint64_t *drawn; /* sorted */
    char *data;      /* of the requests */
    size_t len;
};

/* ---- Items ---- */

static enum ak_code get_item(void *ctx, uint64_t index, struct ak_sample_item *item,
                             struct ak_error *err)
{
    struct answering *a = ctx;
    enum ak_code rc = ak_sample_item_make(a->tree, index, &a->anchor, item, err);

    return rc == AK_OK ? ak_answers_put(&a->writer, item, err) : rc;
}

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x;
    uint32_t b = *(const uint32_t *)y;

    return a < b ? -1 : a > b;
}

/* The sources of what was drawn, each once. */
static enum ak_code list_sources(struct answering *a, struct ak_error *err)
{
    size_t kept = 0;

    a->declared = calloc(a->rows.count + 1, sizeof(*a->declared));
    if (a->declared == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    for (size_t i = 0; i < a->rows.count; i++) {
        const struct ak_sample_row *row = &a->rows.row[i];
        if (row->proven && ak_kind_received(row->kind))
            a->declared[a->declared_count++] = row->source;
    }
    qsort(a->declared, a->declared_count, sizeof(*a->declared), by_number);
    for (size_t i = 0; i < a->declared_count; i++) {
        if (kept == 0 || a->declared[kept - 1] != a->declared[i])
            a->declared[kept++] = a->declared[i];
    }
    a->declared_count = kept;
    return AK_OK;
}

static int by_index(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x;
    uint64_t b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

static enum ak_code list_drawn(struct answering *a, struct ak_error *err)
{
    a->drawn = calloc(a->rows.count + 1, sizeof(*a->drawn));
    if (a->drawn == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    for (size_t i = 0; i < a->rows.count; i++)
        a->drawn[i] = a->rows.row[i].index;
    qsort(a->drawn, a->rows.count, sizeof(*a->drawn), by_index);
    return AK_OK;
}

static bool was_drawn(const struct answering *a, uint64_t index)
{
    return bsearch(&index, a->drawn, a->rows.count, sizeof(*a->drawn), by_index) != NULL;
}

/* One after the other in the order of the log, as far as a hint leads to them. */
static enum ak_code put_declarations(struct answering *a, struct ak_error *err)
{
    uint64_t last = a->anchor.checkpoint.size - 1;
    enum ak_code rc = list_sources(a, err);

    if (rc == AK_OK)
        rc = list_drawn(a, err);
    for (size_t i = 0; rc == AK_OK && i < a->declared_count && i < DECLARATIONS_MAX; i++) {
        struct ak_sample_item item;
        uint64_t index;
        if (ak_log_tree_declaration(a->tree, last, a->declared[i], &index, NULL) != AK_OK ||
            index > last || was_drawn(a, index))
            continue;
        rc = ak_sample_item_make(a->tree, index, &a->anchor, &item, err);
        if (rc == AK_OK && item.state == AK_SAMPLE_SHOWN)
            rc = ak_answers_put(&a->writer, &item, err);
        ak_sample_item_free(&item);
    }
    return rc;
}

/* ---- Requests ---- */

static enum ak_code answer_requests(struct answering *a, const struct ak_sample_requests *r,
                                    FILE *file, struct ak_error *err)
{
    const struct ak_sample_filter all = {.to = UINT64_MAX};
    struct ak_hash digest;
    struct ak_hash seed;
    enum ak_code rc;

    ak_sha256(&digest, a->data, a->len);
    ak_sample_requests_seed(r, &seed);
    ak_answers_begin(&a->writer, file, a->anchor.checkpoint.origin, &digest);
    rc = ak_sample_rows_draw(&a->rows, &seed, r->first, r->end, r->records, &all, &a->anchor,
                             get_item, NULL, a, err);
    return rc == AK_OK ? put_declarations(a, err) : rc;
}

static enum ak_code read_requests(struct answering *a, struct ak_sample_requests *r,
                                  struct ak_error *err)
{
    const char *path = ak_options_value(a->options, AK_OPTION_REQUESTS);
    enum ak_code rc = ak_trust_read_file(path, AK_REQUESTS_BYTES_MAX, &a->data, &a->len, err);

    if (rc == AK_OK)
        rc = ak_sample_requests_parse(r, a->data, a->len, err);
    if (rc == AK_OK && strcmp(r->origin, ak_log_tree_origin(a->tree)) != 0)
        rc = ak_fail(err, AK_EUSAGE, "the requests are to log %s", r->origin);
    if (rc == AK_OK)
        rc = ak_sample_anchor_read(&a->anchor, r->note, r->note_len, a->trust.keys,
                                   a->trust.key_count, &a->claim, err);
    if (rc == AK_OK && a->claim.verdict == AK_VALID &&
        (r->size > a->anchor.checkpoint.size ||
         strcmp(r->origin, a->anchor.checkpoint.origin) != 0))
        rc = ak_fail(err, AK_EUSAGE, "the requests do not fit the checkpoint that they carry");
    if (rc != AK_OK)
        ak_wrap(err, "%s", path);
    return rc;
}

/* ---- The head of a committed draw ---- */

static enum ak_code read_anchor(struct answering *a, struct ak_error *err)
{
    if (a->trust.kept_count > 0)
        return ak_sample_anchor_read(&a->anchor, a->trust.kept[0].note, a->trust.kept[0].len,
                                     a->trust.keys, a->trust.key_count, &a->claim, err);
    return ak_sample_anchor_newest(&a->anchor, a->tree, a->trust.keys, a->trust.key_count,
                                   &a->claim, err);
}

static enum ak_code find_audit(struct answering *a, const struct ak_sample_audit **audit,
                               struct ak_error *err)
{
    const char *text = ak_options_value(a->options, AK_OPTION_AUDIT);
    struct ak_hash commitment;
    enum ak_code rc;

    if (ak_hex_decode(commitment.b, AK_HASH_BYTES, text, strlen(text), NULL) != AK_OK)
        return ak_fail(err, AK_EUSAGE,
                       "--audit %s: write the SHA-256 of the nonce in 64 lower-case hexadecimal "
                       "digits",
                       text);
    rc = ak_sample_scan_log(&a->scan, a->places.place[0].path, err);
    if (rc != AK_OK)
        return rc;
    *audit = ak_sample_scan_find(&a->scan, &commitment);
    if (*audit == NULL)
        return ak_fail(err, AK_ENOTFOUND,
                       "the log holds no commitment to this: akashi-collector audit enters one");
    if ((*audit)->state == UINT64_MAX)
        return ak_fail(err, AK_ENOTFOUND,
                       "no state entry stands behind the commitment yet, which makes the head: one "
                       "comes every minute while the collector runs");
    if ((*audit)->state >= a->anchor.checkpoint.size)
        return ak_fail(err, AK_EUSAGE,
                       "the checkpoint has %" PRIu64 " entries, the head of the draw %" PRIu64
                       ": take a later one",
                       a->anchor.checkpoint.size, (*audit)->state + 1);
    return AK_OK;
}

static enum ak_code answer_audit(struct answering *a, FILE *file, struct ak_error *err)
{
    const struct ak_sample_audit *audit = NULL;
    struct ak_sample_head head = {0};
    enum ak_code rc = find_audit(a, &audit, err);

    if (rc == AK_OK)
        rc = ak_sample_head_make(a->tree, &a->anchor, audit, &head, err);
    if (rc != AK_OK)
        return rc;
    ak_answers_begin(&a->writer, file, a->anchor.checkpoint.origin, NULL);
    if (head.has_before)
        rc = ak_answers_put(&a->writer, &head.before, err);
    if (rc == AK_OK)
        rc = ak_answers_put(&a->writer, &head.audit, err);
    if (rc == AK_OK)
        rc = ak_answers_put(&a->writer, &head.state, err);
    ak_sample_head_free(&head);
    return rc;
}

/* ---- The command ---- */

static enum ak_code save_checkpoint(const struct answering *a, struct ak_error *err)
{
    const char *path = ak_options_value(a->options, AK_OPTION_SAVE_CHECKPOINT);
    FILE *file;
    enum ak_code rc;

    if (path == NULL)
        return AK_OK;
    rc = ak_output_open(path, ak_options_has(a->options, AK_OPTION_FORCE), &file, err);
    if (rc != AK_OK)
        return rc;
    fwrite(a->anchor.note, 1, a->anchor.note_len, file);
    return ak_output_close(file, path, err);
}

static void show(const struct answering *a)
{
    const char *path = ak_options_value(a->options, AK_OPTION_OUTPUT);
    char number[AK_SHOW_NUMBER_BYTES];

    if (ak_options_has(a->options, AK_OPTION_QUIET))
        return;
    if (ak_options_has(a->options, AK_OPTION_AUDIT))
        printf("the head of the draw, under the checkpoint of %s entries: ",
               ak_show_count(number, a->anchor.checkpoint.size));
    else
        printf("%s entries answered: ", ak_show_count(number, a->rows.count));
    ak_show_text(stdout, path);
    printf("\n");
}

static enum ak_code answer(struct answering *a, struct ak_error *err)
{
    const char *path = ak_options_value(a->options, AK_OPTION_OUTPUT);
    bool audit = ak_options_has(a->options, AK_OPTION_AUDIT);
    struct ak_sample_requests requests;
    FILE *file;
    enum ak_code rc = ak_cmd_prepare(a->options, &a->trust, &a->how, err);

    if (rc == AK_OK)
        rc = ak_pick_log(a->options, &a->places, err);
    if (rc == AK_OK)
        rc = ak_log_tree_open(&a->tree, a->places.place[0].path, NULL, AK_LOG_TREE_QUICK, err);
    if (rc == AK_OK)
        rc = audit ? read_anchor(a, err) : read_requests(a, &requests, err);
    if (rc != AK_OK || a->claim.verdict != AK_VALID)
        return rc;
    rc = ak_output_open(path, ak_options_has(a->options, AK_OPTION_FORCE), &file, err);
    if (rc != AK_OK)
        return rc;
    rc = audit ? answer_audit(a, file, err) : answer_requests(a, &requests, file, err);
    ak_answers_end(&a->writer);
    if (ak_output_close(file, path, rc == AK_OK ? err : NULL) != AK_OK && rc == AK_OK)
        rc = AK_EIO;
    return rc == AK_OK ? save_checkpoint(a, err) : rc;
}

static enum ak_code check_options(const struct ak_options *o, struct ak_error *err)
{
    if (ak_options_has(o, AK_OPTION_REQUESTS) == ak_options_has(o, AK_OPTION_AUDIT))
        return ak_fail(err, AK_EUSAGE,
                       "answer wants --requests FILE from the auditor, or --audit HEX, his "
                       "commitment");
    if (!ak_options_has(o, AK_OPTION_OUTPUT))
        return ak_fail(err, AK_EUSAGE, "answer wants -o FILE, which is then given to the auditor");
    return AK_OK;
}

enum ak_code ak_cmd_answer(const struct ak_options *options, int *status, struct ak_error *err)
{
    struct answering *a = calloc(1, sizeof(*a));
    enum ak_code rc;

    if (a == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for answers");
    a->options = options;
    a->scan.to = UINT64_MAX;
    rc = check_options(options, err);
    if (rc == AK_OK)
        rc = answer(a, err);
    if (rc == AK_OK && a->claim.verdict == AK_VALID)
        show(a);
    else if (rc == AK_OK)
        ak_claim_show_finding(stdout, &a->claim, false);
    *status = ak_verdict_exit(a->claim.verdict);
    ak_sample_rows_free(&a->rows);
    ak_sample_scan_free(&a->scan);
    ak_sample_anchor_free(&a->anchor);
    ak_log_tree_close(a->tree);
    ak_log_places_free(&a->places);
    ak_trust_free(&a->trust);
    free(a->declared);
    free(a->drawn);
    free(a->data);
    free(a);
    return rc;
}
