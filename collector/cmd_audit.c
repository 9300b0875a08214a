/* cmd_audit.c - enters an auditor's commitment to his nonce in a log, or opens it.
 *
 * A running collector is asked through its socket; of a stopped one the log is opened for this one
 * order, with all entries that a start and a stop have. The command ends when the entry is durable
 * and signed. */
#include "ask.h"
#include "audit.h"
#include "cmdline.h"
#include "server.h"

#include "show.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIGNED_TRIES 100 /* of 100 ms: a second is long for a commit and a signature */

static enum ak_code check(const struct ak_cmdline *line, struct ak_error *err)
{
    bool commits = line->value[AK_FLAG_COMMITMENT] != NULL;
    bool opens = line->value[AK_FLAG_OPEN] != NULL;
    enum ak_code rc = ak_cmdline_need(line, AK_FLAG_BIT(AK_FLAG_LOG), err);

    if (rc == AK_OK && commits == opens)
        rc = ak_fail(err, AK_EUSAGE,
                     "audit wants --commitment HEX, the SHA-256 of the auditor's nonce, or --open "
                     "NONCE, the nonce itself once the head is written");
    if (rc == AK_OK && opens &&
        (line->value[AK_FLAG_INDEX] != NULL || line->value[AK_FLAG_POPULATION] != NULL))
        rc = ak_fail(err, AK_EUSAGE, "--index and --population belong to --commitment");
    return rc;
}

static enum ak_code add_range(json_t *order, const char *text, struct ak_error *err)
{
    uint64_t first = 0;
    uint64_t last = 0;
    char number[24];
    int used = 0;

    if (sscanf(text, "%19" SCNu64 "-%19" SCNu64 "%n", &first, &last, &used) != 2 ||
        text[used] != '\0' || first > last)
        return ak_fail(err, AK_EUSAGE, "--index %s: write A-B with A not above B, both ends in",
                       text);
    (void)snprintf(number, sizeof(number), "%" PRIu64, first);
    (void)json_object_set_new(order, "first", json_string(number));
    (void)snprintf(number, sizeof(number), "%" PRIu64, last + 1);
    (void)json_object_set_new(order, "end", json_string(number));
    return AK_OK;
}

static enum ak_code make_order(const struct ak_cmdline *line, json_t **order, struct ak_error *err)
{
    const char *commitment = line->value[AK_FLAG_COMMITMENT];
    const char *population = line->value[AK_FLAG_POPULATION];
    const char *index = line->value[AK_FLAG_INDEX];
    enum ak_code rc = AK_OK;

    *order = json_pack("{s:s, s:s, s:s}", "order", "audit", "log", line->value[AK_FLAG_LOG],
                       commitment != NULL ? "commitment" : "nonce",
                       commitment != NULL ? commitment : line->value[AK_FLAG_OPEN]);
    if (*order == NULL)
        return ak_fail(err, AK_EUSAGE, "the options are no text");
    if (population != NULL)
        (void)json_object_set_new(*order, "population", json_string(population));
    if (index != NULL)
        rc = add_range(*order, index, err);
    return rc;
}

/* ---- A running collector ---- */

static enum ak_code wait_signed(const char *path, const char *config, const char *name,
                                uint64_t size, struct ak_error *err)
{
    const struct timespec wait = {.tv_nsec = 100000000};

    for (unsigned i = 0; i < SIGNED_TRIES; i++) {
        json_t *status = NULL;
        enum ak_code rc = ak_ask(path, config, "{\"order\":\"status\"}", &status, err);
        bool done = rc == AK_OK && ak_ask_log_number(status, name, "signed") >= size;
        json_decref(status);
        if (rc != AK_OK || done)
            return rc;
        (void)nanosleep(&wait, NULL);
    }
    return ak_fail(err, AK_EIO,
                   "the entry was taken, but is not signed after 10 s: look at the collector's "
                   "diagnostics, and at the log before giving the order again");
}

static uint64_t number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static enum ak_code ask(const struct ak_cmdline *line, const char *path, const char *order,
                        struct ak_audited *audited, struct ak_error *err)
{
    const char *config = line->value[AK_FLAG_CONFIG];
    json_t *answer = NULL;
    enum ak_code rc = ak_ask(path, config, order, &answer, err);
    const char *error = json_string_value(json_object_get(answer, "error"));

    if (rc == AK_OK && error != NULL)
        rc = ak_fail(err, AK_EUSAGE, "%s", error);
    else if (rc == AK_OK && !json_is_integer(json_object_get(answer, "entry")))
        rc = ak_fail(err, AK_EMALFORMED, "%s: the answer is none to this order", path);
    if (rc == AK_OK) {
        audited->entry = number(answer, "entry");
        audited->head = number(answer, "head");
        rc = wait_signed(path, config, line->value[AK_FLAG_LOG],
                         audited->head > 0 ? audited->head : audited->entry + 1, err);
    }
    json_decref(answer);
    return rc;
}

/* ---- A stopped one ---- */

struct once {
    const json_t *order;
    struct ak_audited *audited;
};

static enum ak_code on_started(struct ak_server *server, void *ctx, struct ak_error *err)
{
    struct once *once = ctx;

    return ak_audit_take(server->logs, once->order, once->audited, err);
}

static void show(const struct ak_cmdline *line, const struct ak_audited *audited)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];

    if (audited->head == 0)
        (void)printf("opened in entry %s of log %s\n", ak_show_count(a, audited->entry),
                     line->value[AK_FLAG_LOG]);
    else
        (void)printf("committed in entry %s of log %s; the head of the draw has %s entries\n",
                     ak_show_count(a, audited->entry), line->value[AK_FLAG_LOG],
                     ak_show_count(b, audited->head));
}

enum ak_code ak_cmd_audit(const struct ak_cmdline *line, struct ak_error *err)
{
    struct ak_audited audited = {0};
    struct once once = {.audited = &audited};
    char *path = NULL;
    char *text = NULL;
    json_t *order = NULL;
    enum ak_code rc = check(line, err);

    if (rc == AK_OK)
        rc = make_order(line, &order, err);
    if (rc == AK_OK)
        rc = ak_ask_path(line, &path, err);
    if (rc == AK_OK) {
        once.order = order;
        text = json_dumps(order, JSON_COMPACT | JSON_ENSURE_ASCII);
        rc = text == NULL ? ak_fail(err, AK_ENOMEM, "no memory")
                          : ask(line, path, text, &audited, err);
        if (rc == AK_ENOTFOUND && line->value[AK_FLAG_CONTROL] == NULL)
            rc = ak_ask_stopped(line, "akashi-collector audit", on_started, &once, err);
    }
    if (rc == AK_OK)
        show(line, &audited);
    json_decref(order);
    free(text);
    free(path);
    return rc;
}
