/* bundle_readme.c - README.txt of a bundle: what it is, what it shows, and a recipe that checks it
 * with common tools alone.
 *
 * The recipe is text to be read and typed. No file of a bundle is a program, so that nobody runs
 * what came with the evidence. The text follows from other files of the bundle and from nothing
 * else (no clock, no host, no version of its own), so that whoever judges can write it again. */
#include "bundle_readme.h"

#include "when.h"

#include <akashi/escape.h>

#include <inttypes.h>
#include <string.h>

static const char intro[] =
    "EVIDENCE BUNDLE (Akashi, format of docs/format.md section 14)\n"
    "\n"
    "This directory holds a part of a log, and what proves it. Keep it as it is.\n"
    "\n"
    "HOW TO CHECK IT\n"
    "\n"
    "    akashi-verify bundle THIS-DIRECTORY --key KEY\n"
    "\n"
    "KEY is the log's public key. Get it from the agency that runs the log or from your own "
    "files,\n"
    "never from this bundle: whoever makes a false bundle puts a false key into it.\n"
    "\n";

static const char files[] =
    "WHAT IS IN IT\n"
    "\n"
    "    records.zst      the records, each followed by a line feed: zstd -dc records.zst\n"
    "    own.txt          entries of the log itself: who the sources are, what was lost, its "
    "state\n"
    "    entries          54 bytes for each entry shown: form, kind, clock run, time, source,\n"
    "                     number, commitment\n"
    "    openings         for each of them how its text is shown, or why it is not\n"
    "    proof            which entries are shown, and hashes of all others\n"
    "    positions        if there: how many entries each source has at some points\n"
    "    checkpoint       the log's size and root, signed\n"
    "    policy           if there: the witnesses that the maker trusts; a statement\n"
    "    bundle.json      who made this, why, and what was asked for: statements, not proven\n"
    "    SHA256SUMS       digests of the files; nobody has signed them\n"
    "    custody          who handed it to whom and why, each record naming the one before by "
    "its\n"
    "                     SHA-256; that a newest one was taken away cannot be seen from here\n"
    "    records.jsonl, records.csv, provenance.jsonld\n"
    "                     if there: copies for other programs\n"
    "\n"
    "HOW IT PROVES ITSELF\n"
    "\n"
    "1. Text to entry. An entry holds a commitment: SHA-256 of byte 02, a salt of 16 bytes and "
    "the\n"
    "   text. The salt is in openings. Where text and salt are withheld nobody can guess the "
    "text.\n"
    "2. Entries to root. All entries of the log are the leaves of one hash tree (RFC 6962): a "
    "leaf\n"
    "   is SHA-256 of byte 00 and the entry, a node SHA-256 of byte 01 and the two nodes below "
    "it.\n"
    "   proof says in order which entries are shown (show N) and which are not (skip N); for "
    "these\n"
    "   it gives the hashes of the largest whole nodes that cover them. So the root can be "
    "computed,\n"
    "   and it is the one in the checkpoint only if no entry shown was changed, left out, put in "
    "or\n"
    "   moved.\n"
    "3. Root to key. The checkpoint carries two signatures (Ed25519): of the log's key, named as "
    "the\n"
    "   log, and of the key of the epoch, named LOG/epoch/E. The epoch's key stands in the "
    "epoch's\n"
    "   start note (an entry of kind 4, in own.txt), with a path of hashes to the root of all "
    "epoch\n"
    "   keys; the name of the log ends in the first 16 bytes of that root. So who knows the name\n"
    "   knows the keys.\n"
    "4. Complete. Between the first and the last index of one stretch that is shown nothing is\n"
    "   missing: the recipe prints these stretches.\n"
    "\n"
    "THE RECIPE, with sha256sum, zstd, openssl and python3 and nothing else\n"
    "\n"
    "Type it, in the directory of this bundle. First line: the key that you got from elsewhere.\n"
    "The directory /tmp/check must not be there before.\n"
    "\n";

