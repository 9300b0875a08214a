/* config_show.c - the configuration in force as YAML that loads again to the same one.
 *
 * What is shown depends on the values alone, never on how the file was written, so its digest
 * names the configuration. A value that equals its default is marked so. */
#include "config.h"
#include "config_schema.h"
#include "units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Columns that the mark of a default stands behind, where the line is shorter. */
#define MARK_COLUMN 44

/* True if YAML reads the text back as it is without quotes: a word of harmless characters. */
static bool is_plain(const char *text)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "/._-:+*[]@";
    size_t len = strlen(text);

    if (len == 0 || strspn(text, harmless) != len || text[len - 1] == ':')
        return false;
    return strchr("-:*[]@", text[0]) == NULL;
}

/* In single quotes nothing but the quote itself means anything, and our values have no control
 * characters or line ends. */
static void text_show(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'')
            fputc('\'', out);
        fputc(*p, out);
    }
    fputc('\'', out);
}

/* "key: value"; `indent` spaces in front. NULL: as a remark that it is not set. */
static void entry_show(FILE *out, int indent, const char *key, const char *text)
{
    if (text == NULL) {
        fprintf(out, "%*s# %s: not set\n", indent, "", key);
        return;
    }
    fprintf(out, "%*s%s: ", indent, "", key);
    text_show(out, text);
    fputc('\n', out);
}

/* Behind a line of which `used` columns are written. */
static void default_mark(FILE *out, int used)
{
    fprintf(out, "%*s# default", used < MARK_COLUMN ? MARK_COLUMN - used : 1, "");
}

static void options_show(FILE *out, int indent, const struct ak_option_table *table,
                         const void *base, const struct ak_url *url)
{
    char room[AK_UNITS_TEXT_BYTES];

    for (size_t i = 0; i < table->count; i++) {
        const struct ak_option *option = &table->option[i];
        uint64_t value = ak_option_get(option, base);
        int used;

        if (url != NULL && !ak_option_applies(option, url->transport))
            continue;
        used =
            fprintf(out, "%*s%s: %s", indent, "", option->key, ak_option_text(option, value, room));
        if (value == ak_option_fallback(option))
            default_mark(out, used);
        fputc('\n', out);
    }
}

static void peer_show(FILE *out, int indent, const struct ak_config_peer *peer)
{
    char room[AK_CIDR_TEXT_BYTES];

    if (peer->certificate != NULL)
        entry_show(out, indent, "- certificate", peer->certificate);
    else
        entry_show(out, indent, "- address", ak_cidr_text(&peer->address, room));
}

/* Every list is empty by default. */
static void list_begin(FILE *out, int indent, const char *key, size_t count)
{
    int used = fprintf(out, "%*s%s:%s", indent, "", key, count == 0 ? " []" : "");

    if (count == 0)
        default_mark(out, used);
    fputc('\n', out);
}

static void log_show(FILE *out, const struct ak_config_log *log)
{
    char room[AK_UNITS_TEXT_BYTES];

    entry_show(out, 2, "- name", log->name);
    options_show(out, 4, &ak_options_log, log, NULL);
    entry_show(out, 4, "log_key", log->log_key);
    entry_show(out, 4, "policy", log->policy);
    entry_show(out, 4, "witness_ca", log->witness_ca);
    list_begin(out, 4, "stamp", log->stamp_count);
    for (size_t i = 0; i < log->stamp_count; i++) {
        fputs("      - ", out);
        text_show(out, log->stamp[i]);
        fputc('\n', out);
    }
    list_begin(out, 4, "anchor", log->anchor_count);
    for (size_t i = 0; i < log->anchor_count; i++) {
        fputs("      - ", out);
        text_show(out, log->anchor[i]);
        fputc('\n', out);
    }
    entry_show(out, 4, "stamp_ca", log->stamp_ca);
    entry_show(out, 4, "stamp_policy", log->stamp_policy);
    list_begin(out, 4, "expected", log->expected_count);
    for (size_t i = 0; i < log->expected_count; i++) {
        peer_show(out, 6, &log->expected[i].peer);
        entry_show(out, 8, "silence", ak_units_duration_text(log->expected[i].silence, room));
    }
    list_begin(out, 4, "relays", log->relay_count);
    for (size_t i = 0; i < log->relay_count; i++)
        peer_show(out, 6, &log->relays[i]);
}

