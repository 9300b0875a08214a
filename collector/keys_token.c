/* keys_token.c - finds a key in a PKCS#11 token and signs with it (CKM_EDDSA).
 *
 * The happy path: load the module, find the one token the URI names, log in with the PIN of the
 * file, find the one private key and its public half; later C_SignInit and C_Sign. Failure modes:
 * no such module, token, PIN or key (refused at the start, with the name of the call); a token that
 * was pulled out (a signature fails, and signing stops). */
#include "keys_token.h"

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define PIN_BYTES_MAX   255u
#define SLOTS_MAX       64u /* of one module */
#define POINT_BYTES_MAX 64u /* of a public key, DER or raw */

struct ak_token {
    void *module; /* dlopen */
    CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
};

static enum ak_code refuse(struct ak_error *err, const char *call, CK_RV rv)
{
    return ak_fail(err, AK_EKEY, "PKCS#11: %s failed with 0x%lx", call, (unsigned long)rv);
}

static enum ak_code load_module(struct ak_token *t, P11KitUri *uri, struct ak_error *err)
{
    const char *path = p11_kit_uri_get_module_path(uri);
    CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
    void *symbol;
    CK_RV rv;

    if (path == NULL || path[0] != '/')
        return ak_fail(err, AK_EKEY,
                       "PKCS#11: the URI names no module: write ?module-path=/path/of/module.so");
    t->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (t->module == NULL)
        return ak_fail(err, AK_EKEY,
                       "PKCS#11: the module cannot be loaded: %s. (A log with a key in a token is "
                       "begun by a start of the collector, not by a reload.)",
                       dlerror());
    symbol = dlsym(t->module, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof(list)); /* as dlsym's manual says */
    if (list == NULL || list(&t->p11) != CKR_OK || t->p11 == NULL)
        return ak_fail(err, AK_EKEY, "PKCS#11: %s is no PKCS#11 module", path);
    rv = t->p11->C_Initialize(NULL);
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? AK_OK
                                                                  : refuse(err, "C_Initialize", rv);
}

/* The one token that the URI names. */
static enum ak_code find_token(const struct ak_token *t, P11KitUri *uri, CK_SLOT_ID *slot,
                               struct ak_error *err)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    unsigned found = 0;
    CK_RV rv = t->p11->C_GetSlotList(CK_TRUE, slots, &count);

    if (rv != CKR_OK)
        return refuse(err, "C_GetSlotList", rv);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (t->p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            p11_kit_uri_match_token_info(uri, &info)) {
            *slot = slots[i];
            found++;
        }
    }
    if (found == 1)
        return AK_OK;
    return ak_fail(err, AK_EKEY,
                   "PKCS#11: the URI fits %u tokens of %lu, it must fit one: look at its `token`",
                   found, (unsigned long)count);
}

/* The first line of the PIN's file, into locked memory. */
static enum ak_code read_pin(P11KitUri *uri, unsigned char *pin, size_t *len, struct ak_error *err)
{
    const char *path = p11_kit_uri_get_pin_source(uri);
    const unsigned char *end;
    ssize_t n;
    int fd;

    if (path != NULL && strncmp(path, "file:", 5) == 0)
        path += 5;
    if (path == NULL || path[0] != '/')
        return ak_fail(
            err, AK_EKEY,
            "PKCS#11: the URI names no file with the PIN: write pin-source=/path/of/pin");
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    n = fd >= 0 ? read(fd, pin, PIN_BYTES_MAX) : -1;
    if (fd >= 0)
        (void)close(fd); /* only read */
    if (n <= 0)
        return ak_fail(err, AK_EKEY, "PKCS#11: the PIN cannot be read from %s", path);
    end = memchr(pin, '\n', (size_t)n);
    *len = end != NULL ? (size_t)(end - pin) : (size_t)n;
    return AK_OK;
}

static enum ak_code log_in(struct ak_token *t, P11KitUri *uri, struct ak_error *err)
{
    unsigned char *pin;
    CK_SLOT_ID slot = 0;
    size_t len = 0;
    enum ak_code rc = find_token(t, uri, &slot, err);
    CK_RV rv;

