/* timestamp.c - judges RFC 3161 replies by OpenSSL's TS functions, which know the whole of CMS.
 *
 * Happy path: the reply is decoded whole, its imprint is that of the bytes, and its one signer has
 * a certificate for time stamps alone that leads to one given from outside, all of them valid at
 * the time that the token states.
 *
 * Failure modes are kept apart: what is no reply, what is over other bytes, who is not trusted, and
 * whose signature is wrong. The reader's clock is asked nowhere. */
#include <akashi/timestamp.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Certificates between a signer and the one given: real chains have one or two. */
#define CHAIN_DEPTH_MAX 10

/* OpenSSL's level of 112 bits: RSA of 2,048 bits and more, SHA-224 and more. */
#define SECURITY_LEVEL 2

#define ACCURACY_PART_MAX    999   /* RFC 3161: millis and micros are 1 to 999 */
#define ACCURACY_SECONDS_MAX 86400 /* a clock that may be off by more than a day says nothing */

struct ak_tsa {
    X509_STORE *store;
    unsigned count;
};

enum ak_code ak_tsa_new(struct ak_tsa **out, struct ak_error *err)
{
    struct ak_tsa *tsa = calloc(1, sizeof(*tsa));

    *out = NULL;
    if (tsa != NULL)
        tsa->store = X509_STORE_new();
    if (tsa == NULL || tsa->store == NULL) {
        ak_tsa_free(tsa);
        return ak_fail(err, AK_ENOMEM, "no memory for certificates");
    }
    *out = tsa;
    return AK_OK;
}

void ak_tsa_free(struct ak_tsa *tsa)
{
    if (tsa == NULL)
        return;
    X509_STORE_free(tsa->store);
    free(tsa);
}

/* Whether reading certificates ended because there are no more. */
static bool at_end(void)
{
    unsigned long e = ERR_peek_last_error();

    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static enum ak_code add_certificates(struct ak_tsa *tsa, BIO *bio, struct ak_error *err)
{
    unsigned added = 0;
    X509 *cert;

    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        bool good = tsa->count < AK_TSA_CERTIFICATES_MAX;
        if (!good) {
            X509_free(cert);
            return ak_fail(err, AK_ELIMIT, "more than %u certificates", AK_TSA_CERTIFICATES_MAX);
        }
        good = X509_STORE_add_cert(tsa->store, cert) == 1;
        X509_free(cert);
        if (!good)
            return ak_fail(err, AK_ENOMEM, "no memory for certificates");
        tsa->count++;
        added++;
    }
    if (added == 0)
        return ak_fail(err, AK_EMALFORMED,
                       "holds no certificate: it must be PEM, from -----BEGIN CERTIFICATE----- on");
    if (!at_end())
        return ak_fail(err, AK_EMALFORMED, "certificate %u of it cannot be read", added + 1);
    return AK_OK;
}

enum ak_code ak_tsa_add(struct ak_tsa *tsa, const void *pem, size_t len, struct ak_error *err)
{
    enum ak_code rc;
    BIO *bio;

