/* cmd_key.c - key show: what a public key is, so that two people can compare it over the telephone;
 * key new: a private key for a person who signs custody records or orders. */
#include "commands.h"

#include "show.h"

#include <akashi/base64.h>
#include <akashi/epoch.h>
#include <akashi/nearest.h>
#include <akashi/signing_key.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void show_key(const struct ak_vkey *key)
{
    char fingerprint[AK_TRUST_FINGERPRINT_CHARS + 1];
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    char hex[2 * AK_ED25519_KEY_BYTES + 1];

    (void)ak_vkey_format(vkey, sizeof(vkey), key);
    (void)ak_hex_encode(hex, sizeof(hex), key->key, sizeof(key->key));
    printf("name         ");
    ak_show_text(stdout, key->name);
    printf("\nkey ID       %08" PRIx32 "\n", key->id);
    printf("fingerprint  %s\n", ak_trust_fingerprint(key, fingerprint));
    printf("public key   %s (Ed25519)\n", hex);
    if (ak_origin_check(key->name, strlen(key->name), NULL) == AK_OK)
        printf("log id       %s\n", ak_origin_id(key->name));
    else
        printf("log id       none: the name is no origin of a log\n");
    if (strncmp(key->name, "exercise.", strlen("exercise.")) == 0)
        printf("EXERCISE / 訓練: the key of a log made for training\n");
    printf("vkey         ");
    ak_show_text(stdout, vkey);
    printf("\n");
}

static enum ak_code show_private(const char *path, struct ak_error *err)
{
    struct ak_signing_key *key;
    enum ak_code rc = ak_signing_key_load(&key, path, err);

    if (rc == AK_OK)
        show_key(ak_signing_key_vkey(key));
    ak_signing_key_free(key);
    return rc;
}

static enum ak_code show_public(const char *word, struct ak_error *err)
{
    struct ak_trust trust = {0};
    enum ak_code rc = ak_trust_add_key(&trust, word, err);

    for (size_t i = 0; rc == AK_OK && i < trust.key_count; i++) {
        if (i > 0)
            printf("\n");
        show_key(&trust.keys[i]);
    }
    ak_trust_free(&trust);
    return rc;
}

static enum ak_code show(const struct ak_options *options, struct ak_error *err)
{
    enum ak_code rc = AK_OK;

    if (options->word_count < 2)
        return ak_fail(
            err, AK_EUSAGE,
            "key show wants a file or a key; for example: akashi-verify key show agency.vkey");
    if (ak_options_has(options, AK_OPTION_OUTPUT))
        return ak_fail(err, AK_EUSAGE, "key show writes no file: --output is for key new");
    for (size_t i = 1; rc == AK_OK && i < options->word_count; i++) {
        const char *word = options->words[i];
        if (i > 1)
            printf("\n");
        rc = ak_signing_key_is_file(word) ? show_private(word, err) : show_public(word, err);
    }
    return rc;
}

static enum ak_code make(const struct ak_options *options, struct ak_error *err)
{
    const char *path = ak_options_value(options, AK_OPTION_OUTPUT);
    struct ak_signing_key *key;
    char vkey[AK_VKEY_TEXT_BYTES_MAX];
    enum ak_code rc;

    if (options->word_count != 2 || path == NULL)
        return ak_fail(err, AK_EUSAGE,
                       "key new wants one name and the file to write; for example: akashi-verify "
                       "key new agency.example/k.sato -o k.sato.key");
    rc = ak_signing_key_make(&key, options->words[1], err);
    if (rc == AK_OK)
        rc = ak_signing_key_save(key, path, err);
    if (rc == AK_OK && /* alone, so that it can go into a file for those who check */
        ak_vkey_format(vkey, sizeof(vkey), ak_signing_key_vkey(key)) > 0)
        printf("%s\n", vkey);
    ak_signing_key_free(key);
    return rc;
}

enum ak_code ak_cmd_key(const struct ak_options *options, int *status, struct ak_error *err)
{
    static const char *const orders[] = {"show", "new"};
    const char *order = options->words[0];
    const char *near;

    *status = 0;
    if (strcmp(order, "show") == 0)
        return show(options, err);
    if (strcmp(order, "new") == 0)
        return make(options, err);
    near = ak_nearest(order, strlen(order), orders, 2);
    if (near != NULL)
        return ak_fail(err, AK_EUSAGE, "there is no 'key %s'; did you mean 'key %s'?", order, near);
    return ak_fail(err, AK_EUSAGE, "key wants show FILE, or new NAME -o FILE; for example: %s",
                   options->command->example);
}
