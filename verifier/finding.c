/* finding.c - the table of reason codes: docs/format.md section 13 in words that a reader of a
 * report can act on. `explain` prints it and docs/messages.md lists it. */
#include <akashi/finding.h>

#include <assert.h>
#include <string.h>
#include <strings.h>

static const struct ak_finding_info table[AK_FINDING_CODES] = {
    {AK_FINDING_ALTERED, AK_INVALID, false, "ALTERED",
     "bytes differ from what was signed, or from what their own digest says",
     "Entries, payloads, a digest or a header are not what the collector wrote. Where the finding "
     "names indices, those entries are not proven, unless it says so; everything outside of them "
     "is "
     "judged by itself.",
     "It does not say who or what changed the bytes, nor why: a failing disk, a broken copy and a "
     "deliberate change look alike.",
     "A bad disk or memory, an interrupted copy, an editor or tool that wrote into the file, or "
     "somebody who changed it.",
     "Keep this copy as it is and make another one from the collection point or a backup. Check "
     "that one too: if it is VALID, the damage came later."},
    {AK_FINDING_FORKED, AK_INVALID, false, "FORKED",
     "two validly signed statements about this log contradict each other",
     "The holder of the key has signed two histories. One of them is not what was logged, and the "
     "two checkpoints together are proof of that against the holder of the key.",
     "It does not say which of the two histories is true.",
     "A store was set back to an old backup and went on writing with the same key, a machine was "
     "cloned while it ran, or somebody who holds the key made a second history.",
     "Keep both checkpoints and both stores. Find out which machine signed which. Begin a new log "
     "with a new key."},
    {AK_FINDING_ROLLED_BACK, AK_INVALID, false, "ROLLED_BACK",
     "the log is smaller than the checkpoint that you kept",
     "Entries that existed when that checkpoint was signed are not in this store.",
     "It does not say that the entries which are here are wrong: they are judged by themselves.",
     "The store is an old copy or backup, its end was cut off, or the copying is not finished.",
     "Look for a newer copy. The sizes in the finding say how many entries are missing at the "
     "end."},
    {AK_FINDING_MALFORMED, AK_INVALID, false, "MALFORMED",
     "bytes break a rule of the format about encoding, grammar or place",
     "What stands there was not written by a collector as docs/format.md demands. Entries are "
     "proven or not by signed roots, whatever this finding says.",
     "It does not say that records differ, unless another finding names them.",
     "Damage to the file, bytes put in or taken out, or a program that writes the format wrongly.",
     "Compare with another copy. If a collector wrote this by itself, report it as a fault."},
    {AK_FINDING_NUMBERING, AK_INVALID, false, "NUMBERING",
     "signed entries are not numbered as the format demands",
     "The holder of the key has signed entries with a hole or a repeat in a source's numbers, an "
     "undeclared source, a time that runs backwards, or a false table of positions. Statements "
     "that all entries of a source are there cannot rest on this log.",
     "It does not say that the bytes changed after they were signed: they did not.",
     "A faulty or dishonest collector.", "Ask the operator of the collection point. Report it."},
    {AK_FINDING_EPOCH, AK_INVALID, false, "EPOCH",
     "an epoch does not begin as it must, or entries are not under the key of their own epoch",
     "The entry that begins an epoch is not valid, or an epoch was skipped, so no checkpoint of "
     "that epoch proves anything; or only a later key vouches for the entries named, and it proves "
     "nothing about them.",
     "It does not say that the log key was stolen, but whoever stole it would leave this.",
     "Damage to the entry that begins an epoch, or a log made up or signed anew by somebody who "
     "has the log key, or came after the epoch ended.",
     "Compare the origin and key with what the operator published, and check another copy."},
    {AK_FINDING_UNTRUSTED_KEY, AK_NOT_CHECKABLE, false, "UNTRUSTED_KEY",
     "no checkpoint of this log is signed by a key that you gave",
     "Nothing is proven. The log may be good; without its key nobody can tell.",
     "It is no sign of a change.",
     "No --key was given, the key is that of another log, or somebody signed everything anew with "
     "a key of his own.",
     "Get the key of this log from its operator by a way that you trust, not from beside the "
     "evidence, and give it with --key."},
    {AK_FINDING_UNSUPPORTED, AK_NOT_CHECKABLE, false, "UNSUPPORTED",
     "a newer version or an option that this program does not know",
     "The evidence says of itself that it needs a newer program. This one does not judge it.",
     "It is no sign of a change, but a changed version number looks the same.",
     "A newer collector, or a bit that flipped in a version, flag or form.",
     "Use a newer akashi-verify. If there is none, treat it as damage and look for another copy."},
    {AK_FINDING_LIMIT, AK_NOT_CHECKABLE, false, "LIMIT",
     "something is larger than the format or this program allows",
     "Reading stopped there, so that hostile evidence cannot exhaust this machine.",
     "It is no sign of a change by itself.",
     "Evidence made to attack programs that read it, or more files than one log should have.",
     "Check smaller parts by themselves. Report it if a collector made this."},
    {AK_FINDING_IO_ERROR, AK_NOT_CHECKABLE, false, "IO_ERROR",
     "a file could not be read, or is no regular file",
     "What stands there was not judged. Links, devices and pipes are never opened.",
     "It does not say that the content is wrong.",
     "A bad medium, missing rights, a file that changed or went away during the check, or a link.",
     "The finding names the file and the reason. Copy the store to a good disk and check again; "
     "replace links by the files."},
    {AK_FINDING_VIEWER_DIFFERS, AK_NOT_CHECKABLE, false, "VIEWER_DIFFERS",
     "bytes of a page outside of its data are not the viewer of this release",
     "The data of the page were taken out and judged by themselves; that judgement holds. What the "
     "page shows when it is opened is what its own script makes of it, and this script is not the "
     "one that this release writes.",
     "It does not say that the records are wrong, nor that somebody means ill: the viewer of "
     "another "
     "release differs too.",
     "A page that another release made, an editor or mail program that changed the file, or a page "
     "that was forged to show what is not so.",
     "Do not go by what the page shows. Take this program's word for the data, or compare the "
     "digest "
     "of the viewer with the one that `akashi-verify --version` of the release that made the page "
     "prints."},
    {AK_FINDING_SUCCESSION_FALSE, AK_INVALID, false, "SUCCESSION_FALSE",
     "a successor says of the log before it what is not so",
     "The log goes on from another one, and its first event names that log's size, root, key or "
     "newest checkpoints. The old log, its key, or a checkpoint that you kept says otherwise.",
     "It does not say that the records of either log differ: each is judged by itself.",
     "A loss that was understated, an old machine that was started again and wrote on, or a "
     "successor that somebody else made up.",
     "Keep both logs and the checkpoint. Ask the operator where the old log ended, and who closed "
     "it."},
    {AK_FINDING_MISSING, AK_INCOMPLETE, false, "MISSING",
     "entries or files of this log are not here",
     "The log once held them: later headers, checkpoints or manifests say so. What is here is "
     "judged by itself.",
     "It does not say that what is missing was removed on purpose.",
     "An unfinished copy, a lost disk, a removed file.",
     "The finding names the indices or the file. Copy them from the collection point or a backup."},
    {AK_FINDING_ERASED_UNAUTHORISED, AK_INCOMPLETE, false, "ERASED_UNAUTHORISED",
     "payloads are not there, by an order that no authority you accept stands behind",
     "The entries (time, source, number, commitment) are proven; what they said is gone, and "
     "the log says that it was ordered. The order is the collector's own word, or keys have "
     "signed it that you did not give with --authority, or too few.",
     "It does not say that the order is false or that somebody was not allowed to give it: "
     "that cannot be seen without the authority's keys.",
     "The authority's keys were not given to this check, the collector erased without an order "
     "of an authority, or somebody who holds its keys hid a deletion behind an order.",
     "Get the authority keys from the authority, not from beside the evidence, and check again "
     "with --authority. `akashi-verify cat --kind order` shows the orders, `akashi-verify "
     "order show` what one says and who signed it."},
    {AK_FINDING_TAIL_UNSIGNED, AK_INCOMPLETE, false, "TAIL_UNSIGNED",
     "entries or bytes at the end are under no checkpoint",
     "They are shown but vouched for by nobody. Everything before them is judged as usual.",
     "It is no sign of a change: a crash leaves this, and so does a cut.",
     "The collector or its machine stopped within the last 10 ms before its end, the copy was "
     "taken while it wrote, it receives while its keys are away or a successor waits, or the end "
     "was cut.",
     "If the collector still has this log, start it: it signs or records the tail, or says why "
     "not. "
     "Then copy again. A checkpoint kept from before (--checkpoint) tells a crash from a cut."},
    {AK_FINDING_STALE, AK_INCOMPLETE, false, "STALE",
     "the newest proven entry is older than you asked for",
     "Nothing here shows that the log lived at the time that you named.",
     "It does not say that anything was removed.",
     "The collector stopped, this is an old copy, or the newest entries were cut off.",
     "Ask for a newer copy, or find out when and why the collector stopped."},
    {AK_FINDING_EMPTY, AK_INCOMPLETE, false, "EMPTY", "there is no proven entry",
     "Nothing can be said about any record.", "It is no sign of a change.",
     "A log that was just made, a wrong directory, or all segments are gone.",
     "Look whether this is the right place and the copy is complete."},
    {AK_FINDING_QUORUM, AK_INCOMPLETE, false, "QUORUM",
     "the witnesses that the policy demands have not signed what proves these entries",
     "The entries named are proven by the log's own keys only. Who holds these could have made "
     "them at any time, and could show others another history.",
     "It does not say that anything was changed, nor that the witnesses refused.",
     "The witnesses had not been asked yet or could not be reached, the cosigned checkpoint was "
     "not copied with the store, or the policy names other witnesses than the collector asks.",
     "Ask the operator for a cosigned checkpoint of this size or a larger one, and give it with "
     "--checkpoint. Compare the policy with the operator's."},
    {AK_FINDING_SUCCESSION_UNCONFIRMED, AK_INCOMPLETE, false, "SUCCESSION_UNCONFIRMED",
     "a log says that it goes on from another one, and only its operator says so",
     "The old log was closed, and this one opened in its place. The finding names both, where the "
     "old one ended, and which of its entries are known to be lost.",
     "It does not say that more is lost than it names, nor that anything here is wrong.",
     "A restore from a backup, a lost or stolen key, or new hardware without the key; or a "
     "stranger's log that claims a place that is not its own.",
     "Ask the authorities to confirm it: `akashi-verify order succeed` makes the order, "
     "`akashi-collector succeed --order` enters it, and --authority names whose orders you "
     "accept."},
    {AK_FINDING_TAIL_IN_FLIGHT, AK_VALID, true, "TAIL_IN_FLIGHT",
     "the log is being written; its newest entries were signed while this program looked",
     "The check covers what had been signed when the end was read.", "It is nothing bad.",
     "A running collector.", "Nothing. Check again to cover newer entries."},
    {AK_FINDING_FILE_DIFFERS, AK_VALID, true, "FILE_DIFFERS",
     "a segment file is not the one that its manifest names, but its records are proven",
     "The file was written anew with other compression or other blocks. The records in it are "
     "the signed ones.",
     "It does not say that a record changed.",
     "Somebody re-compressed the file or copied it with a program that understands the format.",
     "Nothing for the records. Ask who did it if only the collector should write there."},
    {AK_FINDING_NAME_DIFFERS, AK_VALID, true, "NAME_DIFFERS",
     "a file's name does not fit what its header says",
     "Names mean nothing: the header decides where a segment belongs.", "It is nothing bad.",
     "Somebody renamed or swapped files.", "Nothing, or rename it as the finding says."},
    {AK_FINDING_UNKNOWN_FILE, AK_VALID, true, "UNKNOWN_FILE",
     "a file that does not belong to the log", "It was not judged and does not count as evidence.",
     "It is nothing bad.", "Something left by a person, a backup program or a file system.",
     "Remove it from the copy."},
    {AK_FINDING_DUPLICATE_FILE, AK_VALID, true, "DUPLICATE_FILE",
     "a segment is here more than once, with the same entries",
     "Both files were read and do not contradict each other.", "It is nothing bad.",
     "A collector that was stopped between sealing a segment and removing the open one, or a copy "
     "laid beside its original.",
     "Nothing."},
    {AK_FINDING_NO_MANIFEST, AK_VALID, true, "NO_MANIFEST",
     "the log has no entry yet that names this sealed file's digest",
     "The records are proven all the same; only the file as such is not.", "It is nothing bad.",
     "The collector was stopped right after sealing.", "Nothing."},
    {AK_FINDING_UNKNOWN_SIGNATURE, AK_VALID, true, "UNKNOWN_SIGNATURE",
     "checkpoints carry signatures of keys that were not given",
     "They were ignored; the known signatures are what the verdict rests on.",
     "It does not say that they are wrong.", "Witnesses that cosign the log.",
     "Nothing, or give the witnesses' keys to a program that judges them."},
    {AK_FINDING_UNKNOWN_KIND, AK_VALID, true, "UNKNOWN_KIND",
     "entries of a kind that this program does not know",
     "They are counted and proven like others; what they say is not understood here.",
     "They change the meaning of nothing else.", "A newer collector.",
     "Use a newer akashi-verify to have them shown."},
    {AK_FINDING_UNKNOWN_FLAG, AK_VALID, true, "UNKNOWN_FLAG",
     "a header has a compatible flag that this program does not know",
     "Reading goes on; the flag changes nothing for older programs.", "It is nothing bad.",
     "A newer collector.", "Use a newer akashi-verify to see what it says."},
    {AK_FINDING_CLOCK_STEP, AK_VALID, true, "CLOCK_STEP",
     "the collector's clock was set back by more than 100 ms",
     "Times before and behind it belong to different runs of the clock; the order of entries is "
     "that of their indices and is proven.",
     "It does not say that entries were moved.",
     "A time server corrected the clock, or somebody set it.",
     "Do not compare times across the step without the collector's own events about it."},
    {AK_FINDING_FUTURE, AK_VALID, true, "FUTURE",
     "entries carry a time that lies ahead of this machine's clock",
     "One of the two clocks is wrong. Time decides no question of integrity.",
     "It does not say that entries are false.",
     "The collector's clock ran ahead, or this machine's is behind.",
     "Compare this machine's clock with a good one."},
    {AK_FINDING_EPOCH_NOT_CHECKED, AK_VALID, true, "EPOCH_NOT_CHECKED",
     "a checkpoint was judged alone, without the log's key of the epoch",
     "The log key's signature is good. Whether the key of the epoch signed too can only be seen "
     "together with the log.",
     "It is no sign of a fault.", "A checkpoint without its log.",
     "Check it together with the store: akashi-verify check STORE --key KEY --checkpoint FILE."},
    {AK_FINDING_EXERCISE, AK_VALID, true, "EXERCISE",
     "the log belongs to an exercise: its origin begins with exercise.",
     "EXERCISE / 訓練: what it holds was made for training.", "It is no real incident.",
     "A training environment.", "Do not use it as evidence of real events."},
    {AK_FINDING_ERASED, AK_VALID, true, "ERASED",
     "payloads are not there, because an order of an authority that you accept took them out",
     "The entries (time, source, number, commitment) are proven; what they said is not here "
     "any more. An order in the log names them, and enough of the authority keys that you gave "
     "have signed it.",
     "It does not say that the words are gone everywhere: copies, backups and bundles that "
     "were handed out keep them.",
     "Erasure by order, or retention.",
     "Nothing. `akashi-verify cat --kind order` shows the order, its case and its reason."},
    {AK_FINDING_ORDER_NOT_VALID, AK_VALID, true, "ORDER_NOT_VALID",
     "an order stands in the log that counts for nothing",
     "The log's authority keys have not signed it, or too few of them, or it is used a second "
     "time, is for another log, or would erase what is held. Nothing may be erased, held, "
     "released or changed by it; what was erased by it all the same is ERASED_UNAUTHORISED.",
     "It says nothing about the records.",
     "The collector's own assertion, an old order put in again, or an order that was carried "
     "out without the collector's checks.",
     "Ask the operator how it came into the log; compare it with what the authority has given "
     "out."},
    {AK_FINDING_NOT_ERASED, AK_VALID, true, "NOT_ERASED",
     "an order of the log erases payloads that are still here",
     "The order stands in the log and is valid, but the payloads are in the file that counts, "
     "or in an older file of the same segment.",
     "It does not touch what is proven: the records are as they were signed.",
     "The erasure is under way or was interrupted, this copy is older than the erasure, or a "
     "damaged segment kept it from being carried out.",
     "If this is the collector's own store, start the collector: it goes on with the erasure. "
     "If it is a copy, replace it by a newer one, or erase it."},
    {AK_FINDING_STAMP_NOT_CHECKED, AK_VALID, true, "STAMP_NOT_CHECKED",
     "time stamps lie beside the log and were not judged",
     "Nothing is said about when the entries existed: the stamps count only when the "
     "certificates of their authorities are given from outside.",
     "It does not say that anything is wrong with them.",
     "No --tsa-ca was given, the note or list that a stamp is over was not copied with it, or a "
     "renewal has no good stamp yet.",
     "Get the certificate of the time-stamping authority from the authority itself and give it "
     "with --tsa-ca FILE."},
    {AK_FINDING_STAMP_NOT_TRUSTED, AK_VALID, true, "STAMP_NOT_TRUSTED",
     "time stamps whose signer no certificate that you gave vouches for",
     "They count for nothing: no time is stated by them. The records are judged as without them.",
     "It does not say that they are false.",
     "Another authority than the one given with --tsa-ca, a certificate that was not valid at the "
     "time of the stamp or is not for time stamps alone, or a stamp that somebody made himself.",
     "Compare the name of the signer with the authorities that the operator uses, and give their "
     "certificates, root and any between, with --tsa-ca FILE."},
    {AK_FINDING_SUCCESSION, AK_VALID, true, "SUCCESSION",
     "a log goes on from another one, as an authority that you accept has confirmed",
     "The old log was closed and this one took its place. The finding names where the old one "
     "ended, and which of its entries are lost, or are here after all.",
     "It does not bring back what is lost.",
     "A restore from a backup, a lost or stolen key, or new hardware without the key.",
     "Check the old log, too: its key is another one. If entries are lost, look for a newer copy "
     "of it."},
    {AK_FINDING_README_DIFFERS, AK_VALID, true, "README_DIFFERS",
     "README.txt of a bundle is not the text that this release writes for it",
     "README.txt holds a recipe to be typed, and nobody has signed it. It was written again from "
     "bundle.json, checkpoint and the kind of what is shown, and is not that text, or these could "
     "not be read. What its recipe says of the bundle counts for nothing, and it may do harm.",
     "It does not say that the records are wrong: nothing of the judgement rests on README.txt. "
     "Another release may write another text.",
     "A bundle that another release made, a tool that changed line ends, bundle.json that was "
     "changed, or somebody who put a recipe there that says OK of anything.",
     "Do not type its recipe. Get the release that made the bundle from where you got this one, "
     "and let it compare; or type the recipe of a bundle that you exported yourself."},
};

const struct ak_finding_info *ak_finding_info(enum ak_finding_code code)
{
    assert((unsigned)code < AK_FINDING_CODES);
    assert(table[code].code == code);
    return &table[code];
}

const struct ak_finding_info *ak_finding_find(const char *name)
{
    for (unsigned i = 0; i < AK_FINDING_CODES; i++) {
        if (strcasecmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

const char *ak_verdict_name(enum ak_verdict verdict)
{
    switch (verdict) {
    case AK_VALID:
        return "VALID";
    case AK_INCOMPLETE:
        return "INCOMPLETE";
    case AK_NOT_CHECKABLE:
        return "NOT CHECKABLE";
    case AK_INVALID:
        return "INVALID";
    }
    return "?";
}

int ak_verdict_exit(enum ak_verdict verdict)
{
    switch (verdict) {
    case AK_VALID:
        return 0;
    case AK_INCOMPLETE:
        return 3;
    case AK_NOT_CHECKABLE:
        return 2;
    case AK_INVALID:
        return 1;
    }
    return 2;
}
