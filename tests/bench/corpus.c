/* corpus.c - log lines to measure with: many hosts and programs, in real-looking variety.
 *
 * usage: akashi_corpus RECORDS [SEED] [FILE...]
 *
 * Prints RECORDS lines. Without files the lines are made up: an RFC 5424 header, then what sshd,
 * auditd, sudo, cron, firewalls, web servers, name servers, JSON services, Windows and industrial
 * gateways write, about 200 bytes on average. With files their lines are taken in turn behind such
 * a header, and a third of their runs of digits are replaced, so that nothing repeats. The same
 * arguments print the same bytes.
 *
 * How well it compresses matters as much as its length: names come from small sets of which some
 * are much more frequent, while times, addresses, process numbers and identifiers change. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES_MAX 8192u
#define OUT_BYTES      1048576u
#define HOSTS          200u
#define FOREIGN        4000u /* addresses outside; some come again and again */

#define PICK(list) (list)[rare(sizeof(list) / sizeof((list)[0]))]

static uint64_t state = 1;
static char line[LINE_BYTES_MAX];
static size_t len;

/* xorshift64*: fast, and the same everywhere. */
static uint64_t next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ull;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)((next() >> 32) * n >> 32);
}

/* A number below n, small ones far more often. */
static uint32_t rare(uint32_t n)
{
    uint32_t a = below(n);
    uint32_t b = below(n);
    uint32_t c = below(n);

    a = a < b ? a : b;
    return a < c ? a : c;
}

static void put(const char *text)
{
    while (*text != '\0')
        line[len++] = *text++;
}

static void put_number(uint64_t value, unsigned digits)
{
    char text[24];
    unsigned at = sizeof(text);

    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
        if (digits > 0)
            digits--;
    } while (value > 0 || digits > 0);
    memcpy(line + len, text + at, sizeof(text) - at);
    len += sizeof(text) - at;
}

static void put_hex(unsigned digits)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < digits; i++, bits >>= 4) {
        if (i % 16 == 0)
            bits = next();
        line[len++] = "0123456789abcdef"[bits & 15];
    }
}

static void put_inside(void)
{
    put("10.20.");
    put_number(rare(12), 1);
    put(".");
    put_number(1 + rare(250), 1);
}

static void put_outside(void)
{
    uint32_t which = rare(FOREIGN) * 2654435761u;

    put_number(1 + (which >> 24) % 223, 1);
    put(".");
    put_number(which >> 16 & 255, 1);
    put(".");
    put_number(which >> 8 & 255, 1);
    put(".");
    put_number(which & 255, 1);
}

/* A line from a pattern: %i an address inside, %o outside, %p a port, %d a process number, %u a
 * user, %h a host, %x eight hexadecimal digits, %X thirty-two, %n a small number, %N a large one,
 * %t the time as seconds with milliseconds, %w a path. */
static const char *const users[] = {
    "root",    "deploy", "svc-backup", "tanaka", "sato",  "suzuki", "admin",    "oracle", "nagios",
    "ansible", "ito",    "watanabe",   "yamada", "guest", "test",   "postgres", "kondo",  "ftp"};
static const char *const sites[] = {"kamo", "yodo", "arakawa", "tone", "kiso"};
static const char *const roles[] = {"web", "fw", "db", "scada", "ws", "dc", "app", "mail"};
static const char *const paths[] = {"/api/v1/meters/readings",
                                    "/api/v1/meters",
                                    "/",
                                    "/login",
                                    "/static/app.js",
                                    "/api/v1/alarms?state=open",
                                    "/health",
                                    "/images/logo.png",
                                    "/api/v1/users/me",
                                    "/reports/daily",
                                    "/api/v2/outages",
                                    "/wp-login.php",
                                    "/.env"};

static uint64_t now_us = 1767225600000000u; /* 2026-01-01 */
static uint32_t host;                       /* of the line being made */

static void put_host(uint32_t which)
{
    put(roles[which % 8]);
    put_number(which / 8 + 1, 2);
    put(".");
    put(sites[which % 5]);
    put(".example");
}

static void put_one(char what)
{
    switch (what) {
    case 'i':
        put_inside();
        break;
    case 'o':
        put_outside();
        break;
    case 'p':
        put_number(1024 + below(64000), 1);
        break;
    case 'd':
        put_number(400 + rare(60000), 1);
        break;
    case 'u':
        put(PICK(users));
        break;
    case 'h':
        put_host(rare(HOSTS));
        break;
    case 'x':
        put_hex(8);
        break;
    case 'X':
        put_hex(32);
        break;
    case 'n':
        put_number(rare(100), 1);
        break;
    case 'N':
        put_number(below(rare(2) == 0 ? 20000 : 4000000), 1);
        break;
    case 't':
        put_number(now_us / 1000000, 1);
        put(".");
        put_number(now_us / 1000 % 1000, 3);
        break;
    case 'w':
        put(PICK(paths));
        break;
    default:
        abort();
    }
}

