/* claim.c - the worst that was found out about one claim. */
#include <akashi/claim.h>

#include <stdarg.h>
#include <stdio.h>

static bool outweighs(struct ak_claim *claim, enum ak_verdict verdict)
{
    if (claim->told && verdict <= claim->verdict)
        return false;
    claim->verdict = verdict;
    claim->told = true;
    return true;
}

void ak_claim_fail(struct ak_claim *claim, enum ak_finding_code code, const char *rule,
                   const char *fmt, ...)
{
    va_list args;

    if (!outweighs(claim, ak_finding_info(code)->verdict))
        return;
    claim->coded = true;
    claim->code = code;
    claim->rule = rule;
    va_start(args, fmt);
    (void)vsnprintf(claim->text, sizeof(claim->text), fmt, args);
    va_end(args);
}

void ak_claim_open(struct ak_claim *claim, const char *fmt, ...)
{
    va_list args;

    if (!outweighs(claim, AK_NOT_CHECKABLE))
        return;
    claim->coded = false;
    va_start(args, fmt);
    (void)vsnprintf(claim->text, sizeof(claim->text), fmt, args);
    va_end(args);
}
