/* export_redact.h - which records are blacked out on export, and why. */
#ifndef AK_EXPORT_REDACT_H
#define AK_EXPORT_REDACT_H

#include "export.h"
#include "matcher.h"
#include "options.h"
#include "part_pattern.h"

#include <akashi/bundle.h>

enum ak_export_redact_kind {
    AK_EXPORT_REDACT_INDEX, /* whole records, by index */
    AK_EXPORT_REDACT_MATCH, /* whole records that fit a pattern */
    AK_EXPORT_REDACT_PART,  /* what a pattern means in each record */
    AK_EXPORT_REDACT_BYTES  /* bytes of one record */
};

struct ak_export_redact_rule {
    enum ak_export_redact_kind kind;
    uint64_t first; /* entries, or bytes of one, both ends in */
    uint64_t last;
    uint64_t index; /* AK_EXPORT_REDACT_BYTES: of the entry */
    bool met;       /* AK_EXPORT_REDACT_BYTES: it was shown, and has these bytes */
    struct ak_matcher *matcher;
    struct ak_matcher_scan *scan;
    struct ak_part_pattern *part;
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

/* An ak_export_hide_fn whose `ctx` is the same: what all rules for parts hide of the entry.
 * AK_ELIMIT for an expression that tries too much. */
enum ak_code ak_export_redact_hide(void *ctx, const struct ak_log_tree_entry *entry,
                                   struct ak_export_hide *hide, struct ak_error *err);

/* After all was written: AK_EUSAGE if bytes were to be hidden that were not there. A mistyped
 * number must not hand over what was meant to be hidden. */
enum ak_code ak_export_redact_met(const struct ak_export_redact *redact, struct ak_error *err);

#endif