static const char recipe[] =
    "    export KEY='NAME+ID+BASE64'\n"
    "    sha256sum -c SHA256SUMS\n"
    "    zstd -dc records.zst > /dev/null\n"
    "    mkdir /tmp/check\n"
    "    cat > /tmp/check/fold.py <<'END'\n"
    "    import base64, hashlib, os, subprocess\n"
    "    def H(*parts): return hashlib.sha256(b\"\".join(parts)).digest()\n"
    "    def need(truth, what):\n"
    "        if not truth: raise SystemExit(\"NOT PROVEN: \" + what)\n"
    "    unb64 = base64.b64decode\n"
    "    def note(data):\n"
    "        text, lines = data.rsplit(b\"\\n\\n\", 1)\n"
    "        lines = [l.split(b\" \") for l in lines.decode().encode().split(b\"\\n\")[:-1]]\n"
    "        return text + b\"\\n\", {l[1].decode(): unb64(l[2]) for l in lines}\n"
    "    checks = 0\n"
    "    def check(name, key, data):\n"
    "        global checks\n"
    "        text, sigs = note(data)\n"
    "        need(name in sigs, name + \" has not signed\")\n"
    "        keyid = H(name.encode() + b\"\\n\\1\" + key)[:4]\n"
    "        need(sigs[name][:4] == keyid, \"another key of \" + name)\n"
    "        need(sigs[name][4:36] != b\"\\1\" + bytes(31), \"a signature that holds for any "
    "text\")\n"
    "        checks += 1\n"
    "        pem = base64.b64encode(bytes.fromhex(\"302a300506032b6570032100\") + key).decode()\n"
    "        pem = \"-----BEGIN PUBLIC KEY-----\\n%s\\n-----END PUBLIC KEY-----\\n\" % pem\n"
    "        open(\"/tmp/check/%d.pem\" % checks, \"w\").write(pem)\n"
    "        open(\"/tmp/check/%d.txt\" % checks, \"wb\").write(text)\n"
    "        open(\"/tmp/check/%d.sig\" % checks, \"wb\").write(sigs[name][4:])\n"
    "    checkpoint = open(\"checkpoint\", \"rb\").read()\n"
    "    origin, size, root = note(checkpoint)[0].decode().split(\"\\n\")[:3]\n"
    "    name, _, logkey = os.environ[\"KEY\"].split(\"+\", 2)\n"
    "    logkey = unb64(logkey)[1:]\n"
    "    need(name == origin, \"the key is not of this log\")\n"
    "    entries, openings, own = (open(n, \"rb\") for n in (\"entries\", \"openings\", "
    "\"own.txt\"))\n"
    "    zstd = subprocess.Popen([\"zstd\", \"-dc\", \"records.zst\"], stdout=subprocess.PIPE)\n"
    "    stack, at, epochs = [], 0, []\n"
    "    def add(level, h):\n"
    "        while stack and stack[-1][0] == level:\n"
    "            h, level = H(b\"\\1\", stack.pop()[1], h), level + 1\n"
    "        stack.append((level, h))\n"
    "    def top():\n"
    "        h = stack[-1][1] if stack else H()\n"
    "        for _, left in stack[-2::-1]: h = H(b\"\\1\", left, h)\n"
    "        return h\n"
    "    def start(text):\n"
    "        l = note(text)[0].decode().split(\"\\n\")[:-1]\n"
    "        e, n, key, path = int(l[2]), int(l[6]), unb64(l[7]), [unb64(p) for p in l[8:]]\n"
    "        need(l[1] == origin and int(l[3]) == at and unb64(l[4]) == top(), \"a start note\")\n"
    "        h, i, last = H(b\"\\0\", key), e, n - 1\n"
    "        while last:\n"
    "            if i & 1: h = H(b\"\\1\", path.pop(0), h)\n"
    "            elif i < last: h = H(b\"\\1\", h, path.pop(0))\n"
    "            i, last = i >> 1, last >> 1\n"
    "        need(h[:16].hex() == origin[-32:], \"a key that the log's name does not know\")\n"
    "        if epochs and epochs[-1][0] + 1 == e:\n"
    "            check(origin + \"/epoch/%d\" % (e - 1), epochs[-1][1], text)\n"
    "        elif epochs:\n"
    "            print(\"entries before\", at, \"are not proven back to\", epochs[-1][2])\n"
    "        check(origin + \"/epoch/%d\" % e, key, text)\n"
    "        check(origin, logkey, text)\n"
    "        epochs.append((e, key, at))\n"
    "    def show():\n"
    "        e = entries.read(54)\n"
    "        need(len(e) == 54, \"entries ends too early\")\n"
    "        state = openings.read(1)[0]\n"
    "        if state == 16: print(\"entry\", at, \"blacked out, reason\", "
    "openings.read(2).hex())\n"
    "HIDDEN"
    "        elif state == 18: print(\"entry\", at, \"stands there to bound others\")\n"
    "        elif state: print(\"entry\", at, \"is gone from the log, state\", state)\n"
    "        else:\n"
    "            length = int.from_bytes(openings.read(4), \"big\")\n"
    "            salt = openings.read(16 * e[0])\n"
    "            text = (zstd.stdout if e[1] in (0, 7) else own).read(length + 1)\n"
    "            need(len(text) == length + 1 and text[-1:] == b\"\\n\", \"a text ends too "
    "early\")\n"
    "            c = H(b\"\\2\", salt, text[:-1]) if e[0] == 1 else parts(salt, text[:-1])\n"
    "            need(c == e[22:], \"the text of entry %d was changed\" % at)\n"
    "            if e[1] == 4: start(text[:-1])\n"
    "        if not epochs and e[1] != 4: print(\"no start note is shown before entry\", at)\n"
    "        add(0, H(b\"\\0\", e))\n"
    "PARTS"
    "    proof = iter(open(\"proof\").read().split(\"\\n\"))\n"
    "    need(next(proof) == \"akashi/bundle/v1\" and next(proof) == size, \"proof and "
    "checkpoint\")\n"
    "    while at < int(size):\n"
    "        what, n = next(proof).split(\" \")\n"
    "        end = at + int(n)\n"
    "        need(at < end <= int(size), \"proof\")\n"
    "        if what == \"show\": print(\"shown without a hole: entries\", at, \"to\", end - 1)\n"
    "        while at < end:\n"
    "            if what == \"show\": show(); at += 1; continue\n"
    "            level = 0\n"
    "            while at % (2 << level) == 0 and at + (2 << level) <= end: level += 1\n"
    "            add(level, unb64(next(proof))); at += 1 << level\n"
    "    need(list(proof) == [\"\"], \"proof has more lines\")\n"
    "    rest = [entries.read(), openings.read(), own.read(), zstd.stdout.read()]\n"
    "    need(rest == [b\"\"] * 4, \"a file is longer than it says\")\n"
    "    need(base64.b64encode(top()).decode() == root, \"the root is another one\")\n"
    "    need(epochs, \"no start note is shown\")\n"
    "    check(origin, logkey, checkpoint)\n"
    "    check(origin + \"/epoch/%d\" % epochs[-1][0], epochs[-1][1], checkpoint)\n"
    "    print(\"the root is the one in the checkpoint;\", checks, \"signatures are to be "
    "checked\")\n"
    "    END\n"
    "    python3 -I /tmp/check/fold.py\n"
    "    for n in /tmp/check/*.sig; do n=${n%.sig}\n"
    "      openssl pkeyutl -verify -pubin -inkey $n.pem -rawin -in $n.txt -sigfile $n.sig\n"
    "    done\n"
    "\n"
    "It is proven if sha256sum says OK for every file, fold.py says that the root is the one in "
    "the\n"
    "checkpoint, and openssl says \"Signature Verified Successfully\" as often as fold.py said.\n"
    "STAMPS"
    "Remove /tmp/check afterwards.\n"
    "\n"
    "WHAT THIS DOES NOT SHOW: whether what a device reported is true; what it never sent; who "
    "sent\n"
    "it where only an address is known; and what was received outside of the stretches shown.\n";

