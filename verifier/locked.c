/* locked.c - memory for secrets, of libsodium. */
#include <akashi/locked.h>

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool ready;

static void start(void)
{
    ready = sodium_init() >= 0;
}

enum ak_code ak_locked_new(void **out, size_t bytes, struct ak_error *err)
{
    *out = NULL;
    (void)pthread_once(&once, start);
    if (!ready)
        return ak_fail(err, AK_EIO, "libsodium found no source of random numbers");
    *out = sodium_malloc(bytes);
    if (*out == NULL)
        return ak_fail(err, AK_ENOMEM, "no locked memory for a key: raise RLIMIT_MEMLOCK");
    sodium_memzero(*out, bytes);
    return AK_OK;
}

void ak_locked_free(void *locked)
{
    sodium_free(locked);
}
