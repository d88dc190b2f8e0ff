/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/ip.h"

#include <assert.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct ip ip_from_bytes(const uint8_t *bytes, unsigned len)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct ip ip = {0};

	assert(len == 4 || len == 16);
	if (len == 16 && memcmp(bytes, mapped, sizeof mapped) == 0) {
		bytes += 12;
		len = 4;
	}
	ip.family = len == 4 ? 4 : 6;
	memcpy(ip.bytes, bytes, len);
	return ip;
}

bool ip_parse(struct span text, struct ip *ip)
{
	char copy[IP_TEXT_MAX];
	uint8_t bytes[16];

	if (span_len(text) >= sizeof copy || memchr(text.p, '\0', span_len(text)) != NULL)
		return false;
	memcpy(copy, text.p, span_len(text));
	copy[span_len(text)] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1)
		*ip = ip_from_bytes(bytes, 4);
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		*ip = ip_from_bytes(bytes, 16);
	else
		return false;
	return true;
}

bool ip_from_sockaddr(const struct sockaddr *address, struct ip *ip)
{
	if (address != NULL && address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof in);
		*ip = ip_from_bytes((const uint8_t *)&in.sin_addr, 4);
		return true;
	}
	if (address != NULL && address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof in6);
		*ip = ip_from_bytes(in6.sin6_addr.s6_addr, 16);
		return true;
	}
	memset(ip, 0, sizeof *ip);
	return false;
}

const char *ip_text(const struct ip *ip, char text[IP_TEXT_MAX])
{
	text[0] = '\0';
	if (ip->family == 4)
		inet_ntop(AF_INET, ip->bytes, text, IP_TEXT_MAX);
	else if (ip->family == 6)
		inet_ntop(AF_INET6, ip->bytes, text, IP_TEXT_MAX);
	return text;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool ip_network_parse(struct span text, struct ip_network *network)
{
	struct span address = text, bits;
	bool more = true;
	uint64_t n, max;

	(void)span_split(&text, &more, '/', &address);
	if (!ip_parse(address, &network->ip))
		return false;
	max = network->ip.family == 4 ? 32 : 128;
	n = max;
	if (more) {
		bits = text;
		if (!span_number(bits, max, &n))
			return false;
	}
	network->bits = (uint8_t)n;
	network->excluded = false;
	return true;
}

bool ip_network_parse_entry(struct span text, struct ip_network *network)
{
	bool excluded = !span_empty(text) && *text.p == '!';

	text.p += excluded;
	if (!ip_network_parse(text, network))
		return false;
	network->excluded = excluded;
	return true;
}

/* RFC 4007 section 11.2: "%" and a zone. */
static bool is_zone(struct span zone)
{
	if (span_empty(zone) || span_len(zone) > 64)
		return false;
	for (; zone.p < zone.end; zone.p++) {
		if (!char_is_alnum((unsigned char)*zone.p) && strchr("._-", *zone.p) == NULL)
			return false;
	}
	return true;
}

int ip_check_server(struct span text, struct why *why)
{
	struct span port = text, address, zone, part;
	bool has_port = true, has_zone = true;
	uint64_t n;
	struct ip ip;

	(void)span_split(&port, &has_port, '@', &part);
	zone = part;
	(void)span_split(&zone, &has_zone, '%', &address);
	if (!ip_parse(address, &ip) || (has_zone && (ip.family != 6 || !is_zone(zone))))
		return why_set(why,
			       "\"%.*s\" is not a valid DNS server; use its address (192.0.2.53, "
			       "2001:db8::53), with a port as 192.0.2.53@5353",
			       (int)span_len(text), text.p);
	if (has_port && (!span_number(port, 65535, &n) || n == 0))
		return why_set(why, "\"%.*s\" is not a valid port (1 .. 65535)",
			       (int)span_len(port), port.p);
	return 0;
}

bool ip_in_network(const struct ip *ip, const struct ip *network, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (ip->family == 0 || ip->family != network->family)
		return false;
	if (bits > (ip->family == 4 ? 32u : 128u))
		return false;
	if (memcmp(ip->bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || (ip->bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}

/* The entry that decides for all addresses of IP/BITS that no longer prefix holds, or NULL. */
static const struct ip_network *find_longest(const struct ip *ip, unsigned bits,
					     const struct ip_network *networks, unsigned count)
{
	const struct ip_network *longest = NULL;

	for (unsigned i = 0; i < count; i++) {
		const struct ip_network *network = &networks[i];

		if (network->bits <= bits && ip_in_network(ip, &network->ip, network->bits) &&
		    (longest == NULL || network->bits > longest->bits ||
		     (network->bits == longest->bits && network->excluded)))
			longest = network;
	}
	return longest;
}

bool ip_in_any(const struct ip *ip, const struct ip_network *networks, unsigned count)
{
	const struct ip_network *longest = find_longest(ip, 128, networks, count);

	return longest != NULL && !longest->excluded;
}

bool ip_network_in_any(const struct ip_network *network, const struct ip_network *networks,
		       unsigned count)
{
	const struct ip_network *longest =
	    find_longest(&network->ip, network->bits, networks, count);

	for (unsigned i = 0; i < count; i++) {
		if (networks[i].excluded && networks[i].bits >= network->bits &&
		    ip_in_network(&networks[i].ip, &network->ip, network->bits))
			return false;
	}
	return longest != NULL && !longest->excluded;
}

const char *ip_reverse(const struct ip *ip, char name[IP_REVERSE_MAX])
{
	static const char hex[] = "0123456789abcdef";
	char *out = name;

	assert(ip->family == 4 || ip->family == 6);
	if (ip->family == 4) {
		snprintf(name, IP_REVERSE_MAX, "%u.%u.%u.%u.in-addr.arpa", ip->bytes[3],
			 ip->bytes[2], ip->bytes[1], ip->bytes[0]);
		return name;
	}
	for (int i = 15; i >= 0; i--) {
		*out++ = hex[ip->bytes[i] & 15];
		*out++ = '.';
		*out++ = hex[ip->bytes[i] >> 4];
		*out++ = '.';
	}
	memcpy(out, "ip6.arpa", sizeof "ip6.arpa");
	return name;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const uint8_t six[16] = {[15] = 1};
	const struct ip loopback6 = ip_from_bytes(six, sizeof six);

	return (ip->family == 4 && ip->bytes[0] == 127) || ip_equal(ip, &loopback6);
}
