/* policy.c - C2SP tlog-policy: reading a policy file.
 *
 * Happy path: line by line, words apart by blanks and tabs, each line adds a log, a witness or a
 * group, and one names the quorum. A name must stand before it is used, so no circle can be made
 * and a group can be judged when its members are. Failure modes are mistakes of whoever wrote the
 * file: each message names the line and the remedy. A file that is not ended may have been cut off,
 * and is refused: the rest of a name would be another name. */
#include "policy_private.h"

#include <akashi/nearest.h>

#include "vkey_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_ML_DSA_44      0x06
#define ML_DSA_44_KEY_BYTES 1312

struct reader {
    struct ak_policy *policy;
    char *rest; /* of the line, NUL-terminated; words are cut out of it */
    struct ak_error *err;
};

/* The next word of the line, NUL-terminated in place, or NULL. */
static char *next_word(struct reader *r)
{
    char *word = r->rest + strspn(r->rest, " \t");
    size_t len = strcspn(word, " \t");

    if (len == 0)
        return NULL;
    r->rest = word + len + (word[len] != '\0' ? 1 : 0);
    word[len] = '\0';
    return word;
}

static enum ak_code end_of_line(struct reader *r, const char *form)
{
    const char *more = next_word(r);

    if (more == NULL)
        return AK_OK;
    return ak_fail(r->err, AK_EMALFORMED,
                   "'%.100s' is too much; the line is: %s (a comment is a line of its own)", more,
                   form);
}

static unsigned find_node(const struct ak_policy *policy, const char *name)
{
    unsigned i = 0;

    while (i < policy->node_count && strcmp(policy->node[i].name, name) != 0)
        i++;
    return i;
}

static enum ak_code check_name(struct reader *r, const char *name)
{
    if (strlen(name) > AK_POLICY_NAME_BYTES_MAX)
        return ak_fail(r->err, AK_ELIMIT, "a name has at most %u bytes", AK_POLICY_NAME_BYTES_MAX);
    if (strcmp(name, "none") == 0)
        return ak_fail(r->err, AK_EMALFORMED,
                       "'none' stands for no quorum and cannot be a name: choose another one");
    if (find_node(r->policy, name) < r->policy->node_count)
        return ak_fail(r->err, AK_EMALFORMED,
                       "'%.100s' is the name of a witness or group above: choose another one",
                       name);
    return AK_OK;
}

/* Reads a vkey; `*key` becomes the digest of the public key by itself. */
static enum ak_code read_vkey(struct reader *r, const char *word, struct ak_vkey_text *parts,
                              struct ak_hash *key)
{
    enum ak_code rc = ak_vkey_text_parse(parts, word, strlen(word), r->err);

    if (rc == AK_EUSAGE) /* the reason speaks of --key */
        return ak_fail(r->err, AK_EMALFORMED,
                       "this is a private key: put its vkey here, and make a new key if others "
                       "can have read this file");
    if (rc != AK_OK)
        return rc;
    ak_sha256(key, parts->encoding + 1, parts->bytes - 1);
    return AK_OK;
}

/* Name, type and ID of a key that is not checked here. */
static void set_unchecked(struct ak_vkey *vkey, const struct ak_vkey_text *parts)
{
    memset(vkey, 0, sizeof(*vkey));
    memcpy(vkey->name, parts->name.p, parts->name.len);
    vkey->type = parts->encoding[0];
    vkey->id = parts->id;
}

static enum ak_code grow_logs(struct ak_policy *policy, struct ak_error *err)
{
    size_t n = policy->log_count + 1;
    struct ak_policy_log *log = reallocarray(policy->log, n, sizeof(*log));
    struct ak_hash *key;

