/* cmd_key.c - what a public key is, so that two people can compare it over the telephone. */
#include "commands.h"

#include "show.h"

#include <akashi/base64.h>
#include <akashi/epoch.h>
#include <akashi/nearest.h>

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

enum ak_code ak_cmd_key(const struct ak_options *options, int *status, struct ak_error *err)
{
    static const char *const orders[] = {"show"};
    struct ak_trust trust = {0};
    enum ak_code rc = AK_OK;

    *status = 0;
    if (strcmp(options->words[0], "show") != 0) {
        if (ak_nearest(options->words[0], strlen(options->words[0]), orders, 1) != NULL)
            return ak_fail(err, AK_EUSAGE, "there is no 'key %s'; did you mean 'key show'?",
                           options->words[0]);
        return ak_fail(err, AK_EUSAGE, "key wants show FILE; for example: %s",
                       options->command->example);
    }
    if (options->word_count < 2)
        return ak_fail(err, AK_EUSAGE, "key show wants a file or a key; for example: %s",
                       options->command->example);
    for (size_t i = 1; rc == AK_OK && i < options->word_count; i++)
        rc = ak_trust_add_key(&trust, options->words[i], err);
    for (size_t i = 0; rc == AK_OK && i < trust.key_count; i++) {
        if (i > 0)
            printf("\n");
        show_key(&trust.keys[i]);
    }
    ak_trust_free(&trust);
    return rc;
}
