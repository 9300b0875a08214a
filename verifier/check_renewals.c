/* check_renewals.c - renewals beside a log: each file that a list names is as it was when the list
 * was made, and what stamps the list shows until when older stamps are beyond doubt (format.md 9.5,
 * R50).
 *
 * A file that several lists name is read once. Failure modes: a list or a reply that is wrong is
 * told by itself; what a list names and is not here is MISSING, unless a later generation of that
 * segment has taken its place, which orders explain. */
#include "check_private.h"

#include <akashi/renewal.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS 20u /* in front of a name (9.1) */

/* What is known of a file in the list of the directory. */
struct ak_check_renewed_file {
    uint64_t signer_until; /* of a stamp that counts; 0: it does not */
    uint64_t renewed_at;   /* the earliest renewal of it that counts; 0: none */
    bool read;             /* `bytes` and `digest` hold */
    uint64_t bytes;
    uint8_t digest[AK_SHA512_BYTES];
};

struct pass {
    struct ak_check_state *state;
    size_t listed; /* number of the renewal's list */
    char *text;
    size_t len;
    struct ak_renewal renewal;
    uint64_t time; /* the earliest of its stamps that count; 0: none does */
    char authority[AK_TSA_NAME_BYTES];
    bool good;         /* all that it names is here as it was, or was replaced by an order */
    uint64_t replaced; /* segments of which a later generation is here */
};

static void tell(struct ak_check_state *state, const char *name, struct ak_finding *finding)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", name);
    ak_check_report(state, finding);
}

static bool has_table(struct ak_check_state *state)
{
    struct ak_error err = {0};

    if (state->renewed == NULL)
        state->renewed = calloc(state->list.count + 1, sizeof(*state->renewed));
    if (state->renewed != NULL)
        return true;
    (void)ak_fail(&err, AK_ENOMEM, "no memory for renewals");
    ak_check_fatal(state, &err);
    return false;
}

void ak_check_renewals_stamp(struct ak_check_state *state, size_t listed, uint64_t signer_until)
{
    if (has_table(state))
        state->renewed[listed].signer_until = signer_until;
}