static void put_pattern(const char *pattern)
{
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '%')
            put_one(*++p);
        else
            line[len++] = *p;
    }
}

/* One program: its facility and severity, its name, and what it says. */
struct program {
    unsigned weight;
    unsigned pri;
    const char *name;
    const char *const *says;
    unsigned count;
};

static const char *const sshd[] = {
    "Accepted publickey for %u from %i port %p ssh2: ED25519 SHA256:%x%x%x",
    "Failed password for invalid user %u from %o port %p ssh2",
    "Failed password for %u from %o port %p ssh2",
    "Connection closed by authenticating user %u %o port %p [preauth]",
    "pam_unix(sshd:session): session opened for user %u(uid=%n) by (uid=0)",
    "Received disconnect from %o port %p:11: Bye Bye [preauth]",
    "Disconnected from user %u %i port %p",
    "Invalid user %u from %o port %p",
};
static const char *const auditd[] = {
    "type=SYSCALL msg=audit(%t:%N): arch=c000003e syscall=59 success=yes exit=0 a0=55%x a1=55%x "
    "a2=55%x a3=8 items=2 ppid=%d pid=%d auid=10%n uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 "
    "fsgid=0 tty=pts%n ses=%N comm=\"sudo\" exe=\"/usr/bin/sudo\" subj=unconfined "
    "key=\"privileged\"",
    "type=USER_LOGIN msg=audit(%t:%N): pid=%d uid=0 auid=10%n ses=%N msg='op=login id=10%n "
    "exe=\"/usr/sbin/sshd\" hostname=%o addr=%o terminal=ssh res=failed'",
    "type=CRED_ACQ msg=audit(%t:%N): pid=%d uid=0 auid=4294967295 ses=4294967295 "
    "msg='op=PAM:setcred grantors=pam_permit acct=\"%u\" exe=\"/usr/sbin/cron\" hostname=? addr=? "
    "terminal=cron res=success'",
    "type=PATH msg=audit(%t:%N): item=0 name=\"/etc/%u.conf\" inode=%N dev=fd:00 mode=0100644 "
    "ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0",
};
static const char *const firewall[] = {
    "DROP IN=eth0 OUT= MAC=52:54:00:%x SRC=%o DST=%i LEN=%n TOS=0x00 PREC=0x00 TTL=%n ID=%N DF "
    "PROTO=TCP SPT=%p DPT=%N WINDOW=%N RES=0x00 SYN URGP=0",
    "ACCEPT IN=eth1 OUT=eth0 SRC=%i DST=%o LEN=%n TTL=63 ID=%N PROTO=UDP SPT=%p DPT=53 LEN=%n",
    "type=\"traffic\" subtype=\"forward\" level=\"notice\" vd=\"root\" srcip=%i srcport=%p "
    "srcintf=\"lan\" dstip=%o dstport=443 dstintf=\"wan1\" sessionid=%N proto=6 action=\"close\" "
    "policyid=%n service=\"HTTPS\" duration=%n sentbyte=%N rcvdbyte=%N",
};
static const char *const web[] = {
    "%i - %u \"GET %w HTTP/1.1\" 200 %N \"-\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64)\" 0.%n",
    "%o - - \"GET %w HTTP/1.1\" 404 %n \"-\" \"curl/7.88.1\" 0.00%n",
    "%i - - \"POST %w HTTP/1.1\" 201 %N \"-\" \"meter-gateway/2.%n\" 0.%n",
};
static const char *const json[] = {
    "{\"level\":\"info\",\"ts\":%t,\"msg\":\"request served\",\"method\":\"GET\",\"path\":\"%w\","
    "\"status\":200,\"ms\":%n,\"trace\":\"%X\",\"user\":\"%u\"}",
    "{\"level\":\"warn\",\"ts\":%t,\"msg\":\"reading out of range\",\"meter\":\"M-%N\",\"value\":"
    "%N.%n,\"unit\":\"kWh\",\"site\":\"%h\"}",
    "{\"level\":\"error\",\"ts\":%t,\"msg\":\"upstream timed out\",\"upstream\":\"%i:8443\","
    "\"attempt\":%n,\"trace\":\"%X\"}",
};
static const char *const windows[] = {
    "EventID=4624 Channel=Security Computer=%h SubjectUserSid=S-1-5-18 TargetUserName=%u "
    "TargetLogonId=0x%x LogonType=3 AuthenticationPackageName=Kerberos IpAddress=%i IpPort=%p "
    "ProcessId=0x%n",
    "EventID=4625 Channel=Security Computer=%h TargetUserName=%u FailureReason=2313 "
    "Status=0xc000006d SubStatus=0xc0000064 LogonType=3 WorkstationName=- IpAddress=%o IpPort=%p",
    "EventID=1 Channel=Microsoft-Windows-Sysmon/Operational Computer=%h ProcessGuid={%x-%x} "
    "ProcessId=%d Image=C:\\Windows\\System32\\svchost.exe CommandLine=\"svchost.exe -k netsvcs "
    "-p -s %u\" User=NT AUTHORITY\\SYSTEM ParentProcessId=%d Hashes=MD5=%X",
};
static const char *const other[] = {
    "(%u) CMD (/usr/lib/sysstat/sa1 1 1)",
    "%u : TTY=pts/%n ; PWD=/home/%u ; USER=root ; COMMAND=/usr/bin/systemctl status meter-%n",
    "session %N of user %u finished",
    "client @0x%x %i#%p (%h): query: %h IN A + (10.20.0.53)",
    "DHCPACK on %i to 52:54:%x via eth0",
    "Started session-%N.scope - Session %N of User %u.",
    "unit=%n fc=3 start=%N count=%n result=ok rtt_us=%N",
    "[%N.%N] usb 1-%n: new high-speed USB device number %n using xhci_hcd",
};

