/* store.h - one store directory: who holds it, its parts, its list of logs (docs/format.md 9.1).
 *
 * A store has one writer at a time. The lock is the kernel's (flock on <store>/lock), so a process
 * that died never holds it; what the file says is for the message only. */
#ifndef AK_STORE_H
#define AK_STORE_H

#include <akashi/error.h>
#include <akashi/format.h>

#include <stdbool.h>

#define AK_LOG_NAME_BYTES_MAX 63u /* [a-z0-9-]{1,63}: the operator's word for a log */
#define AK_STORE_LOGS_MAX     4096u

/* Behind a log's name: that of the successor which takes its records in until the operator gives
 * `succeed` (successor.h). */
#define AK_STORE_NEXT           ".next"
#define AK_STORE_NAME_BYTES_MAX (AK_LOG_NAME_BYTES_MAX + 5u)

struct ak_store {
    int fd;      /* the store's directory */
    int tmp_fd;  /* tmp/, same file system; nothing in it was ever acknowledged */
    int keys_fd; /* keys/ */
    int lock_fd;
};

/* Opens an existing store and takes its lock; empties tmp/. `command` ("akashi-collector run") and
 * `control` (path of the socket for orders, or NULL) are shown to whoever comes second. AK_EBUSY if
 * somebody holds it, with pid, date and command in the text. Closed with ak_store_close. */
enum ak_code ak_store_open(const char *path, const char *command, const char *control,
                           struct ak_store *store, struct ak_error *err);

/* The same, but makes what is not there: the directory (its parent must exist), tmp/, cache/,
 * keys/, `names`. */
enum ak_code ak_store_make(const char *path, const char *command, struct ak_store *store,
                           struct ak_error *err);

/* Gives the lock back. A zeroed or closed store is allowed if its descriptors are -1. */
void ak_store_close(struct ak_store *store);

/* True for [a-z0-9-]{1,63}. */
bool ak_log_name_valid(const char *name);

/* Finds log `name` in an existing store (file `names`): its id (32 hex digits and NUL).
 * AK_ENOTFOUND if there is none. */
enum ak_code ak_store_find(int store_fd, const char *name, char id[AK_LOG_ID_CHARS + 1],
                           struct ak_error *err);

/* The other way round: the name that log `id` has in `names`, which may be one of
 * ak_store_next_name; the last one if there are more. AK_ENOTFOUND only if `names` was read and no
 * line has the id; without that file it is AK_EIO. `name` is empty on failure. */
enum ak_code ak_store_name_of(int store_fd, const char *id, char name[AK_STORE_NAME_BYTES_MAX + 1],
                              struct ak_error *err);

/* Calls `on_log` for each log of `names`, in its order, until it fails. */
typedef enum ak_code (*ak_store_log_fn)(void *ctx, const char *name, const char *id,
                                        struct ak_error *err);
enum ak_code ak_store_each(int store_fd, ak_store_log_fn on_log, void *ctx, struct ak_error *err);

/* Adds a line to `names`, at once and durably; `name` may be one of ak_store_next_name. AK_EEXIST
 * if the name is there. */
enum ak_code ak_store_add(const struct ak_store *store, const char *name, const char *id,
                          struct ak_error *err);

/* The name in `names` of the successor of `name` that waits. */
void ak_store_next_name(const char *name, char next[AK_STORE_NAME_BYTES_MAX + 1]);

/* The successor of log `name` that waits takes its place, and its line goes on under the name
 * `closed`: at once and durably. AK_ENOTFOUND if none waits, AK_EEXIST if `closed` is there. */
enum ak_code ak_store_succeed(const struct ak_store *store, const char *name, const char *closed,
                              struct ak_error *err);

/* Origin of the log `id`, from its `checkpoint`, or where it has none from its log key (log.vkey in
 * keys/); `origin` has AK_LOG_ORIGIN_BYTES_MAX + 1 bytes. */
enum ak_code ak_store_origin(int store_fd, const char *id, char *origin, struct ak_error *err);

#endif