    if (len > AK_TSA_FILE_BYTES_MAX)
        return ak_fail(err, AK_ELIMIT, "has more than %u bytes", AK_TSA_FILE_BYTES_MAX);
    ERR_clear_error();
    bio = BIO_new_mem_buf(pem, (int)len);
    if (bio == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory for certificates");
    rc = add_certificates(tsa, bio, err);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

/* Whole seconds since 1970 from a GeneralizedTime; a fraction counts as a whole second. */
static bool read_time(const ASN1_GENERALIZEDTIME *at, uint64_t *seconds)
{
    struct tm tm;
    time_t t;

    if (at == NULL || ASN1_TIME_to_tm(at, &tm) != 1)
        return false;
    t = timegm(&tm);
    if (t <= 0)
        return false;
    *seconds = (uint64_t)t;
    if (memchr(ASN1_STRING_get0_data(at), '.', (size_t)ASN1_STRING_length(at)) != NULL)
        ++*seconds;
    return true;
}

/* A part of the accuracy: 0 if it is not there. */
static bool read_part(const ASN1_INTEGER *part, int64_t max, int64_t *value)
{
    *value = 0;
    return part == NULL ||
           (ASN1_INTEGER_get_int64(value, part) == 1 && *value >= 0 && *value <= max);
}

static bool add_accuracy(TS_TST_INFO *info, uint64_t *seconds)
{
    TS_ACCURACY *accuracy = TS_TST_INFO_get_accuracy(info);
    int64_t s;
    int64_t millis;
    int64_t micros;

    if (accuracy == NULL)
        return true;
    if (!read_part(TS_ACCURACY_get_seconds(accuracy), ACCURACY_SECONDS_MAX, &s) ||
        !read_part(TS_ACCURACY_get_millis(accuracy), ACCURACY_PART_MAX, &millis) ||
        !read_part(TS_ACCURACY_get_micros(accuracy), ACCURACY_PART_MAX, &micros))
        return false;
    *seconds += (uint64_t)s + (millis > 0 || micros > 0 ? 1 : 0);
    return true;
}

static void read_nonce(TS_TST_INFO *info, struct ak_timestamp *out)
{
    const ASN1_INTEGER *nonce = TS_TST_INFO_get_nonce(info);
    int len = nonce == NULL ? 0 : ASN1_STRING_length(nonce);

    if (len > 0 && len <= (int)AK_TSA_NONCE_BYTES_MAX) {
        memcpy(out->nonce, ASN1_STRING_get0_data(nonce), (size_t)len);
        out->nonce_len = (size_t)len;
    }
}

/* Who signed, as the certificate in the token says. */
static void read_authority(PKCS7 *token, struct ak_timestamp *out)
{
    STACK_OF(X509) *signers = PKCS7_get0_signers(token, NULL, 0);
    BIO *bio = signers != NULL && sk_X509_num(signers) == 1 ? BIO_new(BIO_s_mem()) : NULL;
    int n = -1;

    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(sk_X509_value(signers, 0)), 0,
                                          XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_read(bio, out->authority, (int)sizeof(out->authority) - 1);
    out->authority[n > 0 ? n : 0] = '\0';
    if (bio != NULL &&
        !read_time(X509_get0_notAfter(sk_X509_value(signers, 0)), &out->signer_until))
        out->signer_until = 0;
    BIO_free(bio);
    sk_X509_free(signers);
}

static enum ak_code read_info(TS_TST_INFO *info, struct ak_timestamp *out, struct ak_error *err)
{
    int n;

    if (TS_TST_INFO_get_version(info) != 1)
        return ak_fail(err, AK_EMALFORMED, "R48: the time stamp is not of version 1");
    if (!read_time(TS_TST_INFO_get_time(info), &out->time) || !add_accuracy(info, &out->time))
        return ak_fail(err, AK_EMALFORMED, "R48: the time stamp states no time that can be read");
    n = OBJ_obj2txt(out->policy, (int)sizeof(out->policy), TS_TST_INFO_get_policy_id(info), 1);
    if (n <= 0 || n >= (int)sizeof(out->policy))
        out->policy[0] = '\0';
    read_nonce(info, out);
    return AK_OK;
}

static bool is_strong(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    int nid;

    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    nid = object == NULL ? NID_undef : OBJ_obj2nid(object);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

static enum ak_code compare_imprint(TS_TST_INFO *info, const void *data, size_t len, size_t *bytes,
                                    struct ak_error *err)
{
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
    X509_ALGOR *algorithm = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_algo(imprint);
    const ASN1_OCTET_STRING *stated = imprint == NULL ? NULL : TS_MSG_IMPRINT_get_msg(imprint);
    const ASN1_OBJECT *object = NULL;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (algorithm == NULL || stated == NULL || !is_strong(algorithm))
        return ak_fail(err, AK_EMALFORMED,
                       "R48: the imprint is not by SHA-256, SHA-384 or SHA-512");
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    if (EVP_Digest(data, len, digest, &n, EVP_get_digestbyobj(object), NULL) != 1)
        return ak_fail(err, AK_ENOMEM, "no memory for a digest");
    if (ASN1_STRING_length(stated) != (int)n ||
        memcmp(ASN1_STRING_get0_data(stated), digest, n) != 0)
        return ak_fail(err, AK_EINTEGRITY, "R48: the time stamp is over other bytes");
    *bytes = n;
    return AK_OK;
}

/* What OpenSSL said is wrong: whether it is the chain, and its words. */
static enum ak_code tell_failure(struct ak_error *err)
{
    bool chain = false;
    unsigned long e;
    const char *data;
    const char *reason = "";
    const char *detail = "";
    int flags;

    while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        bool here =
            ERR_GET_LIB(e) == ERR_LIB_TS && ERR_GET_REASON(e) == TS_R_CERTIFICATE_VERIFY_ERROR;
        if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
            return ak_fail(err, AK_ENOMEM, "no memory to verify a time stamp");
        chain = chain || here;
        if (here || !chain) {
            reason = ERR_reason_error_string(e);
            detail = (flags & ERR_TXT_STRING) != 0 && data != NULL ? data : "";
        }
        if (here)
            break;
    }
    if (chain)
        return ak_fail(err, AK_EKEY,
                       "the certificate of its signer does not lead to one given from outside (%s)",
                       detail);
    return ak_fail(err, AK_ESIGNATURE, "R48: the time stamp's signature is not valid (%s)",
                   reason == NULL ? "unknown" : reason);
}

static bool signer_is_strong(PKCS7 *token)
{
    STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(token);
    X509_ALGOR *digest = NULL;

    if (signers == NULL || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
        return false;
    PKCS7_SIGNER_INFO_get0_algs(sk_PKCS7_SIGNER_INFO_value(signers, 0), NULL, &digest, NULL);
    return digest != NULL && is_strong(digest);
}

/* Signature and chain, at the time that the token states. */
static enum ak_code verify(PKCS7 *token, struct ak_tsa *tsa, uint64_t time, struct ak_error *err)
{
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(tsa->store);
    TS_VERIFY_CTX *ctx = TS_VERIFY_CTX_new();
    enum ak_code rc = AK_OK;

    if (ctx == NULL)
        return ak_fail(err, AK_ENOMEM, "no memory to verify a time stamp");
    if (!signer_is_strong(token)) {
        TS_VERIFY_CTX_free(ctx);
        return ak_fail(err, AK_EKEY,
                       "it is signed by a digest that is none of SHA-256, SHA-384 and SHA-512");
    }
    X509_VERIFY_PARAM_set_time(param, (time_t)time);
    X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    (void)X509_STORE_up_ref(tsa->store);
    TS_VERIFY_CTX_set_store(ctx, tsa->store);
    TS_VERIFY_CTX_set_flags(ctx, TS_VFY_VERSION | TS_VFY_SIGNATURE);
    ERR_clear_error();
    if (TS_RESP_verify_token(ctx, token) != 1)
        rc = tell_failure(err);
    TS_VERIFY_CTX_free(ctx);
    return rc;
}

static enum ak_code judge(TS_RESP *reply, const void *data, size_t data_len, struct ak_tsa *tsa,
                          struct ak_timestamp *out, struct ak_error *err)
{
    const ASN1_INTEGER *status = TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(reply));
    TS_TST_INFO *info = TS_RESP_get_tst_info(reply);
    PKCS7 *token = TS_RESP_get_token(reply);
    int64_t code = -1;
    uint64_t stated;
    enum ak_code rc;

    if (status == NULL || ASN1_INTEGER_get_int64(&code, status) != 1 ||
        (code != TS_STATUS_GRANTED && code != TS_STATUS_GRANTED_WITH_MODS) || info == NULL ||
        token == NULL || !PKCS7_type_is_signed(token))
        return ak_fail(err, AK_EMALFORMED, "R48: the reply grants no time stamp");
    read_authority(token, out);
    rc = read_info(info, out, err);
    if (rc == AK_OK)
        rc = compare_imprint(info, data, data_len, &out->imprint_bytes, err);
    if (rc != AK_OK || tsa == NULL)
        return rc;
    return read_time(TS_TST_INFO_get_time(info), &stated) ? verify(token, tsa, stated, err)
                                                          : AK_EMALFORMED;
}

enum ak_code ak_timestamp_judge(const void *reply, size_t len, const void *data, size_t data_len,
                                struct ak_tsa *tsa, struct ak_timestamp *out, struct ak_error *err)
{
    const unsigned char *at = reply;
    TS_RESP *resp;
    enum ak_code rc;

    memset(out, 0, sizeof(*out));
    if (len == 0 || len > AK_TIMESTAMP_BYTES_MAX)
        return ak_fail(err, AK_EMALFORMED, "R48: a time-stamp reply has 1 to %u bytes, not %zu",
                       AK_TIMESTAMP_BYTES_MAX, len);
    ERR_clear_error();
    resp = d2i_TS_RESP(NULL, &at, (long)len);
    if (resp == NULL || at != (const unsigned char *)reply + len)
        rc = ak_fail(err, AK_EMALFORMED, "R48: it is no time-stamp reply of RFC 3161");
    else
        rc = judge(resp, data, data_len, tsa, out, err);
    TS_RESP_free(resp);
    ERR_clear_error();
    return rc;
}
