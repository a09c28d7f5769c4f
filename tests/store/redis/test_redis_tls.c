/* A store over TLS: it does what it does without, and what is not right about a certificate ends it with the reason. */
#include "solid/base/clock.h"
#include "store/redis_store.h"
#include "tests/store/redis/live_redis.h"
#include "tests/support/redis_server.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64], address[64], ca[96], other_ca[96], cert[96], key[96], server_cert[96], server_key[96];
static uint16_t port;

static void stop(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (*folder && system(command)) abort();
  live_stop();
}

TestSuite(redis_tls, .fini = stop, .timeout = 600);

static void start(const char *auth_clients) {
  char command[256], number[8];
  if (!redis_server_installed()) cr_skip_test("redis-server is not installed");
  strcpy(folder, "/tmp/solid-tls-XXXXXX");
  cr_assert(mkdtemp(folder));
  snprintf(command, sizeof command, "%s/support/certificates.sh %s", SOLID_TESTS_FOLDER, folder);
  if (system(command)) cr_skip_test("openssl is not installed");
  snprintf(ca, sizeof ca, "%s/ca.pem", folder);
  snprintf(other_ca, sizeof other_ca, "%s/other-ca.pem", folder);
  snprintf(cert, sizeof cert, "%s/client.pem", folder);
  snprintf(key, sizeof key, "%s/client.key", folder);
  snprintf(server_cert, sizeof server_cert, "%s/server.pem", folder);
  snprintf(server_key, sizeof server_key, "%s/server.key", folder);
  port = free_port();
  snprintf(number, sizeof number, "%u", port);
  const char *const extra[] = {"--tls-port",
                               number,
                               "--tls-cert-file",
                               server_cert,
                               "--tls-key-file",
                               server_key,
                               "--tls-ca-cert-file",
                               ca,
                               "--tls-auth-clients",
                               auth_clients,
                               NULL};
  cr_assert_eq(redis_server_start(&live_server, 0, extra), 0);
}

static solid_redis_store_options options_for(const char *host) {
  solid_redis_store_options options = live_options();
  snprintf(address, sizeof address, "rediss://%s:%u", host, port);
  options.address = address;
  options.tls_ca = ca;
  return options;
}

static void expect_failure(const solid_redis_store_options *options, solid_status expected, const char *word) {
  solid_store *store = NULL;
  solid_status status = solid_store_open_redis(&store, NULL, options);
  cr_assert_eq(status, expected, "%s: %s: %s", word, solid_status_name(status), solid_last_error());
  cr_assert(strstr(solid_last_error(), word), "%s: %s", word, solid_last_error());
}

