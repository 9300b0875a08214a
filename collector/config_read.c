/* config_read.c - every text of the schema becomes a value, a default or a fault with its place. */
#include "config_read.h"
#include "fingerprint.h"
#include "units.h"

#include <akashi/nearest.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The reader */

void ak_reader_enter(struct ak_reader *reader, const char *key)
{
    assert(reader->depth < AK_MARKS_DEPTH_MAX);
    reader->path[reader->depth++] = (struct ak_mark_step){.key = key};
}

void ak_reader_enter_entry(struct ak_reader *reader, size_t position)
{
    assert(reader->depth < AK_MARKS_DEPTH_MAX);
    reader->path[reader->depth++] = (struct ak_mark_step){.position = position};
}

void ak_reader_leave(struct ak_reader *reader)
{
    assert(reader->depth > 0);
    reader->depth--;
}

static void put_place(struct ak_reader *reader)
{
    const struct ak_mark *mark;

    if (reader->marks == NULL)
        return;
    mark = ak_marks_find(reader->marks, reader->path, reader->depth);
    ak_wrap(reader->err, "%.300s:%u:%u", reader->name, mark->line, mark->column);
}

enum ak_code ak_reader_fail(struct ak_reader *reader, const char *fmt, ...)
{
    char text[AK_ERROR_TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)ak_fail(reader->err, AK_EUSAGE, "%s", text);
    put_place(reader);
    return AK_EUSAGE;
}

enum ak_code ak_reader_wrap(struct ak_reader *reader, const char *key)
{
    if (reader->marks != NULL)
        ak_wrap(reader->err, "%s", key);
    put_place(reader);
    return AK_EUSAGE;
}

static enum ak_code no_memory(struct ak_reader *reader)
{
    return ak_fail(reader->err, AK_ENOMEM, "no memory for the configuration");
}

/* Gives NULL for no entries too, which is why callers look at the count as well. */
static void *array_of(size_t count, size_t bytes)
{
    return count == 0 ? NULL : calloc(count, bytes);
}

/* Single values */

static enum ak_code options_read(struct ak_reader *reader, const struct ak_option_table *table,
                                 const void *raw, void *base, const struct ak_url *url)
{
    enum ak_code rc = AK_OK;

    for (size_t i = 0; i < table->count && rc == AK_OK; i++) {
        const struct ak_option *option = &table->option[i];
        bool applies = url == NULL || ak_option_applies(option, url->transport);
        const char *text = NULL;
        uint64_t value = 0;

        if (raw != NULL)
            memcpy(&text, (const char *)raw + option->raw, sizeof(text));
        ak_reader_enter(reader, option->key);
        if (text == NULL)
            value = applies ? ak_option_fallback(option) : 0;
        else if (!applies)
            rc = ak_reader_fail(reader, "%s means nothing for %s:// listeners; remove it",
                                option->key, ak_transport_name(url->transport));
        else if (ak_option_parse(option, text, &value, reader->err) != AK_OK)
            rc = ak_reader_wrap(reader, option->key);
        ak_option_set(option, base, value);
        ak_reader_leave(reader);
    }
    return rc;
}

/* Copies a path; relative ones begin at the reader's directory. NULL stays NULL. */
static enum ak_code path_read(struct ak_reader *reader, const char *key, const char *text,
                              char **out)
{
    enum ak_code rc = AK_OK;

    if (text == NULL)
        return AK_OK;
    ak_reader_enter(reader, key);
    if (text[0] == '\0')
        rc = ak_reader_fail(reader, "%s is empty; write a path, or leave it out", key);
    else if (!ak_marks_printable(text, strlen(text)))
        rc = ak_reader_fail(reader, "%s is not printable UTF-8 text; give the path another name",
                            key);
    else if (text[0] == '/')
        *out = strdup(text);
    else if (asprintf(out, "%s/%s", reader->directory, text) < 0)
        *out = NULL;
    ak_reader_leave(reader);
    if (rc == AK_OK && *out == NULL)
        rc = no_memory(reader);
    return rc;
}

static bool is_log_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return text[len] == '\0' && len >= 1 && len <= AK_CONFIG_NAME_BYTES_MAX;
}

