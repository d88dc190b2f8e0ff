/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A transfer over HTTP, SMTP or IMAP. libcurl makes it, and is known here and in lib/url only.
 *
 * Rules are set before the first byte: protocols, addresses, what the server must prove, how long
 * it may take, how much may come. For all of them: no proxy, no .netrc, no redirect, no signal.
 */
#ifndef LIB_NET_TRANSFER_H
#define LIB_NET_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/ip.h"
#include "lib/span.h"
#include "lib/why.h"

/* What a server proves when there is TLS. */
enum transfer_proof {
	TRANSFER_PROOF_DNS_NAME, /* a valid certificate with HOST as a DNS name: lib/crypto/host.h
				  */
	TRANSFER_PROOF_URL,      /* a valid certificate for the host of the URL */
	TRANSFER_PROOF_NONE
};

/* On a connection that does not begin with TLS. */
enum transfer_starttls {
	TRANSFER_STARTTLS_NEVER,
	TRANSFER_STARTTLS_OFFERED, /* if the server offers it */
	TRANSFER_STARTTLS_REQUIRED
};

enum { TRANSFER_ADDRESSES_MAX = 8 };

/* Times are nanoseconds. Strings and addresses live until transfer_free(). */
struct transfer_rules {
	const char *protocols; /* those of URLs that are allowed: "smtp,smtps" */

	const char *host; /* of the URL, which is at these addresses; NULL: DNS is asked */
	unsigned port;
	const struct ip *addresses;
	unsigned count;   /* at least 1; what is over TRANSFER_ADDRESSES_MAX is left out */
	bool public_only; /* no connection to an address that the Internet cannot reach */

	enum transfer_proof proof;
	enum transfer_starttls starttls;
	bool any_tls;        /* any version that the system allows; else TLS 1.2 or later */
	bool keep_chain;     /* for transfer_chain() */
	const char *ca_file; /* the certificates to trust; NULL: the system's */

	const char *user, *password; /* NULL: none */

	int64_t connect_timeout, timeout; /* of a connection; of all */
	int64_t reply_timeout;            /* of one reply of SMTP; 0: libcurl's own */
	int64_t stalled_timeout;          /* with less than a byte a second; 0: none */
	size_t header_max;                /* bytes; 0: no limit */
	bool no_body;                     /* there is none to wait for */

	bool (*go_on)(void);  /* asked about once a second; NULL: always */
	int64_t grace_period; /* after GO_ON was false, if all that is sent was sent */
};

/* What hears it, each with ARG. NULL: nothing does. */
struct transfer_calls {
	bool (*body)(void *arg, struct span data);   /* false: stop */
	void (*header)(void *arg, struct span line); /* of HTTP's header; a reply of IMAP */

	/* of SMTP, or neither */
	void (*command)(void *arg, struct span text); /* as it is sent: secrets of AUTH as well */
	void (*reply)(void *arg, struct span text);
	void *arg;
};

enum transfer_end {
	TRANSFER_DONE,
	TRANSFER_UNREACHABLE, /* no address, or no connection */
	TRANSFER_TIMEOUT,
	TRANSFER_STOPPED,         /* GO_ON was false, or what is sent cannot be read */
	TRANSFER_NO_STARTTLS,     /* it is required, and not offered */
	TRANSFER_NO_TLS,          /* no TLS that can be used */
	TRANSFER_CERTIFICATE,     /* the server does not prove what it must */
	TRANSFER_CA_FILE,         /* it cannot be read */
	TRANSFER_LOGIN,           /* refused */
	TRANSFER_COMMAND_REFUSED, /* by an IMAP server */
	TRANSFER_UNEXPECTED,      /* what an IMAP server says is not an answer */
	TRANSFER_MISSING,         /* what the URL names */
	TRANSFER_HEADER_TOO_LONG,
	TRANSFER_TOO_LONG,
	TRANSFER_FAILED /* anything else */
};

struct transfer;

int transfer_init(struct why *why); /* once for a process, before threads */

/* RULES and CALLS are copied. */
struct transfer *transfer_new(const struct transfer_rules *rules,
			      const struct transfer_calls *calls);
void transfer_free(struct transfer *transfer); /* says QUIT or LOGOUT; NULL is OK */

/* What is sent: a mail, from the beginning of MESSAGE to its end; by HTTP's POST, CONTENT from its
 * beginning to where it stands. Both live until transfer_free(). */
void transfer_set_mail(struct transfer *transfer, const char *sender, const char *recipient,
		       FILE *message);
void transfer_set_post(struct transfer *transfer, FILE *content, const char *media_type);

/* Blocks. COMMAND: in place of what the protocol does by itself; or NULL. LIMIT: bytes of the body;
 * 0: no limit. May be called again; a connection is used again if it can be. */
enum transfer_end transfer_run(struct transfer *transfer, const char *url, const char *command,
			       size_t limit);

/* Why the last run did not end with TRANSFER_DONE, in libcurl's or OpenSSL's words. What the server
 * said may be in it: see transfer_clean(). */
const char *transfer_reason(const struct transfer *transfer);

/* Nothing of what a server says reaches a log or a terminal as it is. */
void transfer_clean(struct why *why);

/* Of the last run. */
bool transfer_has_refused(const struct transfer *transfer); /* an address, by PUBLIC_ONLY */
bool transfer_has_reached(const struct transfer *transfer); /* a server, or refused an address */
long transfer_status(const struct transfer *transfer);      /* HTTP's; 0: there was no answer */
const char *transfer_type(const struct transfer *transfer); /* Content-Type; or NULL */

/* The certificates of the server, its own first, as PEM: how many, at most MAX. */
unsigned transfer_chain(const struct transfer *transfer, struct arena *arena, struct span *chain,
			unsigned max);

/* For SMTP: nothing that the server says from now on is waited for. */
void transfer_stop_listening(const struct transfer *transfer);

#endif
