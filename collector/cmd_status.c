/* cmd_status.c - asks the running collector how it is, and shows the answer.
 *
 * The answer comes from a process of the same user or root, yet every byte of it is bounded, parsed
 * and escaped: sources' names in it were chosen by senders. */
#include "ask.h"
#include "cmdline.h"

#include "show.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static enum ak_code fetch(const char *path, const char *config, json_t **status,
                          struct ak_error *err)
{
    enum ak_code rc = ak_ask(path, config, "{\"order\":\"status\"}", status, err);

    if (rc == AK_OK && !json_is_array(json_object_get(*status, "logs")))
        rc = ak_fail(err, AK_EMALFORMED,
                     "%s: the answer is no status; is this socket an akashi-collector's?", path);
    return rc;
}

/* For people */

static uint64_t number(const json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));

    return n < 0 ? 0 : (uint64_t)n;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "-" : text;
}

static void counted(const json_t *object, const char *name, const char *behind)
{
    char room[AK_SHOW_NUMBER_BYTES];

    (void)printf("%s%s", ak_show_count(room, number(object, name)), behind);
}

/* Why nothing is signed, and the way on. */
static void not_signed_show(const json_t *log, const char *store)
{
    bool waits;

    if (!json_is_string(json_object_get(log, "not_signed")))
        return;
    waits = json_is_true(json_object_get(log, "successor_waits"));
    (void)printf("  NOT SIGNED, receiving%s: ", waits ? " in a successor that waits" : "");
    ak_show_text(stdout, text_of(log, "not_signed"));
    (void)printf(". %s: akashi-collector succeed --store ",
                 waits ? "Go on with" : "Put the key back and start again; if it is gone for good");
    ak_show_text(stdout, store);
    (void)printf(" --log ");
    ak_show_text(stdout, text_of(log, "name"));
    (void)printf("\n");
}

/* What an operator must act on, loudest first. */
static void troubles_show(const json_t *log, const char *store)
{
    char room[AK_SHOW_NUMBER_BYTES];

    if (json_is_string(json_object_get(log, "full_since")))
        (void)printf("  FULL since %s: nothing is taken in or acknowledged. Make room on the disk "
                     "or raise `share`; it goes on by itself\n",
                     text_of(log, "full_since"));
    if (json_is_true(json_object_get(log, "write_failed")))
        (void)printf("  WRITING FAILS: nothing is acknowledged; look at the diagnostics and at the "
                     "disk\n");
    if (json_is_string(json_object_get(log, "back_pressure_since")))
        (void)printf("  senders are held back since %s\n", text_of(log, "back_pressure_since"));
    not_signed_show(log, store);
    if (number(log, "unsigned_ms") >= 1000)
        (void)printf("  the oldest unsigned entry waits for %s ms: look at the diagnostics for the "
                     "signer\n",
                     ak_show_count(room, number(log, "unsigned_ms")));
    if (number(log, "udp_dropped") > 0)
        (void)printf("  %s datagrams were lost before they could be read\n",
                     ak_show_count(room, number(log, "udp_dropped")));
}

static void silent_show(const json_t *log)
{
    const json_t *names = json_object_get(log, "silent_sources");
    uint64_t silent = number(log, "silent");
    const json_t *name;
    size_t i;

    if (silent == 0)
        return;
    (void)printf("  silent: ");
    json_array_foreach(names, i, name)
    {
        (void)fputs(i == 0 ? "" : ", ", stdout);
        ak_show_text(stdout, json_is_string(name) ? json_string_value(name) : "?");
    }
    if (silent > json_array_size(names))
        (void)printf(" and %" PRIu64 " more", silent - (uint64_t)json_array_size(names));
    (void)printf("\n");
}

static void witness_show(const json_t *witness)
{
    char room[AK_SHOW_NUMBER_BYTES];
    uint64_t behind = number(witness, "behind_by");

    (void)printf("    ");
    ak_show_text(stdout, text_of(witness, "name"));
    (void)printf("  size ");
    counted(witness, "size", "");
    if (behind > 0)
        (void)printf(", %s behind", ak_show_count(room, behind));
    if (!json_is_string(json_object_get(witness, "url")))
        (void)printf("; it has no URL and is not asked");
    else if (json_is_string(json_object_get(witness, "cosigned_at")))
        (void)printf("; cosigned at %s", text_of(witness, "cosigned_at"));
    if (text_of(witness, "error")[0] != '\0') {
        (void)printf("; %s", json_is_true(json_object_get(witness, "conflict"))
                                 ? "CONTRADICTS THIS LOG: "
                                 : "");
        ak_show_text(stdout, text_of(witness, "error"));
    }
    (void)printf("\n");
}

