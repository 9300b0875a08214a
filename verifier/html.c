/* html.c - pages are written from front to back onto a stream, in constant memory; the stream's own
 * error flag tells whether all was written. */
#include "html.h"

#include "viewer_files.h"
#include "when.h"

#include <akashi/base64.h>
#include <akashi/escape.h>
#include <akashi/sha256.h>

#include <stdbool.h>
#include <string.h>

/* Bytes that are escaped at a time. */
#define PIECE_BYTES 256u

/* Room for the style of the running foot. */
#define RUNNING_BYTES_MAX 400u

static void put_reference(FILE *file, char c)
{
    switch (c) {
    case '&':
        fputs("&amp;", file);
        break;
    case '<':
        fputs("&lt;", file);
        break;
    case '>':
        fputs("&gt;", file);
        break;
    case '"':
        fputs("&quot;", file);
        break;
    case '\'':
        fputs("&#39;", file);
        break;
    default:
        fputc((unsigned char)c, file);
    }
}

/* Length of the next piece: a character of UTF-8 is not cut in two. */
static size_t piece_bytes(const unsigned char *data, size_t len)
{
    size_t n = len < PIECE_BYTES ? len : PIECE_BYTES;

    if (n == len)
        return n;
    for (unsigned back = 0; back < 3 && (data[n] & 0xc0) == 0x80; back++)
        n--;
    return n;
}

void ak_html_data(FILE *file, const void *data, size_t len)
{
    char escaped[AK_ESCAPE_GROWTH_MAX * PIECE_BYTES + 1];
    const unsigned char *p = data;

    while (len > 0) {
        size_t n = piece_bytes(p, len);
        size_t chars = ak_escape_terminal(escaped, sizeof(escaped), p, n);
        for (size_t i = 0; i < chars; i++)
            put_reference(file, escaped[i]);
        p += n;
        len -= n;
    }
}

void ak_html_plain(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        put_reference(file, *text);
}

void ak_html_text(FILE *file, const char *text)
{
    ak_html_data(file, text, strlen(text));
}

void ak_html_foreign(FILE *file, const char *text)
{
    fputs("<bdi>", file);
    ak_html_text(file, text);
    fputs("</bdi>", file);
}

void ak_html_both(FILE *file, const char *en, const char *ja)
{
    fprintf(file, "%s <span lang=\"ja\">%s</span>", en, ja);
}

void ak_html_heading(FILE *file, unsigned level, const char *en, const char *ja)
{
    fprintf(file, "<h%u>", level);
    ak_html_both(file, en, ja);
    fprintf(file, "</h%u>\n", level);
}

void ak_html_time(FILE *file, uint64_t ns)
{
    char text[AK_WHEN_TEXT_BYTES];

    ak_when_format(text, ns);
    fprintf(file, "<time datetime=\"%s\">%.10s %.8s UTC</time>", text, text, text + 11);
}

void ak_html_hash_source(FILE *file, const void *data, size_t len)
{
    char text[AK_BASE64_CHARS(AK_HASH_BYTES) + 1];
    struct ak_hash digest;

    ak_sha256(&digest, data, len);
    (void)ak_base64_encode(text, sizeof(text), digest.b, sizeof(digest.b));
    fprintf(file, "sha256-%s", text);
}

static bool harmless(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(" .,:;/+-_()=", c) != NULL);
}

/* The style that sets the foot of printed pages. */
static void running_style(char out[RUNNING_BYTES_MAX], const char *running)
{
    static const char head[] = "@page { @bottom-left { content: \"";
    static const char tail[] = "\"; font: 7.5pt sans-serif; } }";
    size_t at = sizeof(head) - 1;

    memcpy(out, head, sizeof(head));
    for (; *running != '\0' && at + sizeof(tail) < RUNNING_BYTES_MAX; running++)
        out[at++] = harmless(*running) ? *running : '?';
    memcpy(out + at, tail, sizeof(tail));
}

void ak_html_begin(FILE *file, const char *title, const char *running)
{
    char foot[RUNNING_BYTES_MAX];

    running_style(foot, running);
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "base-uri 'none'; form-action 'none'; style-src '",
          file);
    ak_html_hash_source(file, ak_viewer_page_css, ak_viewer_page_css_bytes);
    fputs("' '", file);
    ak_html_hash_source(file, foot, strlen(foot));
    fputs("'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n<title>",
          file);
    ak_html_text(file, title);
    fputs("</title>\n<style>", file);
    fwrite(ak_viewer_page_css, 1, ak_viewer_page_css_bytes, file);
    fprintf(file, "</style>\n<style>%s</style>\n</head>\n<body>\n", foot);
}

void ak_html_end(FILE *file)
{
    fputs("</body>\n</html>\n", file);
}