/* Index of the log that `text` names; the message lists the logs there are. */
static enum ak_code log_find(struct ak_reader *reader, const struct ak_config *config,
                             const char *text, size_t *out)
{
    const char *names[AK_CONFIG_LOGS_MAX];
    char known[256] = "";
    const char *near;

    *out = ak_config_find_log(config, text);
    if (*out != AK_CONFIG_NO_LOG)
        return AK_OK;
    for (size_t i = 0; i < config->log_count; i++) {
        size_t used = strlen(known);

        names[i] = config->logs[i].name;
        (void)snprintf(known + used, sizeof(known) - used, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    near = ak_nearest(text, strlen(text), names, config->log_count);
    if (near != NULL)
        return ak_reader_fail(reader, "there is no log \"%.63s\"; did you mean %s?", text, near);
    return ak_reader_fail(reader, "there is no log \"%.63s\"; the logs are: %s", text, known);
}

/* Senders */

/* A name as it may stand in a certificate. `wildcard`: "*.example.org" is allowed. */
static enum ak_code certificate_name_check(struct ak_reader *reader, const char *text,
                                           bool wildcard)
{
    size_t len = strlen(text);
    const char *star = strchr(text, '*');

    if (len == 0 || len > AK_CONFIG_PEER_BYTES_MAX)
        return ak_reader_fail(reader, "a certificate name has 1 to %u bytes; this one has %zu",
                              AK_CONFIG_PEER_BYTES_MAX, len);
    if (star == NULL)
        return AK_OK;
    if (!wildcard)
        return ak_reader_fail(
            reader, "\"%s\": a sender is named exactly here, without *; list each one", text);
    if (star != text || text[1] != '.' || strchr(text + 1, '*') != NULL ||
        strchr(text + 2, '.') == NULL || text[2] == '.')
        return ak_reader_fail(reader,
                              "\"%s\": * stands for one whole name at the left only, with two more "
                              "behind it, as in *.agency.example",
                              text);
    return AK_OK;
}

static enum ak_code address_read(struct ak_reader *reader, const char *text, bool single,
                                 struct ak_cidr *out)
{
    if (ak_cidr_parse(text, strlen(text), out, reader->err) != AK_OK)
        return ak_reader_wrap(reader, "address");
    if (single && out->prefix != (out->family == AF_INET ? 32 : 128))
        return ak_reader_fail(reader,
                              "\"%s\" is a range; an expected source is one address, so that its "
                              "silence can be noticed; list each one",
                              text);
    return AK_OK;
}

/* Exactly one of `certificate` and `address`. */
static enum ak_code peer_read(struct ak_reader *reader, const struct raw_sender *raw, bool single,
                              struct ak_config_peer *out)
{
    enum ak_code rc;

    if ((raw->certificate == NULL) == (raw->address == NULL))
        return ak_reader_fail(reader, "a sender is named by either `certificate` or `address`; %s",
                              raw->address == NULL ? "here is neither"
                                                   : "here are both, so make two entries");
    ak_reader_enter(reader, raw->address == NULL ? "certificate" : "address");
    if (raw->address != NULL) {
        rc = address_read(reader, raw->address, single, &out->address);
    } else {
        rc = certificate_name_check(reader, raw->certificate, false);
        if (rc == AK_OK && (out->certificate = strdup(raw->certificate)) == NULL)
            rc = no_memory(reader);
    }
    ak_reader_leave(reader);
    return rc;
}

/* Logs */

static enum ak_code expected_read(struct ak_reader *reader, const struct raw_sender *raw,
                                  uint64_t log_silence, struct ak_config_expected *out)
{
    enum ak_code rc = peer_read(reader, raw, true, &out->peer);

    out->silence = log_silence;
    if (rc != AK_OK || raw->silence == NULL)
        return rc;
    for (size_t i = 0; i < ak_options_log.count; i++) {
        const struct ak_option *option = &ak_options_log.option[i];

        if (strcmp(option->key, "silence") != 0)
            continue;
        ak_reader_enter(reader, "silence");
        if (ak_option_parse(option, raw->silence, &out->silence, reader->err) != AK_OK)
            rc = ak_reader_wrap(reader, "silence");
        ak_reader_leave(reader);
    }
    return rc;
}

static enum ak_code log_senders_read(struct ak_reader *reader, const struct raw_log *raw,
                                     struct ak_config_log *log)
{
    enum ak_code rc = AK_OK;

    log->expected = array_of(raw->expected_count, sizeof(*log->expected));
    log->relays = array_of(raw->relays_count, sizeof(*log->relays));
    if ((raw->expected_count > 0 && log->expected == NULL) ||
        (raw->relays_count > 0 && log->relays == NULL))
        return no_memory(reader);
    ak_reader_enter(reader, "expected");
    for (unsigned i = 0; i < raw->expected_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = expected_read(reader, &raw->expected[i], log->silence, &log->expected[i]);
        ak_reader_leave(reader);
        log->expected_count++;
    }
    ak_reader_leave(reader);
    ak_reader_enter(reader, "relays");
    for (unsigned i = 0; i < raw->relays_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = peer_read(reader, &raw->relays[i], false, &log->relays[i]);
        ak_reader_leave(reader);
        log->relay_count++;
    }
    ak_reader_leave(reader);
    return rc;
}

/* Whether it is one is asked where it is used (http.h): what can be judged without that is here. */
static enum ak_code stamp_url_read(struct ak_reader *reader, const char *text, char **out)
{
    if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
        return ak_reader_fail(reader,
                              "\"%.80s\" is no URL that can be asked: it begins with http:// or "
                              "https://",
                              text);
    if (!ak_marks_printable(text, strlen(text)))
        return ak_reader_fail(reader, "the URL is not printable UTF-8 text");
    *out = strdup(text);
    return *out == NULL ? no_memory(reader) : AK_OK;
}

static enum ak_code stamps_read(struct ak_reader *reader, const struct raw_log *raw,
                                struct ak_config_log *log)
{
    enum ak_code rc = AK_OK;

    log->stamp = array_of(raw->stamp_count, sizeof(*log->stamp));
    if (raw->stamp_count > 0 && log->stamp == NULL)
        return no_memory(reader);
    ak_reader_enter(reader, "stamp");
    for (unsigned i = 0; i < raw->stamp_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = stamp_url_read(reader, raw->stamp[i], &log->stamp[log->stamp_count]);
        ak_reader_leave(reader);
        log->stamp_count += rc == AK_OK;
    }
    ak_reader_leave(reader);
    if (rc == AK_OK)
        rc = path_read(reader, "stamp_ca", raw->stamp_ca, &log->stamp_ca);
    if (rc == AK_OK && raw->stamp_policy != NULL &&
        (log->stamp_policy = strdup(raw->stamp_policy)) == NULL)
        rc = no_memory(reader);
    return rc;
}

/* A URL or a path. */
static enum ak_code anchor_read(struct ak_reader *reader, const char *text, char **out)
{
    if (strstr(text, "://") == NULL)
        return path_read(reader, "anchor", text, out);
    return stamp_url_read(reader, text, out);
}

static enum ak_code anchors_read(struct ak_reader *reader, const struct raw_log *raw,
                                 struct ak_config_log *log)
{
    enum ak_code rc = AK_OK;

    log->anchor = array_of(raw->anchor_count, sizeof(*log->anchor));
    if (raw->anchor_count > 0 && log->anchor == NULL)
        return no_memory(reader);
    ak_reader_enter(reader, "anchor");
    for (unsigned i = 0; i < raw->anchor_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = anchor_read(reader, raw->anchor[i], &log->anchor[log->anchor_count]);
        ak_reader_leave(reader);
        log->anchor_count += rc == AK_OK;
    }
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code log_read(struct ak_reader *reader, const struct raw_log *raw,
                             struct ak_config_log *log)
{
    enum ak_code rc;

    if (raw->name == NULL)
        return ak_reader_fail(reader, "a log without `name`; give it the name it has in the store");
    ak_reader_enter(reader, "name");
    if (!is_log_name(raw->name))
        rc = ak_reader_fail(reader, "\"%.80s\" is not the name of a log: 1 to %u of a-z, 0-9 and -",
                            raw->name, AK_CONFIG_NAME_BYTES_MAX);
    else
        rc = AK_OK;
    ak_reader_leave(reader);
    if (rc != AK_OK)
        return rc;
    memcpy(log->name, raw->name, strlen(raw->name) + 1);
    rc = options_read(reader, &ak_options_log, raw, log, NULL);
    if (rc == AK_OK && raw->log_key != NULL && (log->log_key = strdup(raw->log_key)) == NULL)
        rc = no_memory(reader);
    if (rc == AK_OK)
        rc = path_read(reader, "policy", raw->policy, &log->policy);
    if (rc == AK_OK)
        rc = path_read(reader, "witness_ca", raw->witness_ca, &log->witness_ca);
    if (rc == AK_OK)
        rc = stamps_read(reader, raw, log);
    if (rc == AK_OK)
        rc = anchors_read(reader, raw, log);
    return rc == AK_OK ? log_senders_read(reader, raw, log) : rc;
}

/* TLS */

static enum ak_code tls_lists_read(struct ak_reader *reader, const struct raw_tls *raw,
                                   struct ak_config_tls *tls)
{
    enum ak_code rc = AK_OK;

    tls->names = array_of(raw->names_count, sizeof(*tls->names));
    tls->fingerprints = array_of(raw->fingerprints_count, sizeof(*tls->fingerprints));
    if ((raw->names_count > 0 && tls->names == NULL) ||
        (raw->fingerprints_count > 0 && tls->fingerprints == NULL))
        return no_memory(reader);
    ak_reader_enter(reader, "names");
    for (unsigned i = 0; i < raw->names_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = certificate_name_check(reader, raw->names[i], true);
        ak_reader_leave(reader);
        if (rc == AK_OK && (tls->names[tls->name_count++] = strdup(raw->names[i])) == NULL)
            rc = no_memory(reader);
    }
    ak_reader_leave(reader);
    ak_reader_enter(reader, "fingerprints");
    for (unsigned i = 0; i < raw->fingerprints_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        if (ak_fingerprint_parse(raw->fingerprints[i], strlen(raw->fingerprints[i]),
                                 &tls->fingerprints[i], reader->err) != AK_OK)
            rc = ak_reader_wrap(reader, "fingerprints");
        ak_reader_leave(reader);
        tls->fingerprint_count++;
    }
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code tls_read(struct ak_reader *reader, const struct raw_tls *raw,
                             struct ak_config_tls *tls, const struct ak_url *url)
{
    static const struct raw_tls nothing;
    enum ak_code rc;

    if (raw == NULL)
        raw = &nothing;
    rc = options_read(reader, &ak_options_tls, raw, tls, url);
    if (rc == AK_OK)
        rc = path_read(reader, "certificate", raw->certificate, &tls->certificate);
    if (rc == AK_OK)
        rc = path_read(reader, "key", raw->key, &tls->key);
    if (rc == AK_OK)
        rc = path_read(reader, "ca", raw->ca, &tls->ca);
    if (rc == AK_OK)
        rc = path_read(reader, "crl", raw->crl, &tls->crl);
    return rc == AK_OK ? tls_lists_read(reader, raw, tls) : rc;
}

/* Listeners */

static enum ak_code route_read(struct ak_reader *reader, const struct ak_config *config,
                               const struct raw_sender *raw, struct ak_config_route *out)
{
    enum ak_code rc = peer_read(reader, raw, false, &out->peer);

    if (rc != AK_OK)
        return rc;
    if (raw->log == NULL)
        return ak_reader_fail(reader, "a rule without `log`; say which log this sender feeds");
    ak_reader_enter(reader, "log");
    rc = log_find(reader, config, raw->log, &out->log);
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code listener_lists_read(struct ak_reader *reader, const struct ak_config *config,
                                        const struct raw_listener *raw,
                                        struct ak_config_listener *listener)
{
    enum ak_code rc = AK_OK;

    listener->allow = array_of(raw->allow_count, sizeof(*listener->allow));
    listener->route = array_of(raw->route_count, sizeof(*listener->route));
    if ((raw->allow_count > 0 && listener->allow == NULL) ||
        (raw->route_count > 0 && listener->route == NULL))
        return no_memory(reader);
    ak_reader_enter(reader, "allow");
    for (unsigned i = 0; i < raw->allow_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        if (ak_cidr_parse(raw->allow[i], strlen(raw->allow[i]), &listener->allow[i], reader->err) !=
            AK_OK)
            rc = ak_reader_wrap(reader, "allow");
        ak_reader_leave(reader);
        listener->allow_count++;
    }
    ak_reader_leave(reader);
    ak_reader_enter(reader, "route");
    for (unsigned i = 0; i < raw->route_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        rc = route_read(reader, config, &raw->route[i], &listener->route[i]);
        ak_reader_leave(reader);
        listener->route_count++;
    }
    ak_reader_leave(reader);
    return rc;
}

/* The log for whom no rule fits: as named; else the only log there is, unless rules decide. */
static enum ak_code listener_log_read(struct ak_reader *reader, const struct ak_config *config,
                                      const struct raw_listener *raw,
                                      struct ak_config_listener *listener)
{
    enum ak_code rc;

    listener->log = AK_CONFIG_NO_LOG;
    if (raw->log != NULL) {
        ak_reader_enter(reader, "log");
        rc = log_find(reader, config, raw->log, &listener->log);
        ak_reader_leave(reader);
        return rc;
    }
    if (raw->route_count > 0)
        return AK_OK;
    if (config->log_count != 1)
        return ak_reader_fail(reader,
                              "listener %s feeds no log; name one with `log`, or choose by `route`",
                              listener->url.text);
    listener->log = 0;
    return AK_OK;
}

static enum ak_code listener_read(struct ak_reader *reader, const struct ak_config *config,
                                  const struct raw_listener *raw,
                                  struct ak_config_listener *listener)
{
    enum ak_code rc;

    if (raw->url == NULL)
        return ak_reader_fail(reader, "a listener without `url`; write one, as in "
                                      "relp+tls://*:2514");
    ak_reader_enter(reader, "url");
    rc = ak_url_parse(raw->url, strlen(raw->url), &listener->url, reader->err);
    if (rc != AK_OK)
        (void)ak_reader_wrap(reader, "url");
    ak_reader_leave(reader);
    if (rc != AK_OK)
        return rc;
    rc = listener_log_read(reader, config, raw, listener);
    if (rc == AK_OK)
        rc = listener_lists_read(reader, config, raw, listener);
    if (rc != AK_OK)
        return rc;
    ak_reader_enter(reader, "tls");
    if (raw->tls != NULL && !ak_transport_is_tls(listener->url.transport))
        rc = ak_reader_fail(reader,
                            "listener %s has no TLS, so `tls` means nothing; remove it, or listen "
                            "on %s://",
                            listener->url.text,
                            ak_transport_is_relp(listener->url.transport) ? "relp+tls" : "tls");
    else
        rc = tls_read(reader, raw->tls, &listener->tls, &listener->url);
    ak_reader_leave(reader);
    if (rc != AK_OK)
        return rc;
    ak_reader_enter(reader, "limits");
    rc = options_read(reader, &ak_options_limits, raw->limits, &listener->limits, &listener->url);
    ak_reader_leave(reader);
    return rc;
}

/* The whole */

static enum ak_code lists_read(struct ak_reader *reader, const struct raw_config *raw,
                               struct ak_config *config)
{
    enum ak_code rc = AK_OK;

    config->logs = array_of(raw->logs_count, sizeof(*config->logs));
    config->listeners = array_of(raw->listeners_count, sizeof(*config->listeners));
    if ((raw->logs_count > 0 && config->logs == NULL) ||
        (raw->listeners_count > 0 && config->listeners == NULL))
        return no_memory(reader);
    ak_reader_enter(reader, "logs");
    for (unsigned i = 0; i < raw->logs_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        config->log_count++;
        rc = log_read(reader, &raw->logs[i], &config->logs[i]);
        ak_reader_leave(reader);
    }
    ak_reader_leave(reader);
    ak_reader_enter(reader, "listeners");
    for (unsigned i = 0; i < raw->listeners_count && rc == AK_OK; i++) {
        ak_reader_enter_entry(reader, i);
        config->listener_count++;
        rc = listener_read(reader, config, &raw->listeners[i], &config->listeners[i]);
        ak_reader_leave(reader);
    }
    ak_reader_leave(reader);
    return rc;
}

static enum ak_code config_read(struct ak_reader *reader, const struct raw_config *raw,
                                struct ak_config *config)
{
    enum ak_code rc;

    if (raw->store == NULL)
        return ak_reader_fail(reader, "`store` is missing; write the directory that "
                                      "`akashi-collector init --store` made");
    rc = path_read(reader, "store", raw->store, &config->store);
    if (rc != AK_OK)
        return rc;
    if (raw->control != NULL)
        rc = path_read(reader, "control", raw->control, &config->control);
    else if (asprintf(&config->control, "%s/control", config->store) < 0)
        rc = no_memory(reader);
    if (rc == AK_OK)
        rc = options_read(reader, &ak_options_config, raw, config, NULL);
    if (rc == AK_OK)
        rc = lists_read(reader, raw, config);
    return rc == AK_OK ? ak_config_check(reader, config) : rc;
}

enum ak_code ak_config_from_raw(struct ak_reader *reader, const struct raw_config *raw,
                                struct ak_config **out)
{
    struct ak_config *config = calloc(1, sizeof(*config));
    enum ak_code rc;

    *out = NULL;
    if (config == NULL)
        return no_memory(reader);
    rc = config_read(reader, raw, config);
    if (rc != AK_OK) {
        ak_config_free(config);
        return rc;
    }
    *out = config;
    return AK_OK;
}
