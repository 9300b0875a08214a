/* load.c - a load generator: TCP, TLS, RELP and UDP, as fast as a collector can take it, or paced.
 *
 * usage: akashi_load MODE --to ADDRESS:PORT [--corpus FILE] [--records N] [OPTION...]
 *
 *   tcp     --framing lf|octet|raw  --connections N    with --certificate, --key, --ca: over TLS,
 *           encrypted before the clock starts; --message: one TLS record for each message, else
 *           each is full (16 KiB). raw: the file as it is
 *   relp    --connections N --window W                 reports latencies of acknowledgements
 *   ping    --pause MS --sync FILE                     one RELP record at a time; between them, on
 *           an own file, a write of 4 KiB and fdatasync: `raw` is what these took
 *   udp     --rate RECORDS-A-SECOND
 *   idle, slow   --connections N                       connections that say nothing, or a few bytes
 *           a second (octet counting), until standard input ends; `ready` is printed before
 *
 * Prints one JSON object. Times are CLOCK_MONOTONIC in seconds. Only loopback is sent to. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

void load_die(const char *what, ...)
{
    va_list args;
    int error = errno;

    va_start(args, what);
    (void)fputs("akashi_load: ", stderr);
    (void)vfprintf(stderr, what, args);
    va_end(args);
    (void)fprintf(stderr, "%s%s\n", error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

double load_now(void)
{
    return (double)load_now_ns() / 1e9;
}

void load_sleep_ns(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

    (void)nanosleep(&t, NULL);
}

int load_connect(const struct load *load, int type)
{
    int fd = socket(load->to.ss_family, type | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        load_die("socket");
    if (connect(fd, (const struct sockaddr *)&load->to, load->to_len) != 0)
        load_die("connect");
    if (type == SOCK_STREAM)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

const uint8_t *load_line(const struct load *load, uint64_t i, size_t *len)
{
    uint64_t at = i % load->lines;

    *len = load->line[at + 1] - load->line[at] - 1;
    return load->text + load->line[at];
}

void load_latency_init(struct latency *latency)
{
    latency->count = calloc(LATENCY_US_MAX + 1, sizeof(*latency->count));
    if (latency->count == NULL)
        load_die("no memory");
}

void load_latency_add(struct latency *latency, uint64_t ns)
{
    uint64_t us = ns / 1000;

    latency->count[us < LATENCY_US_MAX ? us : LATENCY_US_MAX]++;
    latency->total++;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
}

static uint64_t quantile(const struct latency *latency, double q)
{
    uint64_t want = (uint64_t)(q * (double)latency->total);
    uint64_t seen = 0;

    for (uint64_t us = 0; us < LATENCY_US_MAX; us++) {
        seen += latency->count[us];
        if (seen > want)
            return us;
    }
    return LATENCY_US_MAX;
}

static void print_latency(const char *name, const struct latency *latency)
{
    if (latency->total == 0)
        return;
    (void)printf(", \"%s\": {\"count\": %" PRIu64 ", \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
                 ", \"max_us\": %" PRIu64 "}",
                 name, latency->total, quantile(latency, 0.5), quantile(latency, 0.99),
                 latency->max_ns / 1000);
}

static void print(const struct result *r)
{
    double seconds = r->end - r->begin;

    (void)printf("{\"sent\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"failed\": %" PRIu64
                 ", \"begin\": %.6f, \"end\": %.6f, \"seconds\": %.6f, \"rate\": %.0f",
                 r->sent, r->bytes, r->failed, r->begin, r->end, seconds,
                 seconds > 0 ? (double)r->sent / seconds : 0.0);
    print_latency("latency", &r->latency);
    print_latency("raw", &r->raw);
    (void)printf("}\n");
}

static void read_corpus(struct load *load, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t room = 1024;
    uint64_t at = 0;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        load_die("%s", path);
    load->text_len = (uint64_t)st.st_size;
    load->text = mmap(NULL, load->text_len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (load->text == MAP_FAILED)
        load_die("%s: mmap", path);
    (void)close(fd);
    if (load->framing == FRAMING_RAW)
        return;
    load->line = malloc((room + LINE_SLOTS) * sizeof(*load->line));
    while (load->line != NULL && at < load->text_len) {
        const uint8_t *lf = memchr(load->text + at, '\n', load->text_len - at);
        if (lf == NULL)
            break;
        if (load->lines == room) {
            uint64_t *more = realloc(load->line, (2 * room + LINE_SLOTS) * sizeof(*load->line));
            if (more == NULL)
                load_die("no memory");
            load->line = more;
            room *= 2;
        }
        load->line[load->lines++] = at;
        at = (uint64_t)(lf - load->text) + 1;
        load->line[load->lines] = at;
    }
    if (load->lines == 0)
        load_die("%s: no lines", path);
    if (load->records == 0)
        load->records = load->lines;
}

static void parse_address(struct load *load, const char *text)
{
    struct sockaddr_in *to = (struct sockaddr_in *)&load->to;
    const char *colon = strrchr(text, ':');
    char host[64];
    int port = colon != NULL ? atoi(colon + 1) : 0;

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host) || port < 1 || port > 65535)
        load_die("--to %s: ADDRESS:PORT", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    to->sin_family = AF_INET;
    to->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, host, &to->sin_addr) != 1 ||
        ntohl(to->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        load_die("--to %s: only an address of 127.0.0.0/8 is sent to", text);
    load->to_len = sizeof(*to);
}

static void parse_framing(struct load *load, const char *text)
{
    if (strcmp(text, "lf") == 0)
        load->framing = FRAMING_LF;
    else if (strcmp(text, "octet") == 0)
        load->framing = FRAMING_OCTET;
    else if (strcmp(text, "raw") == 0)
        load->framing = FRAMING_RAW;
    else
        load_die("--framing %s: lf, octet or raw", text);
}

static void parse(struct load *load, int argc, char **argv, const char **corpus)
{
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];
        const char *value;

        if (strcmp(name, "--message") == 0) {
            load->record_per_message = true;
            continue;
        }
        if (++i == argc)
            load_die("%s: wants a value", name);
        value = argv[i];
        if (strcmp(name, "--to") == 0)
            parse_address(load, value);
        else if (strcmp(name, "--corpus") == 0)
            *corpus = value;
        else if (strcmp(name, "--records") == 0)
            load->records = strtoull(value, NULL, 10);
        else if (strcmp(name, "--framing") == 0)
            parse_framing(load, value);
        else if (strcmp(name, "--connections") == 0)
            load->connections = (unsigned)atoi(value);
        else if (strcmp(name, "--window") == 0)
            load->window = (unsigned)atoi(value);
        else if (strcmp(name, "--rate") == 0)
            load->rate = strtod(value, NULL);
        else if (strcmp(name, "--pause") == 0)
            load->pause_us = (unsigned)(strtod(value, NULL) * 1000);
        else if (strcmp(name, "--sync") == 0)
            load->sync_path = value;
        else if (strcmp(name, "--certificate") == 0)
            load->certificate = value;
        else if (strcmp(name, "--key") == 0)
            load->key = value;
        else if (strcmp(name, "--ca") == 0)
            load->ca = value;
        else
            load_die("%s: no such option", name);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const struct load *load, struct result *result);
    } modes[] = {{"tcp", load_stream}, {"relp", load_relp}, {"ping", load_ping},
                 {"udp", load_udp},    {"idle", load_hold}, {"slow", load_hold}};
    struct load load = {.connections = 1, .window = 128};
    struct result result = {0};
    const char *corpus = NULL;

    errno = 0;
    if (argc < 2)
        load_die("usage: akashi_load MODE --to ADDRESS:PORT [OPTION...]; see load.c");
    (void)signal(SIGPIPE, SIG_IGN);
    parse(&load, argc, argv, &corpus);
    load.mode = argv[1];
    if (load.to_len == 0 || load.connections == 0 || load.window == 0)
        load_die("--to, and at least one connection and a window of one");
    if (corpus != NULL)
        read_corpus(&load, corpus);
    load_latency_init(&result.latency);
    load_latency_init(&result.raw);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(load.mode, modes[i].name) == 0) {
            if (modes[i].run != load_hold && corpus == NULL)
                load_die("%s wants --corpus", load.mode);
            modes[i].run(&load, &result);
            print(&result);
            return 0;
        }
    }
    load_die("%s: no such mode", load.mode);
}
