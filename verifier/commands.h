/* commands.h - what the commands of akashi-verify have in common; each is in a file cmd_NAME.c. */
#ifndef AK_COMMANDS_H
#define AK_COMMANDS_H

#include "options.h"
#include "trust.h"

#include <akashi/check.h>
#include <akashi/error.h>
#include <akashi/log_reader.h>

#include <stdint.h>

enum ak_code ak_cmd_check(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_cat(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_info(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_sources(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_prove(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_proof(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_history(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_if_stolen(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_renew(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_compare(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_search(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_report(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_answer(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_sample(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_export(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_bundle(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_explain(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_selftest(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_custody(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_order(const struct ak_options *options, int *status, struct ak_error *err);
enum ak_code ak_cmd_key(const struct ak_options *options, int *status, struct ak_error *err);

/* Fills `trust` from --key, --policy, --tsa-ca, --authority, --custody-key and --checkpoint, and
 * `check` from
 * --log, --jobs, --max-age, --until and the clock; all borrows from `options` and `trust`.
 * AK_EUSAGE, or AK_ENOTFOUND, AK_EIO and AK_ELIMIT for files. */
enum ak_code ak_cmd_prepare(const struct ak_options *options, struct ak_trust *trust,
                            struct ak_check_options *check, struct ak_error *err);

/* The filter that --index, --from and --to ask for; the interval is told on standard error in UTC
 * unless --quiet. AK_EUSAGE. */
enum ak_code ak_cmd_filter(const struct ak_options *options, struct ak_log_filter *filter,
                           struct ak_error *err);

/* Checks `paths` under `check` with progress on a terminal unless --quiet. */
enum ak_code ak_cmd_judge(const struct ak_options *options, const char *const *paths, size_t count,
                          struct ak_check_options *check, struct ak_check **out,
                          struct ak_error *err);

#endif
