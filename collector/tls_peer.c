/* tls_peer.c - is the certificate that a sender shows accepted, and why not?
 *
 * One path for the handshake and for the recheck of a long connection: the leaf's fingerprint is
 * listed, or it has a valid path to an authority of ours and a listed name. Every refusal is one
 * line that names the certificate, what it means for the records, and the remedy. What comes from
 * the certificate is escaped and cut before it goes into that line. */
#include "tls_private.h"

#include "fingerprint.h"

#include <akashi/escape.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REFUSED         "refused, the sender keeps its records"
#define LABEL_BYTES     64u /* of a common name in a message */
#define SHOWN_NAMES_MAX 3u  /* names of a certificate in a message */
#define SHOWN_BYTES     48u /* of each of them */
#define DATE_BYTES      32u
#define SECONDS_PER_DAY INT64_C(86400)
/* Of files and places in a message: leaves room for the rest of struct ak_error's text. */
#define SHOWN_FILE "%.100s"

/* What the callback of one X509_verify_cert found out. */
struct path_check {
    const struct ak_tls_context *context;
    const X509 *culprit; /* the certificate that was refused; in the chain */
    int error;           /* X509_V_ERR_..., the first that is not tolerated */
    int depth;           /* 0: the sender's own */
    bool expired;
    bool crl_stale;
};

int64_t ak_tls_time(const ASN1_TIME *at)
{
    struct tm tm;
    time_t seconds;

    if (at == NULL || ASN1_TIME_to_tm(at, &tm) != 1)
        return 0;
    seconds = timegm(&tm);
    return (int64_t)seconds;
}

/* The subject's only common name as UTF-8 (to be freed with OPENSSL_free); NULL if there is none,
 * more than one, or it cannot be decoded. */
static unsigned char *common_name(const X509 *certificate, size_t *len)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    int n;

    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
        return NULL;
    n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n < 0)
        return NULL;
    *len = (size_t)n;
    return text;
}

static bool fingerprint_of(const X509 *certificate, uint8_t out[32])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (X509_digest(certificate, EVP_sha256(), digest, &n) != 1 || n != 32)
        return false;
    memcpy(out, digest, 32);
    return true;
}

const char *ak_tls_label(const X509 *certificate, char *out)
{
    size_t len = 0;
    unsigned char *name = common_name(certificate, &len);
    uint8_t fingerprint[32] = {0};

    if (name != NULL && len > 0) {
        memcpy(out, "CN=", sizeof("CN="));
        (void)ak_escape_terminal(out + 3, LABEL_BYTES, name, len);
    } else {
        (void)fingerprint_of(certificate, fingerprint);
        (void)ak_fingerprint_text(fingerprint, out);
    }
    OPENSSL_free(name);
    return out;
}

/* names */

static enum ak_code refuse_nul(const X509 *certificate, struct ak_error *err)
{
    char label[AK_TLS_NAME_BYTES];

    return ak_fail(err, AK_EKEY,
                   "certificate %s has a name with a NUL byte in it, as forged ones do: " REFUSED
                   ". Find out who issued it",
                   ak_tls_label(certificate, label));
}

static enum ak_code alternative_read(const X509 *certificate, const GENERAL_NAME *name,
                                     struct ak_tls_name_list *names, bool *has_dns,
                                     struct ak_error *err)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    const unsigned char *data;
    size_t len;

    if (type != GEN_DNS && type != GEN_IPADD)
        return AK_OK;
    data = ASN1_STRING_get0_data(value);
    len = (size_t)ASN1_STRING_length(value);
    if (type == GEN_IPADD)
        return ak_tls_name_list_add_address(names, data, len, err);
    *has_dns = true;
    if (len > 0 && memchr(data, '\0', len) != NULL)
        return refuse_nul(certificate, err);
    return ak_tls_name_list_add(names, data, len, err);
}

