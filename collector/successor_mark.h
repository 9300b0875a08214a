/* successor_mark.h - how far a successor has come, and by which command: keys/<its id>/successor.
 *
 *     MAKING -> WAITING -> FOLLOWED -> ENDED, which stays
 *
 * The file is there before a secret of the successor is. It is one small text (nothing secret): the
 * word, the id of the log before it, why that could not be signed, and the digest of what was said
 * with the command, once that was given. */
#ifndef AK_SUCCESSOR_MARK_H
#define AK_SUCCESSOR_MARK_H

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>

enum ak_successor_state {
    AK_SUCCESSOR_NONE,     /* an ordinary log */
    AK_SUCCESSOR_MAKING,   /* without a line in `names` it holds nothing, and goes at the next start
                            */
    AK_SUCCESSOR_WAITING,  /* it takes records in; nothing is signed before the operator says so */
    AK_SUCCESSOR_FOLLOWED, /* he has said so: the old secrets are to be erased, and his command has
                              not ended */
    AK_SUCCESSOR_ENDED     /* it has ended, with its answer given */
};

struct ak_successor_mark {
    enum ak_successor_state state;
    char old[AK_LOG_ID_CHARS + 1];     /* the log before it */
    char cause[AK_ERROR_TEXT_BYTES];   /* one line; what is not printable is changed when it is
                                          written */
    char words[2 * AK_HASH_BYTES + 1]; /* SHA-256 of the command's words, in hex; "": none yet */
};

#define AK_SUCCESSOR_MARK_FILE      "successor"
#define AK_SUCCESSOR_MARK_BYTES_MAX 1024u

/* The text of a mark, into `out` (AK_SUCCESSOR_MARK_BYTES_MAX); gives its length. */
size_t ak_successor_mark_text(const struct ak_successor_mark *mark, char *out);

/* Reads the mark in a directory of keys/. AK_OK with the state NONE if there is none; AK_EMALFORMED
 * if the file is none of ours, as one is that a crash left half written. */
enum ak_code ak_successor_mark_read(int dir_fd, struct ak_successor_mark *mark,
                                    struct ak_error *err);

/* Puts a mark in the place of the one that is there, at once and durably. */
enum ak_code ak_successor_mark_put(int dir_fd, const struct ak_successor_mark *mark,
                                   struct ak_error *err);

#endif