    if (log == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a policy");
    policy->log = log;
    key = reallocarray(policy->log_key, n, sizeof(*key));
    if (key == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for a policy");
    policy->log_key = key;
    return AK_OK;
}

static enum ak_code take_log(struct reader *r)
{
    static const char form[] = "log VKEY [URL]";
    struct ak_policy *policy = r->policy;
    const char *word = next_word(r);
    struct ak_policy_log log = {0};
    struct ak_vkey_text parts;
    struct ak_hash key;
    enum ak_code rc;

    if (word == NULL)
        return ak_fail(r->err, AK_EMALFORMED, "the key is missing: %s", form);
    rc = read_vkey(r, word, &parts, &key);
    if (rc != AK_OK)
        return rc;
    log.url = next_word(r);
    log.checkable = parts.encoding[0] == AK_VKEY_ED25519;
    if (log.checkable)
        rc = ak_vkey_of_text(&log.vkey, &parts, r->err);
    else
        set_unchecked(&log.vkey, &parts);
    if (rc == AK_OK)
        rc = end_of_line(r, form);
    for (size_t i = 0; rc == AK_OK && i < policy->log_count; i++) {
        if (ak_hash_equal(&policy->log_key[i], &key))
            rc = ak_fail(r->err, AK_EMALFORMED,
                         "the public key of this log is that of a log above: take one of the two "
                         "lines out");
    }
    if (rc == AK_OK && policy->log_count == AK_POLICY_LOGS_MAX)
        rc = ak_fail(r->err, AK_ELIMIT, "more than %u logs", AK_POLICY_LOGS_MAX);
    if (rc == AK_OK)
        rc = grow_logs(policy, r->err);
    if (rc != AK_OK)
        return rc;
    policy->log_key[policy->log_count] = key;
    policy->log[policy->log_count++] = log;
    return AK_OK;
}

static enum ak_code set_witness_key(struct reader *r, struct ak_policy_witness *witness,
                                    const struct ak_vkey_text *parts)
{
    witness->checkable = parts->encoding[0] == AK_VKEY_COSIGNATURE;
    if (witness->checkable)
        return ak_vkey_of_text(&witness->vkey, parts, r->err);
    if (parts->encoding[0] != TYPE_ML_DSA_44)
        return ak_fail(r->err, AK_EMALFORMED,
                       "a vkey of type 0x%02x is not a witness's: those are of type 0x04 or 0x06; "
                       "ask the witness for it",
                       parts->encoding[0]);
    if (parts->bytes != 1 + ML_DSA_44_KEY_BYTES)
        return ak_fail(r->err, AK_EMALFORMED, "an ML-DSA-44 key has %d bytes, this vkey holds %zu",
                       ML_DSA_44_KEY_BYTES, parts->bytes - 1);
    set_unchecked(&witness->vkey, parts);
    return ak_vkey_text_check_id(parts, r->err);
}

static struct ak_policy_node *add_node(struct ak_policy *policy, const char *name)
{
    struct ak_policy_node *node = &policy->node[policy->node_count++];

    *node = (struct ak_policy_node){.name = name};
    return node;
}

static enum ak_code take_witness(struct reader *r)
{
    static const char form[] = "witness NAME VKEY [URL]";
    struct ak_policy *policy = r->policy;
    struct ak_policy_witness witness = {.name = next_word(r)};
    const char *word = next_word(r);
    struct ak_vkey_text parts;
    struct ak_hash key;
    enum ak_code rc;

    if (witness.name == NULL || word == NULL)
        return ak_fail(r->err, AK_EMALFORMED, "name or key is missing: %s", form);
    rc = check_name(r, witness.name);
    if (rc == AK_OK)
        rc = read_vkey(r, word, &parts, &key);
    if (rc == AK_OK)
        rc = set_witness_key(r, &witness, &parts);
    if (rc != AK_OK)
        return rc;
    witness.url = next_word(r);
    rc = end_of_line(r, form);
    for (unsigned i = 0; rc == AK_OK && i < policy->witness_count; i++) {
        if (ak_hash_equal(&policy->witness_key[i], &key))
            rc = ak_fail(r->err, AK_EMALFORMED,
                         "the public key of this witness is that of %.100s above: one key would "
                         "count twice; take one of the two lines out",
                         policy->witness[i].name);
    }
    if (rc == AK_OK && policy->witness_count == AK_POLICY_WITNESSES_MAX)
        rc = ak_fail(r->err, AK_ELIMIT, "more than %u witnesses", AK_POLICY_WITNESSES_MAX);
    if (rc != AK_OK)
        return rc;
    add_node(policy, witness.name)->witness = policy->witness_count;
    policy->witness_key[policy->witness_count] = key;
    policy->witness[policy->witness_count++] = witness;
    return AK_OK;
}

/* "all", "any" or a number of 1 to the number of members. */
static enum ak_code set_needed(struct reader *r, struct ak_policy_node *group, const char *word)
{
    uint64_t k;

    if (strcmp(word, "all") == 0)
        group->needed = group->members;
    else if (strcmp(word, "any") == 0)
        group->needed = 1;
    else if (!ak_text_decimal((struct ak_text){word, strlen(word)}, UINT64_MAX, &k))
        return ak_fail(r->err, AK_EMALFORMED,
                       "'%.100s' is not how many members are needed: all, any or a number", word);
    else if (k < 1 || k > group->members)
        return ak_fail(r->err, AK_EMALFORMED,
                       "%s of %u members cannot be needed: write 1 to %u, any or all", word,
                       group->members, group->members);
    else
        group->needed = (unsigned)k;
    return AK_OK;
}

static enum ak_code take_member(struct reader *r, struct ak_policy_node *group, const char *name)
{
    struct ak_policy *policy = r->policy;
    unsigned at = find_node(policy, name);

    if (at == policy->node_count)
        return ak_fail(r->err, AK_EMALFORMED,
                       "there is no witness or group '%.100s' above this line%s", name,
                       strcmp(name, "none") == 0 ? "; none is only for the quorum" : "");
    if (policy->node[at].is_member)
        return ak_fail(r->err, AK_EMALFORMED,
                       "'%.100s' is a member of a group already: it would count twice", name);
    policy->node[at].is_member = true;
    policy->member[policy->member_count++] = at;
    group->members++;
    return AK_OK;
}

static enum ak_code take_group(struct reader *r)
{
    static const char form[] = "group NAME all|any|NUMBER MEMBER...";
    struct ak_policy *policy = r->policy;
    struct ak_policy_node group = {.is_group = true, .first = policy->member_count};
    const char *needed;
    const char *word;
    enum ak_code rc;

    group.name = next_word(r);
    needed = next_word(r);
    if (group.name == NULL || needed == NULL)
        return ak_fail(r->err, AK_EMALFORMED, "name, number or members are missing: %s", form);
    rc = check_name(r, group.name);
    while (rc == AK_OK && (word = next_word(r)) != NULL)
        rc = take_member(r, &group, word);
    if (rc == AK_OK && group.members == 0)
        rc = ak_fail(r->err, AK_EMALFORMED, "the members are missing: %s", form);
    if (rc == AK_OK)
        rc = set_needed(r, &group, needed);
    if (rc == AK_OK && policy->group_count == AK_POLICY_GROUPS_MAX)
        rc = ak_fail(r->err, AK_ELIMIT, "more than %u groups", AK_POLICY_GROUPS_MAX);
    if (rc != AK_OK)
        return rc;
    policy->group_count++;
    *add_node(policy, group.name) = group;
    return AK_OK;
}

static enum ak_code take_quorum(struct reader *r)
{
    static const char form[] = "quorum NAME|none";
    struct ak_policy *policy = r->policy;
    const char *name = next_word(r);

    if (name == NULL)
        return ak_fail(r->err, AK_EMALFORMED, "the name is missing: %s", form);
    if (policy->has_quorum)
        return ak_fail(r->err, AK_EMALFORMED, "there is a quorum line above: only one may be");
    policy->has_quorum = true;
    policy->quorum_none = strcmp(name, "none") == 0;
    policy->quorum = find_node(policy, name);
    if (!policy->quorum_none && policy->quorum == policy->node_count)
        return ak_fail(r->err, AK_EMALFORMED,
                       "there is no witness or group '%.100s' above this line", name);
    return end_of_line(r, form);
}

static enum ak_code take_line(struct reader *r)
{
    static const char *const words[] = {"log", "witness", "group", "quorum"};
    static enum ak_code (*const take[])(struct reader *) = {take_log, take_witness, take_group,
                                                            take_quorum};
    const char *word = next_word(r);
    const char *near;

    if (word == NULL || word[0] == '#')
        return AK_OK;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) == 0)
            return take[i](r);
    }
    near = ak_nearest(word, strlen(word), words, sizeof(words) / sizeof(words[0]));
    return ak_fail(r->err, AK_EMALFORMED,
                   near == NULL ? "a line begins with log, witness, group or quorum, not '%.100s'"
                                : "a line begins with log, witness, group or quorum, not '%.100s'; "
                                  "did you mean %s?",
                   word, near);
}

