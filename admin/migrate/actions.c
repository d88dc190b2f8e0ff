/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is refused: policyd-spf refused by SPF, OpenDMARC by the author's policy, each with its own
 * exemptions; here one decision has one list of exemptions (policy/decide.h), which is asked first.
 *
 * OpenDMARC (RejectFailures, HoldQuarantinedMessages) and what it did with p=reject, p=quarantine:
 *
 *	yes  no     refused, delivered     enforce = strict (quarantine: a field, and delivered)
 *	yes  yes    refused, held          enforce = strict, quarantine = hold
 *	no   yes    delivered, held        the same, and an action that accepts where p=reject
 *	no   no     delivered, delivered   enforce = observe
 *
 * A relay that is skipped (relays) is exempted from both; so those clients become one that neither
 * of the two judged. Refusing by SPF is taken over only while nobody else is exempted from it.
 */
#include <assert.h>
#include <string.h>

#include "admin/migrate/program.h"

/* The results that policyd-spf refused at MAIL FROM, of which Fail is the default. */
static const struct {
	const char *value;
	const char *results[5];
} refusals[] = {
    {"Fail", {"fail"}},
    {"Softfail", {"fail", "softfail"}},
    {"SPF_Not_Pass", {"fail", "softfail", "neutral", "permerror"}},
    {"False", {NULL}},
    {"No_Check", {NULL}},
};

static const char *const *find_refused(const struct migrate *m)
{
	const struct migrate_fact *said = &m->spf.mail_from;

	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		if (said->at == NULL ? i == 0 : span_eq(said->value, refusals[i].value))
			return refusals[i].results;
	}
	return refusals[0].results; /* as policyd-spf itself does with a word it does not know */
}

/* ---- who is not judged ---- */

struct gathering {
	struct migrate *m;
	struct hostset *set;
};

static void gather_network(void *arg, const struct ip_network *network)
{
	const struct gathering *gathering = arg;
	int result = hostset_add(gathering->set, gathering->m->arena,
				 span_of(hostset_text(gathering->m->arena, network)), NULL);

	(void)result; /* more than HOSTSET_MAX: fewer are exempted */
}

/* WITH without WITHOUT, added to OUT. */
static void add_difference(struct migrate *m, const struct hostset *with,
			   const struct hostset *without, struct hostset *out)
{
	struct gathering gathering = {m, out};

	hostset_each(with, without, gather_network, &gathering);
}

static bool dmarc_judges(const struct migrate *m)
{
	return m->files[MIGRATE_OPENDMARC] != NULL && (m->opendmarc.rejects || m->opendmarc.holds);
}

/* Where policyd-spf is told of clients outside trusted_networks whose SPF it must not ask for, and
 * that OpenDMARC judges. */
static const char *find_exemption(struct migrate *m)
{
	struct hostset outside = {NULL, 0, 0}, judged = {NULL, 0, 0};

	if (m->spf.other_exempt != NULL)
		return m->spf.other_exempt;
	add_difference(m, &m->spf.exempt.set, &m->trusted, &outside);
	if (dmarc_judges(m))
		add_difference(m, &outside, &m->opendmarc.ignored.set, &judged);
	return judged.count > 0 ? m->spf.exempt.at : NULL;
}

/* Whom neither of the two judged: PeerList counts where nothing refuses mail. */
static void find_skipped(struct migrate *m, bool by_spf, struct hostset *out)
{
	struct hostset rest = {NULL, 0, 0};

	if (dmarc_judges(m) && by_spf) {
		add_difference(m, &m->opendmarc.ignored.set, &m->spf.exempt.set, &rest);
		add_difference(m, &m->opendmarc.ignored.set, &rest, out);
		return;
	}
	if (!by_spf)
		add_difference(m, &m->opendmarc.ignored.set, NULL, out);
	if (!dmarc_judges(m))
		add_difference(m, &m->spf.exempt.set, NULL, out);
	if (!dmarc_judges(m) && !by_spf)
		add_difference(m, &m->signer.peers.set, NULL, out);
}

/* ---- actions ---- */

static void add_action(struct buf *actions, const char *domain, const char *condition,
		       const char *action)
{
	buf_printf(actions, "%s{ domain = \"%s\"; %saction = \"%s\"; }",
		   actions->len == 0 ? "" : ",\n\t\t", domain, condition, action);
}

static bool is_word(const struct migrate_fact *said, const char *word)
{
	return said->at != NULL && span_eq(said->value, word);
}

/* HELO_reject is Fail where it says nothing else. "Null" is about the null sender, whose MAIL FROM
 * is HELO. */
static bool refuses_helo(const struct migrate *m)
{
	return !is_word(&m->spf.helo, "False") && !is_word(&m->spf.helo, "No_Check") &&
	       !is_word(&m->spf.helo, "Null");
}

