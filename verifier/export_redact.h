/* export_redact.h - which records are blacked out on export, and why. */
#ifndef AK_EXPORT_REDACT_H
#define AK_EXPORT_REDACT_H

#include "export.h"
#include "matcher.h"
#include "options.h"

#include <akashi/bundle.h>

struct ak_export_redact_rule {
    bool pattern;
    uint64_t first; /* without a pattern: entries, both ends in */
    uint64_t last;
    struct ak_matcher *matcher;
    struct ak_matcher_scan *scan;
};

struct ak_export_redact {
    struct ak_export_redact_rule *rule;
    struct ak_bundle_redaction *stated; /* for bundle.json: a pattern is not repeated there, since
                                           it may be what must not be shown */
    size_t count;
};

/* Reads --redact and --redact-reason. AK_EUSAGE, and what a matcher gives. Free in any case. */
enum ak_code ak_export_redact_parse(struct ak_export_redact *redact,
                                    const struct ak_options *options, struct ak_error *err);
void ak_export_redact_free(struct ak_export_redact *redact);

/* An ak_export_redact_fn whose `ctx` is a struct ak_export_redact: the first rule that fits. */
enum ak_code ak_export_redact_entry(void *ctx, const struct ak_log_tree_entry *entry,
                                    int *redaction, struct ak_error *err);

#endif
