/* cmd_order.c - orders of authorities to a log: erase, hold, release, and whose keys count.
 *
 * A running collector is asked through its socket, and then asked again and again until the order
 * is carried out; of a stopped one the log is opened for this one order, with all entries that a
 * start and a stop have. */
#include "ask.h"
#include "cmdline.h"
#include "disk.h"
#include "orders.h"
#include "server.h"

#include "show.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_NS      100000000l
#define AGAIN_TRIES  600u /* of so long each: until the log's orders have been read */
#define KEY_FILE_MAX 65536u

/* ---- what is asked for */

static enum ak_code read_note(const struct ak_cmdline *line, unsigned char **note, size_t *len,
                              struct ak_error *err)
{
    const char *path = line->value[AK_FLAG_ORDER];
    struct ak_order *order = malloc(sizeof(*order));
    struct ak_note parsed;
    enum ak_code rc =
        ak_disk_read(AT_FDCWD, path, AK_ORDER_NOTE_BYTES_MAX, note, len, NULL, NULL, err);

    if (rc == AK_OK && order == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory");
    if (rc == AK_OK)
        rc = ak_order_parse(order, &parsed, *note, *len, err);
    if (rc == AK_OK && strcmp(ak_order_action_name(order->action), line->command->name) != 0)
        rc = ak_fail(err, AK_EUSAGE, "it is an order to %s: akashi-collector %s",
                     ak_order_action_name(order->action), ak_order_action_name(order->action));
    if (rc != AK_OK)
        ak_wrap(err, "--order %s", path);
    free(order);
    return rc;
}

static enum ak_code add_key(struct ak_order_request *request, const char *text, size_t len,
                            struct ak_error *err)
{
    if (request->key_count == AK_ORDER_KEYS_MAX)
        return ak_fail(err, AK_EUSAGE, "more than %u keys", AK_ORDER_KEYS_MAX);
    return ak_vkey_parse(&request->key[request->key_count++], text, len, err);
}

/* A vkey, or a file with one a line. */
static enum ak_code read_keys(struct ak_order_request *request, const char *text,
                              struct ak_error *err)
{
    struct ak_vkey vkey;
    unsigned char *data;
    size_t len;
    enum ak_code rc;

    if (ak_vkey_parse(&vkey, text, strlen(text), NULL) == AK_OK)
        return add_key(request, text, strlen(text), err);
    rc = ak_disk_read(AT_FDCWD, text, KEY_FILE_MAX, &data, &len, NULL, NULL, err);
    if (rc != AK_OK)
        return ak_fail(
            err, AK_EUSAGE,
            "--key %s: neither a key (NAME+ID+BASE64, as `akashi-verify key show` prints "
            "it) nor a file that can be read",
            text);
    for (char *at = (char *)data; rc == AK_OK && at < (char *)data + len;) {
        size_t n = strcspn(at, "\r\n");
        if (n > 0 && at[0] != '#')
            rc = add_key(request, at, n, err);
        at += n + 1;
    }
    free(data);
    if (rc != AK_OK)
        ak_wrap(err, "--key %s", text);
    return rc;
}

static enum ak_code read_declaration(const struct ak_cmdline *line,
                                     struct ak_order_request *request, struct ak_error *err)
{
    const char *text = line->value[AK_FLAG_QUORUM];
    enum ak_code rc = AK_OK;
    unsigned quorum;
    int used = 0;

    for (size_t i = 0; rc == AK_OK && i < line->key_count; i++)
        rc = read_keys(request, line->key[i], err);
    if (rc != AK_OK)
        return rc;
    quorum = 2;
    if (text != NULL && (sscanf(text, "%3u%n", &quorum, &used) != 1 || text[used] != '\0'))
        return ak_fail(err, AK_EUSAGE, "--quorum %s: write a number", text);
    if (quorum < 1 || quorum > request->key_count)
        return ak_fail(err, AK_EUSAGE,
                       "%u must sign an order, but %u key%s given: give as many with --key, or say "
                       "with --quorum how many must sign",
                       quorum, request->key_count, request->key_count == 1 ? " is" : "s are");
    request->quorum = quorum;
    return AK_OK;
}

static enum ak_code check(const struct ak_cmdline *line, struct ak_error *err)
{
    bool authority = strcmp(line->command->name, "authority") == 0;
    bool order = line->value[AK_FLAG_ORDER] != NULL;
    enum ak_code rc = ak_cmdline_need(
        line, AK_FLAG_BIT(AK_FLAG_LOG) | (authority ? 0 : AK_FLAG_BIT(AK_FLAG_ORDER)), err);

