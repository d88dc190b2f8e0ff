/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of http.c where there is no libmicrohttpd (configure --without-http).
 */
#include "daemon/http/http.h"

int http_start(const char *address, struct why *why)
{
	return why_set(
	    why,
	    "%s: this countersignd was built without HTTP; configure it with libmicrohttpd"
	    " (Debian libmicrohttpd-dev, Fedora libmicrohttpd-devel), or read the"
	    " metrics with: countersign status --prometheus",
	    address);
}
