/* error.h - how every function of libakashi and of the collector says that it failed.
 *
 * A function that can fail returns enum ak_code (AK_OK is 0) and takes `struct ak_error *err`
 * last. Whoever detects the fault calls ak_fail; whoever passes it up may call ak_wrap, which puts
 * context in front of the text and never changes the code. `err` may be NULL everywhere. */
#ifndef AKASHI_ERROR_H
#define AKASHI_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* The codes are kept apart by what the caller must do, not by where they arise. */
enum ak_code {
    AK_OK = 0,
    AK_EMALFORMED,   /* bytes that are not a valid encoding (docs/format.md names the rule) */
    AK_EUNSUPPORTED, /* a valid statement of a version, flag or scheme this program does not know */
    AK_EINTEGRITY,   /* a digest, root or proof does not come out */
    AK_ESIGNATURE,   /* a signature by a known key does not verify */
    AK_EKEY,         /* no trusted key has signed, or a key is unusable */
    AK_ELIMIT,       /* larger than a named limit */
    AK_EIO,          /* the operating system could not read or write (sys_errno says why) */
    AK_ENOSPC,       /* no room: disk or share is full */
    AK_ENOMEM,       /* memory */
    AK_EUSAGE,       /* the caller or the user asked for something that makes no sense */
    AK_ENOTFOUND,    /* what was asked for does not exist */
    AK_EEXIST,       /* it exists already and will not be overwritten */
    AK_EBUSY         /* somebody else holds it */
};

/* Room for one message with its context; longer texts are cut at the end. */
#define AK_ERROR_TEXT_BYTES 512

struct ak_error {
    enum ak_code code;              /* AK_OK: nothing happened yet */
    int sys_errno;                  /* errno of the failed call, or 0 */
    char text[AK_ERROR_TEXT_BYTES]; /* one line, NUL-terminated, no line end; may contain bytes of
                                       the input, so escape it before showing it */
};

/* Record a fault and return its code, so that `return ak_fail(err, AK_EIO, "...")` reads well. */
enum ak_code ak_fail(struct ak_error *err, enum ak_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of `sys_errno`. Maps ENOSPC and
 * EDQUOT to AK_ENOSPC, ENOMEM to AK_ENOMEM, ENOENT to AK_ENOTFOUND, EEXIST to AK_EEXIST and
 * everything else to AK_EIO. */
enum ak_code ak_fail_errno(struct ak_error *err, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* For the analyzer, which does not look into other files: a fault is never AK_OK. */
static inline enum ak_code ak_analyzer_fault(enum ak_code code)
{
    if (code == AK_OK)
        __builtin_unreachable();
    return code;
}
#define ak_fail(...)       ak_analyzer_fault(ak_fail(__VA_ARGS__))
#define ak_fail_errno(...) ak_analyzer_fault(ak_fail_errno(__VA_ARGS__))
#endif

/* Put "CONTEXT: " in front of the text of a fault that is being passed up. Code unchanged. */
void ak_wrap(struct ak_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Short stable word for a code ("malformed", "io", ...), for messages of our own mistakes. */
const char *ak_code_name(enum ak_code code);

#endif
