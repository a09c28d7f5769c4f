/* Checks addresses in options, so that a URL in place of HOST:PORT gets a clear error. */
#ifndef EXAMPLES_COMMON_ADDRESS_H
#define EXAMPLES_COMMON_ADDRESS_H

#include "solid/status.h"

/* EINVAL where one of a list of brokers, given for `flag` ("--brokers"), is a URL: HOST:PORT is wanted. librdkafka
 * takes plaintext://, ssl:// and sasl_...:// before a host. */
solid_status address_check_brokers(const char *flag, const char *brokers);

#endif
