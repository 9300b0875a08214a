/* main.c - akashi-collector: the table of commands, and exit status. Diagnostics of one command go
 * to stderr from here; those of a running collector through log.c. */
#include "cmdline.h"
#include "key_channel.h"
#include "log.h"
#include "signer_process.h"
#include "successor_process.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <zstd.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_FORK = 3 };

const struct ak_command ak_commands[] = {
    {"init", "", "Make a log with its keys, and the store if it is not there.",
     "Prints the log's public key (vkey), and nothing else, on standard output: give it to "
     "whoever shall verify the log, by another way than the evidence. What is there already is "
     "never overwritten.",
     "akashi-collector init --store /var/lib/akashi --log power-a --origin power-a.example/syslog",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_ORIGIN) |
         AK_FLAG_BIT(AK_FLAG_EPOCHS) | AK_FLAG_BIT(AK_FLAG_CONFIG),
     0, 0, ak_cmd_init},
    {"run", "", "Receive logs, commit and sign them, until SIGTERM or SIGINT.",
     "Prints `listening URL` for each listener, with its real port, then `ready`, on standard "
     "output. SIGHUP reads the configuration file and the certificates again.",
     "akashi-collector run --config /etc/akashi/akashi.conf",
     AK_FLAG_BIT(AK_FLAG_CONFIG) | AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) |
         AK_FLAG_BIT(AK_FLAG_LISTEN) | AK_FLAG_BIT(AK_FLAG_TLS_CERTIFICATE) |
         AK_FLAG_BIT(AK_FLAG_TLS_KEY) | AK_FLAG_BIT(AK_FLAG_TLS_CA),
     0, 0, ak_cmd_run},
    {"check-config", "FILE", "Read a configuration as `run` would, and say what is wrong with it.",
     "Nothing is opened or changed. Remarks about what is allowed but should be known go to "
     "standard error.",
     "akashi-collector check-config /etc/akashi/akashi.conf --show", AK_FLAG_BIT(AK_FLAG_SHOW), 1,
     1, ak_cmd_check_config},
    {"status", "", "Ask the running collector how it is.",
     "For root and the collector's own user. Exit status 1 if no collector runs.",
     "akashi-collector status --config /etc/akashi/akashi.conf",
     AK_FLAG_BIT(AK_FLAG_CONFIG) | AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_CONTROL) |
         AK_FLAG_BIT(AK_FLAG_JSON) | AK_FLAG_BIT(AK_FLAG_RECORDS),
     0, 0, ak_cmd_status},
    {"audit", "", "Enter an auditor's commitment to his nonce in a log, or open it.",
     "The auditor gives the SHA-256 of a random nonce; a state entry follows it at once and makes "
     "the head of his draw. Then he opens the nonce: to `akashi-verify sample`, and here, so that "
     "all can see which commitments were used. The collector may be running. Ends when the entry "
     "is signed.",
     "akashi-collector audit --store /var/lib/akashi --log power-a --commitment "
     "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991",
     AK_FLAG_BIT(AK_FLAG_CONFIG) | AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_CONTROL) |
         AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_COMMITMENT) | AK_FLAG_BIT(AK_FLAG_OPEN) |
         AK_FLAG_BIT(AK_FLAG_INDEX) | AK_FLAG_BIT(AK_FLAG_POPULATION),
     0, 0, ak_cmd_audit},
    {"authority", "", "Declare whose orders to erase and to hold count for a log.",
     "Once for each log, before the first order: with --key the keys of people outside of the "
     "operation, and with --quorum how many of them must sign. Afterwards only an order that the "
     "keys in force have signed (--order) changes them. Ends when the entry is signed. The "
     "collector may be running; else the log is opened for this one entry.",
     "akashi-collector authority --store /var/lib/akashi --log power-a --key ito.vkey --key "
     "sato.vkey",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL) | AK_FLAG_BIT(AK_FLAG_ORDER) | AK_FLAG_BIT(AK_FLAG_KEY) |
         AK_FLAG_BIT(AK_FLAG_QUORUM),
     0, 0, ak_cmd_order},
    {"erase", "", "Carry out an order to erase records, for good.",
     "The order is checked against the log's authority keys and holds, and entered in the log. "
     "When "
     "that is signed the segments that hold the records are written anew without their payloads "
     "and "
     "salts, and the old files are overwritten and removed. Entries stay, with time, source and "
     "number. Ends when all is done; what a crash interrupts is gone on with at the next start. "
     "Copies, backups and bundles that were handed out keep the bytes.",
     "akashi-collector erase --store /var/lib/akashi --log power-a --order order.note",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL) | AK_FLAG_BIT(AK_FLAG_ORDER),
     0, 0, ak_cmd_order},
    {"hold", "", "Enter an order to hold records: nothing erases them before a release.",
     "Checked and entered as `erase` does.",
     "akashi-collector hold --store /var/lib/akashi --log power-a --order order.note",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL) | AK_FLAG_BIT(AK_FLAG_ORDER),
     0, 0, ak_cmd_order},
    {"release", "", "Enter an order that ends a hold.", "Checked and entered as `erase` does.",
     "akashi-collector release --store /var/lib/akashi --log power-a --order order.note",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL) | AK_FLAG_BIT(AK_FLAG_ORDER),
     0, 0, ak_cmd_order},
    {"succeed", "", "Close a log that can be signed no more, and go on with a successor.",
     "After a restore from a backup, a lost or stolen key, or new hardware without the key, with "
     "the collector stopped. The old log stays as it is, under another name; what is left of its "
     "secret keys is overwritten and removed. The successor has new keys and an origin that ends "
     "in /2 (/3 and so on); its first event names the old log's last checkpoints and what of it is "
     "lost. A successor that a collector opened by itself, to receive meanwhile, follows with all "
     "that it took in. Configuration and senders stay as they are. Prints the successor's vkey: "
     "give it to "
     "whoever shall verify. With --order: enters the order in which authorities confirm it.",
     "akashi-collector succeed --store /var/lib/akashi --log power-a",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL) | AK_FLAG_BIT(AK_FLAG_CHECKPOINT) |
         AK_FLAG_BIT(AK_FLAG_REASON) | AK_FLAG_BIT(AK_FLAG_ORDER),
     0, 0, ak_cmd_succeed},
    {"key", "show|rotate|revoke",
     "Print the public key (vkey) of a log again, begin its next epoch, or end it for good.",
     "show: the collector may be running; nothing is changed. rotate: the running epoch's key "
     "signs "
     "its last word and is erased, the next one goes on; whoever takes this machine later cannot "
     "alter what was before. The log key stays, so nobody needs another vkey. The collector may be "
     "running. revoke: the log ends with an entry that says so, and all its keys are erased: after "
     "a theft, or when it is closed. Only while no collector runs; it cannot be undone.",
     "akashi-collector key show --store /var/lib/akashi --log power-a",
     AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) | AK_FLAG_BIT(AK_FLAG_CONFIG) |
         AK_FLAG_BIT(AK_FLAG_CONTROL),
     1, 1, ak_cmd_key},
    {"renew", "", "Have the time stamps of a log stamped anew, by a second digest.",
     "Before their certificates or algorithms age (RFC 4998). The log is checked; its sealed "
     "segments, stamps and older renewals are listed with their SHA-512; each authority of the "
     "configuration, or that of --stamp, stamps the list; list and stamps are put beside the log. "
     "Nothing that is there is changed, so the collector may be running. Without a network: "
     "`akashi-verify renew`.",
     "akashi-collector renew --config /etc/akashi/akashi.conf --log power-a",
     AK_FLAG_BIT(AK_FLAG_CONFIG) | AK_FLAG_BIT(AK_FLAG_STORE) | AK_FLAG_BIT(AK_FLAG_LOG) |
         AK_FLAG_BIT(AK_FLAG_STAMP) | AK_FLAG_BIT(AK_FLAG_STAMP_CA),
     0, 0, ak_cmd_renew},
    {"witness", "", "Cosign the checkpoints of other logs, as C2SP tlog-witness says.",
     "With --init NAME: makes the state and the one key of a new witness, and prints its vkey. "
     "Without: cosigns checkpoints of the logs in the policy that go on from what it cosigned "
     "before, until SIGTERM or SIGINT. Prints `listening URL` for each listener (http:// or "
     "https://), with its real port, then `ready`, on standard output. Two histories of one log "
     "are kept in DIR/forks; then the exit status is 3.",
     "akashi-collector witness --state /var/lib/akashi-witness --listen http://192.0.2.7:8080 "
     "--policy /etc/akashi/witness.policy",
     AK_FLAG_BIT(AK_FLAG_STATE) | AK_FLAG_BIT(AK_FLAG_LISTEN) | AK_FLAG_BIT(AK_FLAG_POLICY) |
         AK_FLAG_BIT(AK_FLAG_INIT) | AK_FLAG_BIT(AK_FLAG_TLS_CERTIFICATE) |
         AK_FLAG_BIT(AK_FLAG_TLS_KEY),
     0, 0, ak_cmd_witness},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* A descriptor 0, 1 or 2 that is closed would be given to the first file that is opened, and what
 * is printed would land in evidence. */
