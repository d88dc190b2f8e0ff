/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenARC: openarc.conf(5) of version 1.3. It seals either all mail that passes through it (Mode
 * with s), or, without Mode, only mail of InternalHosts, with the results that the header of such
 * mail has. Here mail that arrives is sealed with what was found about it (arc.seal); what a list
 * manager sends on is sealed by `lists`, which needs more than an address.
 */
#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/table.h"
#include "lib/ip.h"

static bool has_letter(const struct migrate_fact *fact, char letter)
{
	return fact->at != NULL && !span_empty(fact->value) &&
	       memchr(fact->value.p, letter, span_len(fact->value)) != NULL;
}

static int take_include(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	(void)option;
	return migrate_include(m, MIGRATE_OPENARC, value, why);
}

/* OpenDKIM's limit, if it has one, was for the same mail. */
static int take_max_header(struct migrate *m, const struct migrate_option *option,
			   struct span value, struct why *why)
{
	if (m->files[MIGRATE_OPENDKIM] != NULL && migrate_find(m, option->ours) != NULL)
		return 0;
	return migrate_take_max_header(m, option, value, why);
}

static bool is_loopback(const struct ip_network *network)
{
	static const struct ip_network loopback[] = {
	    {.ip = {4, {127}}, .bits = 8},
	    {.ip = {6, {[15] = 1}}, .bits = 128},
	};

	return ip_network_in_any(network, loopback, 2);
}

/* Mail from loopback is not sealed as mail that arrives, so that nothing is lost of it. */
static int note_peers(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	struct migrate_hosts peers = {.takes_away = true};
	bool lost = false;

	if (migrate_read_hosts(m, &peers, value, why) == -1)
		return -1;
	for (unsigned i = 0; i < peers.set.count; i++)
		lost = lost || !is_loopback(&peers.set.items[i].network);
	return lost ? why_set(why, "%s", option->reason) : 0;
}

void migrate_finish_sealing(struct migrate *m)
{
	const char *file = m->files[MIGRATE_OPENARC];
	const struct migrate_fact *mode = &m->arc.mode, *domain = &m->arc.domain;
	bool modeless = !has_letter(mode, 's') && !has_letter(mode, 'v');
	struct why why;

	if (file == NULL || domain->at == NULL || m->arc.key.at == NULL)
		return; /* it only verifies */
	if (has_letter(mode, 's')) {
		if (migrate_set(m, "arc.seal",
				arena_printf(m->arena, "[ %s ]",
					     migrate_quote(m, arena_span(m->arena, domain->value))),
				&why) == -1)
			migrate_leave(m, domain->at, "%s", why.text);
		else if (!migrate_has_keys(m))
			migrate_leave(m, m->arc.key.at,
				      "the key is not copied: here a key also signs (DKIM) mail "
				      "of the domain from this host; copy it with countersign key "
				      "import --from-opendkim FILE, or make one with countersign "
				      "key gen");
	}
	if (modeless || has_letter(mode, 's'))
		migrate_leave(m, mode->at == NULL ? file : mode->at,
			      "mail from this host's own clients is not sealed: for mailing lists "
			      "on this host see lists");
}

/* ---- the table ---- */

#define FIELDS "which fields a seal covers is fixed: those of RFC 8617 section 4.1.2"
#define KEY    "a key of the domain in sign.keys seals; see arc.seal"
#define HEADER                                                                                     \
	"no result is taken from a header: for a list manager on this host see lists, for a "      \
	"gateway relays (results_of)"
#define PEERS "sealing does not depend on the client's address: mail from these is sealed as well"

