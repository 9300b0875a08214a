/* custody.h - the custody record of a bundle: who had it, when, where and why (docs/format.md
 * 14.11).
 *
 * Each record is a text, signed or not, that names the bundle by the digest of its SHA256SUMS and
 * the record before it by its digest. So none can be changed, taken out or put between without
 * being noticed; a last one that was taken off the end can be noticed only by who remembers it.
 * What a record says is the statement of who wrote it; a signature by a key that the reader got
 * elsewhere shows whose. */
#ifndef AKASHI_CUSTODY_H
#define AKASHI_CUSTODY_H

#include <akashi/claim.h>
#include <akashi/error.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records of one bundle: one hand-over in four days for eleven years, and 16 MiB at most. */
#define AK_CUSTODY_RECORDS_MAX 1024u

/* Longest text of one line: a sentence or two. */
#define AK_CUSTODY_TEXT_BYTES_MAX 512u

/* Longest time: the end of the year 9999. */
#define AK_CUSTODY_TIME_MAX UINT64_C(253402300799)

/* Longest record: all lines, and as many signature lines of Ed25519 as a note can have. */
#define AK_CUSTODY_BYTES_MAX 16384u

/* Digits of a record's name: "0001". */
#define AK_CUSTODY_NAME_CHARS 4u

struct ak_custody_record {
    unsigned number;         /* 1, 2, ... */
    struct ak_hash evidence; /* SHA-256 of SHA256SUMS */
    bool has_previous;       /* not in the first one */
    struct ak_hash previous; /* SHA-256 of the whole file of the record before */
    uint64_t at;             /* seconds since 1970, as who wrote it says */
    /* Texts are NUL-terminated UTF-8 without control characters, not empty unless noted, and
     * without blanks at their ends. They may hold bytes of the evidence: escape before showing. */
    char exhibit[AK_CUSTODY_TEXT_BYTES_MAX + 1];
    char by[AK_CUSTODY_TEXT_BYTES_MAX + 1];         /* who gives it out, or had access */
    char to[AK_CUSTODY_TEXT_BYTES_MAX + 1];         /* who takes it in; "": it stays where it is */
    char place[AK_CUSTODY_TEXT_BYTES_MAX + 1];      /* "": not said */
    char purpose[AK_CUSTODY_TEXT_BYTES_MAX + 1];    /* why */
    char changes[AK_CUSTODY_TEXT_BYTES_MAX + 1];    /* what had to be changed; "none" */
    char answerable[AK_CUSTODY_TEXT_BYTES_MAX + 1]; /* who answers for that; "" with "none" */
};

/* Whether a text can stand in a record. */
bool ak_custody_text_valid(const char *text, size_t len);

/* Writes the text of a record (what is signed) and a NUL; AK_CUSTODY_BYTES_MAX are enough.
 * AK_EUSAGE with what is wrong if a member is not as above. */
enum ak_code ak_custody_format(char *out, size_t cap, size_t *n,
                               const struct ak_custody_record *record, struct ak_error *err);

/* Reads a record, signed or not. `*note` is filled if it is signed (`*is_signed`), and borrows from
 * `data`. AK_EMALFORMED for anything but its one encoding. */
enum ak_code ak_custody_parse(struct ak_custody_record *record, bool *is_signed,
                              struct ak_note *note, const void *data, size_t len,
                              struct ak_error *err);

/* One file of the custody record; borrowed. */
struct ak_custody_file {
    const char *name; /* without a directory */
    const void *data;
    size_t len;
};

/* What was found out about one record. */
struct ak_custody_item {
    bool readable; /* the rest holds */
    struct ak_custody_record record;
    struct ak_hash digest; /* of the whole file: what the next record names */
    unsigned lines;        /* signature lines */
    bool is_signed;        /* `signer` has signed it: a key that was given */
    char signer[AK_KEY_NAME_BYTES_MAX + 1];
    bool time_falls;   /* it lies before the time of the record before */
    bool not_from_him; /* the record before gave it to somebody else than `by` */
};

struct ak_custody {
    struct ak_claim claim;        /* VALID also where there is no record */
    struct ak_custody_item *item; /* in the order of the files; malloc'ed */
    size_t count;
    unsigned remarks; /* records with time_falls or not_from_him: statements that do not fit */
};

/* Judges the records of a bundle, `files` rising by name. `evidence` is the digest of its
 * SHA256SUMS. With keys (from a trusted place) every record must be signed by one of them:
 * UNTRUSTED_KEY. AK_ENOMEM; ak_custody_free frees in any case. */
enum ak_code ak_custody_judge(struct ak_custody *custody, const struct ak_custody_file *files,
                              size_t count, const struct ak_hash *evidence,
                              const struct ak_vkey *keys, size_t key_count, struct ak_error *err);
void ak_custody_free(struct ak_custody *custody);

#endif