/* Commitment by parts (3.4), for a log that has it. */
static const char parts[] =
    "    word = set(b\"._:@/\\\\%+~#$*!?^`-\") | set(range(128, 256))\n"
    "    word |= set(b\"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\")\n"
    "    def cuts(text):\n"
    "        cut = [b\"\"]\n"
    "        for b in text:\n"
    "            p = cut[-1]\n"
    "            if len(p) == 38 or len(p) >= 4 and p[-1] not in word and b in word:\n"
    "                cut.append(b\"\")\n"
    "            cut[-1] += bytes([b])\n"
    "        return cut\n"
    "    def parts(key, text):\n"
    "        c = []\n"
    "        for j, p in enumerate(cuts(text)):\n"
    "            s = H(b\"\\7\", key, (j // 2).to_bytes(4, \"big\"))\n"
    "            c.append(H(b\"\\3\", s[16 * (j % 2):][:16], p))\n"
    "        return H(b\"\\4\", len(c).to_bytes(4, \"big\"), *c)\n";

/* Records of which parts are blacked out (14.5, state 17), where there are any. */
static const char hidden_row[] =
    "        elif state == 17: need(hidden() == e[22:], \"a part of entry %d was changed\" % at)\n";

static const char hidden_parts[] =
    "    def hidden():\n"
    "        m, c, run, n = int.from_bytes(openings.read(4), \"big\"), [], [], 0\n"
    "        def runs(last):\n"
    "            text = b\"\".join(run)\n"
    "            if run and not last and len(run[-1]) < 38:\n"
    "                need(len(run[-1]) > 3 and run[-1][-1] not in word, \"a split\")\n"
    "            need(not run or cuts(text) == run, \"a split of entry %d\" % at)\n"
    "            run.clear()\n"
    "        for j in range(m):\n"
    "            length = openings.read(1)[0]\n"
    "            if length == 255:\n"
    "                runs(False); n += 1; openings.read(2); c.append(openings.read(32))\n"
    "                need(zstd.stdout.read(3) == b\"\\xe2\\x96\\x88\", \"a mark\")\n"
    "            else:\n"
    "                salt, part = openings.read(16), zstd.stdout.read(length)\n"
    "                run.append(part); c.append(H(b\"\\3\", salt, part))\n"
    "        runs(True)\n"
    "        need(zstd.stdout.read(1) == b\"\\n\" and 0 < n < m, \"a text ends too early\")\n"
    "        print(\"entry\", at, \"has\", m, \"parts, blacked out are\", n)\n"
    "        return H(b\"\\4\", m.to_bytes(4, \"big\"), *c)\n";

