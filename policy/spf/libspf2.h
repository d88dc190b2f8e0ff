/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libspf2 as a second engine for SPF (spf.engine = libspf2 | both).
 *
 * Like spf_check(), but the order of the terms, qualifiers, include, redirect and the comparison of
 * addresses are libspf2's work. The verdict's `mechanism` stays NULL: libspf2 does not tell which
 * one it was.
 */
#ifndef POLICY_SPF_LIBSPF2_H
#define POLICY_SPF_LIBSPF2_H

#include "policy/spf/spf.h"

void spf_libspf2_check(struct dns_scope *scope, const struct spf_request *request,
		       struct arena *arena, struct spf_verdict *out);

#endif
