/* cmd_info.c - what is there, at a glance. Nothing is judged: it says so at its end. */
#include "commands.h"

#include "claim_show.h"
#include "cosigners.h"
#include "jsonout.h"
#include "pick.h"
#include "self.h"
#include "show.h"
#include "store_list.h"
#include "trust.h"
#include "when.h"

#include <akashi/checkpoint.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Segments and gaps that are listed; the rest is counted. */
#define LISTED_MAX 200u

#define KINDS_NAMED (AK_KIND_STATE + 1u)

struct segment {
    char name[64]; /* as the format names them; longer ones are cut */
    uint64_t bytes;
    uint64_t first;
    uint64_t opened;
    uint64_t claim;
    bool sealed;
};

struct gap {
    uint64_t begin;
    uint64_t end;
};

/* A checkpoint beside the segments. */
struct signed_note {
    char file[32];
    char *text; /* NULL: there is none */
    size_t len;
    uint64_t size; /* as it says */
};

struct info {
    struct signed_note published;
    struct signed_note cosigned; /* the newest .cosigned file */
    struct segment segment[LISTED_MAX];
    size_t segments;
    size_t sealed;
    struct gap gap[LISTED_MAX];
    size_t gaps;
    uint64_t bytes;
    uint64_t claims; /* greatest */
    uint64_t entries;
    uint64_t payload_bytes;
    uint64_t by_parts;              /* entries of form 2 */
    uint64_t kind[KINDS_NAMED + 1]; /* the last is for all others */
    uint64_t first_index;
    uint64_t last_index;
    uint64_t first_time;
    uint64_t last_time;
    uint16_t clock_runs;
};

static enum ak_code on_file(void *ctx, const struct ak_log_file *file, struct ak_error *err)
{
    struct info *info = ctx;

    (void)err;
    if (info->segments < LISTED_MAX) {
        struct segment *segment = &info->segment[info->segments];
        *segment = (struct segment){.bytes = file->bytes,
                                    .first = file->first,
                                    .opened = file->opened,
                                    .claim = file->claim,
                                    .sealed = file->sealed};
        (void)snprintf(segment->name, sizeof(segment->name), "%s", file->file);
    }
    info->segments++;
    info->sealed += file->sealed;
    info->bytes += file->bytes;
    if (file->claim > info->claims)
        info->claims = file->claim;
    return AK_OK;
}

static enum ak_code on_entry(void *ctx, const struct ak_log_entry *entry, struct ak_error *err)
{
    struct info *info = ctx;
    uint8_t kind = entry->entry.kind;

    (void)err;
    if (info->entries == 0) {
        info->first_index = entry->index;
        info->first_time = entry->entry.received;
    }
    info->last_index = entry->index;
    info->last_time = entry->entry.received;
    info->clock_runs = entry->entry.clock_run;
    info->entries++;
    info->payload_bytes += entry->len;
    info->by_parts += entry->entry.form == AK_FORM_PARTS;
    info->kind[kind < KINDS_NAMED ? kind : KINDS_NAMED]++;
    return AK_OK;
}

static enum ak_code on_gap(void *ctx, const struct ak_log_gap *gap, struct ak_error *err)
{
    struct info *info = ctx;

    (void)err;
    if (info->gaps < LISTED_MAX)
        info->gap[info->gaps] = (struct gap){gap->begin, gap->end};
    info->gaps++;
    return AK_OK;
}

/* Reads a checkpoint; what is none is passed over. */
static void read_note(int dir_fd, struct signed_note *note)
{
    struct ak_checkpoint checkpoint;
    struct ak_note parsed;

    if (ak_list_read_file(dir_fd, note->file, AK_NOTE_BYTES_MAX, &note->text, &note->len, NULL) !=
        AK_OK) {
        note->text = NULL;
        return;
    }
    if (ak_note_parse(&parsed, note->text, note->len, NULL) == AK_OK &&
        ak_checkpoint_parse(&checkpoint, parsed.text, parsed.text_len, true, NULL) == AK_OK) {
        note->size = checkpoint.size;
        return;
    }
    free(note->text);
    note->text = NULL;
}

static void on_name(void *ctx, const struct ak_list_file *file)
{
    uint64_t *newest = ctx;

    if (file->type == AK_LIST_COSIGNED && file->first > *newest)
        *newest = file->first;
}

/* The published checkpoint, and the newest with cosignatures. A segment alone has neither. */
static void read_notes(const char *path, struct info *info)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t newest = 0;

    if (fd < 0)
        return;
    (void)snprintf(info->published.file, sizeof(info->published.file), "checkpoint");
    read_note(fd, &info->published);
    (void)ak_list_each_name(fd, on_name, &newest, NULL);
    if (newest > 0) {
        (void)snprintf(info->cosigned.file, sizeof(info->cosigned.file), "%020" PRIu64 ".cosigned",
                       newest);
        read_note(fd, &info->cosigned);
    }
    close(fd);
}