/* Where there are time stamps. */
static const char time_stamps[] =
    "\n"
    "BY WHEN IT EXISTED: stamped is the text of checkpoint with the log's own two lines, and each\n"
    "stamp.N is what a time-stamping authority (RFC 3161) has signed over it. Get the "
    "authority's\n"
    "certificates, CA, from itself, and for each N type:\n"
    "\n"
    "    sed '/^$/q' checkpoint > /tmp/check/text\n"
    "    sed '/^$/q' stamped | cmp - /tmp/check/text\n"
    "    openssl ts -verify -data stamped -in stamp.N -CAfile CA\n"
    "    openssl ts -reply -in stamp.N -text\n"
    "\n"
    "If cmp says nothing, and openssl \"Verification: OK\", all entries shown existed by the\n"
    "\"Time stamp\" that it prints, with the \"Accuracy\" added.\n"
    "\n";

static void put_statement(FILE *file, const char *label, const char *text)
{
    if (text == NULL)
        return;
    fprintf(file, "    %-14s", label);
    (void)ak_escape_terminal_file(file, text, strlen(text)); /* the stream remembers its error */
    fputc('\n', file);
}

static void put_statements(FILE *file, const struct ak_bundle_about *about,
                           const struct ak_checkpoint *checkpoint)
{
    static const char *const labels[AK_BUNDLE_TEXTS] = {
        "log", "key (a hint)", "made with", "its SHA-256", "case",         "exhibit",
        "by",  "reason",       "severity",  "TLP",         "on behalf of", "mandate"};
    char time[AK_WHEN_TEXT_BYTES];

    fputs("WHAT ITS MAKER STATES (nobody has proven it)\n\n", file);
    for (unsigned i = 0; i < AK_BUNDLE_TEXTS; i++)
        put_statement(file, labels[i], about->text[i]);
    put_statement(file, "made", ak_when_format(time, about->made));
    fprintf(file, "    %-14sthe log as of %" PRIu64 " entries\n\n", "checkpoint", checkpoint->size);
}

void ak_bundle_recipe_add(enum ak_bundle_recipe *opens, uint8_t state, uint8_t form)
{
    if (state == AK_STATE_PARTS)
        *opens = AK_BUNDLE_RECIPE_IN_PARTS;
    else if (state == AK_STATE_PRESENT && form == AK_FORM_PARTS && *opens == AK_BUNDLE_RECIPE_WHOLE)
        *opens = AK_BUNDLE_RECIPE_BY_PARTS;
}

void ak_bundle_readme_put(FILE *file, const struct ak_bundle_about *about,
                          const struct ak_checkpoint *checkpoint, enum ak_bundle_recipe opens,
                          bool stamped)
{
    const char *hidden = strstr(recipe, "HIDDEN");
    const char *cut = strstr(recipe, "PARTS");
    const char *end = strstr(recipe, "STAMPS");

    fputs(intro, file);
    put_statements(file, about, checkpoint);
    fputs(files, file);
    (void)fwrite(recipe, 1, (size_t)(hidden - recipe), file);
    if (opens == AK_BUNDLE_RECIPE_IN_PARTS)
        fputs(hidden_row, file);
    hidden += strlen("HIDDEN");
    (void)fwrite(hidden, 1, (size_t)(cut - hidden), file);
    if (opens != AK_BUNDLE_RECIPE_WHOLE)
        fputs(parts, file);
    if (opens == AK_BUNDLE_RECIPE_IN_PARTS)
        fputs(hidden_parts, file);
    cut += strlen("PARTS");
    (void)fwrite(cut, 1, (size_t)(end - cut), file);
    if (stamped)
        fputs(time_stamps, file);
    fputs(end + strlen("STAMPS"), file);
}
