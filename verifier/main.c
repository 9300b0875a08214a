/* main.c - akashi-verify: reads a store, a segment or a checkpoint, and judges it.
 *
 * Happy path: the command line is parsed by options.c, the command runs, its exit status is that of
 * the verdict. Whatever fails on the way is told on standard error in one line, escaped, and is
 * exit status 2. Locale and environment are never read. */
#include "commands.h"
#include "options.h"
#include "output.h"
#include "self.h"
#include "show.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_FAILED 2

#define CHECK_OPTIONS                                                                              \
    (AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |                              \
     AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |                        \
     AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_SAVE_CHECKPOINT) |              \
     AK_OPTION_BIT(AK_OPTION_MAX_AGE) | AK_OPTION_BIT(AK_OPTION_UNTIL) |                           \
     AK_OPTION_BIT(AK_OPTION_LOG) | AK_OPTION_BIT(AK_OPTION_JOBS) |                                \
     AK_OPTION_BIT(AK_OPTION_JSON) | AK_OPTION_BIT(AK_OPTION_QUIET))

const struct ak_command ak_commands[] = {
    {"check", "PATH...",
     "Judges stores, logs' directories, segments and checkpoints; tells by their content what they "
     "are.",
     "A bundle, or a page that carries one, is judged as `bundle` does; it is then the only thing. "
     "Every byte of every segment is read. Each finding is named with its place, what it means and "
     "what to do; `akashi-verify explain CODE` says more. The last line is the result. A log whose "
     "key is not given is NOT CHECKABLE and counts, unless --log leaves it out.",
     "akashi-verify check /srv/akashi --key agency.vkey --checkpoint kept --save-checkpoint kept",
     CHECK_OPTIONS, 1, SIZE_MAX, ak_cmd_check},
    {"store", "DIR...", "Judges stores or logs' directories, and refuses anything else.", "",
     "akashi-verify store /srv/akashi --key agency.vkey", CHECK_OPTIONS, 1, SIZE_MAX, ak_cmd_check},
    {"segment", "FILE...", "Judges single segment files, and refuses anything else.",
     "What a segment cannot show alone, as what stood before it, is not judged.",
     "akashi-verify segment 00000000000000000000.0.zst --key agency.vkey", CHECK_OPTIONS, 1,
     SIZE_MAX, ak_cmd_check},
    {"checkpoint", "FILE...", "Judges single signed checkpoints, and refuses anything else.",
     "Only the log key's signature can be judged without the log.",
     "akashi-verify checkpoint kept --key agency.vkey", CHECK_OPTIONS, 1, SIZE_MAX, ak_cmd_check},
    {"cat", "PATH", "Prints the records of one log, escaped so that a terminal shows them safely.",
     "Each line has the index, the time of reception in UTC, the source and the text. With --key "
     "the log is checked first, and what is not proven is marked. Without it nothing is said about "
     "whether the records are as they were signed. What cannot be read is told on standard error, "
     "and the exit status is then 3.",
     "akashi-verify cat /srv/akashi --log power-a --from -1d --source 'fw*'",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_LOG) | AK_OPTION_BIT(AK_OPTION_JOBS) |
         AK_OPTION_BIT(AK_OPTION_FROM) | AK_OPTION_BIT(AK_OPTION_TO) |
         AK_OPTION_BIT(AK_OPTION_SOURCE) | AK_OPTION_BIT(AK_OPTION_INDEX) |
         AK_OPTION_BIT(AK_OPTION_KIND) | AK_OPTION_BIT(AK_OPTION_RAW) |
         AK_OPTION_BIT(AK_OPTION_JSONL) | AK_OPTION_BIT(AK_OPTION_FIELDS) |
         AK_OPTION_BIT(AK_OPTION_OUTPUT) | AK_OPTION_BIT(AK_OPTION_FORCE) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_cat},
    {"search", "PATH... PATTERN",
     "Finds records by an expression or by fixed strings, and says what the answer rests on.",
     "PATTERN is a regular expression without backreferences and without looking around; its time "
     "does not depend on what it is. With -f there is no PATTERN. Records and fragments are "
     "searched, each by itself; ^ and $ match at each line of it. Each record found is shown with "
     "its log, index, time of reception in UTC and source, and comes from a block that was checked "
     "against the signed tree, or is marked NOT-PROVEN. That there are no more rests on this: each "
     "block that was searched was checked too, or lies in a sealed file with the digest that a "
     "proven entry of the log names. Of blocks whose columns, checked like that, show that nothing "
     "in them is asked for by --from, --to, --source or --index the text is not read. Records that "
     "are asked for and were erased leave the answer INCOMPLETE unless an order of --authority "
     "took them out. The last line says how many records were searched. VALID with 0 found is an "
     "answer: exit status 0.",
     "akashi-verify search /srv/akashi 'Failed password for (root|admin)' --from -7d --key "
     "agency.vkey",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_AUTHORITY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_FROM) |
         AK_OPTION_BIT(AK_OPTION_TO) | AK_OPTION_BIT(AK_OPTION_SOURCE) |
         AK_OPTION_BIT(AK_OPTION_INDEX) | AK_OPTION_BIT(AK_OPTION_FILE) |
         AK_OPTION_BIT(AK_OPTION_FIXED) | AK_OPTION_BIT(AK_OPTION_IGNORE_CASE) |
         AK_OPTION_BIT(AK_OPTION_INVERT) | AK_OPTION_BIT(AK_OPTION_COUNT_ONLY) |
         AK_OPTION_BIT(AK_OPTION_ENCODING) | AK_OPTION_BIT(AK_OPTION_CONTEXT) |
         AK_OPTION_BIT(AK_OPTION_SORT) | AK_OPTION_BIT(AK_OPTION_FULL) |
         AK_OPTION_BIT(AK_OPTION_FIELDS) | AK_OPTION_BIT(AK_OPTION_TMP) |
         AK_OPTION_BIT(AK_OPTION_JSONL) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, SIZE_MAX, ak_cmd_search},
    {"info", "PATH", "Shows what is there at a glance: origin, sizes, times, segments, gaps.",
     "Who has cosigned the newest checkpoint is named; with --policy it is said of each whether "
     "his "
     "line is valid. Nothing else of it is proven: `check` does that.",
     "akashi-verify info /srv/akashi",
     AK_OPTION_BIT(AK_OPTION_POLICY) | AK_OPTION_BIT(AK_OPTION_LOG) | AK_OPTION_BIT(AK_OPTION_JSON),
     1, 1, ak_cmd_info},
    {"sources", "PATH",
     "Lists every source: first and last entry, count, silence, and how its identity is known.",
     "Silence counts from a source's last record to the newest entry of the log. With --counts the "
     "numbers that senders write are followed, too: what they counted and what never came. Without "
     "--key nothing of it is proven; with it the log is checked first, only proven records are "
     "counted for --counts, and the exit status is that of the check.",
     "akashi-verify sources /srv/akashi --log power-a --counts --key agency.vkey",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_AUTHORITY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_COUNTS) |
         AK_OPTION_BIT(AK_OPTION_ALL) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_sources},
    {"prove", "PATH", "Writes the proof of one entry: standard tlog-proof@v1, no neighbour shown.",
     "Reads one block and the hashes above it, however large the store is, and gives nothing that "
     "was not compared with the signed root. Beside the proof its start note is written, which "
     "shows that the origin pins the key that signed; hand over both, and the record. Where the "
     "log was time-stamped, the proof leads to the smallest stamped checkpoint of the entry's "
     "epoch, and the stamps are written beside it too (FILE.stamped, FILE.0.tsr and so on).",
     "akashi-verify prove /srv/akashi --log power-a --index 1204331 --key agency.vkey -o "
     "login.tlog-proof --record login.record",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_INDEX) | AK_OPTION_BIT(AK_OPTION_RECORD) |
         AK_OPTION_BIT(AK_OPTION_EPOCH) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_FORCE) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_prove},
    {"proof", "FILE", "Judges the proof of one entry, without the store it came from.",
     "Both signature lines, the way from the entry to the signed root, and the record's bytes are "
     "checked. It is said what that shows and what it does not. A key of the epoch's own, given "
     "with --key, takes the place of the start note. Time stamps beside the proof (FILE.stamped, "
     "FILE.0.tsr and so on) say by when the entry existed, by the certificates of --tsa-ca.",
     "akashi-verify proof login.tlog-proof --key agency.vkey --record login.record",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_RECORD) |
         AK_OPTION_BIT(AK_OPTION_ENTRY) | AK_OPTION_BIT(AK_OPTION_EPOCH) |
         AK_OPTION_BIT(AK_OPTION_JSON) | AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_proof},
    {"history", "OLD [NEW]",
     "Says whether two checkpoints of a log tell one history, or are a fork.",
     "Of one size their roots decide. Of two sizes the log's own hashes do: give a store that "
     "holds "
     "its entries. A contradiction is FORKED: proof against the holder of the key; -o keeps both "
     "checkpoints with what shows it. Given such a kept proof alone, it is judged.",
     "akashi-verify history kept newest --store /srv/akashi --key agency.vkey -o fork",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_EPOCH) | AK_OPTION_BIT(AK_OPTION_STORE) |
         AK_OPTION_BIT(AK_OPTION_OUTPUT) | AK_OPTION_BIT(AK_OPTION_FORCE) |
         AK_OPTION_BIT(AK_OPTION_JSON) | AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 2, ak_cmd_history},
    {"if-stolen", "PATH",
     "Says what stays proven if everything on the collector's machine was copied at some moment.",
     "Whoever has such a copy can sign in the log's name from the running epoch on. Which entries "
     "stand in spite of it: those that a quorum of witnesses (--policy) had cosigned, or an "
     "authority (--tsa-ca) had stamped, before; and, if erasure worked, those of earlier epochs, "
     "whose keys were gone. The others are exposed. With --size the reader compares the times "
     "named with what he knows of the copy. Exit status 0: all stand by others; 3: some do not.",
     "akashi-verify if-stolen /srv/akashi --at 2026-11-24T05:17:27Z --policy agency.policy",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_AT) |
         AK_OPTION_BIT(AK_OPTION_SIZE) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_if_stolen},
    {"renew", "PATH|LIST", "Renews old time stamps of a log by a second digest and a new stamp.",
     "The log is checked; then its sealed segments, stamped notes, stamps and older renewals are "
     "listed with their SHA-512 in DIR/SIZE.renewal, and FILE is the request for a stamp over that "
     "list. Any authority answers it, as by curl or on a stick: nothing is sent here. With --reply "
     "the answer over LIST is judged by --tsa-ca, and kept with the list in DIR: the log's "
     "directory, where `check` finds it. To be done before algorithms or certificates of the old "
     "stamps age (RFC 4998). Nothing is overwritten.",
     "akashi-verify renew /srv/akashi --log power-a --key agency.vkey --request power-a.tsq -o .",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_REQUEST) |
         AK_OPTION_BIT(AK_OPTION_REPLY) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_renew},
    {"compare", "PATH FILE...", "Holds an agency's own log files against a log, line by line.",
     "Each line is held unchanged (with its index), with another header or line end (RFC 3164 or "
     "5424 headers that relays put on or take off; the message is equal), or not; what is held "
     "once "
     "more is listed, and what is held but not in the files, from the first to the last record "
     "that "
     "they hold. A line takes one record, so a line that occurs twice must be held twice. Only "
     "records that the check proves count. Any size: beside the check it takes at most 128 MiB of "
     "memory, and temporary files. Exit status 0: all are held; 3: some are not.",
     "akashi-verify compare /srv/akashi fw1.log.1 fw1.log --log power-a --source fw1 --key "
     "agency.vkey",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_AUTHORITY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_SOURCE) |
         AK_OPTION_BIT(AK_OPTION_TMP) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_JSONL) | AK_OPTION_BIT(AK_OPTION_QUIET),
     2, SIZE_MAX, ak_cmd_compare},
    {"report", "[PATH]",
     "Writes the judgement of a store, or a bundle, as one HTML page, for people who look rather "
     "than "
     "read.",
     "The page needs no network and fetches nothing. Of a store it runs no script: verdict first; "
     "what "
     "was examined, by which program, under which keys; when how much came from whom, with gaps, "
     "losses and damage; findings, events, orders, sources; how it was checked. It shows a result "
     "and "
     "proves nothing by itself. With --period it is the one page that management reads: sources "
     "that "
     "sent, coverage, losses by side, orders, keys, last full check. The verdict is of the whole "
     "log "
     "whatever stretch of time is shown. Of a bundle the page carries the data and checks them in "
     "the "
     "browser, and asks its reader for the key; since a file cannot vouch for itself, `check` "
     "takes "
     "the data out, judges them, and says whether every other byte is the viewer of this release.",
     "akashi-verify report /srv/akashi --log power-a --key agency.vkey -o power-a.html",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_JOBS) | AK_OPTION_BIT(AK_OPTION_FROM) |
         AK_OPTION_BIT(AK_OPTION_TO) | AK_OPTION_BIT(AK_OPTION_PERIOD) |
         AK_OPTION_BIT(AK_OPTION_VIEWER) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_FORCE) | AK_OPTION_BIT(AK_OPTION_QUIET),
     0, 1, ak_cmd_report},
    {"sample", "PATH",
     "Draws records that anyone can draw again, proves each, and says what that allows to say.",
     "How many is the hypergeometric distribution's answer to --confidence and --tolerable; which "
     "ones follows from origin, head, range and nonce (docs/format.md 16). An auditor who had the "
     "SHA-256 of his nonce entered in the log before (`akashi-collector audit`) could not choose "
     "them, nor could the collector; without that the first line says so. The log is read once for "
     "commitments; then each record costs a block and some hashes. What was erased deviates; by an "
     "order of --authority it leaves the verdict of the evidence as it is. Ends in a page to sign, "
     "in English and Japanese.",
     "akashi-verify sample /srv/akashi --log power-a --confidence 95 --tolerable 1% --seed "
     "00112233445566778899aabbccddeeff --key agency.vkey",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_AUTHORITY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_SEED) |
         AK_OPTION_BIT(AK_OPTION_BEACON) | AK_OPTION_BIT(AK_OPTION_CONFIDENCE) |
         AK_OPTION_BIT(AK_OPTION_TOLERABLE) | AK_OPTION_BIT(AK_OPTION_INDEX) |
         AK_OPTION_BIT(AK_OPTION_FROM) | AK_OPTION_BIT(AK_OPTION_TO) |
         AK_OPTION_BIT(AK_OPTION_SOURCE) | AK_OPTION_BIT(AK_OPTION_POPULATION) |
         AK_OPTION_BIT(AK_OPTION_TMP) | AK_OPTION_BIT(AK_OPTION_JOBS) |
         AK_OPTION_BIT(AK_OPTION_REQUESTS) | AK_OPTION_BIT(AK_OPTION_ANSWERS) |
         AK_OPTION_BIT(AK_OPTION_HEAD) | AK_OPTION_BIT(AK_OPTION_WORKSHEET) |
         AK_OPTION_BIT(AK_OPTION_FINDINGS) | AK_OPTION_BIT(AK_OPTION_PREVIOUS) |
         AK_OPTION_BIT(AK_OPTION_HTML) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_FORCE) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_sample},
    {"export", "PATH", "Hands over a part of a log as a bundle that proves itself.",
     "What is asked for goes into a new directory, or, if the name ends in .tar, into one file, "
     "with "
     "what proves it: hashes of all that is not shown, start notes of epochs, declarations of the "
     "sources. Nothing is handed over that was not compared with the signed root; a bundle that "
     "would not stand by itself is not made.",
     "akashi-verify export /srv/akashi --log power-a --index 1204300-1204331 --key agency.vkey -o "
     "exhibit-7 --case 2026-114 --exhibit 7 --by 'M. Sato' --reason 'login from abroad'",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_AUTHORITY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_INDEX) | AK_OPTION_BIT(AK_OPTION_FROM) |
         AK_OPTION_BIT(AK_OPTION_TO) | AK_OPTION_BIT(AK_OPTION_SOURCE) |
         AK_OPTION_BIT(AK_OPTION_MATCH) | AK_OPTION_BIT(AK_OPTION_IDENTITY) |
         AK_OPTION_BIT(AK_OPTION_EVENTS) | AK_OPTION_BIT(AK_OPTION_REDACT) |
         AK_OPTION_BIT(AK_OPTION_REDACT_REASON) | AK_OPTION_BIT(AK_OPTION_ALSO) |
         AK_OPTION_BIT(AK_OPTION_CASE) | AK_OPTION_BIT(AK_OPTION_EXHIBIT) |
         AK_OPTION_BIT(AK_OPTION_BY) | AK_OPTION_BIT(AK_OPTION_REASON) |
         AK_OPTION_BIT(AK_OPTION_SEVERITY) | AK_OPTION_BIT(AK_OPTION_TLP) |
         AK_OPTION_BIT(AK_OPTION_ON_BEHALF_OF) | AK_OPTION_BIT(AK_OPTION_MANDATE) |
         AK_OPTION_BIT(AK_OPTION_SIGN) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_FORCE) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_export},
    {"bundle", "BUNDLE", "Judges what was handed over, claim by claim, with nothing else at hand.",
     "Five claims: authentic, complete, redacted, time, custody; each with its verdict and its "
     "premise. The range that must be complete is the one given with --expect, else the one that "
     "its maker states, and the last line names it. A claim that nobody made is NOT CLAIMED and "
     "counts only with --require. A key inside a bundle is a hint and vouches for nothing.",
     "akashi-verify bundle exhibit-7 --key agency.vkey --expect index:1204300-1204331",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) |
         AK_OPTION_BIT(AK_OPTION_TSA_CA) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_EXPECT) | AK_OPTION_BIT(AK_OPTION_REQUIRE) |
         AK_OPTION_BIT(AK_OPTION_CUSTODY_KEY) | AK_OPTION_BIT(AK_OPTION_JSON) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_bundle},
    {"answer", "PATH", "Answers an auditor who holds a checkpoint and draws by `sample`.",
     "With --requests: each entry that he drew, with what proves it up to his checkpoint, and the "
     "declarations of the sources. With --audit: the entries that show where he committed to his "
     "nonce, and the head that follows; --save-checkpoint keeps the checkpoint they lead to.",
     "akashi-verify answer /srv/akashi --log power-a --requests requests --key agency.vkey -o "
     "answers",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_POLICY) | AK_OPTION_BIT(AK_OPTION_LOG) |
         AK_OPTION_BIT(AK_OPTION_CHECKPOINT) | AK_OPTION_BIT(AK_OPTION_SAVE_CHECKPOINT) |
         AK_OPTION_BIT(AK_OPTION_REQUESTS) | AK_OPTION_BIT(AK_OPTION_AUDIT) |
         AK_OPTION_BIT(AK_OPTION_OUTPUT) | AK_OPTION_BIT(AK_OPTION_FORCE) |
         AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_answer},
    {"custody", "BUNDLE", "Lists who had a bundle, when, where and why; with --by adds a record.",
     "Each record names the bundle by the digest of its SHA256SUMS and the record before it by its "
     "digest, so none can be changed, taken out or put between unnoticed; that a newest one was "
     "taken away is seen only by who knows its digest. Records are statements; a signature shows "
     "whose. They lie in the bundle's directory custody, beside an archive in FILE.custody.",
     "akashi-verify custody exhibit-7 --by 'M. Sato' --to 'K. Abe, court' --purpose hand-over "
     "--sign "
     "sato.key",
     AK_OPTION_BIT(AK_OPTION_BY) | AK_OPTION_BIT(AK_OPTION_TO) | AK_OPTION_BIT(AK_OPTION_PURPOSE) |
         AK_OPTION_BIT(AK_OPTION_PLACE) | AK_OPTION_BIT(AK_OPTION_AT) |
         AK_OPTION_BIT(AK_OPTION_CHANGES) | AK_OPTION_BIT(AK_OPTION_ANSWERABLE) |
         AK_OPTION_BIT(AK_OPTION_SIGN) | AK_OPTION_BIT(AK_OPTION_CUSTODY_KEY) |
         AK_OPTION_BIT(AK_OPTION_JSON) | AK_OPTION_BIT(AK_OPTION_QUIET),
     1, 1, ak_cmd_custody},
    {"order", "erase|hold|release|succeed | authority [N] | sign FILE | show FILE",
     "Makes, signs and shows orders of authorities: what of a log is to be erased or held, and "
     "that "
     "it goes on from another one.",
     "For the authority's own machine; no store is needed but for succeed. erase, hold, release: "
     "an order about "
     "the "
     "entries of --index (several with commas between) of the log whose key --key is. authority: "
     "the keys given with --authority shall count from then on, and N of them (2 without it) must "
     "sign; the first keys of a log are declared by its operator. succeed: confirms what the log "
     "whose key --key is says in its entry 1 of the log before it; --store is a copy of it. Read "
     "what is shown before you hand it over. --sign signs, -o writes the order. "
     "sign: adds another signature. show: says what an order says, and whose signatures are good "
     "by "
     "the keys given with --authority.",
     "akashi-verify order erase --index 1204331 --key agency.vkey --case 2026-17 --reason 'court "
     "order of 2026-11-20' --sign ito.key -o order.note",
     AK_OPTION_BIT(AK_OPTION_KEY) | AK_OPTION_BIT(AK_OPTION_AUTHORITY) |
         AK_OPTION_BIT(AK_OPTION_INDEX) | AK_OPTION_BIT(AK_OPTION_STORE) |
         AK_OPTION_BIT(AK_OPTION_CASE) | AK_OPTION_BIT(AK_OPTION_REASON) |
         AK_OPTION_BIT(AK_OPTION_SIGN) | AK_OPTION_BIT(AK_OPTION_OUTPUT) |
         AK_OPTION_BIT(AK_OPTION_FORCE),
     1, 2, ak_cmd_order},
    {"explain", "[CODE...]",
     "Says what a reason code means, what it does not mean, usual causes and what to do.",
     "Without a code it lists all.", "akashi-verify explain TAIL_UNSIGNED", 0, 0, SIZE_MAX,
     ak_cmd_explain},
    {"selftest", "",
     "Checks this program itself: known answers, a good store and twenty forged ones it carries.",
     "Prints a sheet for a case file. The stores are written to a private temporary directory, "
     "which is removed again.",
     "akashi-verify selftest", 0, 0, 0, ak_cmd_selftest},
    {"key", "show FILE... | new NAME",
     "Shows public keys (name, key ID, fingerprint, vkey), or makes a private key.",
     "show: FILE holds vkeys, one a line, or is a private key file, of which the public half is "
     "shown; a vkey itself is taken, too. new: makes a key with which a person signs custody "
     "records and orders (not a log's key: those are made by `akashi-collector init`). It is "
     "written to --output with mode 0600, is not encrypted and is never overwritten; the vkey that "
     "is printed is for those who check.",
     "akashi-verify key new agency.example/k.sato -o k.sato.key", AK_OPTION_BIT(AK_OPTION_OUTPUT),
     1, SIZE_MAX, ak_cmd_key},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL},
};

