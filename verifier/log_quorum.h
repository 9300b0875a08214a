/* log_quorum.h - up to where a log is under a policy's quorum (format.md R43), for readers that do
 * not judge the whole log. */
#ifndef AK_LOG_QUORUM_H
#define AK_LOG_QUORUM_H

#include <akashi/check.h>
#include <akashi/error.h>
#include <akashi/log_tree.h>
#include <akashi/policy.h>

#include <stdint.h>

struct ak_log_quorum {
    uint64_t size;       /* of the largest checkpoint found that meets it and whose root the log's
                            hashes lead to; 0: none was found */
    uint64_t existed_by; /* seconds since 1970 */
};

/* Looks at the published checkpoint, at those of the newest segment and at those kept from before
 * (`check->kept`), by `check->keys` and `check->policy`, which demands a quorum. One that stands
 * earlier in the log is not found: then less is under the quorum than could be. Codes of
 * ak_log_tree_open. */
enum ak_code ak_log_quorum_find(const char *path, const struct ak_check_options *check,
                                struct ak_log_quorum *quorum, struct ak_error *err);

#endif
