/* locked.h - memory for secrets: never swapped out, fenced by pages that fault, wiped when it is
 * freed. */
#ifndef AKASHI_LOCKED_H
#define AKASHI_LOCKED_H

#include <akashi/error.h>

#include <stddef.h>

/* Gives `bytes` of it, all zero. Any thread may call it. AK_ENOMEM where as much cannot be locked
 * (RLIMIT_MEMLOCK), AK_EIO where libsodium does not start. */
enum ak_code ak_locked_new(void **out, size_t bytes, struct ak_error *err);

/* Wipes and frees it. NULL is taken. */
void ak_locked_free(void *locked);

#endif
