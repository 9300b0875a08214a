/* check_cosigned.c - `.cosigned` files beside a log: checkpoints as any other, with what witnesses
 * said of them (format.md R45, R46).
 *
 * They are judged with the other files of their size, while the tree grows. The newest one is read
 * when the files are listed: while the log is written it goes as soon as a newer one is there, and
 * only it is ever needed for what lies at the end.
 *
 * Failure modes: what is wrong is told by itself; a file that went away is passed over, since a
 * newer one says as much. */
#include "check_private.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lists again so often when the newest file went away between two looks. */
#define AGAIN_MAX 5u

static void tell(struct ak_check_state *state, const char *name, struct ak_finding *finding)
{
    (void)snprintf(finding->file, sizeof(finding->file), "%s", name);
    ak_check_report(state, finding);
}

/* R45, R46: its signatures, its size and its cosignatures. */
static bool judge(struct ak_check_state *state, const char *name, uint64_t size, const char *note,
                  size_t len, struct ak_check_judged *judged)
{
    struct ak_error err = {0};
    struct ak_finding finding;
    const char *rule = "R45";
    enum ak_code rc = ak_check_epochs_judge(state->epochs, state->log_key, note, len, judged, &err);

    state->key_asked = true;
    if (rc == AK_OK) {
        state->signed_notes++;
        state->key_signed = true;
        rc = ak_check_cosignatures(state, note, len, judged, &err);
        rule = "R7";
    } else {
        ak_check_look_for_key(state, note, len);
    }
    if (rc == AK_OK && judged->checkpoint.size == size)
        return true;
    if (rc == AK_OK)
        finding = ak_finding_make(AK_FINDING_MALFORMED, "R45",
                                  "the checkpoint in it is of size %" PRIu64
                                  ", its name says another one.",
                                  judged->checkpoint.size);
    else
        finding = ak_finding_make(ak_finding_of_text(rc), rule, "%s.", err.text);
    if (rc != AK_EKEY)
        tell(state, name, &finding);
    else if (state->unsigned_notes++ == 0) {
        (void)snprintf(finding.file, sizeof(finding.file), "%s", name);
        state->unsigned_finding = finding;
    }
    return false;
}

bool ak_check_cosigned(struct ak_check_state *state, size_t listed, char **note, size_t *len,
                       struct ak_check_judged *judged)
{
    const struct ak_list_file *file = &state->list.file[listed];
    struct ak_error err = {0};
    struct ak_finding finding;
    enum ak_code rc =
        ak_list_read_file(state->dir_fd, file->name, AK_NOTE_BYTES_MAX, note, len, &err);

    if (rc != AK_OK) {
        *note = NULL;
        finding = ak_finding_make(rc == AK_ELIMIT ? AK_FINDING_MALFORMED : ak_finding_of_text(rc),
                                  "R45", "%s.", err.text);
        if (rc == AK_ENOMEM)
            ak_check_fatal(state, &err);
        else if (rc != AK_ENOTFOUND)
            tell(state, file->name, &finding);
        return false;
    }
    return judge(state, file->name, file->first, *note, *len, judged);
}

/* Name and size of the newest one there is now; false if there is none. */
static bool find_newest(int dir_fd, char *name, size_t cap, uint64_t *size)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool found = false;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while ((entry = readdir(dir)) != NULL) {
        struct ak_list_file file = {.name = (char *)(uintptr_t)entry->d_name,
                                    .type = AK_LIST_UNKNOWN};
        ak_list_read_name(&file);
        if (file.type != AK_LIST_COSIGNED || (found && file.first <= *size))
            continue;
        found = true;
        *size = file.first;
        (void)snprintf(name, cap, "%s", entry->d_name);
    }
    closedir(dir);
    return found;
}

void ak_check_cosigned_begin(struct ak_check_state *state)
{
    struct ak_check_cosigned_newest *newest = &state->cosigned_newest;
    struct ak_check_judged judged;
    enum ak_code rc = AK_ENOTFOUND;
    uint64_t size = 0;

    if (state->single || state->log_key == NULL)
        return;
    for (unsigned i = 0; i < AGAIN_MAX && rc == AK_ENOTFOUND; i++) {
        if (!find_newest(state->dir_fd, newest->name, sizeof(newest->name), &size))
            return;
        rc = ak_list_read_file(state->dir_fd, newest->name, AK_NOTE_BYTES_MAX, &newest->note,
                               &newest->len, NULL);
    }
    if (rc != AK_OK)
        newest->note = NULL;
    /* What is wrong with it is told when its size is reached. */
    if (rc == AK_OK &&
        ak_check_epochs_judge(state->epochs, state->log_key, newest->note, newest->len, &judged,
                              NULL) == AK_OK &&
        judged.checkpoint.size == size &&
        ak_check_cosignatures(state, newest->note, newest->len, &judged, NULL) == AK_OK)
        ak_check_wait_note(state, &judged, newest->name, newest->note, newest->len);
}
