/* claim.c - the worst that was found out about one claim. */
#include <akashi/claim.h>

#include <stdarg.h>
#include <stdio.h>

void ak_claim_fail(struct ak_claim *claim, enum ak_finding_code code, const char *rule,
                   const char *fmt, ...)
{
    enum ak_verdict verdict = ak_finding_info(code)->verdict;
    va_list args;

    if (claim->told && verdict <= claim->verdict)
        return;
    claim->verdict = verdict;
    claim->told = true;
    claim->code = code;
    claim->rule = rule;
    va_start(args, fmt);
    (void)vsnprintf(claim->text, sizeof(claim->text), fmt, args);
    va_end(args);
}
