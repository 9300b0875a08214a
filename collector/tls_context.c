/* tls_context.c - the settings of one TLS listener, made from its options and files.
 *
 * Happy path: check the options, copy what sessions need, read certificate, key, authorities and
 * CRLs, fix what is offered. Failure modes: whatever cannot be read or makes no sense ends the
 * making with a line that names file and remedy, and the caller keeps the context it had. What is
 * allowed but unwise is a remark. No setting is read from the environment or OpenSSL's own
 * configuration file. */
#include "tls_private.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMARK_BYTES_MAX 512
#define KEY_MODE_OPEN    0037 /* others may do anything, or the group may write: 0640 is usual */

/* RFC 9662 4: the mandatory suite among them, no CBC, no exchange without forward secrecy. Short
 * keys first: AES-128-GCM decrypts fastest, and nothing here needs more. */
#define CIPHERS_TLS12                                                                              \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_TLS13 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS        "X25519:P-256:P-384"

static void remark(const struct ak_tls_options *options, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void remark(const struct ak_tls_options *options, const char *fmt, ...)
{
    char text[REMARK_BYTES_MAX];
    va_list args;

    if (options->on_remark == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    options->on_remark(options->remark_ctx, text);
}

static const char *openssl_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text != NULL ? text : "no reason given";
}

static enum ak_code no_memory(struct ak_error *err)
{
    return ak_fail(err, AK_ENOMEM, "no memory for the settings of a TLS listener");
}

/* files */

/* One PEM file in memory. */
struct file {
    const char *what; /* "certificate", "key", ...: the option's word */
    const char *path;
    char *data; /* NULL: nothing was read */
    size_t n;
    mode_t mode;
};

static void file_clear(struct file *file)
{
    if (file->data != NULL)
        OPENSSL_cleanse(file->data, file->n);
    free(file->data);
    file->data = NULL;
}

static enum ak_code file_fail(const struct file *file, struct ak_error *err)
{
    return ak_fail_errno(err, errno,
                         "cannot read the %s file %.200s (it must exist, and the collector's user "
                         "must be able to read it)",
                         file->what, file->path);
}

static enum ak_code file_read_all(struct file *file, int fd, struct ak_error *err)
{
    size_t done = 0;

    while (done < file->n) {
        ssize_t n = read(fd, file->data + done, file->n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_fail(file, err);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    file->n = done;
    return AK_OK;
}

static enum ak_code file_read(struct file *file, struct ak_error *err)
{
    struct stat st;
    enum ak_code rc = AK_OK;
    /* Non-blocking, so that a pipe in this place is refused below instead of waited for. */
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return file_fail(file, err);
    if (fstat(fd, &st) != 0)
        rc = file_fail(file, err);
    else if (!S_ISREG(st.st_mode))
        rc = ak_fail(err, AK_EUSAGE, "the %s file %.200s is no regular file; give a PEM file",
                     file->what, file->path);
    else if (st.st_size <= 0 || (uint64_t)st.st_size > AK_TLS_FILE_BYTES_MAX)
        rc = ak_fail(err, st.st_size <= 0 ? AK_EMALFORMED : AK_ELIMIT,
                     "the %s file %.200s has %" PRIdMAX " bytes; a PEM file has 1 to %u",
                     file->what, file->path, (intmax_t)st.st_size, AK_TLS_FILE_BYTES_MAX);
    if (rc == AK_OK) {
        file->mode = st.st_mode & 07777;
        file->n = (size_t)st.st_size;
        file->data = malloc(file->n);
        rc = file->data == NULL ? no_memory(err) : file_read_all(file, fd, err);
    }
    (void)close(fd);
    return rc;
}

static enum ak_code file_open(struct file *file, BIO **bio, struct ak_error *err)
{
    enum ak_code rc = file_read(file, err);

    *bio = NULL;
    if (rc != AK_OK)
        return rc;
    *bio = BIO_new_mem_buf(file->data, (int)file->n);
    return *bio != NULL ? AK_OK : no_memory(err);
}

/* True if reading stopped because there is no further object, not because of a broken one. */
static bool is_end_of_pem(void)
{
    unsigned long error = ERR_peek_last_error();

    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* `count` objects were read in full and then reading stopped. */
static enum ak_code file_check_end(const struct file *file, int count, const char *wanted,
                                   struct ak_error *err)
{
    if (!is_end_of_pem())
        return ak_fail(err, AK_EMALFORMED,
                       "the %s file %.200s is damaged behind object %d (%s); make it anew",
                       file->what, file->path, count, openssl_reason());
    if (count == 0)
        return ak_fail(err, AK_EMALFORMED,
                       "the %s file %.200s holds no %s in PEM form (-----BEGIN %s-----)",
                       file->what, file->path, wanted, wanted);
    ERR_clear_error();
    return AK_OK;
}

/* our own certificate and key */

/* Never asks on a terminal: an encrypted key is an error here. */
static int on_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return -1;
}

static enum ak_code certificate_take(struct ak_tls_context *context, const struct file *file,
                                     X509 *certificate, int at, struct ak_error *err)
{
    int64_t not_after = ak_tls_time(X509_get0_notAfter(certificate));
    struct ak_tls_name_list names = {.count = 0};
    long done;

    if (at == 0)
        done = SSL_CTX_use_certificate(context->ssl, certificate);
    else
        done = SSL_CTX_add1_chain_cert(context->ssl, certificate);
    if (done != 1)
        return ak_fail(err, AK_EKEY,
                       "certificate %d in %.200s cannot be used (%s); issue it with P-256, or RSA "
                       "of 2048 bits or more, and SHA-256",
                       at + 1, file->path, openssl_reason());
    if (not_after < context->not_after)
        context->not_after = not_after;
    if (at > 0)
        return AK_OK;
    if (ak_tls_names_read(certificate, &names, NULL) == AK_OK && names.count > 0)
        (void)snprintf(context->name, sizeof(context->name), "%s", names.at[0]);
    else
        (void)ak_tls_label(certificate, context->name);
    ak_tls_name_list_clear(&names);
    return AK_OK;
}

static enum ak_code certificates_load(struct ak_tls_context *context, struct file *file,
                                      struct ak_error *err)
{
    BIO *bio;
    X509 *certificate;
    int count = 0;
    enum ak_code rc = file_open(file, &bio, err);

    while (rc == AK_OK &&
           (certificate = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL)) != NULL) {
        rc = certificate_take(context, file, certificate, count++, err);
        X509_free(certificate);
    }
    if (rc == AK_OK)
        rc = file_check_end(file, count, "CERTIFICATE", err);
    BIO_free(bio);
    return rc;
}

static enum ak_code key_take(struct ak_tls_context *context, const struct file *file, EVP_PKEY *key,
                             struct ak_error *err)
{
    if (key == NULL)
        return ak_fail(err, AK_EKEY,
                       "the key file %.200s holds no private key in PEM form, or an encrypted one "
                       "(%s); decrypt it with `openssl pkey`, mode 0600",
                       file->path, openssl_reason());
    if (SSL_CTX_use_PrivateKey(context->ssl, key) != 1 ||
        SSL_CTX_check_private_key(context->ssl) != 1)
        return ak_fail(err, AK_EKEY,
                       "the key in %.150s does not belong to the first certificate in %.150s (%s); "
                       "give the two that were made together",
                       file->path, context->certificate_file, openssl_reason());
    return AK_OK;
}

static enum ak_code key_load(struct ak_tls_context *context, struct file *file,
                             struct ak_error *err)
{
    BIO *bio;
    EVP_PKEY *key;
    enum ak_code rc = file_open(file, &bio, err);

    if (rc == AK_OK) {
        key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, NULL);
        rc = key_take(context, file, key, err);
        EVP_PKEY_free(key);
    }
    BIO_free(bio);
    return rc;
}

static enum ak_code own_load(struct ak_tls_context *context, const struct ak_tls_options *options,
                             struct ak_error *err)
{
    struct file chain = {.what = "certificate", .path = options->certificate_file};
    struct file key = {.what = "key", .path = options->key_file};
    enum ak_code rc = certificates_load(context, &chain, err);

    if (rc == AK_OK)
        rc = key_load(context, &key, err);
    if (rc == AK_OK && (key.mode & KEY_MODE_OPEN) != 0)
        remark(options,
               "key %.200s can be reached by others (mode %04o): whoever reads it can pose as "
               "this collector. chmod 600 it",
               key.path, (unsigned)key.mode);
    if (rc == AK_OK && context->not_after < options->now)
        remark(options,
               "certificate %s in %.200s, or its chain, has expired: senders that check it will "
               "not connect and keep their records. Renew it and reload (SIGHUP)",
               context->name, chain.path);
    file_clear(&chain);
    file_clear(&key);
    return rc;
}

/* authorities and CRLs of senders */

static enum ak_code authority_take(struct ak_tls_context *context, X509 *certificate,
                                   struct ak_error *err)
{
    if (X509_STORE_add_cert(context->store, certificate) != 1)
        return no_memory(err);
    /* Clients pick their certificate by this list, and some send none if nothing in it fits; a
     * listed certificate may be of no authority at all, so then everybody is asked. */
    if (context->fingerprint_count == 0 && SSL_CTX_add_client_CA(context->ssl, certificate) != 1)
        return no_memory(err);
    return AK_OK;
}

static enum ak_code authorities_load(struct ak_tls_context *context, struct file *file,
                                     struct ak_error *err)
{
    BIO *bio;
    X509 *certificate;
    int count = 0;
    enum ak_code rc = file_open(file, &bio, err);

    while (rc == AK_OK &&
           (certificate = PEM_read_bio_X509(bio, NULL, on_passphrase, NULL)) != NULL) {
        rc = authority_take(context, certificate, err);
        X509_free(certificate);
        count++;
    }
    if (rc == AK_OK)
        rc = file_check_end(file, count, "CERTIFICATE", err);
    BIO_free(bio);
    return rc;
}

/* Takes the reference. */
static enum ak_code crl_take(struct ak_tls_context *context, X509_CRL *crl, struct ak_error *err)
{
    const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);

    if (next != NULL && ak_tls_time(next) < context->crl_until)
        context->crl_until = ak_tls_time(next);
    if (X509_STORE_add_crl(context->store, crl) != 1 || sk_X509_CRL_push(context->crls, crl) <= 0) {
        X509_CRL_free(crl);
        return no_memory(err);
    }
    return AK_OK;
}