/* A descriptor 0, 1 or 2 that is closed would be given to the first file that is opened: evidence.
 * What stands in for standard output cannot be written to, so that the loss is noticed. */
static bool fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
            return false;
    }
    return true;
}

static void complain(const struct ak_error *err)
{
    fputs("akashi-verify: ", stderr);
    ak_show_text(stderr, err->text);
    fputc('\n', stderr);
}

static int run(int argc, char **argv, struct ak_error *err)
{
    struct ak_options options;
    int status = STATUS_FAILED;
    enum ak_code rc = ak_options_parse(&options, argc, argv, err);

    if (rc == AK_OK && ak_options_has(&options, AK_OPTION_VERSION)) {
        ak_self_print(stdout);
        status = 0;
    } else if (rc == AK_OK && ak_options_has(&options, AK_OPTION_HELP)) {
        ak_options_help(stdout, options.command);
        status = 0;
    } else if (rc == AK_OK) {
        rc = options.command->run(&options, &status, err);
    }
    ak_options_free(&options);
    if (rc == AK_OK)
        return status;
    complain(err);
    return STATUS_FAILED;
}

int main(int argc, char **argv)
{
    struct ak_error err = {0};
    int status;

    if (!fill_standard_descriptors())
        return STATUS_FAILED;
    /* libcrypto would read a configuration whose place the environment names. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    status = run(argc, argv, &err);
    if (ak_output_close(stdout, "standard output", &err) != AK_OK) {
        complain(&err);
        return STATUS_FAILED;
    }
    return status;
}