    if (rc == AK_OK && authority && order == (line->key_count > 0))
        rc = ak_fail(err, AK_EUSAGE,
                     "authority wants the keys with --key when they are declared for the first "
                     "time, or with --order the order that changes them; for example: %s",
                     line->command->example);
    if (rc == AK_OK && order && line->value[AK_FLAG_QUORUM] != NULL)
        rc = ak_fail(err, AK_EUSAGE, "--quorum belongs to --key; the order says it itself");
    return rc;
}

/* ---- A running collector ---- */

static json_t *message(const struct ak_cmdline *line, const struct ak_order_request *request)
{
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    json_t *keys;
    json_t *object;

    if (request->note != NULL)
        return json_pack("{s:s, s:s, s:s%}", "order", "carry-out", "log", line->value[AK_FLAG_LOG],
                         "note", request->note, request->note_len);
    keys = json_array();
    for (unsigned i = 0; i < request->key_count; i++) {
        (void)ak_vkey_format(vkey, sizeof(vkey), &request->key[i]);
        (void)json_array_append_new(keys, json_string(vkey));
    }
    object = json_pack("{s:s, s:s, s:o, s:I}", "order", "declare", "log", line->value[AK_FLAG_LOG],
                       "keys", keys, "quorum", (json_int_t)request->quorum);
    return object;
}

static void pause_a_moment(void)
{
    const struct timespec wait = {.tv_nsec = POLL_NS};

    (void)nanosleep(&wait, NULL);
}

/* Gives one message until it is not "again". */
static enum ak_code ask(const struct ak_cmdline *line, const char *path, json_t *content,
                        json_t **answer, struct ak_error *err)
{
    char *text = json_dumps(content, JSON_COMPACT);
    enum ak_code rc = text == NULL ? ak_fail(err, AK_ENOMEM, "no memory") : AK_OK;

    *answer = NULL;
    for (unsigned i = 0; rc == AK_OK; i++) {
        rc = ak_ask(path, line->value[AK_FLAG_CONFIG], text, answer, err);
        if (rc != AK_OK || !json_is_true(json_object_get(*answer, "again")))
            break;
        if (i == AGAIN_TRIES)
            rc = ak_fail(err, AK_EBUSY,
                         "the collector still reads the orders of the log: give the order again "
                         "later");
        json_decref(*answer);
        *answer = NULL;
        pause_a_moment();
    }
    free(text);
    if (rc == AK_OK && json_is_string(json_object_get(*answer, "error")))
        rc = ak_fail(err, AK_EUSAGE, "%s", json_string_value(json_object_get(*answer, "error")));
    return rc;
}

static enum ak_code wait_done(const struct ak_cmdline *line, const char *path, json_int_t entry,
                              struct ak_error *err)
{
    json_t *content = json_pack("{s:s, s:s, s:I}", "order", "carried-out", "log",
                                line->value[AK_FLAG_LOG], "entry", entry);
    bool done = false;
    enum ak_code rc = AK_OK;

    while (rc == AK_OK && !done) {
        json_t *answer;
        rc = ask(line, path, content, &answer, err);
        done = rc == AK_OK && json_is_true(json_object_get(answer, "done"));
        json_decref(answer);
        if (rc == AK_EUSAGE && err != NULL)
            err->code = rc = AK_EIO; /* it stands in the log, and could not be carried out */
        if (!done && rc == AK_OK)
            pause_a_moment();
    }
    json_decref(content);
    return rc;
}

static enum ak_code give(const struct ak_cmdline *line, const char *path,
                         struct ak_order_request *request, struct ak_error *err)
{
    json_t *content = message(line, request);
    json_t *answer = NULL;
    json_int_t entry = 0;
    enum ak_code rc = content == NULL ? ak_fail(err, AK_EUSAGE, "the order is no text")
                                      : ask(line, path, content, &answer, err);

    if (rc == AK_OK && !json_is_integer(json_object_get(answer, "entry")))
        rc = ak_fail(err, AK_EMALFORMED, "%s: the answer is none to this order", path);
    if (rc == AK_OK) {
        entry = json_integer_value(json_object_get(answer, "entry"));
        request->index = (uint64_t)entry;
        rc = wait_done(line, path, entry, err);
    }
    json_decref(answer);
    json_decref(content);
    return rc;
}

/* ---- A stopped one ---- */

static enum ak_code on_started(struct ak_server *server, void *ctx, struct ak_error *err)
{
    server->patient = true;
    return ak_orders_ask(server->logs, ctx, err);
}

static enum ak_code open_and_give(const struct ak_cmdline *line, struct ak_order_request *request,
                                  struct ak_error *err)
{
    char command[64];
    enum ak_code rc;

    (void)snprintf(command, sizeof(command), "akashi-collector %s", line->command->name);
    rc = ak_ask_stopped(line, command, on_started, request, err);
    if (rc == AK_OK && !request->done)
        rc = ak_fail(
            err, AK_EIO,
            "the order was not carried out to its end; the next start of the collector goes "
            "on");
    if (rc == AK_OK && request->err.code != AK_OK) {
        rc = request->err.code;
        if (err != NULL)
            *err = request->err;
    }
    return rc;
}

static void show(const struct ak_cmdline *line, const struct ak_order_request *request)
{
    char number[AK_SHOW_NUMBER_BYTES];

    if (request->note == NULL)
        (void)printf("declared in entry %s of log %s: %u authority keys, %u must sign an order\n",
                     ak_show_count(number, request->index), line->value[AK_FLAG_LOG],
                     request->key_count, request->quorum);
    else
        (void)printf("carried out: the order to %s is entry %s of log %s\n", line->command->name,
                     ak_show_count(number, request->index), line->value[AK_FLAG_LOG]);
}

enum ak_code ak_cmd_order(const struct ak_cmdline *line, struct ak_error *err)
{
    struct ak_order_request *request = calloc(1, sizeof(*request));
    unsigned char *note = NULL;
    char *path = NULL;
    enum ak_code rc = request == NULL ? ak_fail(err, AK_ENOMEM, "no memory") : check(line, err);

    if (rc == AK_OK && line->value[AK_FLAG_ORDER] != NULL) {
        rc = read_note(line, &note, &request->note_len, err);
        request->note = note;
    } else if (rc == AK_OK) {
        rc = read_declaration(line, request, err);
    }
    if (rc == AK_OK)
        rc = ak_ask_path(line, &path, err);
    if (rc == AK_OK) {
        rc = give(line, path, request, err);
        if (rc == AK_ENOTFOUND && line->value[AK_FLAG_CONTROL] == NULL)
            rc = open_and_give(line, request, err);
    }
    if (rc == AK_OK)
        show(line, request);
    free(note);
    free(path);
    free(request);
    return rc;
}