/* What is refused where the author's domain has no DMARC record. */
static void refuse_without_dmarc(struct migrate *m, bool mail_from)
{
	const char *reject = m->spf.no_mail ? "\"nomail\"" : "\"no-dmarc\"";

	if (mail_from)
		migrate_put(m, "spf.reject", reject);
	if (refuses_helo(m))
		migrate_put(m, "spf.helo_reject", reject);
}

/* True when mail is refused by SPF. */
static bool add_refusals(struct migrate *m, struct buf *actions)
{
	const char *const *refused = find_refused(m);
	const char *file = m->files[MIGRATE_SPF], *exemption = find_exemption(m);

	if (file == NULL || m->spf.observes)
		return false;
	if (*refused == NULL && !refuses_helo(m))
		return false;
	if (exemption != NULL) {
		migrate_leave(
		    m, exemption,
		    "this exempts mail from SPF, which is not possible here without exempting it "
		    "from DMARC too: nothing is rejected because of SPF (see dmarc.actions)");
		return false;
	}
	refuse_without_dmarc(m, *refused != NULL);
	for (; *refused != NULL && !m->spf.no_mail; refused++)
		add_action(actions, "*", arena_printf(m->arena, "spf = \"%s\"; ", *refused),
			   "reject");
	if (m->spf.permerror && !m->spf.no_mail && strstr(buf_text(actions), "permerror") == NULL)
		add_action(actions, "*", "spf = \"permerror\"; ", "reject");
	migrate_leave(m, m->spf.mail_from.at == NULL ? file : m->spf.mail_from.at,
		      "mail is rejected because of SPF only if DMARC fails, or if the author's "
		      "domain has no DMARC record and no signature passes");
	return true;
}

static void add_ignored_authors(struct migrate *m, struct buf *actions)
{
	struct span rest = buf_view(&m->opendmarc.ignored_authors), item;

	while (migrate_next_item(&rest, &item))
		add_action(actions, arena_span(m->arena, item), "", "accept");
}

struct listing {
	struct migrate *m;
	struct buf text;
	unsigned count;
};

static void add_network(void *arg, const struct ip_network *network)
{
	struct listing *listing = arg;

	listing->count++;
	buf_printf(&listing->text, "%s%s", listing->text.len == 0 ? "" : ", ",
		   migrate_quote(listing->m, hostset_text(listing->m->arena, network)));
}

/* Who is trusted anyway is not judged anyway. */
static void finish_relays(struct migrate *m, bool by_spf)
{
	const struct migrate_hosts *ignored = &m->opendmarc.ignored;
	struct listing skipped = {.m = m}, judged = {.m = m};
	struct hostset set = {NULL, 0, 0}, rest = {NULL, 0, 0};
	struct why why;

	buf_init(&skipped.text, m->arena, 0);
	buf_init(&judged.text, m->arena, 0);
	if (ignored->unsayable != NULL) {
		migrate_leave(m, ignored->at,
			      "cannot tell which addresses \"%s\" means: mail from all of "
			      "these clients is checked",
			      ignored->unsayable);
		return;
	}
	find_skipped(m, by_spf, &set);
	hostset_each(&set, &m->trusted, add_network, &skipped);
	if (skipped.count > 0 &&
	    migrate_set(m, "relays",
			arena_printf(m->arena, "( { from = [ %s ]; client = \"skip\"; } )",
				     buf_text(&skipped.text)),
			&why) == -1)
		migrate_leave(m, ignored->at, "mail from these clients is checked: %s", why.text);
	add_difference(m, &ignored->set, &set, &rest);
	hostset_each(&rest, &m->trusted, add_network, &judged);
	if (judged.count > 0)
		migrate_leave(
		    m, ignored->at,
		    "mail from %s is checked: exempting it here would exempt it from SPF as well",
		    buf_text(&judged.text));
}

void migrate_finish_actions(struct migrate *m)
{
	const char *file = m->files[MIGRATE_OPENDMARC];
	bool rejects = m->opendmarc.rejects, holds = m->opendmarc.holds, by_spf;
	struct buf actions;

	buf_init(&actions, m->arena, 0);
	by_spf = add_refusals(m, &actions);
	add_ignored_authors(m, &actions);
	if (file != NULL && !rejects && holds)
		add_action(&actions, "*", "policy = \"reject\"; ", "accept");
	else if (file != NULL && !rejects && by_spf)
		add_action(&actions, "*", "", "accept");
	if (actions.len > 0)
		migrate_put(m, "dmarc.actions",
			    arena_printf(m->arena, "( %s )", buf_text(&actions)));
	finish_relays(m, by_spf);
	if (file == NULL)
		return;
	migrate_put(m, "dmarc.enforce",
		    rejects || holds ? "\"strict\""
		    : by_spf         ? "\"rfc\""
				     : "\"observe\"");
	if (holds)
		migrate_put(m, "dmarc.quarantine", "\"hold\"");
	if ((rejects || holds) && !m->opendmarc.ignores_logins)
		migrate_leave(m, file,
			      "mail of a client that logged in is signed and not checked; "
			      "OpenDMARC checked it "
			      "(IgnoreAuthenticatedClients)");
}
