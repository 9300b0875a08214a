/* proof_files.c - reads and writes what belongs to the proof of one entry.
 *
 * Failure modes: what does not lie beside a proof is not there and no fault; what cannot be read,
 * or is longer than its kind can be, ends the call. Stamps of another proof of the same name would
 * contradict this one, so nothing is written beside them. */
#include "proof_files.h"

#include "output.h"
#include "trust.h"

#include <akashi/base64.h>
#include <akashi/proof.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ".7.tsr" and its NUL, for any unsigned. */
#define SUFFIX_BYTES 16u

void ak_proof_files_free(struct ak_proof_files *files)
{
    free(files->proof);
    free(files->epoch_note);
    free(files->record);
    ak_stamped_free(&files->stamped);
}

static const char *stamp_suffix(unsigned k, char out[SUFFIX_BYTES])
{
    (void)snprintf(out, SUFFIX_BYTES, ".%u.tsr", k);
    return out;
}

static enum ak_code name_beside(const char *path, const char *suffix, char **out,
                                struct ak_error *err)
{
    if (asprintf(out, "%s%s", path, suffix) >= 0)
        return AK_OK;
    *out = NULL;
    return ak_fail(err, AK_ENOMEM, "no memory for a name");
}

/* `*data` stays NULL where there is no such file. */
static enum ak_code read_beside(const char *path, const char *suffix, size_t max, char **data,
                                size_t *len, struct ak_error *err)
{
    char *name;
    enum ak_code rc = name_beside(path, suffix, &name, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_trust_read_file(name, max, data, len, err);
    free(name);
    if (rc == AK_OK)
        return AK_OK;
    *data = NULL;
    return rc == AK_ENOTFOUND ? AK_OK : rc;
}

/* The start note beside the proof needs no trust: the origin pins what it says. */
static enum ak_code read_epoch_note(const struct ak_options *options, struct ak_proof_files *files,
                                    struct ak_error *err)
{
    const char *given = ak_options_value(options, AK_OPTION_EPOCH);

    if (given != NULL)
        return ak_trust_read_file(given, AK_EPOCH_NOTE_BYTES_MAX, &files->epoch_note,
                                  &files->epoch_note_len, err);
    return read_beside(options->words[0], AK_PROOF_FILES_EPOCH, AK_EPOCH_NOTE_BYTES_MAX,
                       &files->epoch_note, &files->epoch_note_len, err);
}

/* Whether as many bytes can be an entry, alone or with its salt or record key. */
static bool is_entry_len(size_t len)
{
    return len == AK_ENTRY_BYTES || len == AK_PROOF_ENTRY_BYTES || len == AK_PROOF_PARTS_BYTES;
}

/* Hexadecimal digits, or a file of the bytes. */
static enum ak_code read_entry(const char *text, struct ak_proof_files *files, struct ak_error *err)
{
    size_t chars = strlen(text);
    char *data;
    size_t len;
    enum ak_code rc;

    if (chars % 2 == 0 && is_entry_len(chars / 2) &&
        ak_hex_decode(files->entry, chars / 2, text, chars, NULL) == AK_OK) {
        files->entry_len = chars / 2;
        return AK_OK;
    }
    rc = ak_trust_read_file(text, AK_PROOF_ENTRY_BYTES_MAX, &data, &len, err);
    if (rc == AK_OK && !is_entry_len(len))
        rc = ak_fail(err, AK_EUSAGE,
                     "%s has %zu bytes: an entry has %u, with its salt %u, with its record key %u",
                     text, len, AK_ENTRY_BYTES, AK_PROOF_ENTRY_BYTES, AK_PROOF_PARTS_BYTES);
    else if (rc != AK_OK)
        return ak_fail(
            err, AK_EUSAGE,
            "--entry %s: neither %u (with the salt %u, with the record key %u) lower-case "
            "hexadecimal digits nor a file with these bytes",
            text, 2 * AK_ENTRY_BYTES, 2 * AK_PROOF_ENTRY_BYTES, 2 * AK_PROOF_PARTS_BYTES);
    if (rc == AK_OK) {
        memcpy(files->entry, data, len);
        files->entry_len = len;
    }
    free(data);
    return rc;
}

/* What lies beside the proof; numbers that are not there are passed over. */
static enum ak_code read_stamps(const char *path, struct ak_stamped *stamped, struct ak_error *err)
{
    enum ak_code rc = read_beside(path, AK_PROOF_FILES_STAMPED, AK_NOTE_BYTES_MAX, &stamped->note,
                                  &stamped->len, err);

    for (unsigned k = 0; rc == AK_OK && k < AK_STAMPED_REPLIES; k++) {
        struct ak_stamped_reply *reply = &stamped->reply[k];
        char suffix[SUFFIX_BYTES];
        rc = read_beside(path, stamp_suffix(k, suffix), AK_TIMESTAMP_BYTES_MAX, &reply->data,
                         &reply->len, err);
        if (reply->data != NULL)
            stamped->count = k + 1;
    }
    return rc;
}

enum ak_code ak_proof_files_read(struct ak_proof_files *files, const struct ak_options *options,
                                 struct ak_error *err)
{
    const char *record = ak_options_value(options, AK_OPTION_RECORD);
    const char *entry = ak_options_value(options, AK_OPTION_ENTRY);
    enum ak_code rc;

    if (record == NULL && entry == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "proof wants --record FILE, the record that is claimed to be logged, or "
                       "--entry HEX|FILE; for example: %s",
                       options->command->example);
    rc = ak_trust_read_file(options->words[0], AK_PROOF_BYTES_MAX, &files->proof, &files->proof_len,
                            err);
    if (rc == AK_OK)
        rc = read_epoch_note(options, files, err);
    if (rc == AK_OK)
        rc = read_stamps(options->words[0], &files->stamped, err);
    if (rc == AK_OK && record != NULL) /* one byte more, for a line end that is not the record's */
        rc = ak_trust_read_file(record, AK_PAYLOAD_BYTES_MAX + 1, &files->record,
                                &files->record_len, err);
    if (rc == AK_OK && entry != NULL)
        rc = read_entry(entry, files, err);
    return rc;
}

static enum ak_code clear_one(const char *path, const char *suffix, bool force,
                              struct ak_error *err)
{
    char *name;
    enum ak_code rc = name_beside(path, suffix, &name, err);

    if (rc != AK_OK)
        return rc;
    if (!force && access(name, F_OK) == 0)
        rc = ak_fail(err, AK_EEXIST, "%s is there already; --force overwrites it", name);
    else if (force && unlink(name) != 0 && errno != ENOENT)
        rc = ak_fail_errno(err, errno, "remove %s, which belongs to another proof", name);
    free(name);
    return rc;
}

enum ak_code ak_proof_files_clear(const char *path, bool force, struct ak_error *err)
{
    enum ak_code rc = clear_one(path, AK_PROOF_FILES_STAMPED, force, err);

    for (unsigned k = 0; rc == AK_OK && k < AK_STAMPED_REPLIES; k++) {
        char suffix[SUFFIX_BYTES];
        rc = clear_one(path, stamp_suffix(k, suffix), force, err);
    }
    return rc;
}

static enum ak_code put_one(const char *path, const char *suffix, const void *data, size_t len,
                            struct ak_error *err)
{
    FILE *file;
    char *name;
    enum ak_code rc = name_beside(path, suffix, &name, err);

    if (rc != AK_OK)
        return rc;
    rc = ak_output_open(name, false, &file, err);
    if (rc == AK_OK) {
        (void)fwrite(data, 1, len, file);
        rc = ak_output_close(file, name, err);
    }
    free(name);
    return rc;
}

enum ak_code ak_proof_files_put_stamps(const char *path, const struct ak_stamped *stamped,
                                       struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (stamped->count > 0)
        rc = put_one(path, AK_PROOF_FILES_STAMPED, stamped->note, stamped->len, err);
    for (unsigned k = 0; rc == AK_OK && k < stamped->count; k++) {
        char suffix[SUFFIX_BYTES];
        rc = put_one(path, stamp_suffix(k, suffix), stamped->reply[k].data, stamped->reply[k].len,
                     err);
    }
    return rc;
}
