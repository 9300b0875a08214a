/* trust.c - reading keys and kept checkpoints. A text that is a key is a key, whatever files are
 * called; everything else is the name of a file. */
#include "trust.h"

#include "text.h"

#include <akashi/base64.h>
#include <akashi/sha256.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ak_code read_all(int fd, const char *path, char *data, size_t max, size_t *len,
                             struct ak_error *err)
{
    ssize_t got;

    *len = 0;
    do {
        got = read(fd, data + *len, max + 1 - *len);
        if (got < 0 && errno != EINTR)
            return ak_fail_errno(err, errno, "read %s", path);
        if (got > 0)
            *len += (size_t)got;
        if (*len > max)
            return ak_fail(err, AK_ELIMIT,
                           "%s is longer than %zu bytes: that is not what is wanted", path, max);
    } while (got != 0);
    data[*len] = '\0';
    return AK_OK;
}

enum ak_code ak_trust_read_file(const char *path, size_t max, char **data, size_t *len,
                                struct ak_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    enum ak_code rc;

    *data = NULL;
    if (fd < 0)
        return ak_fail_errno(err, errno, "open %s", path);
    *data = malloc(max + 2);
    rc = *data == NULL ? ak_fail(err, AK_ENOMEM, "no memory to read %s", path)
                       : read_all(fd, path, *data, max, len, err);
    close(fd);
    if (rc != AK_OK) {
        free(*data);
        *data = NULL;
    }
    return rc;
}

/* What a collector keeps: the seed of the log key; number and seed of an epoch. */
#define RAW_SEED_BYTES  32u
#define RAW_EPOCH_BYTES 36u

/* A list of keys that an option fills. */
struct keys {
    const char *option;
    const char *made_by; /* what prints such a key */
    bool one_a_name;     /* two keys of one name are a mistake */
    struct ak_vkey **list;
    size_t *count;
};

static enum ak_code put_key(struct keys *keys, const struct ak_vkey *key, struct ak_error *err)
{
    struct ak_vkey *grown;

    for (size_t i = 0; i < *keys->count; i++) {
        const struct ak_vkey *other = &(*keys->list)[i];
        if (strcmp(other->name, key->name) != 0)
            continue;
        if (memcmp(other->key, key->key, sizeof(key->key)) == 0)
            return AK_OK; /* the same key twice */
        if (keys->one_a_name)
            return ak_fail(err, AK_EUSAGE,
                           "two different keys named %s: only one can be that log's", key->name);
    }
    if (*keys->count == AK_TRUST_KEYS_MAX)
        return ak_fail(err, AK_ELIMIT, "more than %u keys", AK_TRUST_KEYS_MAX);
    grown = reallocarray(*keys->list, *keys->count + 1, sizeof(*grown));
    if (grown == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for keys");
    *keys->list = grown;
    grown[(*keys->count)++] = *key;
    return AK_OK;
}

static enum ak_code add_vkey(struct keys *keys, const char *text, size_t len, struct ak_error *err)
{
    struct ak_vkey key;
    enum ak_code rc = ak_vkey_parse(&key, text, len, err);

    return rc == AK_OK ? put_key(keys, &key, err) : rc;
}

/* A collector's key files are raw bytes, which are no text but by a strange chance. */
static bool is_raw_secret(const char *data, size_t len)
{
    return (len == RAW_SEED_BYTES || len == RAW_EPOCH_BYTES) && !ak_text_is_note(data, len);
}

/* The text of a key file; the last line may lack its line end. */
static enum ak_code add_lines(struct keys *keys, const char *path, const char *data, size_t len,
                              struct ak_error *err)
{
    const char *end = data + len;
    unsigned number = 0;
    bool any = false;