static enum ak_code crls_load(struct ak_tls_context *context, struct file *file,
                              struct ak_error *err)
{
    BIO *bio;
    X509_CRL *crl;
    int count = 0;
    enum ak_code rc = file_open(file, &bio, err);

    while (rc == AK_OK && (crl = PEM_read_bio_X509_CRL(bio, NULL, on_passphrase, NULL)) != NULL) {
        rc = crl_take(context, crl, err);
        count++;
    }
    if (rc == AK_OK)
        rc = file_check_end(file, count, "X509 CRL", err);
    BIO_free(bio);
    return rc;
}

static enum ak_code senders_load(struct ak_tls_context *context,
                                 const struct ak_tls_options *options, struct ak_error *err)
{
    struct file ca = {.what = "ca", .path = options->ca_file};
    struct file crl = {.what = "crl", .path = options->crl_file};
    enum ak_code rc = AK_OK;

    if (ca.path == NULL)
        return AK_OK;
    context->store = X509_STORE_new();
    context->crls = sk_X509_CRL_new_null();
    if (context->store == NULL || context->crls == NULL)
        return no_memory(err);
    rc = authorities_load(context, &ca, err);
    if (rc == AK_OK && crl.path != NULL)
        rc = crls_load(context, &crl, err);
    if (rc == AK_OK && context->crl_until < options->now)
        remark(options,
               "a CRL in %.200s is past its time: senders of its authority are %s. Put the newest "
               "one there and reload (SIGHUP)",
               crl.path,
               options->accept_stale_crl ? "accepted by the old one"
                                         : "refused until it is renewed");
    file_clear(&ca);
    file_clear(&crl);
    return rc;
}

