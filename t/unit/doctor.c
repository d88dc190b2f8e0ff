/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/doctor: what it says of other filters, from settings of Postfix and Sendmail in a table;
 * admin/setup/otherfilters: which filter a socket belongs to. */
#include "admin/doctor/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/setup/otherfilters.h"
#include "lib/buf.h"
#include "t/lib/tap.h"

static struct arena *arena;
static const char *dir;
static struct conf *conf;

static void write_file(const char *name, const char *text)
{
	const char *path = arena_printf(arena, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");

	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		tap_note("%s cannot be written", path);
}

/* "warn: TEXT (fix)|" for each finding, the same words as a person reads. */
static const char *findings_of(const struct doctor *doctor)
{
	static const char *const levels[] = {"ok", "skip", "warn", "error"};
	struct buf out;

	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < doctor->count; i++) {
		const struct doctor_finding *f = &doctor->findings[i];

		buf_printf(&out, "%s: %s", levels[f->level], f->text);
		if (f->fix != NULL)
			buf_printf(&out, " (%s)", f->fix);
		buf_char(&out, '|');
	}
	return buf_text(&out);
}

#define OURS       "unix:countersign/milter.sock"
#define SMTPD      "smtp inet n - y - - smtpd\n"
#define SUBMISSION "submission inet n - y - - smtpd\n"

static struct doctor doctor_of(const char *milters, const char *services, const char *parameters,
			       const char *settings)
{
	struct doctor doctor = {.arena = arena, .conf = conf};

	doctor.place = (struct place){.mta = PLACE_POSTFIX,
				      .postfix = {.config = "/etc/postfix",
						  .settings = settings,
						  .smtpd_milters = milters,
						  .non_smtpd_milters = milters,
						  .services = services,
						  .parameters = parameters,
						  .expanded_settings = settings,
						  .expanded_parameters = parameters,
						  .queue = "/var/spool/postfix",
						  .chrooted = true,
						  .user = "postfix"}};
	return doctor;
}

/* ---- smtpd_milters, and services with filters of their own ---- */

static const struct {
	const char *name, *milters, *parameters, *want;
} others[] = {
    {"ours alone", OURS, "", "ok: there is no other filter|"},
    {"one that replaces us, by its path", "unix:/run/t/opendkim.sock, " OURS, "",
     "warn: OpenDKIM (unix:/run/t/opendkim.sock) is asked too: what it does is done twice"
     " (countersign setup --apply --replace)|"},
    {"all four", "unix:a/opendmarc.sock unix:a/openarc.sock unix:a/dkimpy.sock unix:a/pyspf " OURS,
     "",
     "warn: OpenDMARC (unix:a/opendmarc.sock) is asked too: what it does is done twice"
     " (countersign setup --apply --replace)|"
     "warn: OpenARC (unix:a/openarc.sock) is asked too: what it does is done twice"
     " (countersign setup --apply --replace)|"
     "warn: dkimpy-milter (unix:a/dkimpy.sock) is asked too: what it does is done twice"
     " (countersign setup --apply --replace)|"
     "warn: pyspf-milter (unix:a/pyspf) is asked too: what it does is done twice"
     " (countersign setup --apply --replace)|"},
    {"a filter before us", "unix:clamav/milter.sock, " OURS, "",
     "ok: ClamAV (unix:clamav/milter.sock) is asked before countersignd|"},
    {"after us", "{ " OURS ", default_action=tempfail }, inet:localhost:11332", "",
     "warn: another filter (inet:localhost:11332) is asked after countersignd: if it changes header"
     " or body, signatures break; put ours last in smtpd_milters|"},
    {"with settings of its own, on both sides",
     "{ unix:spamass/spamass.sock, { connect_timeout = 5s } }, " OURS ", unix:rspamd/x.sock", "",
     "ok: SpamAssassin (unix:spamass/spamass.sock) is asked before countersignd|"
     "warn: Rspamd (unix:rspamd/x.sock) is asked after countersignd: if it changes header or body,"
     " signatures break; put ours last in smtpd_milters|"},
    {"ours is not there: none comes after it", "inet:h:1", "",
     "ok: another filter (inet:h:1) is asked before countersignd|"},
    {"a service of master.cf has others", OURS, "submission/inet/smtpd_milters = inet:h:1\n",
     "warn: submission/inet has filters of its own in master.cf (smtpd_milters=inet:h:1):"
     " countersignd is not asked about its mail (postconf -PX submission/inet/smtpd_milters)|"},
    {"it has none", OURS, "submission/inet/smtpd_milters = \n",
     "warn: submission/inet has filters of its own in master.cf (smtpd_milters=): countersignd is"
     " not asked about its mail (postconf -PX submission/inet/smtpd_milters)|"},
    {"it names a list of main.cf", OURS, "submission/inet/smtpd_milters = $submission_milters\n",
     "ok: there is no other filter|"},
    {"it has ours", OURS, "submission/inet/smtpd_milters = inet:h:1 " OURS "\n",
     "ok: there is no other filter|"},
};

