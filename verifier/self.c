/* self.c - the program looks at itself through /proc/self/exe, the file that really runs, whatever
 * name it was started by. Where /proc is not mounted the digest is unknown, and reports say so. */
#include "self.h"

#include "leafhash.h"
#include "viewer_page.h"
#include "matcher.h"
#include "part_pattern.h"

#include <akashi/base64.h>
#include <akashi/sha256.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>
#include <zstd.h>

#define READ_BYTES 65536u

static bool digest_of(FILE *file, struct ak_hash *out)
{
    static uint8_t buffer[READ_BYTES];
    struct ak_sha256_ctx ctx;
    size_t n;

    ak_sha256_init(&ctx);
    while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        ak_sha256_update(&ctx, buffer, n);
    ak_sha256_final(&ctx, out);
    return ferror(file) == 0;
}

const char *ak_self_digest(void)
{
    static char text[2 * AK_HASH_BYTES + 1];
    struct ak_hash digest;
    FILE *file;

    if (text[0] != '\0')
        return text;
    (void)snprintf(text, sizeof(text), "unknown");
    file = fopen("/proc/self/exe", "re");
    if (file != NULL) {
        if (digest_of(file, &digest))
            (void)ak_hex_encode(text, sizeof(text), digest.b, sizeof(digest.b));
        (void)fclose(file);
    }
    return text;
}

void ak_self_print(FILE *file)
{
    char viewer[2 * AK_HASH_BYTES + 1];

    fprintf(file, "akashi-verify %s\n", AKASHI_VERSION);
    fprintf(file, "format: docs/format.md, version 1\n");
    fprintf(file, "libraries: %s; libsodium %s; zstd %s; jansson %s; Hyperscan %s; PCRE2 %s\n",
            OpenSSL_version(OPENSSL_VERSION), sodium_version_string(), ZSTD_versionString(),
            jansson_version_str(), ak_matcher_library(), ak_part_pattern_library());
    fprintf(file, "hashing on this processor: %s\n", ak_hash_path());
    fprintf(file, "SHA-256 of this program's file: %s\n", ak_self_digest());
    ak_viewer_digest(viewer);
    fprintf(file, "SHA-256 of the viewer of pages with bundles: %s\n", viewer);
}

void ak_self_json_program(struct ak_json_out *out)
{
    ak_json_out_open(out, "program", '{');
    ak_json_out_string(out, "name", "akashi-verify");
    ak_json_out_string(out, "version", AKASHI_VERSION);
    ak_json_out_string(out, "sha256", ak_self_digest());
    ak_json_out_close(out, '}');
}

void ak_self_json(struct ak_json_out *out)
{
    ak_json_out_open(out, NULL, '{');
    ak_self_json_program(out);
    ak_json_out_open(out, "logs", '[');
}

void ak_self_json_end(struct ak_json_out *out)
{
    ak_json_out_close(out, ']');
    ak_json_out_close(out, '}');
    fputc('\n', out->file);
}
