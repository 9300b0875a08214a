/* viewer_page.c - fills in the viewer, and takes its data out again.
 *
 * Whether a page is the viewer is not found by looking at it: it is written again from its data and
 * compared, byte by byte. */
#include "viewer_page.h"

#include "html.h"
#include "viewer_files.h"

#include <akashi/base64.h>

#include <stdlib.h>
#include <string.h>

/* Characters of base64 in a line, and their bytes. */
#define LINE_CHARS 96u
#define LINE_BYTES 72u

static const char data_begin[] = "<script type=\"application/octet-stream\" id=\"data\">";
static const char data_end[] = "</script>";
static const char page_begin[] = "<!doctype html>";

static void put_data(FILE *file, const uint8_t *data, size_t len)
{
    char line[LINE_CHARS + 1];

    if (len > 0)
        fputc('\n', file);
    while (len > 0) {
        size_t n = len < LINE_BYTES ? len : LINE_BYTES;
        (void)ak_base64_encode(line, sizeof(line), data, n);
        fprintf(file, "%s\n", line);
        data += n;
        len -= n;
    }
}

struct filling {
    FILE *file;
    const uint8_t *data;
    size_t len;
};

static void put_name(const struct filling *filling, const char *name, size_t len)
{
    FILE *file = filling->file;

    if (len == 5 && memcmp(name, "STYLE", len) == 0)
        fwrite(ak_viewer_page_css, 1, ak_viewer_page_css_bytes, file);
    else if (len == 6 && memcmp(name, "SCRIPT", len) == 0)
        fwrite(ak_viewer_script, 1, ak_viewer_script_bytes, file);
    else if (len == 10 && memcmp(name, "STYLE_HASH", len) == 0)
        ak_html_hash_source(file, ak_viewer_page_css, ak_viewer_page_css_bytes);
    else if (len == 11 && memcmp(name, "SCRIPT_HASH", len) == 0)
        ak_html_hash_source(file, ak_viewer_script, ak_viewer_script_bytes);
    else if (len == 7 && memcmp(name, "VERSION", len) == 0)
        fputs(AKASHI_VERSION, file);
    else if (len == 4 && memcmp(name, "DATA", len) == 0)
        put_data(file, filling->data, filling->len);
    else
        abort(); /* viewer.html names something that nothing fills in: our mistake */
}

void ak_viewer_write(FILE *file, const void *data, size_t len)
{
    const struct filling filling = {file, data, len};
    const char *html = (const char *)ak_viewer_html;
    const char *end = html + ak_viewer_html_bytes;

    while (html < end) {
        const char *at = memchr(html, '@', (size_t)(end - html));
        const char *close = at == NULL ? NULL : memchr(at + 1, '@', (size_t)(end - at - 1));
        if (close == NULL)
            break;
        fwrite(html, 1, (size_t)(at - html), file);
        put_name(&filling, at + 1, (size_t)(close - at - 1));
        html = close + 1;
    }
    fwrite(html, 1, (size_t)(end - html), file);
}

static void digest_text(char out[2 * AK_HASH_BYTES + 1], struct ak_sha256_ctx *ctx)
{
    struct ak_hash digest;

    ak_sha256_final(ctx, &digest);
    (void)ak_hex_encode(out, 2 * AK_HASH_BYTES + 1, digest.b, sizeof(digest.b));
}

void ak_viewer_digest(char out[2 * AK_HASH_BYTES + 1])
{
    struct ak_sha256_ctx ctx;
    char *page = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&page, &len);

    (void)snprintf(out, 2 * AK_HASH_BYTES + 1, "unknown");
    if (file == NULL)
        return;
    ak_viewer_write(file, NULL, 0);
    if (fclose(file) == 0) {
        ak_sha256_init(&ctx);
        ak_sha256_update(&ctx, page, len);
        digest_text(out, &ctx);
    }
    free(page);
}

bool ak_viewer_is_page(const void *data, size_t len)
{
    return len >= sizeof(page_begin) - 1 && memcmp(data, page_begin, sizeof(page_begin) - 1) == 0;
}

/* Base64 in lines of any length. */
static enum ak_code decode_data(const char *text, size_t len, struct ak_viewer_parts *parts,
                                struct ak_error *err)
{
    char *joined = malloc(len + 1);
    size_t chars = 0;
    enum ak_code rc;

    if (joined == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for the data of a page");
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n')
            joined[chars++] = text[i];
    }
    rc = chars == 0
             ? ak_fail(err, AK_EMALFORMED, "the page carries no data: it is the viewer alone")
             : ak_base64_decode(NULL, AK_VIEWER_DATA_BYTES_MAX, &parts->data_len, joined, chars,
                                err);
    if (rc == AK_OK) {
        parts->data = malloc(parts->data_len);
        rc = parts->data == NULL ? ak_fail(err, AK_ENOMEM, "no memory for the data of a page")
                                 : ak_base64_decode(parts->data, parts->data_len, &parts->data_len,
                                                    joined, chars, err);
    }
    free(joined);
    return rc;
}

static enum ak_code compare(const char *page, size_t len, struct ak_viewer_parts *parts,
                            struct ak_error *err)
{
    char *again = NULL;
    size_t again_len = 0;
    FILE *file = open_memstream(&again, &again_len);
    size_t i = 0;

    if (file == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to write a page again");
    ak_viewer_write(file, parts->data, parts->data_len);
    if (fclose(file) != 0) {
        free(again);
        return ak_fail(err, AK_ENOMEM, "no memory to write a page again");
    }
    while (i < len && i < again_len && page[i] == again[i])
        i++;
    parts->ours = i == len && i == again_len;
    parts->differs = i;
    free(again);
    return AK_OK;
}

enum ak_code ak_viewer_take(const void *page, size_t len, struct ak_viewer_parts *parts,
                            struct ak_error *err)
{
    const char *text = page;
    const char *begin;
    const char *end;
    struct ak_sha256_ctx ctx;
    enum ak_code rc;

    memset(parts, 0, sizeof(*parts));
    begin = memmem(text, len, data_begin, sizeof(data_begin) - 1);
    if (begin == NULL)
        return ak_fail(err, AK_EMALFORMED, "the page carries no bundle");
    begin += sizeof(data_begin) - 1;
    end = memmem(begin, (size_t)(text + len - begin), data_end, sizeof(data_end) - 1);
    if (end == NULL)
        return ak_fail(err, AK_EMALFORMED, "the data of the page have no end");
    rc = decode_data(begin, (size_t)(end - begin), parts, err);
    if (rc == AK_OK)
        rc = compare(text, len, parts, err);
    ak_sha256_init(&ctx);
    ak_sha256_update(&ctx, text, (size_t)(begin - text));
    ak_sha256_update(&ctx, end, (size_t)(text + len - end));
    digest_text(parts->digest, &ctx);
    if (rc != AK_OK)
        ak_viewer_parts_free(parts);
    return rc;
}

void ak_viewer_parts_free(struct ak_viewer_parts *parts)
{
    free(parts->data);
    parts->data = NULL;
}
