/* tls_pki.c - a small authority for tests. */
#include "tls_pki.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "tls_pki: %s failed\n", what);
        abort();
    }
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    must(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    X509_EXTENSION_free(extension);
}

static void add_dns(GENERAL_NAMES *names, const char *dns, size_t len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    must(name != NULL && text != NULL && ASN1_STRING_set(text, dns, (int)len) == 1, "dNSName");
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    must(sk_GENERAL_NAME_push(names, name) > 0, "dNSName");
}

static void add_raw_names(X509 *certificate, const struct pki_order *order)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    char *text = malloc(order->dns_bytes + 32);

    must(names != NULL && text != NULL, "memory");
    if (order->dns_raw != NULL)
        add_dns(names, order->dns_raw, order->dns_raw_len);
    for (unsigned i = 0; i < order->dns_count; i++) {
        int n = snprintf(text, 32, "%u.", i);

        memset(text + n, 'a', order->dns_bytes);
        for (unsigned j = (unsigned)n + 40; j + 1 < order->dns_bytes; j += 40)
            text[j] = '.';
        add_dns(names, text, order->dns_bytes);
    }
    must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1, "names");
    GENERAL_NAMES_free(names);
    free(text);
}

static void name_certificate(X509 *certificate, const struct pki_order *order)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    size_t len;

    must(X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Test", -1,
                                    -1, 0) == 1,
         "subject");
    if (order->cn == NULL)
        return;
    len = order->cn_len > 0 ? order->cn_len : strlen(order->cn);
    must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)order->cn,
                                    (int)len, -1, 0) == 1,
         "common name");
}

void pki_make(struct pki *out, const struct pki_order *order)
{
    static long serial = 1000;
    const struct pki *issuer = order->issuer != NULL ? order->issuer : out;
    X509 *certificate = X509_new();

    out->certificate = certificate;
    out->key = order->rsa_bits > 0 ? EVP_RSA_gen(order->rsa_bits) : EVP_EC_gen("P-256");
    must(certificate != NULL && out->key != NULL, "key");
    must(X509_set_version(certificate, X509_VERSION_3) == 1, "version");
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    must(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)order->from) != NULL &&
             ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)order->to) != NULL,
         "validity");
    name_certificate(certificate, order);
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate)) == 1 &&
             X509_set_pubkey(certificate, out->key) == 1,
         "issuer");
    extend(certificate, issuer->certificate, NID_basic_constraints,
           order->authority ? "critical,CA:TRUE" : "CA:FALSE");
    extend(certificate, issuer->certificate, NID_subject_key_identifier, "hash");
    if (order->san != NULL)
        extend(certificate, issuer->certificate, NID_subject_alt_name, order->san);
    if (order->dns_raw != NULL || order->dns_count > 0)
        add_raw_names(certificate, order);
    if (order->eku != NULL)
        extend(certificate, issuer->certificate, NID_ext_key_usage, order->eku);
    must(X509_sign(certificate, issuer->key, EVP_sha256()) > 0, "signature");
}

void pki_free(struct pki *pki)
{
    X509_free(pki->certificate);
    EVP_PKEY_free(pki->key);
    pki->certificate = NULL;
    pki->key = NULL;
}

void pki_fingerprint(const struct pki *pki, uint8_t out[32])
{
    unsigned n = 0;

    must(X509_digest(pki->certificate, EVP_sha256(), out, &n) == 1 && n == 32, "fingerprint");
}

static void crl_revoke(X509_CRL *crl, const struct pki *revoked, int64_t at)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)at);

    must(entry != NULL && time != NULL, "memory");
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
    X509_REVOKED_set_revocationDate(entry, time);
    must(X509_CRL_add0_revoked(crl, entry) == 1, "revocation");
    ASN1_TIME_free(time);
}

void pki_crl_write(const char *path, const struct pki *issuer, const struct pki *revoked,
                   int64_t from, int64_t to)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *last = ASN1_TIME_set(NULL, (time_t)from);
    ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)to);
    FILE *file = fopen(path, "w");

    must(crl != NULL && last != NULL && next != NULL && file != NULL, "CRL");
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate));
    X509_CRL_set1_lastUpdate(crl, last);
    X509_CRL_set1_nextUpdate(crl, next);
    if (revoked != NULL)
        crl_revoke(crl, revoked, from);
    X509_CRL_sort(crl);
    must(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0, "CRL");
    must(PEM_write_X509_CRL(file, crl) == 1 && fclose(file) == 0, path);
    X509_CRL_free(crl);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
}

void pki_certificates_write(const char *path, const struct pki *const *certificates, size_t count)
{
    FILE *file = fopen(path, "w");

    must(file != NULL, path);
    for (size_t i = 0; i < count; i++)
        must(PEM_write_X509(file, certificates[i]->certificate) == 1, path);
    must(fclose(file) == 0, path);
}

void pki_key_write(const char *path, const struct pki *pki, const char *password)
{
    FILE *file = fopen(path, "w");
    const EVP_CIPHER *cipher = password != NULL ? EVP_aes_128_cbc() : NULL;

    must(file != NULL, path);
    must(PEM_write_PKCS8PrivateKey(file, pki->key, cipher, password,
                                   password != NULL ? (int)strlen(password) : 0, NULL, NULL) == 1,
         path);
    must(fclose(file) == 0 && chmod(path, 0600) == 0, path);
}