static void tls_show(FILE *out, const struct ak_config_listener *listener)
{
    const struct ak_config_tls *tls = &listener->tls;

    fputs("    tls:\n", out);
    entry_show(out, 6, "certificate", tls->certificate);
    entry_show(out, 6, "key", tls->key);
    entry_show(out, 6, "ca", tls->ca);
    entry_show(out, 6, "crl", tls->crl);
    options_show(out, 6, &ak_options_tls, tls, &listener->url);
    list_begin(out, 6, "names", tls->name_count);
    for (size_t i = 0; i < tls->name_count; i++) {
        fputs("        - ", out);
        text_show(out, tls->names[i]);
        fputc('\n', out);
    }
    list_begin(out, 6, "fingerprints", tls->fingerprint_count);
    for (size_t i = 0; i < tls->fingerprint_count; i++) {
        const unsigned char *digest = (const unsigned char *)&tls->fingerprints[i];

        fputs("        - ", out);
        for (size_t b = 0; b < sizeof(tls->fingerprints[i]); b++)
            fprintf(out, "%s%02X", b == 0 ? "" : ":", digest[b]);
        fputc('\n', out);
    }
}

static void listener_show(FILE *out, const struct ak_config *config,
                          const struct ak_config_listener *listener)
{
    char room[AK_CIDR_TEXT_BYTES];

    entry_show(out, 2, "- url", listener->url.text);
    entry_show(out, 4, "log",
               listener->log == AK_CONFIG_NO_LOG ? NULL : config->logs[listener->log].name);
    list_begin(out, 4, "allow", listener->allow_count);
    for (size_t i = 0; i < listener->allow_count; i++)
        fprintf(out, "      - '%s'\n", ak_cidr_text(&listener->allow[i], room));
    list_begin(out, 4, "route", listener->route_count);
    for (size_t i = 0; i < listener->route_count; i++) {
        peer_show(out, 6, &listener->route[i].peer);
        entry_show(out, 8, "log", config->logs[listener->route[i].log].name);
    }
    if (ak_transport_is_tls(listener->url.transport))
        tls_show(out, listener);
    fputs("    limits:\n", out);
    options_show(out, 6, &ak_options_limits, &listener->limits, &listener->url);
}

enum ak_code ak_config_show(const struct ak_config *config, FILE *out, struct ak_error *err)
{
    entry_show(out, 0, "store", config->store);
    entry_show(out, 0, "control", config->control);
    options_show(out, 0, &ak_options_config, config, NULL);
    fputs("logs:\n", out);
    for (size_t i = 0; i < config->log_count; i++)
        log_show(out, &config->logs[i]);
    fputs("listeners:\n", out);
    for (size_t i = 0; i < config->listener_count; i++)
        listener_show(out, config, &config->listeners[i]);
    if (fflush(out) != 0 || ferror(out))
        return ak_fail_errno(err, errno, "the configuration cannot be written out");
    return AK_OK;
}

enum ak_code ak_config_digest(const struct ak_config *config, struct ak_hash *digest,
                              struct ak_error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    enum ak_code rc;

    if (memory == NULL)
        return ak_fail_errno(err, errno, "digest of the configuration");
    rc = ak_config_show(config, memory, err);
    if (fclose(memory) != 0 && rc == AK_OK)
        rc = ak_fail_errno(err, errno, "digest of the configuration");
    if (rc == AK_OK)
        ak_sha256(digest, text, len);
    free(text);
    return rc;
}
