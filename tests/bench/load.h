/* load.h - parts of the load generator; load.c says how it is used.
 *
 * The generator runs on one core and must never be the limit: what is sent is made ready before the
 * clock starts wherever that is possible, and one system call carries many records. It measures
 * from the outside only and shares nothing with what it measures. */
#ifndef LOAD_H
#define LOAD_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define LATENCY_US_MAX 4000000u /* longer ones are counted as this long; `max` tells the truth */
#define LINE_SLOTS     1u       /* line[count] is the end of the last one */

enum framing { FRAMING_LF, FRAMING_OCTET, FRAMING_RAW };

struct load {
    const char *mode;
    struct sockaddr_storage to;
    socklen_t to_len;
    enum framing framing;
    unsigned connections;
    unsigned window;                    /* RELP: records not acknowledged, each connection */
    double rate;                        /* records a second; 0: as fast as it goes */
    unsigned pause_us;                  /* ping: between two samples */
    const char *sync_path;              /* ping: a file for raw syncs */
    const char *certificate, *key, *ca; /* TLS, if given */
    bool record_per_message;            /* TLS: one TLS record for each */

    /* The corpus: lines without their LF. */
    const uint8_t *text;
    uint64_t text_len;
    uint64_t *line;   /* where each begins */
    uint64_t lines;   /* in the corpus */
    uint64_t records; /* to send: the corpus again and again */
};

/* Latencies in microseconds, each kept. */
struct latency {
    uint32_t *count; /* by microseconds, LATENCY_US_MAX + 1 of them */
    uint64_t total;
    uint64_t max_ns;
};

/* What a mode gives to be printed. */
struct result {
    uint64_t sent, bytes, failed;
    double begin, end; /* CLOCK_MONOTONIC, seconds */
    struct latency latency, raw;
};

void load_die(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t load_now_ns(void);
double load_now(void);
void load_sleep_ns(uint64_t ns);
int load_connect(const struct load *load, int type);

/* Bytes of record `i` (it may be larger than the corpus). */
const uint8_t *load_line(const struct load *load, uint64_t i, size_t *len);

void load_latency_init(struct latency *latency);
void load_latency_add(struct latency *latency, uint64_t ns);

/* A context for senders, and a connection that has done its handshake (blocking). */
SSL_CTX *load_tls_context(const struct load *load);
SSL *load_tls_connect(SSL_CTX *ctx, int fd);

void load_stream(const struct load *load, struct result *result); /* tcp, tls */
void load_relp(const struct load *load, struct result *result);   /* relp */
void load_ping(const struct load *load, struct result *result);   /* ping */
void load_udp(const struct load *load, struct result *result);    /* udp */
void load_hold(const struct load *load, struct result *result);   /* idle, slow */

#endif