/* options */

static enum ak_code options_check(const struct ak_tls_options *options, struct ak_error *err)
{
    const char *place = options->place;

    if (options->certificate_file == NULL || options->key_file == NULL)
        return ak_fail(err, AK_EUSAGE, "%.200s needs a certificate and a key (PEM files) for TLS",
                       place);
    if (options->server_only && (options->ca_file != NULL || options->crl_file != NULL ||
                                 options->name_count > 0 || options->fingerprint_count > 0))
        return ak_fail(err, AK_EUSAGE,
                       "%.200s asks senders for no certificate (authentication none), so ca, crl, "
                       "names and fingerprints mean nothing; remove them, or set mutual",
                       place);
    if (!options->server_only && options->ca_file == NULL && options->fingerprint_count == 0)
        return ak_fail(err, AK_EUSAGE,
                       "%.200s could not know any sender; give ca (the authority of their "
                       "certificates) or fingerprints, or set authentication none",
                       place);
    if (options->ca_file == NULL && (options->crl_file != NULL || options->name_count > 0))
        return ak_fail(err, AK_EUSAGE,
                       "%.200s: %s means nothing without ca: certificates are known by fingerprint "
                       "alone; give ca, or remove it",
                       place, options->crl_file != NULL ? "crl" : "names");
    for (size_t i = 0; i < options->name_count; i++) {
        enum ak_code rc = ak_tls_pattern_check(options->names[i], err);

        if (rc != AK_OK) {
            ak_wrap(err, "%.200s: names", place);
            return rc;
        }
    }
    return AK_OK;
}

/* A copy of a text that may be missing. */
static bool copy(char **out, const char *text)
{
    if (text != NULL)
        *out = strdup(text);
    return text == NULL || *out != NULL;
}