/* tlog-policy, "Character set". */
static enum ak_code check_bytes(const char *line, size_t len, struct ak_error *err)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c == '\r')
            return ak_fail(err, AK_EMALFORMED,
                           "byte 0x0d: lines end in a line feed alone; save it without Windows "
                           "line ends");
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return ak_fail(err, AK_EMALFORMED, "byte 0x%02x may not be in a policy", c);
    }
    return AK_OK;
}

static enum ak_code take_lines(struct ak_policy *policy, size_t len, struct ak_error *err)
{
    char *at = policy->text;
    char *end = policy->text + len;
    unsigned number = 0;

    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        struct reader r = {policy, at, err};
        enum ak_code rc;

        number++;
        if (stop == NULL)
            return ak_fail(err, AK_EMALFORMED,
                           "line %u: it is not ended by a line feed: the file may be cut off; look "
                           "whether it is whole, and end the line",
                           number);
        rc = check_bytes(at, (size_t)(stop - at), err);
        *stop = '\0';
        if (rc == AK_OK)
            rc = take_line(&r);
        if (rc != AK_OK) {
            ak_wrap(err, "line %u", number);
            return rc;
        }
        at = stop + 1;
    }
    if (!policy->has_quorum)
        return ak_fail(err, AK_EMALFORMED,
                       "there is no quorum line: `quorum none` if no witness is to be asked for");
    return AK_OK;
}

