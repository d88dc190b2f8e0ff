/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and networks. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes the IPv4 address it
 * stands for wherever one is read (RFC 7208 section 5).
 */
#ifndef LIB_IP_H
#define LIB_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/span.h"
#include "lib/why.h"

enum { IP_TEXT_MAX = 46 }; /* longest text with its NUL */

struct ip {
	uint8_t family;    /* 4 or 6; 0: not an IP client (a local pipe) */
	uint8_t bytes[16]; /* network order; 4 or 16 of them */
};

struct ip_network {
	struct ip ip;
	uint8_t bits;
	bool excluded; /* in a list: what a wider network includes */
};

bool ip_parse(struct span text, struct ip *ip);
bool ip_from_sockaddr(const struct sockaddr *address, struct ip *ip);
struct ip ip_from_bytes(const uint8_t *bytes, unsigned len); /* 4 or 16 bytes, network order */
const char *ip_text(const struct ip *ip, char text[IP_TEXT_MAX]);
bool ip_equal(const struct ip *a, const struct ip *b);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. Bits past the length must not matter. */
bool ip_network_parse(struct span text, struct ip_network *network);

/* The same, or "!" and it: excluded. */
bool ip_network_parse_entry(struct span text, struct ip_network *network);
bool ip_in_network(const struct ip *ip, const struct ip *network, unsigned bits);

/* Of the networks that hold the address, the longest prefix decides: is it not excluded? Of two
 * that are equally long, the exclusion decides. */
bool ip_in_any(const struct ip *ip, const struct ip_network *networks, unsigned count);

/* The same for every address of NETWORK. */
bool ip_network_in_any(const struct ip_network *network, const struct ip_network *networks,
		       unsigned count);

/* A DNS server in a setting: "192.0.2.53", "2001:db8::53", "fe80::1%eth0", each with or without
 * "@5353". What passes can be written into a configuration file as it is. */
int ip_check_server(struct span text, struct why *why);

/* The name to ask for PTR: "4.3.2.1.in-addr.arpa", "....ip6.arpa". */
enum { IP_REVERSE_MAX = 74 };
const char *ip_reverse(const struct ip *ip, char name[IP_REVERSE_MAX]);
bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8, ::1 */

#endif
