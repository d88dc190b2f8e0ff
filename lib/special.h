/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that the Internet cannot reach (RFC 6890 section 2.2 and the registries it made).
 */
#ifndef LIB_SPECIAL_H
#define LIB_SPECIAL_H

#include <stdbool.h>

#include "lib/ip.h"

bool special_is_loopback(const struct ip *ip);
bool special_is_global(const struct ip *ip);

#endif