enum ak_code ak_policy_parse(struct ak_policy **out, const void *data, size_t len,
                             struct ak_error *err)
{
    struct ak_policy *policy;
    enum ak_code rc;

    *out = NULL;
    if (len > AK_POLICY_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "a policy has at most %u bytes", AK_POLICY_BYTES_MAX);
    policy = calloc(1, sizeof(*policy));
    if (policy != NULL)
        policy->text = malloc(len + 1);
    if (policy == NULL || policy->text == NULL) {
        ak_policy_free(policy);
        return ak_fail(err, AK_ENOMEM, "no memory for a policy");
    }
    if (len > 0)
        memcpy(policy->text, data, len);
    policy->text[len] = '\0';
    rc = take_lines(policy, len, err);
    if (rc == AK_OK)
        *out = policy;
    else
        ak_policy_free(policy);
    return rc;
}

void ak_policy_free(struct ak_policy *policy)
{
    if (policy == NULL)
        return;
    free(policy->log);
    free(policy->log_key);
    free(policy->text);
    free(policy);
}

const struct ak_policy_log *ak_policy_logs(const struct ak_policy *policy, size_t *count)
{
    *count = policy->log_count;
    return policy->log;
}

const struct ak_policy_witness *ak_policy_witnesses(const struct ak_policy *policy, size_t *count)
{
    *count = policy->witness_count;
    return policy->witness;
}

const char *ak_policy_quorum_name(const struct ak_policy *policy)
{
    return policy->quorum_none ? "none" : policy->node[policy->quorum].name;
}