static enum ak_code alternatives_read(const X509 *certificate, struct ak_tls_name_list *names,
                                      bool *has_dns, struct ak_error *err)
{
    int critical = 0;
    char label[AK_TLS_NAME_BYTES];
    enum ak_code rc = AK_OK;
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);

    /* -1: there is none; anything else without a result is broken or there twice. */
    if (all == NULL && critical != -1)
        return ak_fail(err, AK_EKEY,
                       "certificate %s has alternative names that cannot be read: " REFUSED
                       ". Issue it anew",
                       ak_tls_label(certificate, label));
    if (sk_GENERAL_NAME_num(all) > (int)AK_TLS_NAMES_MAX)
        rc = ak_fail(err, AK_EKEY,
                     "certificate %s has %d names, more than %u: " REFUSED ". Issue it with fewer",
                     ak_tls_label(certificate, label), sk_GENERAL_NAME_num(all), AK_TLS_NAMES_MAX);
    for (int i = 0; i < sk_GENERAL_NAME_num(all) && rc == AK_OK; i++)
        rc = alternative_read(certificate, sk_GENERAL_NAME_value(all, i), names, has_dns, err);
    GENERAL_NAMES_free(all);
    return rc;
}

enum ak_code ak_tls_names_read(const X509 *certificate, struct ak_tls_name_list *names,
                               struct ak_error *err)
{
    bool has_dns = false;
    unsigned char *name;
    size_t len = 0;
    enum ak_code rc = alternatives_read(certificate, names, &has_dns, err);

    if (rc != AK_OK || has_dns)
        return rc;
    name = common_name(certificate, &len);
    if (name != NULL && memchr(name, '\0', len) != NULL)
        rc = refuse_nul(certificate, err);
    else if (name != NULL && names->count < AK_TLS_NAMES_MAX)
        rc = ak_tls_name_list_add(names, name, len, err);
    OPENSSL_free(name);
    return rc;
}

/* refusals */

static const char *date_text(int64_t at, char out[DATE_BYTES])
{
    time_t seconds = (time_t)at;
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, DATE_BYTES, "%Y-%m-%d", &tm) == 0)
        memcpy(out, "unknown date", sizeof("unknown date"));
    return out;
}

/* "3 days", "1 hour", "0 minutes". */
static const char *span_text(int64_t seconds, char out[DATE_BYTES])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{SECONDS_PER_DAY, "day"}, {3600, "hour"}, {60, "minute"}};
    size_t i = 0;
    int64_t n;

    while (i < 2 && seconds < units[i].seconds)
        i++;
    n = seconds / units[i].seconds;
    (void)snprintf(out, DATE_BYTES, "%" PRId64 " %s%s", n, units[i].name, n == 1 ? "" : "s");
    return out;
}

static enum ak_code refuse_expired(const struct path_check *check, const char *who, int64_t now,
                                   struct ak_error *err)
{
    int64_t end = ak_tls_time(X509_get0_notAfter(check->culprit));
    char date[DATE_BYTES];
    char span[DATE_BYTES];

    return ak_fail(err, AK_EKEY,
                   "%s expired %s (%s ago): " REFUSED
                   ". Renew it there, or set expired=accept_and_record in " SHOWN_FILE,
                   who, date_text(end, date), span_text(now - end, span), check->context->place);
}

static enum ak_code refuse_early(const struct path_check *check, const char *who, int64_t now,
                                 struct ak_error *err)
{
    int64_t begin = ak_tls_time(X509_get0_notBefore(check->culprit));
    char date[DATE_BYTES];
    char span[DATE_BYTES];

    return ak_fail(err, AK_EKEY,
                   "%s is not valid before %s (in %s): " REFUSED
                   ". Compare the clocks of this machine and of its authority, or issue it anew",
                   who, date_text(begin, date), span_text(begin - now, span));
}

static enum ak_code refuse_stranger(const struct path_check *check, const X509 *leaf,
                                    struct ak_error *err)
{
    uint8_t fingerprint[32] = {0};
    char text[AK_FINGERPRINT_TEXT_BYTES];
    char who[AK_TLS_NAME_BYTES];

