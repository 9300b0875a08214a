/* tls_pki.h - certificates, keys and CRLs for tests, made as ordered: also such as no authority
 * would issue. Everything asserts: a test that cannot make its input must not go on. */
#ifndef AK_TESTS_TLS_PKI_H
#define AK_TESTS_TLS_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pki {
    X509 *certificate;
    EVP_PKEY *key;
};

struct pki_order {
    const char *cn;           /* common name; NULL: none */
    size_t cn_len;            /* 0: strlen(cn) */
    const char *san;          /* as in openssl.cnf: "DNS:a.example,IP:10.0.0.1"; NULL: none */
    const char *dns_raw;      /* one dNSName, byte for byte */
    size_t dns_raw_len;       /* of dns_raw */
    unsigned dns_count;       /* that many dNSNames of dns_bytes bytes each */
    unsigned dns_bytes;       /* of each */
    const char *eku;          /* "clientAuth", ...; NULL: none */
    bool authority;           /* it may issue */
    const struct pki *issuer; /* NULL: self-signed */
    int64_t from, to;         /* validity; seconds since 1970 */
    unsigned rsa_bits;        /* 0: P-256 */
};

void pki_make(struct pki *out, const struct pki_order *order);
void pki_free(struct pki *pki);
void pki_fingerprint(const struct pki *pki, uint8_t out[32]);

/* A CRL of `issuer` that revokes `revoked` (NULL: nobody), valid from..to, into a PEM file. */
void pki_crl_write(const char *path, const struct pki *issuer, const struct pki *revoked,
                   int64_t from, int64_t to);

/* PEM files; `count` certificates one behind the other. `password` NULL: key not encrypted. */
void pki_certificates_write(const char *path, const struct pki *const *certificates, size_t count);
void pki_key_write(const char *path, const struct pki *pki, const char *password);

#endif
