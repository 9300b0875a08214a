/* signing_key.h - private keys of people: made, kept in a file, and used to sign notes.
 *
 * For investigators who sign custody records and authorities who sign orders. The keys of a log are
 * not of this kind: they stay with the collector. A key file is one line
 *
 *     PRIVATE+KEY+NAME+KEYID+BASE64(01 || 32-byte seed)
 *
 * as golang.org/x/mod/sumdb/note has it, so its tools sign with the same file. It is not encrypted:
 * what protects it is its mode and where it lies.
 *
 * Failure modes: a file that others may read is refused; an own signature that does not verify is
 * not given out. Seeds live in sodium_malloc memory and are wiped when they are let go. */
#ifndef AKASHI_SIGNING_KEY_H
#define AKASHI_SIGNING_KEY_H

#include <akashi/error.h>
#include <akashi/note.h>

#include <stdbool.h>
#include <stddef.h>

/* A key file; longer ones are none. */
#define AK_SIGNING_KEY_FILE_BYTES_MAX (12 + AK_VKEY_TEXT_BYTES_MAX + 2)

struct ak_signing_key;

/* Makes a new key from the operating system's random numbers. `name` (NUL-terminated) is a key name
 * (ak_key_name_valid) that is not of the form of a log's or an epoch's: AK_EUSAGE. AK_ENOMEM;
 * AK_EIO where there are no random numbers. */
enum ak_code ak_signing_key_make(struct ak_signing_key **out, const char *name,
                                 struct ak_error *err);

/* Writes the key to a new file of mode 0600 and waits until file and directory are on the medium.
 * Never overwrites: AK_EEXIST. AK_EIO, AK_ENOSPC; then no part of the file is left. */
enum ak_code ak_signing_key_save(const struct ak_signing_key *key, const char *path,
                                 struct ak_error *err);

/* Reads a key file. AK_EUSAGE, with what is wanted, for what is none (a public key, the raw key
 * file of a log, a directory); AK_EKEY if others than the owner may read or write it, or if the
 * line is damaged; AK_ENOTFOUND, AK_EIO, AK_ENOMEM. */
enum ak_code ak_signing_key_load(struct ak_signing_key **out, const char *path,
                                 struct ak_error *err);

/* Wipes and frees. NULL is taken. */
void ak_signing_key_free(struct ak_signing_key *key);

/* Whether a file begins as a private key does; false also for what cannot be read. */
bool ak_signing_key_is_file(const char *path);

/* The public half, borrowed as long as the key lives. */
const struct ak_vkey *ak_signing_key_vkey(const struct ak_signing_key *key);

/* Signs `len` bytes of text (what ak_note.text is: UTF-8 lines without control characters, the last
 * one ended) and writes the whole note and a NUL: text, empty line, signature line. `*n` becomes
 * its length. AK_EMALFORMED for a text that is none; AK_ELIMIT if it does not fit into `cap` (len +
 * 1 + AK_NOTE_LINE_BYTES_MAX are enough) or is past AK_NOTE_BYTES_MAX. */
enum ak_code ak_signing_key_note(const struct ak_signing_key *key, const char *text, size_t len,
                                 char *out, size_t cap, size_t *n, struct ak_error *err);

/* Adds a signature line to a note that others have signed, verbatim: its text is signed, its lines
 * stay. AK_EMALFORMED for what is no note; AK_EEXIST if this key has a line already; AK_ELIMIT as
 * above, or past AK_NOTE_SIGNATURES_MAX lines. */
enum ak_code ak_signing_key_add(const struct ak_signing_key *key, const char *note, size_t len,
                                char *out, size_t cap, size_t *n, struct ak_error *err);

#endif
