/* check_tail.c - the end of a log: entries under no checkpoint, bytes behind the last commit
 * (docs/format.md 9.3).
 *
 * A log that is being written nearly always has such a tail; 10 ms later a checkpoint covers it.
 * So a reader that finds one looks again. What was seen first is never vouched for by that: it only
 * tells a log that lives from one that crashed or was cut. */
#include "check_private.h"

#include <akashi/succession.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Waits before each further look, in ms: the format demands 20, a busy machine may need more. */
static const unsigned waits[] = {25, 50, 100, 200};

/* Whether the `checkpoint` file covers the entries that were seen, and was not seen then. */
static bool checkpoint_covers(const struct ak_check_state *state, uint64_t size)
{
    struct ak_check_judged judged;
    char *data = NULL;
    size_t len;
    bool covers;

    if (state->single || state->log_key == NULL ||
        ak_list_read_file(state->dir_fd, "checkpoint", AK_NOTE_BYTES_MAX, &data, &len, NULL) !=
            AK_OK)
        return false;
    covers =
        ak_check_epochs_judge(state->epochs, state->log_key, data, len, &judged, NULL) == AK_OK &&
        judged.checkpoint.size >= size && judged.checkpoint.size > state->signed_top;
    free(data);
    return covers;
}

/* Whether a newer good MARK or NOTE stands in the file, or it was sealed. */
static bool file_grew(const struct ak_check_state *state, const struct ak_check_file *file)
{
    struct ak_check_look look;
    uint64_t bytes;
    bool grew = false;
    int fd;

    if (ak_list_open_file(state->dir_fd, file->name, &fd, &bytes, NULL) != AK_OK)
        return false;
    if (bytes != file->read_bytes &&
        ak_check_scan(state, fd, ak_check_next_first(state, file), &look, NULL) == AK_OK)
        grew = look.sealed || look.limit > file->tail_at;
    close(fd);
    return grew;
}

/* Whether a later segment has begun: its first index says that what was seen was committed. */
static bool log_went_on(const struct ak_check_state *state, const struct ak_check_file *last,
                        uint64_t size)
{
    struct ak_list list;
    bool found = false;

    if (state->single || ak_list_log_dir(state->dir_fd, &list, NULL) != AK_OK)
        return false;
    for (size_t i = 0; i < list.count && !found; i++) {
        const struct ak_list_file *file = &list.file[i];
        found = file->type == AK_LIST_SEGMENT && file->named && file->first > last->first &&
                file->first >= size && file->bytes > 0;
        for (size_t k = 0; k < state->file_count && found; k++)
            found = strcmp(state->file[k].name, file->name) != 0;
    }
    ak_list_free(&list);
    return found;
}

static bool look_again(const struct ak_check_state *state, const struct ak_check_file *last,
                       uint64_t size)
{
    for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct timespec wait = {0, (long)waits[i] * 1000000};
        (void)nanosleep(&wait, NULL);
        if (file_grew(state, last) || log_went_on(state, last, size) ||
            (last->tail_bytes == 0 && checkpoint_covers(state, size)))
            return true;
    }
    return false;
}

/* The file in which the log ends: of the last first index the one that counts. */
static const struct ak_check_file *last_file(const struct ak_check_state *state)
{
    for (size_t i = state->file_count; i-- > 0;) {
        if (state->file[i].counts)
            return &state->file[i];
    }
    return NULL;
}

/* Why it is not signed, as the tail itself says: a hint, which nobody vouches for. */
static void tell_unsigned(const struct ak_check_state *state, uint64_t decided,
                          struct ak_finding *finding)
{
    size_t len = strlen(finding->text);
    char *at = finding->text + len;
    size_t room = sizeof(finding->text) - len;

    if (state->succession_unsigned && decided <= AK_SUCCESSION_INDEX)
        (void)snprintf(at, room,
                       " It begins as the successor of another log, and waits: nothing of it is "
                       "signed before the operator gives `akashi-collector succeed`.");
    else if (state->stopped_at > 0 && state->stopped_at >= decided)
        (void)snprintf(at, room,
                       " Its entry %" PRIu64 " says that signing has stopped: %s. The next start "
                       "of the collector with the keys signs it.",
                       state->stopped_at, state->stopped_reason);
}

void ak_check_tail(struct ak_check_state *state)
{
    const struct ak_check_file *last = last_file(state);
    struct ak_check_log *log = state->log;
    uint64_t size = ak_tree_size(state->tree);
    uint64_t decided = ak_tree_decided(state->tree);
    struct ak_finding finding;

    if (last == NULL || !last->read || state->lost_why == AK_TREE_NOT_CHECKED)
        return;                      /* what the last file holds is not known to its end (R34) */
    if (state->not_judged > decided) /* covered, but by an epoch whose key is not known (R11) */
        decided = state->not_judged < size ? state->not_judged : size;
    log->tail_entries = size - decided;
    log->tail_bytes = (last->sealed ? 0 : last->tail_bytes) + state->cut_bytes;
    if (log->tail_entries == 0 && log->tail_bytes == 0)
        return;
    if (look_again(state, last, size))
        finding = ak_finding_make(AK_FINDING_TAIL_IN_FLIGHT, "9.3",
                                  "the log is being written: %" PRIu64 " entries and %" PRIu64
                                  " bytes at its end were not signed yet when they were read.",
                                  log->tail_entries, log->tail_bytes);
    else
        finding = ak_finding_make(AK_FINDING_TAIL_UNSIGNED, "9.3",
                                  "%" PRIu64 " entries are under no checkpoint, and %" PRIu64
                                  " bytes stand behind the last commit.",
                                  log->tail_entries, log->tail_bytes);
    if (finding.code == AK_FINDING_TAIL_UNSIGNED)
        tell_unsigned(state, decided, &finding);
    if (log->tail_entries > 0)
        ak_finding_range(&finding, decided, size);
    if (log->tail_entries == 0 && last->tail_bytes == 0)
        ak_finding_at(&finding, state->cut_name, state->cut_at);
    else
        ak_finding_at(&finding, last->name,
                      last->tail_bytes > 0 ? last->tail_at : last->read_bytes);
    ak_check_report(state, &finding);
}
