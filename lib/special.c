/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/special.h"

static bool is_in_some(const struct ip *ip, const char *const *networks)
{
	struct ip_network network;

	for (; *networks != NULL; networks++) {
		if (ip_network_parse(span_of(*networks), &network) &&
		    ip_in_network(ip, &network.ip, network.bits))
			return true;
	}
	return false;
}

bool special_is_loopback(const struct ip *ip)
{
	static const char *const networks[] = {"127.0.0.0/8", "::1/128", NULL};

	return is_in_some(ip, networks);
}

bool special_is_global(const struct ip *ip)
{
	static const char *const special[] = {"0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",
					      "127.0.0.0/8",   "169.254.0.0/16",  "172.16.0.0/12",
					      "192.0.0.0/24",  "192.0.2.0/24",    "192.168.0.0/16",
					      "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
					      "224.0.0.0/4",   "240.0.0.0/4",     "::/127",
					      "100::/64",      "2001:db8::/32",   "fc00::/7",
					      "fe80::/10",     "ff00::/8",        NULL};

	return (ip->family == 4 || ip->family == 6) && !is_in_some(ip, special);
}
