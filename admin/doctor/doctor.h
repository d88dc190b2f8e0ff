/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign doctor`: one table of checks (admin/doctor/cmd_doctor.c), the checks by topic in
 * files of their own. A check looks, and says what it found; what is wrong comes with the command
 * that fixes it.
 */
#ifndef ADMIN_DOCTOR_DOCTOR_H
#define ADMIN_DOCTOR_DOCTOR_H

#include "admin/admin.h"
#include "admin/become.h"
#include "admin/key/look.h"
#include "admin/setup/milters.h"
#include "admin/setup/place.h"
#include "admin/setup/service.h"
#include "dns/dns.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_SKIP, /* could not be looked at; why, and what would let it */
	DOCTOR_WARN,
	DOCTOR_ERROR
};

struct doctor_finding {
	const struct doctor_check *check;
	enum doctor_level level;
	const char *text;
	const char *fix; /* or NULL */
	bool follows;    /* comes of what another check has found: only counted, and told with -v */
};

/* Who listens on a socket, as the kernel knows it. */
struct doctor_daemon {
	const char *listen; /* the first address that answers; NULL: none */
	pid_t pid;          /* 0: not known (TCP) */
	uid_t uid;
	gid_t gid;
};

struct doctor {
	struct admin *admin;
	struct arena *arena;
	const struct doctor_check *check; /* that runs */
	const struct conf *conf;          /* NULL: they cannot be read */
	struct place place;
	const char *place_fault; /* why the MTA's settings could not be read, or NULL */
	const char *user;        /* of the daemon: --user, or who runs it */
	struct doctor_daemon daemon;
	struct keycmd_keys keys;
	const char *keys_fault; /* why none of them could be read, or NULL */
	struct keylook *looked; /* one for each key; NULL: not looked up */
	struct dns *dns;        /* NULL: DNS_FAULT says why */
	const char *dns_fault;
	struct doctor_finding *findings;
	unsigned count, room;
	unsigned told; /* of enum doctor_needs: a check has said why these are not there */
};

enum doctor_needs {
	DOCTOR_CONF = 1,
	DOCTOR_ROOT = 2,
	DOCTOR_POSTFIX = 4,  /* left out without it */
	DOCTOR_SENDMAIL = 8, /* likewise */
	DOCTOR_DAEMON = 16,
	DOCTOR_KEYS = 32,
	DOCTOR_DNS = 64,
	DOCTOR_LEDGER = 128
};

struct doctor_check {
	const char *id;    /* "socket.mta" */
	const char *topic; /* "socket" */
	const char *what;  /* what is looked at: "the MTA's user reaches the socket" */
	unsigned needs;
	unsigned tells; /* of enum doctor_needs: when they are not there, this check says why */
	void (*run)(struct doctor *doctor);
};

void doctor_say(struct doctor *doctor, enum doctor_level level, const char *fix, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* Whether a check has said already why NEED is not there; then the present check has nothing to add
 * but that, which is recorded as TEXT. */
bool doctor_follows(struct doctor *doctor, enum doctor_needs need, const char *text);

/* The command for countersignd on this machine (admin/setup/service.h). */
const char *doctor_service(const struct doctor *doctor, enum service_act act);

/* The domains of active and pending keys, each once; their number is *COUNT. */
const char **doctor_domains(const struct doctor *doctor, unsigned *count);

/* ---- admin/doctor/host.c ---- */
void doctor_settings(struct doctor *doctor);
void doctor_key_files(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_ledger_file(struct doctor *doctor);
void doctor_ledger_whole(struct doctor *doctor);
void doctor_ledger_lost(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);
void doctor_reports(struct doctor *doctor);
void doctor_marks(struct doctor *doctor);

/* ---- admin/doctor/shared_keys.c ---- */
void doctor_shared_keys(struct doctor *doctor);

/* ---- admin/doctor/unsigned.c ---- */
void doctor_unsigned(struct doctor *doctor);

/* ---- admin/doctor/opinion.c ---- */
void doctor_opinion(struct doctor *doctor);

/* ---- admin/doctor/mta.c ---- */
void doctor_sockets(struct doctor *doctor);
void doctor_socket_mta(struct doctor *doctor);
void doctor_smtpd_milters(struct doctor *doctor);
void doctor_local_milters(struct doctor *doctor);
void doctor_default_action(struct doctor *doctor);
void doctor_protocol(struct doctor *doctor);
void doctor_other_filters(struct doctor *doctor);
void doctor_rewriting(struct doctor *doctor);
void doctor_bounces(struct doctor *doctor);
void doctor_daemon_names(struct doctor *doctor);

/* Tells of another filter that the MTA asks at ADDRESS; LATE: after ours. ADVICE: the command that
 * removes it, and the list in which ours belongs at the end. */
struct doctor_advice {
	const char *removal, *list;
};
void doctor_say_other(struct doctor *doctor, struct span address, bool late,
		      const struct doctor_advice *advice);

/* Postfix's processes, in their directory. Its uid is -1 when there is no such user. */
struct become doctor_as_postfix(const struct doctor *doctor);

/* Ours among the filters of LIST: the one that is one of our sockets, else one that has our name.
 */
bool doctor_find_ours(const struct doctor *doctor, const char *list, struct milter_item *item);

/* ---- admin/doctor/postfix.c ---- */
void doctor_content_filter(struct doctor *doctor);
void doctor_logins(struct doctor *doctor);
void doctor_bare_newline(struct doctor *doctor);

/* ---- admin/doctor/tls.c ---- */
void doctor_tls_postfix(struct doctor *doctor);
void doctor_tls_answer(struct doctor *doctor);

/* ---- admin/doctor/sendmail.c ---- */
void doctor_sendmail(struct doctor *doctor);

/* ---- admin/doctor/probe.c ---- */
void doctor_daemon_runs(struct doctor *doctor);
void doctor_daemon_version(struct doctor *doctor);
void doctor_confined(struct doctor *doctor);
void doctor_probe_outbound(struct doctor *doctor);
void doctor_probe_inbound(struct doctor *doctor);

/* ---- admin/doctor/dns.c ---- */
void doctor_resolver(struct doctor *doctor);
void doctor_tcp(struct doctor *doctor);
void doctor_nxdomain(struct doctor *doctor);
void doctor_tls_resolver(struct doctor *doctor);
void doctor_dnssec(struct doctor *doctor);
void doctor_published(struct doctor *doctor);
void doctor_key_ages(struct doctor *doctor);
void doctor_domain_spf(struct doctor *doctor);
void doctor_domain_dmarc(struct doctor *doctor);

#endif
