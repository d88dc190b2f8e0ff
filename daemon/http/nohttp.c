/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In place of http.c where there is no libmicrohttpd (configure --without-http).
 */
#include "daemon/http/http.h"

static int say_absent(const char *address, struct why *why)
{
	return why_set(
	    why,
	    "%s: this countersignd was built without HTTP; configure it with libmicrohttpd"
	    " (Debian libmicrohttpd-dev, Fedora libmicrohttpd-devel), or read the"
	    " metrics with: countersign status --prometheus",
	    address);
}

int http_start(const char *address, const struct served *policies, struct why *why)
{
	(void)policies;
	return say_absent(address, why);
}

int http_start_posts(const char *address, const char *directory, const struct spool_limits *limits,
		     struct why *why)
{
	(void)directory, (void)limits;
	return say_absent(address, why);
}

int http_open_pages(const char *address, const char *group, struct why *why)
{
	(void)group;
	return say_absent(address, why);
}

int http_start_pages(int fd, const struct http_pages *pages, struct why *why)
{
	(void)fd, (void)pages;
	return say_absent("pages", why);
}