    if (rc != AK_OK)
        return rc;
    rv = t->p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK)
        return refuse(err, "C_OpenSession", rv);
    pin = sodium_malloc(PIN_BYTES_MAX);
    if (pin == NULL)
        return ak_fail(err, AK_ENOMEM, "no locked memory for a PIN");
    rc = read_pin(uri, pin, &len, err);
    if (rc == AK_OK) {
        rv = t->p11->C_Login(t->session, CKU_USER, pin, (CK_ULONG)len);
        if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
            rc = refuse(err, "C_Login (the PIN)", rv);
    }
    sodium_free(pin);
    return rc;
}

/* The one object of a class that is an Edwards key and has the URI's label and id. */
static enum ak_code find_object(const struct ak_token *t, P11KitUri *uri, CK_OBJECT_CLASS class,
                                CK_OBJECT_HANDLE *object, struct ak_error *err)
{
    CK_KEY_TYPE type = CKK_EC_EDWARDS;
    CK_ATTRIBUTE wanted[4] = {{CKA_CLASS, &class, sizeof(class)},
                              {CKA_KEY_TYPE, &type, sizeof(type)}};
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);
    CK_OBJECT_HANDLE found[2];
    CK_ULONG n = 0, count = 2;
    CK_RV rv;

    if (label == NULL && id == NULL)
        return ak_fail(err, AK_EKEY, "PKCS#11: the URI names no key: write `object` or `id`");
    if (label != NULL)
        wanted[count++] = *label;
    if (id != NULL)
        wanted[count++] = *id;
    rv = t->p11->C_FindObjectsInit(t->session, wanted, count);
    if (rv != CKR_OK)
        return refuse(err, "C_FindObjectsInit", rv);
    rv = t->p11->C_FindObjects(t->session, found, 2, &n);
    (void)t->p11->C_FindObjectsFinal(t->session);
    if (rv != CKR_OK)
        return refuse(err, "C_FindObjects", rv);
    if (n != 1)
        return ak_fail(
            err, AK_EKEY, "PKCS#11: the URI fits %s in the token, it must fit one Ed25519 %s key",
            n == 0 ? "no key" : "several keys", class == CKO_PRIVATE_KEY ? "private" : "public");
    *object = found[0];
    return AK_OK;
}

/* CKA_EC_POINT is an OCTET STRING in DER; some tokens give the bytes alone. */
static enum ak_code read_public(const struct ak_token *t, CK_OBJECT_HANDLE object, uint8_t *pk,
                                struct ak_error *err)
{
    unsigned char point[POINT_BYTES_MAX];
    CK_ATTRIBUTE wanted = {CKA_EC_POINT, point, sizeof(point)};
    CK_RV rv = t->p11->C_GetAttributeValue(t->session, object, &wanted, 1);

    if (rv != CKR_OK)
        return refuse(err, "C_GetAttributeValue", rv);
    if (wanted.ulValueLen == AK_ED25519_KEY_BYTES)
        memcpy(pk, point, AK_ED25519_KEY_BYTES);
    else if (wanted.ulValueLen == AK_ED25519_KEY_BYTES + 2u && point[0] == 0x04 &&
             point[1] == AK_ED25519_KEY_BYTES)
        memcpy(pk, point + 2, AK_ED25519_KEY_BYTES);
    else
        return ak_fail(err, AK_EKEY, "PKCS#11: the public key is not one of Ed25519");
    return ak_ed25519_key_check(pk, err);
}

static enum ak_code open_key(struct ak_token *t, P11KitUri *uri, uint8_t *pk, struct ak_error *err)
{
    CK_OBJECT_HANDLE public = 0;
    enum ak_code rc = load_module(t, uri, err);

    if (rc == AK_OK)
        rc = log_in(t, uri, err);
    if (rc == AK_OK)
        rc = find_object(t, uri, CKO_PRIVATE_KEY, &t->key, err);
    if (rc == AK_OK)
        rc = find_object(t, uri, CKO_PUBLIC_KEY, &public, err);
    return rc == AK_OK ? read_public(t, public, pk, err) : rc;
}

enum ak_code ak_token_open(const char *text, struct ak_token **out,
                           uint8_t pk[AK_ED25519_KEY_BYTES], struct ak_error *err)
{
    struct ak_token *t = calloc(1, sizeof(*t));
    P11KitUri *uri = p11_kit_uri_new();
    enum ak_code rc;

    *out = NULL;
    if (t == NULL || uri == NULL)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a token");
    else if (p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK)
        rc = ak_fail(err, AK_EKEY, "PKCS#11: %.300s is no URI of RFC 7512", text);
    else
        rc = open_key(t, uri, pk, err);
    p11_kit_uri_free(uri);
    if (rc != AK_OK) {
        ak_token_close(t);
        return rc;
    }
    *out = t;
    return AK_OK;
}