    (void)ak_tls_label(leaf, who);
    (void)fingerprint_of(leaf, fingerprint);
    if (check->context->ca_file == NULL)
        return ak_fail(err, AK_EKEY,
                       "certificate %s is not listed: " REFUSED
                       ". If it is the sender's, add %s to "
                       "fingerprints in " SHOWN_FILE,
                       who, ak_fingerprint_text(fingerprint, text), check->context->place);
    return ak_fail(err, AK_EKEY,
                   "certificate %s was not issued by an authority in " SHOWN_FILE ": " REFUSED
                   ". Issue it there, or add %s to fingerprints in " SHOWN_FILE,
                   who, check->context->ca_file, ak_fingerprint_text(fingerprint, text),
                   check->context->place);
}

static enum ak_code refuse_revoked(const struct ak_tls_context *context, const char *who,
                                   struct ak_error *err)
{
    return ak_fail(err, AK_EKEY,
                   "%s was revoked by its authority (" SHOWN_FILE "): " REFUSED
                   ". Give the sender a new certificate",
                   who, context->crl_file);
}

static enum ak_code refuse_without_crl(const struct path_check *check, const char *who,
                                       struct ak_error *err)
{
    return ak_fail(err, AK_EKEY,
                   SHOWN_FILE " has no CRL that speaks now about %s: " REFUSED
                              ". Put its authority's newest CRL there and reload (SIGHUP)",
                   check->context->crl_file, who);
}

static enum ak_code refuse_weak(const char *who, struct ak_error *err)
{
    return ak_fail(err, AK_EKEY,
                   "%s has a key or signature that is too weak: " REFUSED
                   ". Issue it with P-256, or RSA of 2048 bits or more, and SHA-256",
                   who);
}

/* The line for an error of path validation. */
static enum ak_code refuse_path(const struct path_check *check, X509 *leaf, int64_t now,
                                struct ak_error *err)
{
    char label[AK_TLS_NAME_BYTES];
    char who[AK_TLS_NAME_BYTES + 64];

    (void)snprintf(who, sizeof(who), "%s %s",
                   check->depth == 0 ? "certificate" : "the sender's authority",
                   ak_tls_label(check->culprit, label));
    switch (check->error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return refuse_expired(check, who, now, err);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return refuse_early(check, who, now, err);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return refuse_stranger(check, leaf, err);
    case X509_V_ERR_CERT_REVOKED:
        return refuse_revoked(check->context, who, err);
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return refuse_without_crl(check, who, err);
    case X509_V_ERR_INVALID_PURPOSE:
        return ak_fail(err, AK_EKEY,
                       "%s is not meant for this (its extended key usage or key usage does not "
                       "allow a client): " REFUSED ". Issue one with clientAuth",
                       who);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return refuse_weak(who, err);
    default:
        return ak_fail(err, AK_EKEY, "%s is not accepted (%s): " REFUSED ". Issue it anew", who,
                       X509_verify_cert_error_string(check->error));
    }
}

static enum ak_code refuse_name(const struct ak_tls_context *context, X509 *leaf,
                                const struct ak_tls_name_list *names, struct ak_error *err)
{
    char label[AK_TLS_NAME_BYTES];
    char shown[SHOWN_NAMES_MAX * (SHOWN_BYTES + 2) + 8] = "";
    size_t used = 0;

    for (size_t i = 0; i < names->count && i < SHOWN_NAMES_MAX; i++)
        used += (size_t)snprintf(shown + used, sizeof(shown) - used, "%s%.*s", i > 0 ? ", " : "",
                                 (int)SHOWN_BYTES, names->at[i]);
    if (names->count > SHOWN_NAMES_MAX)
        (void)snprintf(shown + used, sizeof(shown) - used, ", ...");
    return ak_fail(err, AK_EKEY,
                   "certificate %s has no name that is listed (it has %s): " REFUSED
                   ". Add its name to names in " SHOWN_FILE ", or issue it anew",
                   ak_tls_label(leaf, label), names->count > 0 ? shown : "none", context->place);
}