Test(redis_tls, does_what_it_does_without) {
  static const char *const hosts[] = {"127.0.0.1", "localhost"};
  start("no");
  for (uint64_t i = 0; i < 2; i++) {
    solid_redis_store_options options = options_for(hosts[i]);
    solid_store *store = live_open_with(&options);
    solid_window window;
    cr_assert_eq(live_append(store, "ann", 1, &window), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(window.seq, i + 1);
    cr_assert_eq(live_put(store, "ann", i + 1, 3.0f), SOLID_OK, "%s", solid_last_error());
    cr_assert_eq(live_get_ok(store, "ann"), 3.0f);
    cr_assert_eq(live_stats(store).connections, 1);
    solid_store_close(store);
  }
}

/* Many records at once, larger than any buffer, in both directions. */
Test(redis_tls, large_batches) {
  enum { USERS = 300, PARAMS = 4000 };
  static char names[USERS][16];
  static float h[USERS][BODY_WIDTH], values[USERS][PARAMS];
  static solid_step steps[USERS][BODY_WINDOW];
  static solid_params params[USERS];
  static solid_bytes users[USERS];
  static solid_window windows[USERS];
  static solid_status statuses[USERS];
  static uint8_t found[USERS];
  start("no");
  solid_redis_store_options options = options_for("localhost");
  solid_store *store = live_open_with(&options);
  for (size_t i = 0; i < USERS; i++) {
    users[i] = (solid_bytes){names[i], (size_t)snprintf(names[i], sizeof names[i], "user-%zu", i)};
    for (size_t k = 0; k < PARAMS; k++) values[i][k] = (float)(i * PARAMS + k);
    windows[i] = (solid_window){.steps = steps[i]};
    params[i] =
        (solid_params){.h = h[i], .values = values[i], .seq = 1, .generation = 1, .width = BODY_WIDTH, .count = PARAMS};
  }
  cr_assert_eq(store->ops->put_params(store, users, params, USERS, statuses), SOLID_OK, "%s", solid_last_error());
  memset(values, 0, sizeof values);
  cr_assert_eq(store->ops->get(store, users, USERS, 1, windows, params, found, statuses), SOLID_OK);
  for (size_t i = 0; i < USERS; i++)
    for (size_t k = 0; k < PARAMS; k++)
      cr_assert(found[i] && values[i][k] == (float)(i * PARAMS + k), "user %zu, value %zu", i, k);
  solid_store_close(store);
}

Test(redis_tls, who_is_not_trusted_is_refused) {
  start("no");
  solid_redis_store_options options = options_for("127.0.0.1");
  options.tls_ca = other_ca;
  expect_failure(&options, SOLID_EREFUSED, "the server's certificate: ");
  options.tls_ca = NULL;
  expect_failure(&options, SOLID_EREFUSED, "the server's certificate: ");
  options.tls_ca = "/nowhere/ca.pem";
  expect_failure(&options, SOLID_EREFUSED, "/nowhere/ca.pem");
  options = options_for("127.0.0.1");
  options.tls_name = "elsewhere.example";
  expect_failure(&options, SOLID_EREFUSED, "hostname mismatch");
  options.tls_name = "127.0.0.2";
  expect_failure(&options, SOLID_EREFUSED, "IP address mismatch");
  options.tls_name = "localhost";
  solid_store_close(live_open_with(&options));
}

Test(redis_tls, a_server_may_want_to_know_us) {
  start("yes");
  solid_redis_store_options options = options_for("127.0.0.1");
  expect_failure(&options, SOLID_EREFUSED, "it wants a certificate of ours");
  options.tls_cert = cert;
  expect_failure(&options, SOLID_EREFUSED, "the key of our certificate");
  options.tls_key = key;
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  solid_store_close(store);
}

/* A passphrase would be asked for where the program was started; here it would even be answered. */
Test(redis_tls, a_key_with_a_passphrase_is_refused) {
  char command[300], locked[96];
  int ends[2];
  start("yes");
  snprintf(locked, sizeof locked, "%s/locked.key", folder);
  snprintf(command, sizeof command, "openssl ec -aes256 -passout pass:secret -in '%s' -out '%s' 2>/dev/null", key,
           locked);
  cr_assert_eq(system(command), 0);
  (void)setsid(); /* no terminal but the pipe */
  cr_assert_eq(pipe(ends), 0);
  cr_assert_eq(write(ends[1], "secret\n", 7), 7);
  cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  solid_redis_store_options options = options_for("127.0.0.1");
  options.tls_cert = cert;
  options.tls_key = locked;
  expect_failure(&options, SOLID_EREFUSED, "the key of our certificate");
}

/* What would be read as less safety than was asked for. */
Test(redis_tls, options_that_do_not_go_together) {
  port = 1;
  solid_redis_store_options options = options_for("127.0.0.1");
  options.tls_name = "";
  expect_failure(&options, SOLID_EINVAL, "an empty name");
  options = options_for("127.0.0.1");
  options.tls_key = "key.pem";
  expect_failure(&options, SOLID_EINVAL, "the key of no certificate");
  for (int i = 0; i < 4; i++) {
    options = live_options();
    options.port = 1;
    *(const char **[]){&options.tls_ca, &options.tls_cert, &options.tls_key, &options.tls_name}[i] = "some";
    expect_failure(&options, SOLID_EINVAL, "without an address of TLS");
  }
}

Test(redis_tls, both_sides_must_speak_it) {
  start("no");
  solid_redis_store_options options = options_for("127.0.0.1");
  options.address = options.tls_ca = NULL; /* plain, at the port of TLS */
  options.port = port;
  solid_store *store = NULL;
  cr_assert(solid_status_is_retriable(solid_store_open_redis(&store, NULL, &options)), "%s", solid_last_error());
  port = live_server.port; /* TLS, at the plain port */
  options = options_for("127.0.0.1");
  options.connect_timeout_ms = 500; /* the server waits for the end of a command */
  expect_failure(&options, SOLID_ETIMEDOUT, "does the server speak it there?");
}

/* A server that is killed and one that is silent, as without TLS. */
Test(redis_tls, mends_itself) {
  start("no");
  solid_redis_store_options options = options_for("127.0.0.1");
  options.timeout_ms = options.connect_timeout_ms = 300;
  signal(SIGPIPE, SIG_DFL);
  solid_store *store = live_open_with(&options);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK);
  kill(live_server.pid, SIGSTOP);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_ETIMEDOUT, "%s", solid_last_error());
  kill(live_server.pid, SIGCONT);
  live_append_until_ok(store, "ann");
  live_ask("CLIENT KILL TYPE normal SKIPME yes", NULL);
  cr_assert_eq(live_append(store, "ann", 1, NULL), SOLID_OK, "%s", solid_last_error());
  redis_server_kill(&live_server);
  for (int i = 0; i < 5; i++) {
    cr_assert(solid_status_is_retriable(live_append(store, "ann", 1, NULL)), "%s", solid_last_error());
    live_sleep_ms(40);
  }
  solid_store_close(store);
}