/* clang-format off */
const struct migrate_option migrate_openarc_options[] = {
	SAME("AuthResComments", "copy comments of older results", "results are evaluated here, with comments of their own"),
	SAME("AuthResIP", "write the client's address", "policy.iprev has it"),
	NOTE("AuthservID", "the name in Authentication-Results", arc.authserv, "authserv_id", NULL),
	SAME("AutoRestart", "restart after a crash", RESTART),
	SAME("AutoRestartCount", "the maximum number of restarts", RESTART),
	SAME("AutoRestartRate", "the maximum rate of restarts", RESTART),
	SAME("Background", "run as a daemon", UNIT),
	SAME("BaseDirectory", "working directory", UNIT),
	SAME("Canonicalization", "canonicalization of header and body", "it is relaxed/relaxed, which survives most"),
	SAME("ChangeRootDirectory", "chroot", UNIT),
	NOTE("Domain", "the domain that seals", arc.domain, "arc.seal", "if Mode has an s"),
	SAME("EnableCoredumps", "dump core", "core files are off: they could contain private keys"),
	SAME("FinalReceiver", "name the sealers in Authentication-Results", "arc= there names the newest sealer and the number of sets"),
	LOST("FixedTimestamp", "test: the time", "countersign cannot be given a time"),
	TAKE("Include", "read another file", take_include, NULL, "its lines are above"),
	LOST("InternalHosts", "clients whose results in the header are sealed", HEADER),
	SAME("KeepTemporaryFiles", "keep canonical forms", "there are no temporary files"),
	NOTE("KeyFile", "the private key", arc.key, NULL, KEY),
	TAKE("MaximumHeaders", "maximum size of a header", take_max_header, "max_header_bytes", NULL),
	SAME("MilterDebug", "log the milter protocol", "log.level = \"debug\" shows more"),
	TAKE("MinimumKeySizeRSA", "shortest key that passes", migrate_take_min_bits, "dkim.min_rsa_bits", "1024 at least (RFC 8301 section 3.2)"),
	NOTE("Mode", "seal, verify, or both", arc.mode, "arc.seal", "mail that arrives is sealed if it has an s; chains are verified in any case"),
	SAME("OversignHeaders", "fields that cannot be added later", FIELDS),
	TAKE("PeerList", "clients whose mail is left alone", note_peers, NULL, PEERS),
	UNLESS("PermitAuthenticationOverrides", "take the chain's result from the header", "no", HEADER),
	SAME("PidFile", "file with the process id", UNIT),
	SAME("RequireSafeKeys", "refuse a key that others can read", "it is always refused"),
	UNLESS("ResponseDisabled", "what to do with mail that is left alone", "accept", "no mail is left alone"),
	UNLESS("ResponseUnable", "what to do after an internal error", "tempfail", "the MTA's default_action decides, and store.on_failure"),
	UNLESS("ResponseUnwilling", "what to do with mail that is too large", "reject", "a header larger than max_header_bytes is rejected with 552"),
	LOST("SealHeaderChecks", "seal only mail with such a field", "all mail that arrives and is accepted is sealed; for mailing lists on this host see lists"),
	NOTE("Selector", "the key's name in the DNS", arc.key, NULL, KEY),
	SAME("SignHeaders", "fields that are signed", FIELDS),
	UNLESS("SignatureAlgorithm", "algorithm of signatures", "rsa-sha256", "it is rsa-sha256 if the domain has an RSA key, which all verifiers know"),
	UNLESS("SignatureTTL", "how long a signature is valid", "0", "no x= is written: a seal says what was true when it was made"),
	SAME("Socket", "where the MTA connects", "countersignd has its own socket: countersign setup"),
	UNLESS("SoftwareHeader", "write ARC-Filter", "no", "no field names the software"),
	SAME("Syslog", "log", "each message is logged on one line with its reason; see the section log"),
	SAME("SyslogFacility", "facility of the log", "it is mail"),
	SAME("TemporaryDirectory", "place of temporary files", "there are none"),
	LOST("TestKeys", "test: public keys", "see dns.servers"),
	SAME("UMask", "permissions of the socket", "socket_mode is 0660: countersign setup gives the MTA's group access, others get none"),
	SAME("UserID", "user to run as", UNIT),
	END,
};
/* clang-format on */