/* path validation */

/* True for what the operator chose to accept, and for authorities about which no CRL was given:
 * the sender's own certificate must be spoken about, its authorities only may. */
static bool is_tolerated(struct path_check *check, int error, int depth)
{
    if (error == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0)
        return true;
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        check->expired = check->expired || check->context->accept_expired;
        return check->context->accept_expired;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        check->crl_stale = check->crl_stale || check->context->accept_stale_crl;
        return check->context->accept_stale_crl;
    default:
        return false;
    }
}

static int on_path_step(int ok, X509_STORE_CTX *path)
{
    struct path_check *check = X509_STORE_CTX_get_app_data(path);
    int error = X509_STORE_CTX_get_error(path);
    int depth = X509_STORE_CTX_get_error_depth(path);

    if (ok)
        return 1;
    if (is_tolerated(check, error, depth)) {
        X509_STORE_CTX_set_error(path, X509_V_OK);
        return 1;
    }
    check->error = error;
    check->depth = depth;
    check->culprit = X509_STORE_CTX_get_current_cert(path);
    return 0;
}

static void path_prepare(X509_STORE_CTX *path, struct path_check *check, int64_t now)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(path);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

    /* Whatever stands in ca_file is an anchor, also an authority below a root. */
    if (check->context->crl_file != NULL)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM_set_flags(param, flags);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_depth(param, AK_TLS_CHAIN_DEPTH_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, AK_TLS_SECURITY_LEVEL);
    X509_STORE_CTX_set_purpose(path, X509_PURPOSE_SSL_CLIENT);
    X509_STORE_CTX_set_app_data(path, check);
    X509_STORE_CTX_set_verify_cb(path, on_path_step);
}

static enum ak_code path_validate(struct path_check *check, X509 *leaf, STACK_OF(X509) * chain,
                                  int64_t now, struct ak_error *err)
{
    X509_STORE_CTX *path = X509_STORE_CTX_new();
    enum ak_code rc = AK_OK;

    if (path == NULL || X509_STORE_CTX_init(path, check->context->store, leaf, chain) != 1) {
        check->error = X509_V_ERR_OUT_OF_MEM;
        rc = ak_fail(err, AK_ENOMEM, "no memory to check a certificate");
    } else {
        path_prepare(path, check, now);
        if (X509_verify_cert(path) <= 0) {
            if (check->culprit == NULL) /* refused without the callback: broken input */
                check->culprit = leaf;
            if (check->error == X509_V_OK)
                check->error = X509_STORE_CTX_get_error(path);
            if (check->error == X509_V_OK)
                check->error = X509_V_ERR_UNSPECIFIED;
            rc = refuse_path(check, leaf, now, err);
        }
    }
    X509_STORE_CTX_free(path);
    return rc;
}

/* A listed certificate: no path is asked for, but its time, its strength and what CRLs say. */
static enum ak_code listed_validate(struct path_check *check, X509 *leaf, int64_t now,
                                    struct ak_error *err)
{
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    X509_REVOKED *entry;

    check->culprit = leaf;
    for (int i = 0; i < sk_X509_CRL_num(check->context->crls); i++) {
        X509_CRL *crl = sk_X509_CRL_value(check->context->crls, i);

        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(leaf)) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, leaf) == 1)
            check->error = X509_V_ERR_CERT_REVOKED;
    }
    if (check->error == X509_V_OK &&
        (key == NULL || EVP_PKEY_get_security_bits(key) < AK_TLS_SECURITY_BITS))
        check->error = X509_V_ERR_EE_KEY_TOO_SMALL;
    if (check->error == X509_V_OK && now < ak_tls_time(X509_get0_notBefore(leaf)))
        check->error = X509_V_ERR_CERT_NOT_YET_VALID;
    if (check->error == X509_V_OK && now > ak_tls_time(X509_get0_notAfter(leaf)) &&
        !is_tolerated(check, X509_V_ERR_CERT_HAS_EXPIRED, 0))
        check->error = X509_V_ERR_CERT_HAS_EXPIRED;
    return check->error == X509_V_OK ? AK_OK : refuse_path(check, leaf, now, err);
}

