/* disk.h - the only module that creates, writes, syncs, renames, cuts and removes files.
 *
 * Everything that must survive a crash goes through here, so that one hook can make the n-th call
 * of a kind fail: the seam of the fault tests. Names are relative to an open directory and are
 * never followed as links. A short write or EINTR is gone on from; every other failure is passed
 * up with the errno and the name of the call. */
#ifndef AK_DISK_H
#define AK_DISK_H

#include <akashi/error.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum ak_disk_call {
    AK_DISK_CREATE,
    AK_DISK_WRITE,
    AK_DISK_SYNC,
    AK_DISK_SYNC_DIR,
    AK_DISK_RENAME,
    AK_DISK_TRUNCATE,
    AK_DISK_UNLINK,
    AK_DISK_MKDIR
};

/* Tests: asked before each system call. 0 lets the call go on; an errno makes it fail with that
 * errno, undone. For AK_DISK_WRITE `*bytes` is what is about to be written and may be lowered: the
 * call then writes that many. NULL, as in every program, asks nobody. Not for several threads. */
typedef int (*ak_disk_fault_fn)(enum ak_disk_call call, size_t *bytes);
extern ak_disk_fault_fn ak_disk_fault;

/* Makes a file that must not exist, for appending. AK_EEXIST if it does. `*fd` is the caller's. */
enum ak_code ak_disk_create(int dir_fd, const char *name, mode_t mode, int *fd,
                            struct ak_error *err);

/* Appends all of `iov`, whose content is used up by it. On failure any part may be written:
 * AK_ENOSPC and AK_EIO tell whether it was for room. */
enum ak_code ak_disk_writev(int fd, struct iovec *iov, int count, struct ak_error *err);
enum ak_code ak_disk_write(int fd, const void *data, size_t len, struct ak_error *err);

/* Data and length on stable storage. A failure is always AK_EIO: the file is then in no known
 * state, whatever the errno, and must not be written, synced or cut again. */
enum ak_code ak_disk_sync(int fd, struct ak_error *err);

/* Names in a directory on stable storage. */
enum ak_code ak_disk_sync_dir(int dir_fd, struct ak_error *err);

/* Starts writing out a range without waiting for stable storage; evens out the load of large
 * writers. Says nothing about failures: the sync that follows does. */
void ak_disk_sync_range(int fd, uint64_t offset, uint64_t len);

/* Renames without ever replacing a file (AK_EEXIST). Both directories are synced. */
enum ak_code ak_disk_rename(int from_fd, const char *from, int to_fd, const char *to,
                            struct ak_error *err);

enum ak_code ak_disk_truncate(int fd, uint64_t len, struct ak_error *err);

/* Removes a name; the directory is synced. */
enum ak_code ak_disk_unlink(int dir_fd, const char *name, struct ak_error *err);

/* Removes an empty directory; the parent is synced. Faults: as AK_DISK_UNLINK. */
enum ak_code ak_disk_rmdir(int dir_fd, const char *name, struct ak_error *err);

/* Removes a file for good: its bytes are overwritten where they lie, and that is on stable storage,
 * before the name goes. What the medium keeps beyond that (cells of an SSD, snapshots, a file
 * system that never writes in place) is out of reach. What is no regular file is only removed.
 * AK_ENOTFOUND; after another failure the name may still be there, with any part of its bytes
 * overwritten. */
enum ak_code ak_disk_wipe(int dir_fd, const char *name, struct ak_error *err);

/* Makes a directory (AK_EEXIST if the name is there) and opens it; the parent is synced. `*fd` is
 * the caller's and may be NULL. */
enum ak_code ak_disk_mkdir(int dir_fd, const char *name, mode_t mode, int *fd,
                           struct ak_error *err);

/* Puts a small file in place of another, at once: written as `tmp_name` in `tmp_fd` (same file
 * system; a leftover of that name is replaced), synced, renamed over `name`, directory synced.
 * After a crash the name has the old or the new content, whole. */
enum ak_code ak_disk_put(int tmp_fd, const char *tmp_name, int dir_fd, const char *name,
                         mode_t mode, const void *data, size_t len, struct ak_error *err);

/* The same for at most AK_DISK_SECRET_BYTES_MAX bytes that must one day be wiped, within one
 * directory, where `tmp_name` must not be there (AK_EEXIST). Its blocks are the file's, and that is
 * on stable storage, before a byte of the content is written: a file system may write the bytes
 * first and then whose they are, and what a crash cut off between would lie where no name leads to.
 */
#define AK_DISK_SECRET_BYTES_MAX 64u /* a number and a seed, and as much again */
enum ak_code ak_disk_put_secret(int dir_fd, const char *tmp_name, const char *name, mode_t mode,
                                const void *data, size_t len, struct ak_error *err);

/* Bytes of a file; 0 if there is none. */
uint64_t ak_disk_size(int dir_fd, const char *name);

/* Reads a whole regular file of at most `max` bytes; `*data` is malloc'ed, with a NUL behind that
 * `*len` does not count. AK_ELIMIT if it is longer, AK_EIO if it is not a regular file. `mode` and
 * `mtime_ns` may be NULL. */
enum ak_code ak_disk_read(int dir_fd, const char *name, size_t max, unsigned char **data,
                          size_t *len, mode_t *mode, uint64_t *mtime_ns, struct ak_error *err);

#endif