    if (is_raw_secret(data, len))
        return ak_fail(err, AK_EUSAGE,
                       "%s: this looks like the private key of a log; %s wants the vkey that `%s` "
                       "prints. See who had access to this file",
                       path, keys->option, keys->made_by);
    while (data < end) {
        const char *stop = memchr(data, '\n', (size_t)(end - data));
        size_t n = (size_t)((stop == NULL ? end : stop) - data);
        size_t used = n > 0 && data[n - 1] == '\r' ? n - 1 : n;
        enum ak_code rc;

        number++;
        if (used > 0 && data[0] != '#') {
            rc = add_vkey(keys, data, used, err);
            if (rc != AK_OK) {
                ak_wrap(err, "%s, line %u", path, number);
                return rc == AK_ENOMEM ? rc : AK_EUSAGE;
            }
            any = true;
        }
        data += n + 1;
    }
    if (!any)
        return ak_fail(err, AK_EUSAGE, "%s holds no key: %s wants the line that `%s` prints", path,
                       keys->option, keys->made_by);
    return AK_OK;
}

static enum ak_code add_key(struct keys *keys, const char *text, struct ak_error *err)
{
    struct ak_error why = {0};
    struct ak_error open_error = {0};
    struct ak_vkey key;
    char *data;
    size_t len;
    enum ak_code rc = ak_vkey_parse(&key, text, strlen(text), &why);

    if (rc == AK_OK)
        return add_vkey(keys, text, strlen(text), err);
    if (rc == AK_EUSAGE) /* a private key, typed where others can see it */
        return ak_fail(err, AK_EUSAGE, "%s: %s", keys->option, why.text);
    rc = ak_trust_read_file(text, AK_TRUST_FILE_BYTES_MAX, &data, &len, &open_error);
    if (rc == AK_OK) {
        rc = add_lines(keys, text, data, len, err);
        free(data);
        if (rc != AK_OK)
            ak_wrap(err, "%s", keys->option);
        return rc;
    }
    if (rc == AK_ENOTFOUND && strchr(text, '+') != NULL && strchr(text, '/') != NULL)
        return ak_fail(err, AK_EUSAGE, "%s: this is no key: %s", keys->option, why.text);
    if (rc == AK_ENOTFOUND)
        return ak_fail(
            err, AK_EUSAGE,
            "%s %s: neither a key (NAME+ID+BASE64, as `%s` prints it) nor a file that is "
            "there",
            keys->option, text, keys->made_by);
    return ak_fail(err, AK_EUSAGE, "%s: %s", keys->option, open_error.text);
}

static struct keys log_keys(struct ak_trust *trust)
{
    return (struct keys){"--key", "akashi-collector key show", true, &trust->keys,
                         &trust->key_count};
}

enum ak_code ak_trust_add_key(struct ak_trust *trust, const char *text, struct ak_error *err)
{
    struct keys keys = log_keys(trust);

    return add_key(&keys, text, err);
}

enum ak_code ak_trust_add_authority(struct ak_trust *trust, const char *text, struct ak_error *err)
{
    struct keys keys = {"--authority", "akashi-verify key show", false, &trust->authorities,
                        &trust->authority_count};

    return add_key(&keys, text, err);
}

enum ak_code ak_trust_add_custodian(struct ak_trust *trust, const char *text, struct ak_error *err)
{
    struct keys keys = {"--custody-key", "akashi-verify key show", false, &trust->custodians,
                        &trust->custodian_count};

    return add_key(&keys, text, err);
}

enum ak_code ak_trust_set_policy(struct ak_trust *trust, const char *path, struct ak_error *err)
{
    const struct ak_policy_log *logs;
    struct keys keys = log_keys(trust);
    struct ak_error why = {0};
    char *data;
    size_t len;
    size_t n;
    enum ak_code rc = ak_trust_read_file(path, AK_POLICY_BYTES_MAX, &data, &len, &why);

