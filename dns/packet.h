/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one thing we read from a raw reply: how long a negative answer holds.
 */
#ifndef DNS_PACKET_H
#define DNS_PACKET_H

#include <stddef.h>
#include <stdint.h>

/* RFC 2308 section 5: the least of the SOA's TTL and its minimum, from the authority section, and
 * of the TTLs of the aliases that lead there; 0 when there is no SOA (such an answer is not to be
 * kept) or PACKET is malformed. */
uint32_t packet_negative_ttl(const void *packet, size_t size);

#endif
