/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What servers of the domain say when they are connected to. It is asked only when the user wishes
 * it (audit_settings.probe). Texts that servers choose are cleaned: printable ASCII, one line.
 */
#ifndef AUDIT_PROBE_FACTS_H
#define AUDIT_PROBE_FACTS_H

#include "bimi/finding.h"
#include "lib/crypto/certificate.h"
#include "lib/ip.h"
#include "tls/fetch.h"
#include "tls/sts.h"

/* A document of a web server. */
struct probe_document {
	const char *url; /* NULL: it was not asked for */
	enum fetch_outcome outcome;
	bool reached;      /* the host was */
	const char *fault; /* NULL: FETCH_DONE */
};

struct probe_policy {
	struct probe_document document;
	const char *text; /* FETCH_DONE */
	struct sts_policy policy;
};

/* A logo or a mark certificate, and what its examination found. */
struct probe_mark {
	struct probe_document document;
	struct span bytes;
	struct bimi_findings *findings; /* FETCH_DONE; else NULL */
};

/* TLS with a server. */
struct probe_tls {
	bool done;                  /* else the rest is not known */
	const char *fault;          /* why not, or NULL: it was not tried */
	const char *version;        /* "TLSv1.3" */
	bool old;                   /* the best that it offers is before TLS 1.2 */
	const char *chain_fault;    /* why no root is reached, or NULL */
	bool named;                 /* the certificate has the name of the host */
	struct certificates *chain; /* or NULL */
	int64_t not_after;          /* of the host's own; 0: there is none */
};

/* What a server did when it was tried. */
enum probe_answer { PROBE_UNKNOWN, PROBE_NO, PROBE_YES };

enum probe_way {
	PROBE_WAY_NONE,    /* no route or no answer */
	PROBE_WAY_REFUSED, /* nobody listens */
	PROBE_WAY_SILENT,  /* connected, but it does not speak the protocol with us */
	PROBE_WAY_SPEAKS
};

/* One address of an MX host, port 25. */
struct probe_smtp {
	const char *host;
	struct ip ip;
	enum probe_way way;
	const char *reason; /* why it is not PROBE_WAY_SPEAKS */
	const char *banner; /* cleaned */
	const char *name;   /* as it calls itself in reply to EHLO, lower case; or "" */
	bool starttls, requiretls;
	struct probe_tls tls;
	enum probe_answer hybrid;      /* the key exchange X25519MLKEM768 */
	enum probe_answer accepts_old; /* TLS 1.0 or 1.1 */
	enum probe_answer injects;     /* commands before TLS count as ones within it */
	enum probe_answer smuggles;    /* a bare line feed ends a message */
	const char *smuggles_how;      /* PROBE_YES */
};
enum { PROBE_SMTP_MAX = 32 };

/* One address of a server that SRV records name for mail programs. */
struct probe_client {
	const char *service; /* "_imaps" */
	const char *host;
	struct ip ip;
	unsigned port;
	enum probe_way way;
	const char *reason; /* why it is not PROBE_WAY_SPEAKS */
	bool starttls;      /* it is offered, where TLS does not come first */
	struct probe_tls tls;
};
enum { PROBE_CLIENTS_MAX = 24 };

struct probe_facts {
	struct probe_policy policy;
	struct probe_mark logo, certificate;
	struct probe_document autoconfig;
	unsigned smtp_count;
	struct probe_smtp smtp[PROBE_SMTP_MAX];
	unsigned client_count;
	struct probe_client clients[PROBE_CLIENTS_MAX];
};

#endif
