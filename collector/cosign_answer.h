/* cosign_answer.h - what is said to a witness and what it may say: C2SP tlog-witness,
 * add-checkpoint, as bytes. Pure: knows no network. */
#ifndef AK_COSIGN_ANSWER_H
#define AK_COSIGN_ANSWER_H

#include <akashi/cosignature.h>
#include <akashi/note.h>
#include <akashi/sha256.h>

#define AK_COSIGN_ANSWER_BYTES_MAX 16384u             /* some lines; one of ML-DSA-44 has 3.5 KiB */
#define AK_COSIGN_SIZE_TYPE        "text/x.tlog.size" /* of a 409 that names the witness's size */

/* "— NAME BASE64\n" of type 0x04 with its NUL. */
#define AK_COSIGN_LINE_BYTES_MAX (4 + AK_KEY_NAME_BYTES_MAX + 1 + 104 + 1 + 1)

struct ak_cosign_line {
    uint64_t time; /* seconds since 1970, as the witness says; 0: there is no line */
    size_t len;
    char text[AK_COSIGN_LINE_BYTES_MAX]; /* with its line end */
};

/* The body of a question: "old SIZE", the proof, an empty line, the checkpoint. `*out` is
 * malloc'ed. AK_ENOMEM. */
enum ak_code ak_cosign_request(char **out, size_t *len, uint64_t old, const struct ak_hash *proof,
                               unsigned n, const char *note, size_t note_len, struct ak_error *err);

/* Reads the body of a 200: signature lines, of which one is the witness's over the text of `note`.
 * Lines of other names or keys are passed over. AK_EMALFORMED if it is not lines, or has two of the
 * witness; AK_EKEY if none is his; AK_ESIGNATURE if his is not valid. */
enum ak_code ak_cosign_answer(const char *note, size_t note_len, const void *body, size_t len,
                              const struct ak_vkey *witness, struct ak_cosign_line *line,
                              struct ak_error *err);

/* Reads the body of a 409: a size in decimal without leading zeros and a line end. */
enum ak_code ak_cosign_size(const void *body, size_t len, uint64_t *size, struct ak_error *err);

#endif
