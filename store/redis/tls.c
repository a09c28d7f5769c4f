#include "store/redis/tls.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct sol_tls {
  BIO_METHOD *method;
  SSL_CTX *context;
  SSL *ssl;
  int fd;
  int is_shaken; /* a whole record has come since the handshake: our certificate was taken, too */
};

int sol_tls_is_there(void) {
  return 1;
}

/* OpenSSL's own socket BIO raises SIGPIPE where the peer is gone. */
static int bio_send(BIO *bio, const char *bytes, int size) {
  const sol_tls *tls = BIO_get_data(bio);
  ssize_t n;
  BIO_clear_retry_flags(bio);
  do n = send(tls->fd, bytes, (size_t)size, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_write(bio);
  return (int)n;
}

static int bio_receive(BIO *bio, char *room, int size) {
  const sol_tls *tls = BIO_get_data(bio);
  ssize_t n;
  BIO_clear_retry_flags(bio);
  do n = recv(tls->fd, room, (size_t)size, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  if (n == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)number, (void)pointer;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
  return command == BIO_CTRL_FLUSH;
}

static int add_bio(sol_tls *tls) {
  tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket without signals");
  if (!tls->method || !BIO_meth_set_write(tls->method, bio_send) || !BIO_meth_set_read(tls->method, bio_receive) ||
      !BIO_meth_set_ctrl(tls->method, bio_control))
    return 0;
  BIO *bio = BIO_new(tls->method);
  if (!bio) return 0;
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls->ssl, bio, bio);
  return 1;
}

/* One of OpenSSL's errors in its words. */
static const char *reason_of(unsigned long error) {
  const char *text = error ? ERR_reason_error_string(error) : NULL;
  if (error && ERR_GET_LIB(error) == ERR_LIB_SYS) text = strerror(ERR_GET_REASON(error));
  return text ? text : "no reason given";
}

static const char *reason(void) {
  return reason_of(ERR_peek_last_error());
}

/* The oldest error says what is the matter with the file. */
static solid_status refuse_file(const char *what, const char *file, char *why, size_t room) {
  snprintf(why, room, "TLS: %s %s: %s", what, file, reason_of(ERR_peek_error()));
  return SOLID_EREFUSED;
}

static solid_status read_files(SSL_CTX *context, const sol_tls_options *o, char *why, size_t room) {
  ERR_clear_error();
  if (o->ca_file && SSL_CTX_load_verify_file(context, o->ca_file) != 1)
    return refuse_file("certificates of who is trusted", o->ca_file, why, room);
  if (!o->ca_file && SSL_CTX_set_default_verify_paths(context) != 1)
    return refuse_file("certificates of who is trusted", "by the system", why, room);
  if (o->cert_file && SSL_CTX_use_certificate_chain_file(context, o->cert_file) != 1)
    return refuse_file("our certificate", o->cert_file, why, room);
  const char *key = o->key_file ? o->key_file : o->cert_file;
  if (key && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    return refuse_file("the key of our certificate", key, why, room);
  return SOLID_OK;
}

/* The certificate is to be made out to this name or address; a name is also told to the server. */
static int expect_host(SSL *ssl, const char *name) {
  unsigned char bytes[16];
  if (inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1)
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  void *unchanged = (void *)(uintptr_t)name; /* the macro for it casts `const` away */
  return SSL_set1_host(ssl, name) &&
         SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, unchanged) == 1;
}

solid_status sol_tls_begin(sol_tls **out, int fd, const char *host, const sol_tls_options *options, char *why,
                           size_t room) {
  sol_tls *tls = calloc(1, sizeof *tls);
  solid_status status = SOLID_ENOMEM;
  *out = NULL;
  snprintf(why, room, "out of memory for TLS");
  if (!tls) return status;
  tls->fd = fd;
  tls->context = SSL_CTX_new(TLS_client_method());
  if (!tls->context || !SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION)) goto done;
  SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  status = read_files(tls->context, options, why, room);
  if (status) goto done;
  status = SOLID_ENOMEM;
  tls->ssl = SSL_new(tls->context);
  if (!tls->ssl || !add_bio(tls) || !expect_host(tls->ssl, options->name ? options->name : host)) goto done;
  SSL_set_connect_state(tls->ssl);
  status = SOLID_OK;
done:
  if (status)
    sol_tls_end(tls);
  else
    *out = tls;
  return status;
}

