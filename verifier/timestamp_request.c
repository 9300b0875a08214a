/* timestamp_request.c - requests of RFC 3161 by SHA-512, for authorities that are asked by hand,
 * and whether a reply answers one. */
#include <akashi/timestamp.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES 16

static bool set_imprint(TS_REQ *request, const void *data, size_t len)
{
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *algorithm = X509_ALGOR_new();
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool good;

    good = imprint != NULL && algorithm != NULL &&
           EVP_Digest(data, len, digest, &n, EVP_sha512(), NULL) == 1 &&
           X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha512), V_ASN1_NULL, NULL) == 1 &&
           TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
           TS_MSG_IMPRINT_set_msg(imprint, digest, (int)n) == 1 &&
           TS_REQ_set_msg_imprint(request, imprint) == 1;
    X509_ALGOR_free(algorithm);
    TS_MSG_IMPRINT_free(imprint);
    return good;
}

static bool set_nonce(TS_REQ *request)
{
    uint8_t nonce[NONCE_BYTES];
    ASN1_INTEGER *integer = NULL;
    BIGNUM *number = NULL;
    bool good = RAND_bytes(nonce, sizeof(nonce)) == 1;

    nonce[0] = (uint8_t)((nonce[0] & 0x3f) | 0x40); /* positive, and not shortened */
    if (good)
        number = BN_bin2bn(nonce, NONCE_BYTES, NULL);
    if (number != NULL)
        integer = BN_to_ASN1_INTEGER(number, NULL);
    good = integer != NULL && TS_REQ_set_nonce(request, integer) == 1;
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return good;
}

enum ak_code ak_timestamp_request(const void *data, size_t data_len, unsigned char **der,
                                  size_t *len, struct ak_error *err)
{
    TS_REQ *request = TS_REQ_new();
    int n = -1;

    *der = NULL;
    if (request != NULL && TS_REQ_set_version(request, 1) == 1 &&
        set_imprint(request, data, data_len) && set_nonce(request) &&
        TS_REQ_set_cert_req(request, 1) == 1)
        n = i2d_TS_REQ(request, NULL);
    if (n > 0)
        *der = malloc((size_t)n);
    if (*der != NULL) {
        unsigned char *at = *der;
        n = i2d_TS_REQ(request, &at);
    }
    TS_REQ_free(request);
    ERR_clear_error();
    if (*der == NULL || n <= 0) {
        free(*der);
        *der = NULL;
        return ak_fail(err, AK_ENOMEM, "no memory or no randomness for a time-stamp request");
    }
    *len = (size_t)n;
    return AK_OK;
}

/* Whether the request is by SHA-512 and over these bytes. */
static bool is_over(TS_REQ *request, const void *data, size_t len)
{
    TS_MSG_IMPRINT *imprint = TS_REQ_get_msg_imprint(request);
    X509_ALGOR *algorithm = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_algo(imprint);
    const ASN1_OCTET_STRING *stated = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_msg(imprint);
    const ASN1_OBJECT *object = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (algorithm == NULL || stated == NULL)
        return false;
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    return OBJ_obj2nid(object) == NID_sha512 &&
           EVP_Digest(data, len, digest, &n, EVP_sha512(), NULL) == 1 &&
           ASN1_STRING_length(stated) == (int)n &&
           memcmp(ASN1_STRING_get0_data(stated), digest, n) == 0;
}

enum ak_code ak_timestamp_answers(const void *der, size_t len, const void *data, size_t data_len,
                                  const struct ak_timestamp *stamp, struct ak_error *err)
{
    const unsigned char *at = der;
    TS_REQ *request = d2i_TS_REQ(NULL, &at, (long)len);
    const ASN1_INTEGER *nonce = request == NULL ? NULL : TS_REQ_get_nonce(request);
    enum ak_code rc = AK_OK;

    if (request == NULL || at != (const unsigned char *)der + len)
        rc = ak_fail(err, AK_EMALFORMED, "it is no time-stamp request of RFC 3161");
    else if (!is_over(request, data, data_len))
        rc = ak_fail(err, AK_EINTEGRITY, "it is the request for other bytes, or not by SHA-512");
    else if (nonce == NULL || stamp->nonce_len == 0 ||
             ASN1_STRING_length(nonce) != (int)stamp->nonce_len ||
             memcmp(ASN1_STRING_get0_data(nonce), stamp->nonce, stamp->nonce_len) != 0)
        rc = ak_fail(err, AK_EINTEGRITY,
                     "the reply has not the nonce of the request: it is the answer to another one");
    TS_REQ_free(request);
    ERR_clear_error();
    return rc;
}