/* judgement */

static bool is_listed(const struct ak_tls_context *context, const uint8_t fingerprint[32])
{
    for (size_t i = 0; i < context->fingerprint_count; i++) {
        if (memcmp(context->fingerprints[i].b, fingerprint, 32) == 0)
            return true;
    }
    return false;
}

/* The certificate's name that a listed name accepts, or NULL. */
static const char *accepted_name(const struct ak_tls_context *context,
                                 const struct ak_tls_name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        for (size_t j = 0; j < context->name_count; j++) {
            if (ak_tls_name_matches(context->names[j], names->at[i]))
                return names->at[i];
        }
    }
    return NULL;
}

static void peer_name(struct ak_tls_peer *peer, const char *name)
{
    /* Names in the list are plain text already; escaping again would double a backslash. */
    (void)snprintf(peer->name, sizeof(peer->name), "%s", name);
}

static enum ak_code path_judge(struct path_check *check, X509 *leaf, STACK_OF(X509) * chain,
                               int64_t now, struct ak_tls_peer *peer,
                               const struct ak_tls_name_list *names, struct ak_error *err)
{
    const char *name = names->count > 0 ? names->at[0] : "";
    enum ak_code rc;

    check->culprit = leaf;
    if (check->context->store == NULL) {
        check->error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
        return refuse_path(check, leaf, now, err);
    }
    check->culprit = NULL;
    rc = path_validate(check, leaf, chain, now, err);
    if (rc != AK_OK)
        return rc;
    if (check->context->name_count > 0)
        name = accepted_name(check->context, names);
    if (name == NULL) {
        check->error = X509_V_ERR_HOSTNAME_MISMATCH;
        return refuse_name(check->context, leaf, names, err);
    }
    peer_name(peer, name);
    return AK_OK;
}

enum ak_code ak_tls_peer_judge(const struct ak_tls_context *context, X509 *leaf,
                               STACK_OF(X509) * chain, int64_t now, struct ak_tls_peer *peer,
                               struct ak_tls_name_list *names, int *x509_error,
                               struct ak_error *err)
{
    struct path_check check = {.context = context, .error = X509_V_OK};
    enum ak_code rc;

    *x509_error = X509_V_ERR_APPLICATION_VERIFICATION;
    *peer = (struct ak_tls_peer){.not_after = ak_tls_time(X509_get0_notAfter(leaf))};
    if (!fingerprint_of(leaf, peer->fingerprint))
        return ak_fail(err, AK_ENOMEM, "no memory to check a certificate");
    rc = ak_tls_names_read(leaf, names, err);
    if (rc != AK_OK)
        return rc;
    if (is_listed(context, peer->fingerprint)) {
        peer_name(peer, names->count > 0 ? names->at[0] : "");
        rc = listed_validate(&check, leaf, now, err);
    } else {
        rc = path_judge(&check, leaf, chain, now, peer, names, err);
    }
    *x509_error = check.error;
    peer->verified = rc == AK_OK;
    peer->expired = check.expired;
    peer->crl_stale = check.crl_stale;
    return rc;
}

int ak_tls_on_certificate(X509_STORE_CTX *given, void *context)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(given, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct ak_tls_session *session = SSL_get_app_data(ssl);
    int x509_error;
    enum ak_code rc;

    ak_tls_name_list_clear(&session->names);
    rc = ak_tls_peer_judge(context, X509_STORE_CTX_get0_cert(given),
                           X509_STORE_CTX_get0_untrusted(given), session->now, &session->peer,
                           &session->names, &x509_error, session->refusal);
    X509_STORE_CTX_set_error(given, x509_error);
    return rc == AK_OK ? 1 : 0;
}
