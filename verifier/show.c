/* show.c - small formatters without state. */
#include "show.h"

#include <akashi/escape.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Longest text that is wrapped at a time: a finding's or an error's, escaped. */
#define WRAP_BYTES_MAX 4096u

const char *ak_show_count(char *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
    size_t at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *ak_show_bytes(char *out, uint64_t n)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)n / 1024;
    unsigned unit = 0;

    if (n < 1024) {
        (void)snprintf(out, AK_SHOW_NUMBER_BYTES, "%" PRIu64 " byte%s", n, ak_show_plural(n));
        return out;
    }
    for (; value >= 1023.95 && unit < 5; unit++)
        value /= 1024;
    (void)snprintf(out, AK_SHOW_NUMBER_BYTES, "%.1f %s", value, units[unit]);
    return out;
}

const char *ak_show_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

void ak_show_data(FILE *file, const void *data, size_t len)
{
    (void)ak_escape_terminal_file(file, data, len); /* the stream remembers its error */
}

void ak_show_records(FILE *file, uint64_t records, uint64_t fragments)
{
    char number[AK_SHOW_NUMBER_BYTES];

    fprintf(file, "%s record%s", ak_show_count(number, records), ak_show_plural(records));
    if (fragments > 0)
        fprintf(file, " and %s fragment%s", ak_show_count(number, fragments),
                ak_show_plural(fragments));
}

void ak_show_text(FILE *file, const char *text)
{
    ak_show_data(file, text, strlen(text));
}

void ak_show_verdict(FILE *file, enum ak_verdict verdict, bool colour)
{
    static const char *const colours[] = {"\033[1;32m", "\033[1;33m", "\033[1;33m", "\033[1;31m"};

    if (colour)
        fputs(colours[verdict], file);
    fputs(ak_verdict_name(verdict), file);
    if (colour)
        fputs("\033[0m", file);
}

void ak_show_wrapped(FILE *file, const char *text, unsigned indent, unsigned at)
{
    unsigned column = at;
    bool first = true;

    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (!first && column + 1 + word > AK_SHOW_COLUMNS) {
            fprintf(file, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first) {
            fputc(' ', file);
            column++;
        }
        fwrite(text, 1, word, file);
        column += (unsigned)word;
        first = false;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', file);
}

void ak_show_wrapped_text(FILE *file, const char *text, unsigned indent)
{
    char escaped[WRAP_BYTES_MAX];

    ak_escape_terminal(escaped, sizeof(escaped), text, strlen(text));
    fprintf(file, "%*s", (int)indent, "");
    ak_show_wrapped(file, escaped, indent, indent);
}