/* Number of the first name that is not below `name`. */
static size_t find_from(const struct ak_check_state *state, const char *name)
{
    size_t low = 0;
    size_t high = state->list.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(state->list.file[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Number of a name in the directory's list; `count` if it is not there. */
static size_t find(const struct ak_check_state *state, const char *name)
{
    size_t at = find_from(state, name);

    return at < state->list.count && strcmp(state->list.file[at].name, name) == 0
               ? at
               : state->list.count;
}

/* Reads a file's digest, or takes what was read before. */
static enum ak_code digest(struct ak_check_state *state, struct ak_renewal_file *file,
                           struct ak_error *err)
{
    size_t at = find(state, file->name);
    struct ak_check_renewed_file *known = at < state->list.count ? &state->renewed[at] : NULL;
    enum ak_code rc = AK_OK;

    if (known == NULL || !known->read)
        rc = ak_renewal_digest(state->dir_fd, file, err);
    if (rc != AK_OK || known == NULL)
        return rc;
    if (!known->read) {
        known->bytes = file->bytes;
        memcpy(known->digest, file->digest, sizeof(known->digest));
        known->read = true;
    }
    file->bytes = known->bytes;
    memcpy(file->digest, known->digest, sizeof(file->digest));
    return AK_OK;
}

/* Whether two names begin with the same 20 digits. */
static bool same_number(const char *a, const char *b)
{
    return strncmp(a, b, NUMBER_DIGITS + 1) == 0;
}

/* Whether a later generation of a sealed segment is here. */
static bool is_replaced(const struct ak_check_state *state, const char *name)
{
    struct ak_list_file gone = {.name = (char *)name, .type = AK_LIST_UNKNOWN};
    const struct ak_list *list = &state->list;
    char begin[NUMBER_DIGITS + 1];

    ak_list_read_name(&gone);
    if (gone.type != AK_LIST_SEGMENT)
        return false;
    memcpy(begin, name, NUMBER_DIGITS);
    begin[NUMBER_DIGITS] = '\0';
    for (size_t i = find_from(state, begin);
         i < list->count && same_number(list->file[i].name, name); i++) {
        const struct ak_list_file *file = &list->file[i];
        if (file->named && !file->open && file->generation > gone.generation)
            return true;
    }
    return false;
}

static void compare(struct pass *p, const struct ak_renewal_file *stated)
{
    const char *list = p->state->list.file[p->listed].name;
    struct ak_renewal_file here = *stated;
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc = digest(p->state, &here, &err);

    if (rc == AK_ENOMEM) {
        ak_check_fatal(p->state, &err);
        return;
    }
    if (rc == AK_OK && here.bytes == stated->bytes &&
        memcmp(here.digest, stated->digest, sizeof(here.digest)) == 0)
        return;
    if (rc == AK_ENOTFOUND && is_replaced(p->state, stated->name)) {
        p->replaced++;
        return;
    }
    p->good = false;
    if (rc == AK_OK)
        finding = ak_finding_make(AK_FINDING_ALTERED, "R50",
                                  "the file is not as it was when the list %s was made.", list);
    else if (rc == AK_ENOTFOUND)
        finding = ak_finding_make(AK_FINDING_MISSING, "R50",
                                  "the list %s has this file, and it is not here.", list);
    else
        finding = ak_finding_make(AK_FINDING_IO_ERROR, "R50", "%s.", err.text);
    tell(p->state, stated->name, &finding);
}

/* One reply over the list. */
static void judge_reply(struct pass *p, size_t listed)
{
    struct ak_check_state *state = p->state;
    const char *name = state->list.file[listed].name;
    struct ak_timestamp stamp;
    struct ak_error err = {0};
    struct ak_finding finding;
    size_t len;
    char *data;
    enum ak_code rc =
        ak_list_read_file(state->dir_fd, name, AK_TIMESTAMP_BYTES_MAX, &data, &len, &err);

    if (rc == AK_ENOTFOUND)
        return;
    if (rc == AK_OK) {
        rc = ak_timestamp_judge(data, len, p->text, p->len, state->options->tsa, &stamp, &err);
        free(data);
        if (rc == AK_OK && stamp.imprint_bytes != AK_SHA512_BYTES)
            rc = ak_fail(&err, AK_EMALFORMED, "R50: the stamp of a renewal is not by SHA-512");
    }
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
    } else if (rc == AK_OK && state->options->tsa != NULL) {
        state->renewed[listed].signer_until = stamp.signer_until;
        if (p->time == 0 || stamp.time < p->time) {
            p->time = stamp.time;
            memcpy(p->authority, stamp.authority, sizeof(p->authority));
        }
    } else if (rc == AK_EKEY) {
        finding = ak_finding_make(AK_FINDING_STAMP_NOT_TRUSTED, "R50", "%s.", err.text);
        tell(state, name, &finding);
    } else if (rc != AK_OK) {
        finding = ak_finding_make(rc == AK_ELIMIT ? AK_FINDING_MALFORMED : ak_finding_of_text(rc),
                                  "R50", "%s.", err.text);
        tell(state, name, &finding);
    }
}

/* What the list says of itself. */
static bool read_list(struct pass *p)
{
    struct ak_check_state *state = p->state;
    const struct ak_list_file *file = &state->list.file[p->listed];
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc =
        ak_list_read_file(state->dir_fd, file->name, AK_RENEWAL_BYTES_MAX, &p->text, &p->len, &err);

    if (rc == AK_OK)
        rc = ak_renewal_parse(&p->renewal, p->text, p->len, &err);
    if (rc == AK_OK && p->renewal.size != file->first)
        rc = ak_fail(&err, AK_EMALFORMED, "it is of size %" PRIu64 ", its name says another one",
                     p->renewal.size);
    if (rc == AK_OK && state->log->origin[0] != '\0' &&
        strcmp(p->renewal.origin, state->log->origin) != 0)
        rc = ak_fail(&err, AK_EMALFORMED, "it is of another log");
    if (rc == AK_OK || rc == AK_ENOTFOUND)
        return rc == AK_OK;
    if (rc == AK_ENOMEM) {
        ak_check_fatal(state, &err);
        return false;
    }
    finding = ak_finding_make(rc == AK_EIO ? AK_FINDING_IO_ERROR : AK_FINDING_MALFORMED, "R50",
                              "%s.", err.text);
    tell(state, file->name, &finding);
    return false;
}

/* Stamps that the list holds existed by its time. */
static void date_stamps(struct pass *p)
{
    struct ak_check_state *state = p->state;
    struct ak_renewal_file file;
    size_t at = 0;

    while (ak_renewal_next(&p->renewal, &at, &file)) {
        size_t i = find(state, file.name);
        struct ak_check_renewed_file *known = i < state->list.count ? &state->renewed[i] : NULL;
        if (known != NULL && (known->renewed_at == 0 || p->time < known->renewed_at))
            known->renewed_at = p->time;
    }
}

static void count(struct pass *p)
{
    struct ak_check_log *log = p->state->log;

    log->renewals_counted++;
    log->renewed = (struct ak_check_renewed){.size = p->renewal.size,
                                             .by = p->time,
                                             .files = p->renewal.count - p->replaced,
                                             .replaced = p->replaced};
    memcpy(log->renewed_by, p->authority, sizeof(log->renewed_by));
    date_stamps(p);
}

static void judge_list(struct ak_check_state *state, size_t listed)
{
    struct pass p = {.state = state, .listed = listed, .good = true};
    const struct ak_list_file *list = &state->list.file[listed];
    struct ak_renewal_file file;
    size_t at = 0;

    state->log->renewals++;
    if (read_list(&p)) {
        while (!state->fatal && ak_renewal_next(&p.renewal, &at, &file))
            compare(&p, &file);
        for (size_t i = listed + 1; i < state->list.count && !state->fatal &&
                                    same_number(state->list.file[i].name, list->name);
             i++) { /* names of its replies follow its own */
            if (state->list.file[i].type == AK_LIST_RENEWAL_STAMP)
                judge_reply(&p, i);
        }
        if (p.good && p.time != 0)
            count(&p);
    }
    free(p.text);
}

/* How many stamps that count were renewed while their signers' certificates were valid. */
static void count_stamps(struct ak_check_state *state)
{
    struct ak_check_renewed *renewed = &state->log->renewed;

    for (size_t i = 0; i < state->list.count; i++) {
        const struct ak_check_renewed_file *file = &state->renewed[i];
        if (file->signer_until == 0 || file->renewed_at == 0)
            continue;
        if (file->renewed_at <= file->signer_until)
            renewed->in_time++;
        else
            renewed->late++;
    }
}

static void tell_remarks(struct ak_check_state *state, size_t replies)
{
    const struct ak_check_log *log = state->log;
    struct ak_finding finding;

    if (log->renewals_counted < log->renewals) {
        finding = ak_finding_make(
            AK_FINDING_STAMP_NOT_CHECKED, "R50",
            state->options->tsa == NULL
                ? "%" PRIu64 " of %" PRIu64
                  " renewals do not count: no certificate of an authority was given."
                : "%" PRIu64 " of %" PRIu64
                  " renewals do not count: no good stamp is over their list, or what it names is "
                  "not as it was.",
            log->renewals - log->renewals_counted, log->renewals);
        ak_check_report(state, &finding);
    } else if (log->renewals == 0 && replies > 0) {
        finding = ak_finding_make(AK_FINDING_STAMP_NOT_CHECKED, "R50",
                                  "there are stamps of renewals whose lists are not here.");
        ak_check_report(state, &finding);
    }
}

void ak_check_renewals_close(struct ak_check_state *state)
{
    size_t replies = 0;

    if (state->single || state->log_key == NULL || state->list.count == 0)
        return;
    for (size_t i = 0; i < state->list.count && !state->fatal; i++) {
        replies += state->list.file[i].type == AK_LIST_RENEWAL_STAMP;
        if (state->list.file[i].type == AK_LIST_RENEWAL && has_table(state))
            judge_list(state, i);
    }
    if (state->renewed != NULL && !state->fatal)
        count_stamps(state);
    tell_remarks(state, replies);
}