static enum ak_code options_copy(struct ak_tls_context *context,
                                 const struct ak_tls_options *options, struct ak_error *err)
{
    bool done = copy(&context->place, options->place) &&
                copy(&context->certificate_file, options->certificate_file) &&
                copy(&context->ca_file, options->ca_file) &&
                copy(&context->crl_file, options->crl_file);

    context->server_only = options->server_only;
    context->accept_expired = options->accept_expired;
    context->accept_stale_crl = options->accept_stale_crl;
    context->not_after = INT64_MAX;
    context->crl_until = INT64_MAX;
    if (options->name_count > 0) {
        context->names = calloc(options->name_count, sizeof(*context->names));
        done = done && context->names != NULL;
    }
    for (size_t i = 0; done && i < options->name_count; i++) {
        done = copy(&context->names[i], options->names[i]);
        context->name_count = i + 1;
    }
    if (options->fingerprint_count > 0) {
        context->fingerprints = calloc(options->fingerprint_count, sizeof(*context->fingerprints));
        done = done && context->fingerprints != NULL;
        if (done)
            memcpy(context->fingerprints, options->fingerprints,
                   options->fingerprint_count * sizeof(*context->fingerprints));
        context->fingerprint_count = done ? options->fingerprint_count : 0;
    }
    return done ? AK_OK : no_memory(err);
}

/* What every listener offers. */
static enum ak_code offer(struct ak_tls_context *context, struct ak_error *err)
{
    static const unsigned char purpose[] = "akashi";
    SSL_CTX *ssl = context->ssl;
    int mode =
        context->server_only ? SSL_VERIFY_NONE : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

    SSL_CTX_set_security_level(ssl, AK_TLS_SECURITY_LEVEL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* No resumption: it would carry an authorisation past a reload (CVE-2025-23419). */
    (void)SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ssl, AK_TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_verify(ssl, mode, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, ak_tls_on_certificate, context);
    if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(ssl, 0) != 1 || SSL_CTX_set_max_early_data(ssl, 0) != 1 ||
        SSL_CTX_set_session_id_context(ssl, purpose, sizeof(purpose) - 1) != 1 ||
        SSL_CTX_set_cipher_list(ssl, CIPHERS_TLS12) != 1 ||
        SSL_CTX_set_ciphersuites(ssl, CIPHERS_TLS13) != 1 ||
        SSL_CTX_set1_groups_list(ssl, GROUPS) != 1)
        return ak_fail(err, AK_EUNSUPPORTED,
                       "this OpenSSL (%s) cannot offer what RFC 9662 asks (%s); install OpenSSL 3",
                       OpenSSL_version(OPENSSL_VERSION), openssl_reason());
    return AK_OK;
}

static enum ak_code context_fill(struct ak_tls_context *context,
                                 const struct ak_tls_options *options, struct ak_error *err)
{
    enum ak_code rc = options_copy(context, options, err);

    if (rc != AK_OK)
        return rc;
    context->ssl = SSL_CTX_new(TLS_server_method());
    context->bio = ak_tls_bio_new();
    if (context->ssl == NULL || context->bio == NULL)
        return no_memory(err);
    rc = offer(context, err);
    if (rc == AK_OK)
        rc = own_load(context, options, err);
    return rc == AK_OK ? senders_load(context, options, err) : rc;
}

enum ak_code ak_tls_context_new(const struct ak_tls_options *options, struct ak_tls_context **out,
                                struct ak_error *err)
{
    struct ak_tls_context *context;
    enum ak_code rc = options_check(options, err);

    *out = NULL;
    if (rc != AK_OK)
        return rc;
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return ak_fail(err, AK_EUNSUPPORTED, "OpenSSL cannot be initialised (%s)",
                       openssl_reason());
    ERR_clear_error();
    context = calloc(1, sizeof(*context));
    if (context == NULL)
        return no_memory(err);
    context->references = 1;
    rc = context_fill(context, options, err);
    ERR_clear_error();
    if (rc != AK_OK) {
        ak_wrap(err, "%.150s", options->place);
        ak_tls_context_unref(context);
        return rc;
    }
    if (options->server_only)
        remark(options,
               "%.200s asks senders for no certificate: records are encrypted on their way, but "
               "senders are known by address only",
               options->place);
    *out = context;
    return AK_OK;
}

struct ak_tls_context *ak_tls_context_ref(struct ak_tls_context *context)
{
    if (context != NULL)
        context->references++;
    return context;
}

void ak_tls_context_unref(struct ak_tls_context *context)
{
    if (context == NULL)
        return;
    assert(context->references > 0);
    if (--context->references > 0)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->bio);
    X509_STORE_free(context->store);
    sk_X509_CRL_pop_free(context->crls, X509_CRL_free);
    for (size_t i = 0; i < context->name_count; i++)
        free(context->names[i]);
    free(context->names);
    free(context->fingerprints);
    free(context->place);
    free(context->certificate_file);
    free(context->ca_file);
    free(context->crl_file);
    free(context);
}

int64_t ak_tls_context_not_after(const struct ak_tls_context *context)
{
    return context->not_after;
}

const char *ak_tls_context_name(const struct ak_tls_context *context)
{
    return context->name;
}

int64_t ak_tls_context_crl_until(const struct ak_tls_context *context)
{
    return context->crl_until;
}
