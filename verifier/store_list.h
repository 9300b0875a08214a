/* store_list.h - what lies in a store or in a log's directory, found without trusting any of it
 * (docs/format.md 9.1).
 *
 * Nothing but regular files and directories is ever opened: every open is O_NOFOLLOW and
 * O_NONBLOCK, and what was opened is looked at before it is read. Names decide nothing but what a
 * file is called in a report and which of two equal segments is meant to be newer. */
#ifndef AK_STORE_LIST_H
#define AK_STORE_LIST_H

#include <akashi/error.h>
#include <akashi/format.h>
#include <akashi/sha256.h>

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Files of one directory that are listed: at 256 MiB a segment more than 60 TiB of one log. */
#define AK_LIST_FILES_MAX 262144u

/* Logs of one store, as the collector's own limit. */
#define AK_LIST_LOGS_MAX 4096u

/* Longest name of a log in `names`. */
#define AK_LIST_NAME_BYTES_MAX 68u     /* 63, and AK_LIST_NEXT */
#define AK_LIST_NEXT           ".next" /* behind the name of a log: its successor that waits */

enum ak_list_type {
    AK_LIST_SEGMENT,       /* begins as a HEADER frame does, or is named as a segment */
    AK_LIST_TORN,          /* NAME.torn or NAME.N.torn */
    AK_LIST_CHECKPOINT,    /* named `checkpoint` */
    AK_LIST_COSIGNED,      /* SIZE.cosigned: `first` is the size */
    AK_LIST_STAMPED,       /* SIZE.stamped: `first` is the size */
    AK_LIST_STAMP,         /* SIZE.K.tsr: `first` is the size, `generation` K */
    AK_LIST_RENEWAL,       /* SIZE.renewal: `first` is the size */
    AK_LIST_RENEWAL_STAMP, /* SIZE.renewal.K.tsr: `first` is the size, `generation` K */
    AK_LIST_UNKNOWN,       /* anything else */
    AK_LIST_UNREADABLE     /* no regular file, or it could not be opened: `reason` */
};

struct ak_list_file {
    char *name;
    enum ak_list_type type;
    uint64_t bytes;
    bool named;          /* the name is that of a segment: `first`, `open`, `generation` hold */
    bool open;           /* named .open.zst */
    uint32_t generation; /* of a sealed one's name; K of a stamp's */
    uint64_t first;      /* index or size in the name */
    dev_t dev;
    ino_t ino;
    const char *reason; /* AK_LIST_UNREADABLE: fixed text */
};

/* All files of one directory, in the order of their names. */
struct ak_list {
    struct ak_list_file *file;
    size_t count;
    bool full; /* there are more than AK_LIST_FILES_MAX */
};

enum ak_path_kind { AK_PATH_STORE, AK_PATH_LOG, AK_PATH_SEGMENT, AK_PATH_CHECKPOINT };

/* One log of a store. */
struct ak_list_log {
    char id[AK_LOG_ID_CHARS + 1];
    char name[AK_LIST_NAME_BYTES_MAX + 1]; /* "" if `names` does not have it */
    bool present;                          /* there is a directory of that id */
};

struct ak_list_logs {
    struct ak_list_log *log;
    size_t count;
    bool full; /* there are more than AK_LIST_LOGS_MAX */
};

/* Says by its content what a path is, and opens it (`*fd`, close it). Only here a link is followed:
 * the user typed it. AK_ENOTFOUND, AK_EIO, AK_EMALFORMED if it is none of the four. */
enum ak_code ak_list_path(const char *path, enum ak_path_kind *kind, int *fd, struct ak_error *err);

/* Lists the logs of a store: directories named by a log id, and lines of `names`. */
enum ak_code ak_list_store(int store_fd, struct ak_list_logs *logs, struct ak_error *err);
void ak_list_logs_free(struct ak_list_logs *logs);

/* Opens a directory in a directory, never through a link. */
enum ak_code ak_list_open_dir(int fd, const char *name, int *out, struct ak_error *err);

/* What the name of a file says: `type`, if the name tells it, `named`, and what hangs on that. */
void ak_list_read_name(struct ak_list_file *file);

/* Gets one name of a directory as ak_list_read_name reads it; it borrows for the call, and nothing
 * was opened. */
typedef void (*ak_list_name_fn)(void *ctx, const struct ak_list_file *file);

/* Gives all names of a directory, in no order and keeping none. AK_EIO if it cannot be listed; a
 * reader who takes what is there may pass that over. */
enum ak_code ak_list_each_name(int dir_fd, ak_list_name_fn on_name, void *ctx,
                               struct ak_error *err);

/* A stream over a directory that leaves the caller's descriptor alone; closedir it. NULL and the
 * reason if it cannot be listed. */
DIR *ak_list_stream(int dir_fd, struct ak_error *err);

/* Lists a log's directory. */
enum ak_code ak_list_log_dir(int dir_fd, struct ak_list *list, struct ak_error *err);
void ak_list_free(struct ak_list *list);

/* Opens a regular file to read, never through a link, and gives its length. `dir_fd` may be
 * AT_FDCWD with a path. AK_ENOTFOUND, AK_EIO (also for what is no regular file). */
enum ak_code ak_list_open_file(int dir_fd, const char *name, int *fd, uint64_t *bytes,
                               struct ak_error *err);

/* Reads a whole small file of at most `max` bytes; `*data` is malloc'ed with a NUL behind it.
 * AK_ELIMIT if it is longer. */
enum ak_code ak_list_read_file(int dir_fd, const char *name, size_t max, char **data, size_t *len,
                               struct ak_error *err);

/* pread that goes on until all is there: bytes read, fewer at the end of the file; -1 and errno. */
ssize_t ak_list_pread(int fd, void *buffer, size_t n, uint64_t offset);

/* SHA-512 of a file's first `bytes` bytes, its length as ak_list_open_file gives it. AK_EIO, and
 * where, if they cannot be read or are fewer by now; AK_ENOMEM. */
enum ak_code ak_list_sha512(int fd, uint64_t bytes, uint8_t out[AK_SHA512_BYTES],
                            struct ak_error *err);

#endif