void ak_token_close(struct ak_token *token)
{
    if (token == NULL)
        return;
    if (token->session != 0)
        (void)token->p11->C_CloseSession(token->session);
    /* The module stays: other logs may use it, and many cannot be unloaded. */
    free(token);
}

enum ak_code ak_token_sign(struct ak_token *token, const void *msg, size_t len,
                           uint8_t signature[AK_ED25519_SIGNATURE_BYTES], struct ak_error *err)
{
    CK_MECHANISM mechanism = {CKM_EDDSA, NULL, 0};
    CK_ULONG n = AK_ED25519_SIGNATURE_BYTES;
    CK_RV rv = token->p11->C_SignInit(token->session, &mechanism, token->key);

    if (rv != CKR_OK)
        return refuse(err, "C_SignInit", rv);
    /* C_Sign changes nothing of what it signs */
    rv =
        token->p11->C_Sign(token->session, (CK_BYTE *)(uintptr_t)msg, (CK_ULONG)len, signature, &n);
    if (rv != CKR_OK)
        return refuse(err, "C_Sign", rv);
    if (n != AK_ED25519_SIGNATURE_BYTES)
        return ak_fail(err, AK_EKEY, "PKCS#11: a signature of %lu bytes", (unsigned long)n);
    return AK_OK;
}

/* Whether a shell takes the text as it is, between quotes; not empty. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == '\'' || text[i] == 0x7f)
            return false;
    }
    return len > 0;
}

/* " OPTION 'VALUE'", or the value's name in capitals where it is none that can be shown. */
static size_t put_option(char *out, size_t cap, const char *option, const char *value, size_t len,
                         const char *name)
{
    int n = value != NULL && is_plain(value, len)
                ? snprintf(out, cap, " %s '%.*s'", option, (int)len, value)
                : snprintf(out, cap, " %s %s", option, name);

    return n < 0 || (size_t)n >= cap ? cap - 1 : (size_t)n;
}

static size_t put_id(char *out, size_t cap, const CK_ATTRIBUTE *id)
{
    const unsigned char *bytes = id->pValue;
    size_t at = put_option(out, cap, "--id", NULL, 0, "");

    for (CK_ULONG i = 0; i < id->ulValueLen && at + 3 < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%02x", bytes[i]);
    return at;
}

void ak_token_destroy_command(const char *text, char out[AK_TOKEN_DESTROY_BYTES])
{
    P11KitUri *uri = p11_kit_uri_new();
    bool good = uri != NULL && p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) == P11_KIT_URI_OK;
    const char *module = good ? p11_kit_uri_get_module_path(uri) : NULL;
    const CK_TOKEN_INFO *token = good ? p11_kit_uri_get_token_info(uri) : NULL;
    const char *label = token != NULL ? (const char *)token->label : NULL;
    const CK_ATTRIBUTE *object = good ? p11_kit_uri_get_attribute(uri, CKA_LABEL) : NULL;
    const CK_ATTRIBUTE *id = good ? p11_kit_uri_get_attribute(uri, CKA_ID) : NULL;
    const size_t cap = AK_TOKEN_DESTROY_BYTES;
    size_t len = token != NULL ? sizeof(token->label) : 0;
    size_t at;

    while (len > 0 && (label[len - 1] == ' ' || label[len - 1] == '\0'))
        len--; /* padded, as PKCS#11 has it */
    at = (size_t)snprintf(out, cap, "pkcs11-tool");
    at += put_option(out + at, cap - at, "--module", module, module != NULL ? strlen(module) : 0,
                     "MODULE");
    if (len > 0)
        at += put_option(out + at, cap - at, "--token-label", label, len, "TOKEN");
    at += (size_t)snprintf(out + at, cap - at, " --login --delete-object --type privkey");
    if (id != NULL && id->ulValueLen > 0)
        at += put_id(out + at, cap - at, id);
    if (object != NULL)
        (void)put_option(out + at, cap - at, "--label", object->pValue, object->ulValueLen,
                         "LABEL");
    p11_kit_uri_free(uri);
}
