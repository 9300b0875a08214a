/* proof_files.h - the files of a proof of one entry: beside FILE its start note and what was
 * stamped, each under its name with something behind it (docs/format.md 12.1). */
#ifndef AK_PROOF_FILES_H
#define AK_PROOF_FILES_H

#include "options.h"

#include <akashi/entry_proof.h>
#include <akashi/error.h>
#include <akashi/stamped.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands behind the name of a proof in that of its start note, and of the note that its
 * stamps, FILE.0.tsr to FILE.7.tsr, are over. */
#define AK_PROOF_FILES_EPOCH   ".epoch"
#define AK_PROOF_FILES_STAMPED ".stamped"

struct ak_proof_files {
    char *proof;
    size_t proof_len;
    char *epoch_note; /* NULL: there is none */
    size_t epoch_note_len;
    char *record; /* NULL: not given */
    size_t record_len;
    uint8_t entry[AK_PROOF_ENTRY_BYTES_MAX];
    size_t entry_len; /* 0: not given */
    struct ak_stamped stamped;
};

/* Reads the proof that is the command's word, what lies beside it, and what --epoch, --record and
 * --entry name. Free with ak_proof_files_free in any case. AK_EUSAGE; AK_ENOTFOUND, AK_EIO,
 * AK_ELIMIT, AK_ENOMEM. */
enum ak_code ak_proof_files_read(struct ak_proof_files *files, const struct ak_options *options,
                                 struct ak_error *err);
void ak_proof_files_free(struct ak_proof_files *files);

/* Sees to it that no stamps of another proof lie beside `path`: with `force` they are removed, else
 * AK_EEXIST. AK_EIO, AK_ENOMEM. */
enum ak_code ak_proof_files_clear(const char *path, bool force, struct ak_error *err);

/* Writes the stamped note and its stamps beside `path`, which was cleared; nothing if there are
 * none. AK_EEXIST, AK_EIO, AK_ENOSPC, AK_ENOMEM. */
enum ak_code ak_proof_files_put_stamps(const char *path, const struct ak_stamped *stamped,
                                       struct ak_error *err);

#endif
