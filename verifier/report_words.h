/* report_words.h - the fixed sentences of reports, in English and Japanese: a manager or a court
 * reads only these. */
#ifndef AK_REPORT_WORDS_H
#define AK_REPORT_WORDS_H

#include <akashi/check.h>
#include <akashi/finding.h>

#include <stdint.h>

/* Both languages of one text; fixed, plain text without markup. */
struct ak_words {
    const char *en;
    const char *ja;
};

/* "VALID" and its Japanese word. */
struct ak_words ak_words_verdict(enum ak_verdict verdict);

/* The sentence of a verdict over a log; what it points at stands above it. */
struct ak_words ak_words_sentence(const struct ak_check_log *log);

/* The same where what it points at stands below, as on the first page of a document. */
struct ak_words ak_words_sentence_below(const struct ak_check_log *log);

/* What no check can show. */
extern const struct ak_words ak_words_not_shown;

/* What a reason code says, in Japanese; "" if there is no translation. English: ak_finding_info. */
const char *ak_words_finding_ja(enum ak_finding_code code);

#endif
