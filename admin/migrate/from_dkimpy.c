/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dkimpy-milter: dkimpy-milter.conf(5) of version 1.2.3, and its source where that differs. It took
 * over OpenDKIM's names, not always their meaning: it signs mail of every client whose author is in
 * Domain, except where MacroListVerify matches, and InternalHosts only says whose mail is not
 * verified. Here only mail of these clients is signed.
 */
#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/table.h"

/* One word is for header and body. */
static int take_canonicalization(struct migrate *m, const struct migrate_option *option,
				 struct span value, struct why *why)
{
	const char *text = arena_lower(m->arena, value);

	if (strchr(text, '/') == NULL)
		text = arena_printf(m->arena, "%s/%s", text, text);
	return migrate_set(m, option->ours, migrate_quote(m, text), why);
}

/* Of networks that hold an address the last one decides, not the most precise one: an entry within
 * an excluded network that follows leaves the set. Single addresses come first. */
static void drop_overruled(struct migrate *m, struct hostset *set)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < set->count; i++) {
		const struct hostset_entry *entry = &set->items[i];
		bool overruled = false,
		     single = entry->network.bits == (entry->network.ip.family == 4 ? 32 : 128);

		for (unsigned k = i + 1; k < set->count && !entry->excluded && !single; k++)
			overruled = overruled ||
				    (set->items[k].excluded &&
				     ip_in_network(&entry->network.ip, &set->items[k].network.ip,
						   set->items[k].network.bits));
		if (overruled)
			migrate_leave(m, NULL, "%s is left out: a later entry excludes it",
				      hostset_text(m->arena, &entry->network));
		else
			set->items[kept++] = *entry;
	}
	set->count = kept;
}

static int note_internal(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	int result = migrate_note_internal(m, option, value, why);

	drop_overruled(m, &m->signer.internal.set);
	return result;
}

/* The name of a macro is written without braces: with them it matches nothing. */
static int take_macros(struct migrate *m, const struct migrate_option *option, struct span value,
		       struct why *why)
{
	if (!span_empty(value) && memchr(value.p, '{', span_len(value)) != NULL)
		return why_set(why, "dkimpy-milter matches no macro that is written with braces");
	return migrate_take_macros(m, option, value, why);
}

/* What it exempts from signing must not be signed here: all of it is said, or nothing is signed. */
static int note_verified(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	struct span where, item, rest, name;
	bool more, known = opendkim_dataset(value, &where) == OPENDKIM_LIST;

	buf_clear(&m->signer.inbound);
	while (known && migrate_next_item(&where, &item)) {
		known = migrate_is_service(item, &rest, &more);
		while (known && span_split(&rest, &more, '|', &name)) {
			known = !span_empty(name) && memchr(name.p, '*', span_len(name)) == NULL;
			buf_printf(&m->signer.inbound, "%s%s",
				   m->signer.inbound.len == 0 ? "" : ", ",
				   migrate_quote(m, arena_span(m->arena, name)));
		}
	}
	m->signer.unsigned_mail = known ? NULL : m->at;
	if (known)
		return 0;
	buf_clear(&m->signer.inbound);
	return why_set(why, "only names of services can be listed: %s", option->reason);
}

/* ---- the table ---- */

#define KEYS "copied by: countersign key import --from-opendkim FILE"
#define ED25519                                                                                    \
	"its key files are not PEM; make a new key: countersign key gen DOMAIN --type=ed25519"

/* clang-format off */
const struct migrate_option migrate_dkimpy_options[] = {
	NOTE("AuthservID", "the name in Authentication-Results", signer.authserv, "authserv_id", NULL),
	TAKE("Canonicalization", "canonicalization of header and body", take_canonicalization, "sign.canonicalization", NULL),
	LOST("DNSOverride", "test: the answer of DNS", "see dns.servers"),
	SAME("DNSTimeout", "how long one lookup may take", "dns.timeout, 8 s, is for all lookups of a message together"),
	SAME("DiagnosticDirectory", "reports about failed signatures", "countersign verify -v explains a message"),
	NOTE("Domain", "domains to sign for", signer.key, NULL, KEYS),
	TAKE("InternalHosts", "clients whose mail is not verified", note_internal, "trusted_networks", "dkimpy-milter signs mail of every client as a domain with a key; here only mail of these"),
	NOTE("KeyFile", "the private RSA key", signer.key, NULL, KEYS),
	LOST("KeyFileEd25519", "the private Ed25519 key", ED25519),
	NOTE("KeyTable", "private RSA keys by name", signer.keytable, NULL, KEYS),
	LOST("KeyTableEd25519", "private Ed25519 keys by name", ED25519),
	TAKE("MacroList", "macros of mail that is not verified", take_macros, "submission_services", "for the macro daemon_name"),
	TAKE("MacroListVerify", "macros of mail that is not signed", note_verified, "inbound_services", "for the macro daemon_name; a client that logged in is not affected"),
	TAKE("MinimumKeyBits", "shortest key that passes", migrate_take_min_bits, "dkim.min_rsa_bits", "1024 at least (RFC 8301 section 3.2)"),
	TAKE("Mode", "sign, verify, or both", migrate_take_mode, "sign.enabled", "inbound mail is verified in any case"),
	SAME("OmitHeaders", "fields that are not signed", "dkimpy-milter ignores it, too; sign.headers names the fields that are signed"),
	SAME("PeerList", "clients whose mail is left alone", "dkimpy-milter ignores it, too; see relays"),
	SAME("PidFile", "file with the process id", UNIT),
	NOTE("Selector", "the RSA key's name in the DNS", signer.key, NULL, KEYS),
	SAME("SelectorEd25519", "the Ed25519 key's name in the DNS", "the new key has a selector of its own"),
	TAKE("SignHeaders", "fields that are signed", migrate_take_sign_headers, "sign.headers", NULL),
	NOTE("SigningTable", "which key signs for whom", signer.signingtable, "sign.subdomains", KEYS),
	SAME("Socket", "where the MTA connects", "countersignd has its own socket: countersign setup"),
	TAKE("SubDomains", "sign for names below Domain", migrate_note_subdomains, "sign.subdomains", "not with a SigningTable"),
	SAME("Syslog", "log", LOGGED),
	SAME("SyslogFacility", "facility of the log", "it is mail"),
	SAME("SyslogSuccess", "log successes", LOGGED),
	SAME("UMask", "permissions of the socket", "socket_mode is 0660: countersign setup gives the MTA's group access, others get none"),
	SAME("UserID", "user to run as", UNIT),
	SAME("debugLevel", "how much is logged", "log.level = \"debug\" shows more"),
	END,
};
/* clang-format on */
