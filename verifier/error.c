/* error.c - the one place where fault texts are put together. */
#include <akashi/error.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#undef ak_fail /* macros for the analyzer */
#undef ak_fail_errno

__attribute__((format(printf, 4, 0))) static void
error_set(struct ak_error *err, enum ak_code code, int sys_errno, const char *fmt, va_list ap)
{
    if (err == NULL)
        return;
    err->code = code;
    err->sys_errno = sys_errno;
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

enum ak_code ak_fail(struct ak_error *err, enum ak_code code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_set(err, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

static enum ak_code code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return AK_ENOSPC;
    case ENOMEM:
        return AK_ENOMEM;
    case ENOENT:
        return AK_ENOTFOUND;
    case EEXIST:
        return AK_EEXIST;
    default:
        return AK_EIO;
    }
}

enum ak_code ak_fail_errno(struct ak_error *err, int sys_errno, const char *fmt, ...)
{
    enum ak_code code = code_of_errno(sys_errno);
    char reason[128];
    va_list ap;

    va_start(ap, fmt);
    error_set(err, code, sys_errno, fmt, ap);
    va_end(ap);
    if (err != NULL) {
        size_t used = strlen(err->text);
        (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s",
                       strerror_r(sys_errno, reason, sizeof(reason)));
    }
    return code;
}

void ak_wrap(struct ak_error *err, const char *fmt, ...)
{
    char context[AK_ERROR_TEXT_BYTES];
    char old[AK_ERROR_TEXT_BYTES];
    va_list ap;
    size_t used;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof(context), fmt, ap);
    va_end(ap);
    memcpy(old, err->text, sizeof(old));
    used = strlen(context);
    memcpy(err->text, context, used + 1);
    (void)snprintf(err->text + used, sizeof(err->text) - used, ": %s", old);
}

const char *ak_code_name(enum ak_code code)
{
    static const char *const names[] = {
        [AK_OK] = "ok",
        [AK_EMALFORMED] = "malformed",
        [AK_EUNSUPPORTED] = "unsupported",
        [AK_EINTEGRITY] = "integrity",
        [AK_ESIGNATURE] = "signature",
        [AK_EKEY] = "key",
        [AK_ELIMIT] = "limit",
        [AK_EIO] = "io",
        [AK_ENOSPC] = "no-space",
        [AK_ENOMEM] = "memory",
        [AK_EUSAGE] = "usage",
        [AK_ENOTFOUND] = "not-found",
        [AK_EEXIST] = "exists",
        [AK_EBUSY] = "busy",
    };
    return names[code];
}