static void test_others(void)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct doctor doctor =
		    doctor_of(others[i].milters, SMTPD SUBMISSION, others[i].parameters, "");

		doctor_other_filters(&doctor);
		is_text(findings_of(&doctor), others[i].want, "%s", others[i].name);
	}
}

/* ---- content_filter, smtpd_proxy_filter ---- */

#define BEHIND                                                                                     \
	"when it comes back over loopback nothing tells who sent it, and it is neither judged nor" \
	" signed; name ours in smtpd_milters of "

static const struct {
	const char *name, *settings, *parameters, *want;
} content[] = {
    {"no filter", "content_filter = \nsmtpd_milters = " OURS "\n", "",
     "ok: no content filter takes mail that countersignd has not seen|"},
    {"a filter after us", "content_filter = smtp:[127.0.0.1]:10024\nsmtpd_milters = " OURS "\n", "",
     "ok: no content filter takes mail that countersignd has not seen|"},
    {"a filter, and one service does not ask us",
     "content_filter = amavis:[::1]:10024\nsmtpd_milters = " OURS "\n",
     "submission/inet/smtpd_milters = inet:h:1\n",
     "error: mail through submission/inet goes to content_filter = amavis:[::1]:10024 and"
     " countersignd is not asked about it first: " BEHIND "submission/inet|"},
    {"a service of its own has it", "smtpd_milters = \n", "smtp/inet/content_filter = x:y\n",
     "error: mail through smtp/inet goes to content_filter = x:y and countersignd is not asked"
     " about it first: " BEHIND "smtp/inet|"},
    {"a proxy is always before us",
     "smtpd_proxy_filter = 127.0.0.1:10025\nsmtpd_milters = " OURS "\n",
     "submission/inet/smtpd_proxy_filter = \n",
     "error: mail through smtp/inet goes to smtpd_proxy_filter = 127.0.0.1:10025 before any filter"
     " has seen its header: " BEHIND "smtp/inet, and use content_filter instead|"},
};

static void test_content(void)
{
	for (size_t i = 0; i < sizeof content / sizeof *content; i++) {
		struct doctor doctor =
		    doctor_of(OURS, SMTPD SUBMISSION, content[i].parameters, content[i].settings);

		doctor_content_filter(&doctor);
		is_text(findings_of(&doctor), content[i].want, "%s", content[i].name);
	}
}

/* ---- Sendmail ---- */

#define FILTER "INPUT_MAIL_FILTER(`countersign', `S=local:/run/c.sock, F=T')dnl\n"
#define X_OURS "Xcountersign, S=local:/run/c.sock, F=T, T=C:10s\n"

static const struct {
	const char *name, *mc, *cf, *want; /* DIR for the directory */
} sendmail[] = {
    {"no filter", "MAILER(`smtp')\n", "",
     "error: DIR/sendmail.mc has no filter countersign: no mail is judged (countersign setup"
     " sendmail --apply)|"},
    {"in a comment", "dnl " FILTER, "",
     "error: DIR/sendmail.mc has no filter countersign: no mail is judged (countersign setup"
     " sendmail --apply)|"},
    {"ours alone", FILTER, X_OURS "O InputMailFilters=countersign\n",
     "ok: DIR/sendmail.mc has the filter|"},
    {"without F=T", "INPUT_MAIL_FILTER(`countersign', `S=local:/run/c.sock')\n",
     "O InputMailFilters=countersign\n",
     "warn: its filter line has no F=T: mail passes while the daemon is down|"
     "ok: DIR/sendmail.mc has the filter|"},
    {"one that replaces us", FILTER,
     "Xopendkim, S=local:/run/t/opendkim.sock, F=, T=R:2m\n" X_OURS
     "O InputMailFilters=opendkim, countersign\n",
     "ok: DIR/sendmail.mc has the filter|"
     "warn: OpenDKIM (local:/run/t/opendkim.sock) is asked too: what it does is done twice"
     " (delete INPUT_MAIL_FILTER(`opendkim', ...) from DIR/sendmail.mc, then: make -C DIR)|"},
    {"before and after", FILTER,
     "Xclam, S=local:/run/t/clamav.sock\nXother, F=T, S=inet:9000@localhost\n" X_OURS
     "O InputMailFilters=clam,countersign,other,nowhere\n",
     "ok: DIR/sendmail.mc has the filter|"
     "ok: ClamAV (local:/run/t/clamav.sock) is asked before countersignd|"
     "warn: another filter (inet:9000@localhost) is asked after countersignd: if it changes header"
     " or body, signatures break; put ours last in DIR/sendmail.mc, before its MAILER lines|"
     "warn: another filter (nowhere) is asked after countersignd: if it changes header or body,"
     " signatures break; put ours last in DIR/sendmail.mc, before its MAILER lines|"},
    {"defined, and not asked", FILTER,
     "Xopendkim, S=local:/run/t/opendkim.sock\n" X_OURS "O InputMailFilters=countersign\n",
     "ok: DIR/sendmail.mc has the filter|"},
};