static void print_notes(const struct info *info, const struct ak_policy *policy)
{
    const struct signed_note *notes[] = {&info->published, &info->cosigned};
    char number[AK_SHOW_NUMBER_BYTES];

    for (unsigned i = 0; i < 2; i++) {
        const struct signed_note *note = notes[i];
        if (note->text == NULL)
            continue;
        ak_claim_show_label(stdout, i == 0 ? "checkpoint" : "cosigned");
        printf("%s entr%s, in ", ak_show_count(number, note->size), note->size == 1 ? "y" : "ies");
        ak_show_text(stdout, note->file);
        fputc('\n', stdout);
        ak_cosigners_show(stdout, note->text, note->len, policy);
    }
}

static void put_notes(struct ak_json_out *out, const struct info *info,
                      const struct ak_policy *policy)
{
    const struct signed_note *notes[] = {&info->published, &info->cosigned};

    ak_json_out_open(out, "checkpoints", '[');
    for (unsigned i = 0; i < 2; i++) {
        const struct signed_note *note = notes[i];
        if (note->text == NULL)
            continue;
        ak_json_out_open(out, NULL, '{');
        ak_json_out_string(out, "file", note->file);
        ak_json_out_uint(out, "size", note->size);
        ak_cosigners_json(out, note->text, note->len, policy);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
}

static void print_kinds(const struct info *info)
{
    char a[AK_SHOW_NUMBER_BYTES];
    bool comma = false;

    printf("  entries     %s", ak_show_count(a, info->entries));
    for (unsigned k = 0; k <= KINDS_NAMED; k++) {
        if (info->kind[k] == 0)
            continue;
        printf("%s%s %s", comma ? ", " : ": ", ak_show_count(a, info->kind[k]),
               ak_pick_kind(k == KINDS_NAMED ? UINT8_MAX : (uint8_t)k));
        comma = true;
    }
    printf("; text %s\n", ak_show_bytes(a, info->payload_bytes));
    if (info->by_parts > 0)
        printf("  by parts    %s of them: parts of these records can be blacked out in a bundle\n",
               ak_show_count(a, info->by_parts));
}

static void print_segments(const struct info *info)
{
    char a[AK_SHOW_NUMBER_BYTES];
    char when[AK_WHEN_TEXT_BYTES];

    printf("  segments    %zu, %zu of them sealed, %s", info->segments, info->sealed,
           ak_show_bytes(a, info->bytes));
    printf("; written by %" PRIu64 " process%s\n", info->claims, info->claims == 1 ? "" : "es");
    for (size_t i = 0; i < info->segments && i < LISTED_MAX; i++) {
        const struct segment *segment = &info->segment[i];
        fputs("    ", stdout);
        ak_show_text(stdout, segment->name);
        printf("  %s, %s, from entry %" PRIu64 ", opened %s\n", segment->sealed ? "sealed" : "open",
               ak_show_bytes(a, segment->bytes), segment->first,
               ak_when_format(when, segment->opened));
    }
    if (info->segments > LISTED_MAX)
        printf("    and %zu more\n", info->segments - LISTED_MAX);
}

static void print_gaps(const struct info *info)
{
    if (info->gaps == 0) {
        printf("  gaps        none\n");
        return;
    }
    printf("  gaps        %zu: entries that are not here or cannot be read\n", info->gaps);
    for (size_t i = 0; i < info->gaps && i < LISTED_MAX; i++) {
        if (info->gap[i].end == UINT64_MAX)
            printf("    from %" PRIu64 " on\n", info->gap[i].begin);
        else
            printf("    %" PRIu64 "-%" PRIu64 "\n", info->gap[i].begin, info->gap[i].end - 1);
    }
    if (info->gaps > LISTED_MAX)
        printf("    and %zu more\n", info->gaps - LISTED_MAX);
}

static void print_info(const struct ak_log_place *place, const struct info *info,
                       const struct ak_policy *policy)
{
    char a[AK_WHEN_TEXT_BYTES];
    char b[AK_WHEN_TEXT_BYTES];
    char age[AK_WHEN_TEXT_BYTES];
    uint64_t now = ak_when_now();

    ak_pick_print(stdout, place);
    print_segments(info);
    print_kinds(info);
    if (info->entries > 0) {
        printf("  indices     %" PRIu64 "-%" PRIu64 "\n", info->first_index, info->last_index);
        printf("  time        %s to %s", ak_when_format(a, info->first_time),
               ak_when_format(b, info->last_time));
        if (now >= info->last_time)
            printf("; the newest is %s old", ak_when_format_stretch(age, now - info->last_time));
        printf("\n");
        if (info->clock_runs > 0)
            printf("  clock       was set back %u time%s\n", info->clock_runs,
                   ak_show_plural(info->clock_runs));
    }
    print_gaps(info);
    print_notes(info, policy);
}

static void put_info(struct ak_json_out *out, const struct ak_log_place *place,
                     const struct info *info, const struct ak_policy *policy)
{
    char text[AK_WHEN_TEXT_BYTES];

    ak_json_out_open(out, NULL, '{');
    ak_pick_json(out, place);
    ak_json_out_uint(out, "segment_count", info->segments);
    ak_json_out_uint(out, "sealed", info->sealed);
    ak_json_out_uint(out, "bytes", info->bytes);
    ak_json_out_uint(out, "entries", info->entries);
    ak_json_out_uint(out, "text_bytes", info->payload_bytes);
    ak_json_out_uint(out, "by_parts", info->by_parts);
    ak_json_out_open(out, "kinds", '{');
    for (unsigned k = 0; k <= KINDS_NAMED; k++)
        ak_json_out_uint(out, ak_pick_kind(k == KINDS_NAMED ? UINT8_MAX : (uint8_t)k),
                         info->kind[k]);
    ak_json_out_close(out, '}');
    if (info->entries > 0) {
        ak_json_out_uint(out, "first", info->first_index);
        ak_json_out_uint(out, "last", info->last_index);
        ak_json_out_string(out, "from", ak_when_format(text, info->first_time));
        ak_json_out_string(out, "to", ak_when_format(text, info->last_time));
        ak_json_out_uint(out, "clock_runs", info->clock_runs);
    }
    ak_json_out_open(out, "segments", '[');
    for (size_t i = 0; i < info->segments && i < LISTED_MAX; i++) {
        const struct segment *segment = &info->segment[i];
        ak_json_out_open(out, NULL, '{');
        (void)ak_json_out_text(out, "file", segment->name, strlen(segment->name));
        ak_json_out_uint(out, "bytes", segment->bytes);
        ak_json_out_uint(out, "first", segment->first);
        ak_json_out_string(out, "opened", ak_when_format(text, segment->opened));
        ak_json_out_uint(out, "claim", segment->claim);
        ak_json_out_bool(out, "sealed", segment->sealed);
        ak_json_out_close(out, '}');
    }
    ak_json_out_close(out, ']');
    ak_json_out_uint(out, "gap_count", info->gaps);
    ak_json_out_open(out, "gaps", '[');
    for (size_t i = 0; i < info->gaps && i < LISTED_MAX; i++) {
        ak_json_out_open(out, NULL, '[');
        ak_json_out_uint(out, NULL, info->gap[i].begin);
        ak_json_out_uint(out, NULL, info->gap[i].end);
        ak_json_out_close(out, ']');
    }
    ak_json_out_close(out, ']');
    put_notes(out, info, policy);
    ak_json_out_close(out, '}');
}

static enum ak_code show_place(const struct ak_log_place *place, const struct ak_policy *policy,
                               struct ak_json_out *json, struct ak_error *err)
{
    struct ak_log_filter filter = AK_LOG_FILTER_ALL;
    struct info *info = calloc(1, sizeof(*info));
    struct ak_log_visitor visitor = {
        .ctx = info, .on_file = on_file, .on_entry = on_entry, .on_gap = on_gap};
    enum ak_code rc;

    if (info == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to look at a log");
    rc = ak_log_read(place->path, &filter, NULL, &visitor, err);
    if (rc == AK_OK)
        read_notes(place->path, info);
    if (rc == AK_OK && json != NULL)
        put_info(json, place, info, policy);
    else if (rc == AK_OK)
        print_info(place, info, policy);
    free(info->published.text);
    free(info->cosigned.text);
    free(info);
    return rc;
}

enum ak_code ak_cmd_info(const struct ak_options *options, int *status, struct ak_error *err)
{
    bool json = ak_options_has(options, AK_OPTION_JSON);
    const char *policy = ak_options_value(options, AK_OPTION_POLICY);
    struct ak_log_places places = {0};
    struct ak_trust trust = {0};
    struct ak_json_out out;
    enum ak_code rc = policy == NULL ? AK_OK : ak_trust_set_policy(&trust, policy, err);

    *status = 0;
    if (rc == AK_OK)
        rc = ak_pick_logs(options, &places, err);
    if (rc != AK_OK) {
        ak_trust_free(&trust);
        return rc;
    }
    ak_json_out_init(&out, stdout);
    if (json)
        ak_self_json(&out);
    for (size_t i = 0; i < places.count && rc == AK_OK; i++)
        rc = show_place(&places.place[i], trust.policy, json ? &out : NULL, err);
    if (json)
        ak_self_json_end(&out);
    else if (rc == AK_OK)
        printf("%s of this is proven: akashi-verify check PATH --key VKEY does that.\n",
               trust.policy == NULL ? "Nothing" : "Nothing but lines called valid");
    ak_log_places_free(&places);
    ak_trust_free(&trust);
    return rc;
}
