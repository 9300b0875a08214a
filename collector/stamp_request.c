/* stamp_request.c - requests by OpenSSL's TS functions; answers by libakashi, with what only the
 * asker knows compared besides. */
#include "stamp_request.h"

#include <akashi/sha256.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void ak_stamp_nonce(uint8_t nonce[AK_STAMP_NONCE_BYTES])
{
    randombytes_buf(nonce, AK_STAMP_NONCE_BYTES);
    nonce[0] = (uint8_t)((nonce[0] & 0x3f) | 0x40); /* positive, and not shortened */
}

enum ak_code ak_stamp_policy_check(const char *policy, struct ak_error *err)
{
    ASN1_OBJECT *object =
        policy[strspn(policy, "0123456789.")] == '\0' ? OBJ_txt2obj(policy, 1) : NULL;
    char again[AK_TSA_POLICY_BYTES];
    bool good = object != NULL && OBJ_obj2txt(again, (int)sizeof(again), object, 1) > 0 &&
                strcmp(again, policy) == 0;

    ASN1_OBJECT_free(object);
    return good ? AK_OK
                : ak_fail(err, AK_EUSAGE,
                          "\"%.80s\" is no object identifier: write it as in 1.3.6.1.4.1.99999.1",
                          policy);
}

static bool set_imprint(TS_REQ *request, const void *data, size_t len)
{
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    struct ak_hash digest;
    bool good;

    ak_sha256(&digest, data, len);
    good = imprint != NULL && algorithm != NULL &&
           X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
           TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
           TS_MSG_IMPRINT_set_msg(imprint, digest.b, AK_HASH_BYTES) == 1 &&
           TS_REQ_set_msg_imprint(request, imprint) == 1;
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    return good;
}

static bool set_nonce(TS_REQ *request, const uint8_t nonce[AK_STAMP_NONCE_BYTES])
{
    BIGNUM *number = BN_bin2bn(nonce, (int)AK_STAMP_NONCE_BYTES, NULL);
    ASN1_INTEGER *integer = number == NULL ? NULL : BN_to_ASN1_INTEGER(number, NULL);
    bool good = integer != NULL && TS_REQ_set_nonce(request, integer) == 1;

    ASN1_INTEGER_free(integer);
    BN_free(number);
    return good;
}

static bool set_policy(TS_REQ *request, const char *policy)
{
    ASN1_OBJECT *object = OBJ_txt2obj(policy, 1);
    bool good = object != NULL && TS_REQ_set_policy_id(request, object) == 1;

    ASN1_OBJECT_free(object);
    return good;
}

enum ak_code ak_stamp_request(const void *data, size_t data_len,
                              const uint8_t nonce[AK_STAMP_NONCE_BYTES], const char *policy,
                              unsigned char **der, size_t *len, struct ak_error *err)
{
    enum ak_code rc = policy == NULL ? AK_OK : ak_stamp_policy_check(policy, err);
    TS_REQ *request;
    unsigned char *at;
    int n = -1;

    *der = NULL;
    if (rc != AK_OK)
        return rc;
    request = TS_REQ_new();
    if (request != NULL && TS_REQ_set_version(request, 1) == 1 &&
        set_imprint(request, data, data_len) && set_nonce(request, nonce) &&
        TS_REQ_set_cert_req(request, 1) == 1 && (policy == NULL || set_policy(request, policy)))
        n = i2d_TS_REQ(request, NULL);
    if (n > 0)
        *der = malloc((size_t)n);
    at = *der;
    if (*der == NULL || i2d_TS_REQ(request, &at) != n)
        rc = ak_fail(err, AK_ENOMEM, "no memory for a time-stamp request");
    *len = n > 0 ? (size_t)n : 0;
    TS_REQ_free(request);
    if (rc != AK_OK) {
        free(*der);
        *der = NULL;
    }
    return rc;
}

enum ak_code ak_stamp_answer(const void *reply, size_t len, const void *data, size_t data_len,
                             const uint8_t nonce[AK_STAMP_NONCE_BYTES], const char *policy,
                             struct ak_tsa *tsa, struct ak_timestamp *stamp, struct ak_error *err)
{
    enum ak_code rc = ak_timestamp_judge(reply, len, data, data_len, tsa, stamp, err);

    if (rc != AK_OK)
        return rc;
    if (stamp->nonce_len != AK_STAMP_NONCE_BYTES ||
        memcmp(stamp->nonce, nonce, AK_STAMP_NONCE_BYTES) != 0)
        return ak_fail(err, AK_EINTEGRITY,
                       "it has not the nonce of the request: it is the answer to another one");
    if (policy != NULL && strcmp(stamp->policy, policy) != 0)
        return ak_fail(err, AK_EINTEGRITY, "it is of policy %s, %s was asked for", stamp->policy,
                       policy);
    return AK_OK;
}
