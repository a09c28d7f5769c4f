/* Checks addresses in options, so that a URL in place of HOST:PORT gets a clear error. */
#ifndef EXAMPLES_COMMON_ADDRESS_H
#define EXAMPLES_COMMON_ADDRESS_H

#include "solid/status.h"

/* EINVAL where `text`, given for `flag` ("--redis"), is a URL: HOST:PORT is wanted. */
solid_status address_check(const char *flag, const char *text);

/* The same for a list of brokers, where librdkafka takes plaintext://, ssl:// and sasl_...:// before a host. */
solid_status address_check_brokers(const char *flag, const char *brokers);

#endif