static const char *with_directory(const char *text)
{
	struct buf out;
	const char *at;

	buf_init(&out, arena, 0);
	for (; (at = strstr(text, "DIR")) != NULL; text = at + 3) {
		buf_add(&out, text, (size_t)(at - text));
		buf_string(&out, dir);
	}
	buf_string(&out, text);
	return buf_text(&out);
}

static void test_sendmail(void)
{
	for (size_t i = 0; i < sizeof sendmail / sizeof *sendmail; i++) {
		struct doctor doctor = {.arena = arena,
					.conf = conf,
					.place = {.mta = PLACE_SENDMAIL, .sendmail = dir}};

		write_file("sendmail.mc", sendmail[i].mc);
		write_file("sendmail.cf", sendmail[i].cf);
		doctor_sendmail(&doctor);
		is_text(findings_of(&doctor), with_directory(sendmail[i].want), "Sendmail: %s",
			sendmail[i].name);
	}
}

/* ---- whose socket it is ---- */

static const struct {
	const char *name, *file, *setting, *asked, *want; /* WANT NULL: nobody's */
	bool replaced;
} sockets[] = {
    {"TCP, each in its own way", "opendkim.conf", "Socket inet:8891@localhost\n",
     "inet:127.0.0.1:8891", "OpenDKIM", true},
    {"another port", "opendkim.conf", "Socket inet:8891@localhost\n", "inet:127.0.0.1:8892", NULL,
     false},
    {"another host", "opendkim.conf", "Socket inet:8891@192.0.2.1\n", "inet:127.0.0.1:8891", NULL,
     false},
    {"any address of this host", "opendmarc.conf", "Socket inet:8893\n", "inet:localhost:8893",
     "OpenDMARC", true},
    {"IPv6", "opendmarc.conf", "Socket inet6:8893@[::1]\n", "inet6:[::1]:8893", "OpenDMARC", true},
    {"a path below the queue directory", "openarc.conf",
     "Socket local:/var/spool/postfix/run/x.sock\n", "unix:run/x.sock", "OpenARC", true},
    {"a comment does not count", "openarc.conf", "#Socket local:/run/x.sock\n", "unix:/run/x.sock",
     NULL, false},
    {"one of a shell's", "default/spamass-milter", "SOCKET=\"/run/sa.sock\"\n", "unix:/run/sa.sock",
     "SpamAssassin", false},
};

static void test_sockets(void)
{
	const char *root = arena_printf(arena, "%s/root", dir);
	const struct doctor doctor = doctor_of("", "", "", "");

	mkdir(root, 0755);
	mkdir(arena_printf(arena, "%s/etc", root), 0755);
	mkdir(arena_printf(arena, "%s/etc/default", root), 0755);
	for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++) {
		const char *file = arena_printf(arena, "root/etc/%s", sockets[i].file);
		struct otherfilter found;

		write_file(file, sockets[i].setting);
		found = otherfilter_at(&doctor.place, arena, root, span_of(sockets[i].asked));
		is_text(found.name, sockets[i].want, "%s", sockets[i].name);
		is_int(found.replaced, sockets[i].replaced, "%s: it replaces us or not",
		       sockets[i].name);
		unlink(arena_printf(arena, "%s/%s", dir, file));
	}
}

/* The commands are in the program, which this is not. */
const struct admin_verb *admin_verb_at(unsigned i)
{
	(void)i;
	return NULL;
}

int main(void)
{
	struct conf_errors errors;

	arena = arena_new(0);
	dir = tap_directory();
	conf = conf_parse(
	    "x", "listen = [ \"local:/var/spool/postfix/countersign/milter.sock\" ];\n", &errors);
	ok(conf != NULL, "settings");
	test_others();
	test_content();
	test_sendmail();
	test_sockets();
	conf_free(conf);
	conf_errors_free(&errors);
	arena_free(arena);
	return tap_done();
}