/* Who cosigns, as far as the quorum is met, and who is behind and why. */
static void witnesses_show(const json_t *witnesses)
{
    const json_t *witness;
    size_t i;

    if (!json_is_object(witnesses))
        return;
    (void)printf("  witnesses  quorum ");
    ak_show_text(stdout, text_of(witnesses, "quorum"));
    (void)printf(" met up to size ");
    counted(witnesses, "met_size", "");
    if (json_is_string(json_object_get(witnesses, "missed_since")))
        (void)printf(", MISSED since %s%s", text_of(witnesses, "missed_since"),
                     strcmp(text_of(witnesses, "required"), "closed") == 0
                         ? ": nothing is taken in until it is met"
                         : "");
    (void)printf("\n");
    json_array_foreach(json_object_get(witnesses, "witnesses"), i, witness) witness_show(witness);
}

static void log_show(const json_t *log, const char *store)
{
    const json_t *segment = json_object_get(log, "segment");
    char a[AK_SHOW_NUMBER_BYTES];
    char b[AK_SHOW_NUMBER_BYTES];
    uint64_t share = number(log, "share");

    (void)printf("\nlog ");
    ak_show_text(stdout, text_of(log, "name"));
    (void)printf("  ");
    ak_show_text(stdout, text_of(log, "origin"));
    (void)printf("\n  entries    ");
    counted(log, "durable", " on disk, ");
    counted(log, "signed", " signed, epoch ");
    (void)printf("%" PRIu64 " of %" PRIu64 "\n", number(log, "epoch"), number(log, "epochs"));
    (void)printf("  taken in   ");
    counted(log, "records", " records, ");
    (void)printf("%s since the start; ", ak_show_bytes(a, number(log, "bytes")));
    counted(log, "acknowledged", " acknowledged\n");
    (void)printf("  disk       %s", ak_show_bytes(a, number(log, "disk_bytes")));
    if (share > 0)
        (void)printf(" of %s (%" PRIu64 "%%)", ak_show_bytes(b, share),
                     number(log, "disk_bytes") / (share / 100 + 1));
    (void)printf("; open segment from entry ");
    counted(segment, "first", ", ");
    (void)printf("%s\n  sources    ", ak_show_bytes(a, number(segment, "bytes")));
    counted(log, "sources", ", ");
    counted(log, "silent", " silent\n");
    troubles_show(log, store);
    witnesses_show(json_object_get(log, "witnesses"));
    silent_show(log);
}

static void status_show(const json_t *status)
{
    const json_t *batches = json_object_get(status, "batches");
    const json_t *entry;
    size_t i;

    (void)printf("akashi-collector %s, pid %" PRIu64 ", since %s\nstore      ",
                 text_of(status, "version"), number(status, "pid"), text_of(status, "since"));
    ak_show_text(stdout, text_of(status, "store"));
    (void)printf("\nbatches    %" PRIu64 " of %" PRIu64 " in use\n",
                 number(batches, "made") - number(batches, "free"), number(batches, "max"));
    json_array_foreach(json_object_get(status, "listeners"), i, entry)
    {
        (void)printf("listening  ");
        ak_show_text(stdout, text_of(entry, "url"));
        if (json_is_integer(json_object_get(entry, "connections")))
            (void)printf("  %" PRIu64 " connection%s", number(entry, "connections"),
                         ak_show_plural(number(entry, "connections")));
        (void)printf("\n");
    }
    json_array_foreach(json_object_get(status, "logs"), i, entry)
        log_show(entry, text_of(status, "store"));
}

static void records_show(const json_t *status)
{
    const json_t *log;
    uint64_t records = 0;
    size_t i;

    json_array_foreach(json_object_get(status, "logs"), i, log) records += number(log, "records");
    (void)printf("%" PRIu64 "\n", records);
}

enum ak_code ak_cmd_status(const struct ak_cmdline *line, struct ak_error *err)
{
    json_t *status = NULL;
    char *path = NULL;
    enum ak_code rc = ak_ask_path(line, &path, err);

    if (rc == AK_OK)
        rc = fetch(path, line->value[AK_FLAG_CONFIG], &status, err);
    if (rc == AK_OK && line->value[AK_FLAG_RECORDS] != NULL)
        records_show(status);
    else if (rc == AK_OK && line->value[AK_FLAG_JSON] != NULL)
        (void)(json_dumpf(status, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 &&
               fputc('\n', stdout) != EOF);
    else if (rc == AK_OK)
        status_show(status);
    json_decref(status);
    free(path);
    return rc;
}