    if (rc != AK_OK)
        return ak_fail(err, AK_EUSAGE, "--policy: %s", why.text);
    rc = ak_policy_parse(&trust->policy, data, len, &why);
    trust->policy_text = data;
    trust->policy_len = len;
    if (rc != AK_OK)
        return ak_fail(err, rc == AK_ENOMEM ? rc : AK_EUSAGE, "--policy: %s: %s", path, why.text);
    logs = ak_policy_logs(trust->policy, &n);
    for (size_t i = 0; rc == AK_OK && i < n; i++) {
        if (logs[i].checkable)
            rc = put_key(&keys, &logs[i].vkey, err);
    }
    if (rc != AK_OK)
        ak_wrap(err, "--policy: %s", path);
    return rc;
}

enum ak_code ak_trust_add_tsa(struct ak_trust *trust, const char *path, struct ak_error *err)
{
    struct ak_error why = {0};
    char *data;
    size_t len;
    enum ak_code rc = ak_trust_read_file(path, AK_TSA_FILE_BYTES_MAX, &data, &len, &why);

    if (rc != AK_OK)
        return ak_fail(err, AK_EUSAGE, "--tsa-ca: %s", why.text);
    /* What a machine's openssl.cnf says must not decide a verdict. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    if (trust->tsa == NULL)
        rc = ak_tsa_new(&trust->tsa, &why);
    if (rc == AK_OK)
        rc = ak_tsa_add(trust->tsa, data, len, &why);
    free(data);
    if (rc != AK_OK)
        return ak_fail(err, rc == AK_ENOMEM ? rc : AK_EUSAGE, "--tsa-ca %s: %s", path, why.text);
    return AK_OK;
}

enum ak_code ak_trust_add_kept(struct ak_trust *trust, const char *path, bool *missing,
                               struct ak_error *err)
{
    struct ak_check_kept *grown;
    char **notes;
    struct ak_error why = {0};
    char *data;
    size_t len;
    enum ak_code rc = ak_trust_read_file(path, AK_NOTE_BYTES_MAX, &data, &len, &why);

    if (missing != NULL)
        *missing = rc == AK_ENOTFOUND;
    if (rc == AK_ENOTFOUND && missing != NULL)
        return AK_OK;
    if (rc != AK_OK)
        return ak_fail(err, rc, "checkpoint: %s", why.text);
    for (size_t i = 0; i < trust->kept_count; i++) {
        if (strcmp(trust->kept[i].name, path) == 0) {
            free(data);
            return AK_OK; /* --checkpoint and --save-checkpoint name one file: compare it once */
        }
    }
    grown = reallocarray(trust->kept, trust->kept_count + 1, sizeof(*grown));
    if (grown != NULL)
        trust->kept = grown;
    notes = reallocarray(trust->notes, trust->kept_count + 1, sizeof(*notes));
    if (notes != NULL)
        trust->notes = notes;
    if (grown == NULL || notes == NULL) {
        free(data);
        return ak_fail(err, AK_ENOMEM, "no memory for checkpoints");
    }
    notes[trust->kept_count] = data;
    grown[trust->kept_count++] = (struct ak_check_kept){data, len, path};
    return AK_OK;
}

void ak_trust_free(struct ak_trust *trust)
{
    for (size_t i = 0; i < trust->kept_count; i++)
        free(trust->notes[i]);
    free(trust->notes);
    free(trust->kept);
    free(trust->keys);
    ak_policy_free(trust->policy);
    ak_tsa_free(trust->tsa);
    free(trust->policy_text);
    free(trust->authorities);
    free(trust->custodians);
    memset(trust, 0, sizeof(*trust));
}

const char *ak_trust_fingerprint(const struct ak_vkey *key,
                                 char out[AK_TRUST_FINGERPRINT_CHARS + 1])
{
    struct ak_hash digest;

    ak_sha256(&digest, key->key, sizeof(key->key));
    (void)ak_hex_encode(out, AK_TRUST_FINGERPRINT_CHARS + 1, digest.b,
                        AK_TRUST_FINGERPRINT_CHARS / 2);
    return out;
}