#define SAYS(list) (list), sizeof(list) / sizeof((list)[0])
static const struct program programs[] = {
    {20, 86, "sshd", SAYS(sshd)},      {16, 13, "audit", SAYS(auditd)},
    {20, 4, "kernel", SAYS(firewall)}, {14, 190, "nginx", SAYS(web)},
    {12, 134, "meterd", SAYS(json)},   {10, 109, "Security", SAYS(windows)},
    {30, 30, "systemd", SAYS(other)},
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static const struct program *choose_program(void)
{
    unsigned sum = 0;
    unsigned at;

    for (unsigned i = 0; i < PROGRAMS; i++)
        sum += programs[i].weight;
    at = below(sum);
    for (unsigned i = 0;; i++) {
        if (at < programs[i].weight)
            return &programs[i];
        at -= programs[i].weight;
    }
}

/* <PRI>1 TIME HOST APP PID - - */
static void put_header(const struct program *program)
{
    static time_t second;
    static char day[32];
    time_t s;
    struct tm tm;

    now_us += 1 + rare(900);
    s = (time_t)(now_us / 1000000);
    if (s != second) {
        second = s;
        (void)gmtime_r(&s, &tm);
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S.", &tm);
    }
    host = rare(HOSTS);
    put("<");
    put_number(program->pri, 1);
    put(">1 ");
    put(day);
    put_number(now_us % 1000000, 6);
    put("Z ");
    put_host(host);
    put(" ");
    put(program->name);
    put(" ");
    put_number(300 + (host * 7919u + program->pri * 31u) % 30000, 1);
    put(" - - ");
}

/* A real line with a third of its runs of digits replaced by others of the same length. */
static void put_real(const char *text)
{
    size_t n = strcspn(text, "\r\n");
    bool change = false;

    if (n > LINE_BYTES_MAX - 512)
        n = LINE_BYTES_MAX - 512;
    for (size_t i = 0; i < n; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (digit && (i == 0 || text[i - 1] < '0' || text[i - 1] > '9'))
            change = below(3) == 0;
        line[len++] = digit && change ? (char)('0' + below(10)) : text[i];
    }
}

static char **read_lines(int files, char **path, size_t *count)
{
    char **lines = NULL;
    char *text = NULL;
    size_t room = 0;

    *count = 0;
    for (int i = 0; i < files; i++) {
        FILE *file = fopen(path[i], "r");
        if (file == NULL) {
            perror(path[i]);
            exit(1);
        }
        while (getline(&text, &room, file) > 1) {
            char **more = realloc(lines, (*count + 1) * sizeof(*lines));
            if (more == NULL || (more[*count] = strdup(text)) == NULL)
                abort();
            lines = more;
            ++*count;
        }
        (void)fclose(file);
    }
    free(text);
    return lines;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    size_t count = 0;
    char **real = NULL;
    static char out[OUT_BYTES];

    if (records == 0) {
        (void)fprintf(stderr, "usage: %s RECORDS [SEED] [FILE...]\n", argv[0]);
        return 2;
    }
    if (argc > 3)
        real = read_lines(argc - 3, argv + 3, &count);
    state = argc > 2 ? strtoull(argv[2], NULL, 10) * 0x9E3779B97F4A7C15ull + 1 : 1;
    (void)setvbuf(stdout, out, _IOFBF, sizeof(out));
    for (uint64_t i = 0; i < records; i++) {
        const struct program *program = choose_program();
        len = 0;
        put_header(program);
        if (count > 0)
            put_real(real[below((uint32_t)count)]);
        else
            put_pattern(program->says[rare(program->count)]);
        line[len++] = '\n';
        if (fwrite(line, len, 1, stdout) != 1)
            break;
    }
    for (size_t i = 0; i < count; i++)
        free(real[i]);
    free(real);
    if (fflush(stdout) != 0) {
        perror("akashi_corpus");
        return 1;
    }
    return 0;
}