static bool fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return false;
    }
    return true;
}

static void version_print(void)
{
    (void)printf("akashi-collector %s\nlibuv %s\n%s\nlibsodium %s\nzstd %s\n", AKASHI_VERSION,
                 uv_version_string(), OpenSSL_version(OPENSSL_VERSION), sodium_version_string(),
                 ZSTD_versionString());
}

static struct ak_cmdline line; /* 9 KiB that one process needs once */

/* The collector starts itself under these words; they are in no table because nobody else may. */
static bool is_signer_process(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], AK_KEY_PROCESS_WORD) == 0;
}

static bool is_successor_process(int argc, char **argv)
{
    return argc == AK_SUCCESSOR_PROCESS_WORDS && strcmp(argv[1], AK_SUCCESSOR_PROCESS_WORD) == 0;
}

static enum ak_code run(int argc, char **argv, struct ak_error *err)
{
    enum ak_code rc = ak_cmdline_parse(&line, argc, argv, err);

    if (rc != AK_OK)
        return rc;
    if (line.value[AK_FLAG_VERSION] != NULL) {
        version_print();
        return AK_OK;
    }
    if (line.value[AK_FLAG_HELP] != NULL) {
        ak_cmdline_help(stdout, line.command);
        return AK_OK;
    }
    return line.command->run(&line, err);
}

int main(int argc, char **argv)
{
    struct ak_error err = {0};
    enum ak_code rc;

    if (!fill_standard_descriptors())
        return STATUS_FAILED;
    if (is_successor_process(argc, argv))
        return ak_successor_process_run(argv);
    rc = is_signer_process(argc, argv) ? ak_signer_process_run(&err) : run(argc, argv, &err);
    if (rc == AK_OK && (fflush(stdout) != 0 || ferror(stdout)))
        rc = ak_fail_errno(&err, errno, "standard output could not be written");
    if (rc == AK_OK)
        return STATUS_DONE;
    ak_log_fault(AK_LOG_ERROR, &err);
    if (rc == AK_EINTEGRITY && line.command != NULL && line.command->run == ak_cmd_witness)
        return STATUS_FORK;
    return rc == AK_EUSAGE ? STATUS_USAGE : STATUS_FAILED;
}