/* What a person has to change is refused for good: certificates that are not taken on one side or the other. */
static solid_status judge_error(const sol_tls *tls, unsigned long error, char *why, size_t room) {
  long verdict = SSL_get_verify_result(tls->ssl);
  if (verdict != X509_V_OK) {
    snprintf(why, room, "TLS: the server's certificate: %s", X509_verify_cert_error_string(verdict));
    return SOLID_EREFUSED;
  }
  int code = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  if (code >= SSL_AD_REASON_OFFSET && code < SSL_AD_REASON_OFFSET + 256) { /* the server's own words */
    snprintf(why, room, "TLS: the server says: %s%s", reason(),
             code == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ? ": it wants a certificate of ours" : "");
    return SOLID_EREFUSED;
  }
  snprintf(why, room, "TLS: %s", reason());
  return code == SSL_R_WRONG_VERSION_NUMBER ? SOLID_EREFUSED : SOLID_EIO;
}

/* What a call of OpenSSL that gave `n` means: 0 = again, -1 = failed. */
static int judge(sol_tls *tls, int n, short *wants, solid_status *status, char *why, size_t room) {
  unsigned long error = ERR_peek_last_error();
  int number = errno, kind = SSL_get_error(tls->ssl, n);
  *wants = kind == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return 0;
  *status = SOLID_EIO;
  if (kind == SSL_ERROR_SSL && ERR_GET_REASON(error) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
    *status = judge_error(tls, error, why, room);
  else if (kind == SSL_ERROR_SYSCALL && number)
    snprintf(why, room, "%s", strerror(number));
  else
    snprintf(why, room, "the server closed the connection");
  return -1;
}

static void begin_call(void) {
  ERR_clear_error();
  errno = 0;
}

int sol_tls_shake(sol_tls *tls, short *wants, solid_status *status, char *why, size_t room) {
  begin_call();
  int n = SSL_do_handshake(tls->ssl);
  return n == 1 ? 1 : judge(tls, n, wants, status, why, room);
}

long sol_tls_send(sol_tls *tls, const void *bytes, size_t size, short *wants, solid_status *status, char *why,
                  size_t room) {
  enum { MOST = 1 << 20 };
  begin_call();
  int n = SSL_write(tls->ssl, bytes, (int)(size < MOST ? size : MOST));
  if (n > 0) return n;
  n = judge(tls, n, wants, status, why, room);
  /* A server that does not take our certificate says why and hangs up: its words may still be there to be read. */
  if (n < 0 && !tls->is_shaken) {
    char unused[1];
    begin_call();
    int m = SSL_read(tls->ssl, unused, sizeof unused);
    if (m <= 0) judge(tls, m, wants, status, why, room);
  }
  return n;
}

long sol_tls_receive(sol_tls *tls, void *room, size_t size, short *wants, solid_status *status, char *why,
                     size_t why_room) {
  begin_call();
  int n = SSL_read(tls->ssl, room, (int)(size < INT32_MAX ? size : INT32_MAX));
  if (n > 0) tls->is_shaken = 1;
  return n > 0 ? n : judge(tls, n, wants, status, why, why_room);
}

int sol_tls_is_quiet(sol_tls *tls) {
  char unused[1];
  begin_call();
  int n = SSL_peek(tls->ssl, unused, sizeof unused), kind = SSL_get_error(tls->ssl, n);
  return n <= 0 && (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE);
}

void sol_tls_end(sol_tls *tls) {
  if (!tls) return;
  SSL_free(tls->ssl); /* with the BIO */
  SSL_CTX_free(tls->context);
  BIO_meth_free(tls->method);
  free(tls);
}
