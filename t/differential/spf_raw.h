/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libspf2 as other programs use it: its own reader of records, its own macros, its own counts; only
 * the answers of DNS come from us. Not safe for what strangers write, and wrong in ways that
 * policy/spf/libspf2.c lists; right for plain records.
 */
#ifndef T_DIFFERENTIAL_SPF_RAW_H
#define T_DIFFERENTIAL_SPF_RAW_H

#include "dns/dns.h"
#include "lib/ip.h"
#include "policy/result/verdict.h"

enum auth_result spf_raw(struct dns_scope *scope, const struct ip *client, const char *helo,
			 const char *mail_from);

#endif
