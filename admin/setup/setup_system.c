/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What belongs to this host: the daemon's directories, a first file of settings, the first key, and
 * the daemon itself.
 */
#include "admin/setup/setup.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/program.h"
#include "lib/buf.h"
#include "lib/url.h"
#include "mail/domain.h"
#include "milter/protocol/client.h"

/* ---- directories ---- */

struct directory {
	const char *id, *what, *path, *user, *group;
	unsigned mode;
};

static bool is_right(const struct setup *setup, const struct directory *d, const struct stat *st)
{
	return (st->st_mode & 07777) == d->mode &&
	       strcmp(place_user(setup->arena, st->st_uid), d->user) == 0 &&
	       strcmp(place_group(setup->arena, st->st_gid), d->group) == 0;
}

/* What root makes and gives away here is where only root decides: the user of the daemon owns some
 * of these directories, and could have put a link to /etc into them. */
static void plan_directory(struct setup *setup, struct directory d)
{
	const char *path = setup_quote(setup, d.path), *undo = TEXT(setup, "rmdir %s", path);
	struct stat st;
	struct why why;

	if (stat(d.path, &st) == 0) {
		if (is_right(setup, &d, &st))
			return;
		undo = TEXT(
		    setup, "chown %s:%s %s && chmod %04o %s", place_user(setup->arena, st.st_uid),
		    place_group(setup->arena, st.st_gid), path, (unsigned)st.st_mode & 07777, path);
	}
	if (place_check_way(setup->arena, d.path, &why) == -1) {
		admin_error(setup->admin, "%s is not made: %s", d.path, why.text);
		setup->refused = true;
		return;
	}
	plan_add(&setup->plan,
		 (struct plan_step){.id = d.id,
				    .what = d.what,
				    .command = TEXT(setup, "install -d -m %04o -o %s -g %s %s",
						    d.mode, setup_quote(setup, d.user),
						    setup_quote(setup, d.group), path),
				    .undo = undo});
}

void setup_socket_directory(struct setup *setup, const char *listen)
{
	const struct postfix *postfix = &setup->place.postfix;
	const char *path = place_path(listen);
	struct directory d = {.id = "socket.directory",
			      .what = "the directory of the socket, from which it gets its group",
			      .user = setup->user,
			      .group = setup->group,
			      .mode = 0755};
	struct stat st;

	if (path == NULL)
		return;
	d.path = place_parent(setup->arena, path);
	if (setup->place.mta == PLACE_POSTFIX && *postfix_path(postfix, path) != '/') {
		d.group = postfix->group;
		d.mode = 02750;
	} else if (stat(d.path, &st) == 0) {
		return; /* of somebody else's making: RuntimeDirectory of the unit, or the admin */
	}
	plan_directory(setup, d);
}

/* ---- settings and key ---- */

static const char *wanted_listen(const struct setup *setup)
{
	if (setup->place.mta == PLACE_POSTFIX && setup->place.postfix.chrooted)
		return TEXT(setup, "local:%s/countersign/milter.sock", setup->place.postfix.queue);
	return "local:" RUNDIR "/milter.sock";
}

/* LISTEN behind those that are set. */
static const char *all_listens(const struct setup *setup, const char *listen)
{
	const struct conf_strings *listens = &setup->conf->listen;
	struct buf out;

	buf_init(&out, setup->arena, 0);
	for (unsigned i = 0; i < listens->count; i++)
		buf_printf(&out, "\"%s\", ", listens->items[i]);
	buf_printf(&out, "\"%s\"", listen);
	return buf_text(&out);
}

static void plan_file(struct setup *setup, const char *path, const char *text)
{
	const char *quoted = setup_quote(setup, path);
	const char *dir = setup_quote(setup, place_parent(setup->arena, path));

	plan_add(&setup->plan,
		 (struct plan_step){.id = "settings",
				    .what = "the settings",
				    .command = TEXT(setup, "mkdir -p %s\ncat >%s <<'END'\n%sEND",
						    dir, quoted, text),
				    .undo = TEXT(setup, "rm %s", quoted)});
	setup->changed = true;
}

static void plan_settings(struct setup *setup)
{
	const char *path = admin_conf_path(setup->admin);
	bool there = access(path, F_OK) == 0;

	setup->listen = there ? place_listen(&setup->place, &setup->conf->listen) : NULL;
	if (setup->listen != NULL)
		return;
	setup->listen = wanted_listen(setup);
	if (!there)
		plan_file(setup, path,
			  TEXT(setup,
			       "# countersign.conf(5). All else has its default: countersign "
			       "config defaults\n"
			       "listen = [ \"%s\" ];\n"
			       "dmarc: { enforce = \"observe\"; };  # first look, then \"rfc\": "
			       "countersign stats --would-reject\n",
			       setup->listen));
	else
		plan_file(
		    setup, TEXT(setup, "%s/conf.d/50-setup.conf", place_parent(setup->arena, path)),
		    TEXT(setup, "# The MTA cannot reach the other sockets.\nlisten = [ %s ];\n",
			 all_listens(setup, setup->listen)));
}

/* example.com of mail.example.com, as Postfix does it. */
static const char *own_domain(const struct setup *setup)
{
	const char *name = "", *dot;
	char host[256] = "";

	if (setup->domain != NULL)
		return setup->domain;
	if (setup->place.mta == PLACE_POSTFIX) {
		name = postfix_setting(&setup->place.postfix, setup->arena, "mydomain");
		name = strchr(name, '$') == NULL ? name : "";
	}
	if (*name == '\0') {
		if (gethostname(host, sizeof host - 1) != 0)
			return NULL;
		dot = strchr(host, '.');
		name = dot == NULL ? "" : strchr(dot + 1, '.') == NULL ? host : dot + 1;
	}
	if (strchr(name, '.') == NULL || strcmp(name, "localdomain") == 0)
		return NULL;
	return domain_to_ascii(setup->arena, span_of(name));
}

static bool any_key(const char *keys)
{
	DIR *dir = opendir(keys);
	struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return found;
}

static void plan_key(struct setup *setup)
{
	const char *domain = own_domain(setup), *dir;

	if (setup->domain == NULL && any_key(setup->conf->sign.keys))
		return;
	if (domain == NULL) {
		setup_note(setup, "key",
			   TEXT(setup,
				"this host has no domain of its own; make the first key with: "
				"%s key gen DOMAIN",
				setup->self));
		return;
	}
	dir = TEXT(setup, "%s/%s", setup->conf->sign.keys, domain);
	if (access(dir, F_OK) == 0)
		return;
	plan_add(
	    &setup->plan,
	    (struct plan_step){
		.id = "key",
		.what = TEXT(setup,
			     "the first key; publish the record that this prints, and when the "
			     "DNS shows it: %s key activate %s",
			     setup->self, setup_quote(setup, domain)),
		.command = TEXT(setup, "%s key gen %s", setup->self, setup_quote(setup, domain)),
		.undo = TEXT(setup, "rm -r %s", setup_quote(setup, dir))});
}

/* ---- DNSSEC ---- */

/* Offered, not done: behind a resolver that drops signatures every answer would be a temporary
 * error. */
static void offer_validation(struct setup *setup)
{
	const char *anchor = place_trust_anchor();

	if (setup->conf->dns.trust_anchor[0] != '\0' || anchor == NULL)
		return;
	setup_note(
	    setup, "dnssec",
	    TEXT(setup,
		 "%s is the key of the DNS root: to have answers validated by DNSSEC, type: %s "
		 "(then restart the daemon, and look: countersign doctor --only=dns.dnssec)",
		 anchor,
		 place_anchor_command(setup->arena, anchor, admin_conf_path(setup->admin))));
}

/* ---- reports of others ---- */

/* The records that ask for reports to ADDRESS: an address in another domain needs that domain's
 * word (RFC 9990 section 4). A DMARC record that is there only needs the rua. */
static const char *write_report_records(const struct setup *setup, const char *domain,
					const char *address)
{
	const char *of = domain_of_address(setup->arena, address);

	return TEXT(
	    setup,
	    "_dmarc.%s TXT \"v=DMARC1; p=none; rua=mailto:%s\" (a record that is there: add "
	    "the rua), _smtp._tls.%s TXT \"v=TLSRPTv1; rua=mailto:%s\"%s",
	    domain, address, domain, address,
	    of == NULL || domain_within(of, domain) || domain_within(domain, of)
		? ""
		: TEXT(setup, ", %s._report._dmarc.%s TXT \"v=DMARC1;\"", domain, of));
}

static void offer_reports(struct setup *setup)
{
	const struct conf_strings *addresses = &setup->conf->inbox.addresses;
	const char *domain = own_domain(setup);
	const char *address =
	    addresses->count > 0 || domain == NULL ? NULL : TEXT(setup, "dmarc-reports@%s", domain);

	if (domain == NULL)
		return;
	if (address != NULL)
		setup_note(
		    setup, "reports",
		    TEXT(setup,
			 "to read what others report about %s, choose an address that this "
			 "host delivers, set inbox: { addresses = [ \"%s\" ]; }; and publish "
			 "%s",
			 domain, address, write_report_records(setup, domain, address)));
	else if (setup->domain != NULL)
		setup_note(setup, "reports",
			   TEXT(setup, "the records that ask others for reports: %s",
				write_report_records(setup, domain, addresses->items[0])));
}

/* ---- the daemon ---- */

const char *setup_daemon_command(const struct setup *setup, enum service_act act)
{
	const struct service_facts facts = {.user = setup->user,
					    .conf = admin_conf_path(setup->admin)};

	return service_command(setup->arena, act, &facts);
}

/* At the socket that the MTA will use. */
bool setup_daemon_answers(const struct setup *setup)
{
	struct milter_client m;
	struct why why;
	bool answers = milter_client_open(&m, setup->listen, &why) == 0;

	milter_client_close(&m);
	return answers;
}

static void plan_start(struct setup *setup, const char *command, const char *undo)
{
	plan_add(&setup->plan, (struct plan_step){.id = "daemon",
						  .what = "the daemon is started, now and at boot",
						  .command = command,
						  .undo = undo});
	setup->starts = true;
}

/* The unit itself may be a later one than systemd has read. */
static void plan_restart(struct setup *setup)
{
	plan_add(&setup->plan,
		 (struct plan_step){
		     .id = "daemon",
		     .what = "the daemon takes over what has changed",
		     .command = TEXT(setup, "%s%s",
				     service_has_unit() ? "systemctl daemon-reload && " : "",
				     setup_daemon_command(setup, SERVICE_RESTART))});
	setup->starts = true;
}

static void plan_unit(struct setup *setup)
{
	const char *argv[] = {"systemctl", "is-active", "countersignd", NULL}, *text;

	if (program_read(setup->arena, argv, &text, NULL) == 0) {
		if (setup->changed || setup->rights_changed)
			plan_restart(setup);
		return;
	}
	plan_start(setup, "systemctl enable --now countersignd",
		   "systemctl disable --now countersignd");
	setup->record.unit = "countersignd";
	setup_record(setup, false);
}

/* FreeBSD's rc(8): the script starts only what rc.conf enables. */
static void plan_script(struct setup *setup)
{
	const char *argv[] = {"service", "countersignd", "status", NULL}, *text;

	if (program_read(setup->arena, argv, &text, NULL) == 0) {
		if (setup->changed || setup->rights_changed)
			plan_restart(setup);
		return;
	}
	plan_start(setup, "sysrc countersignd_enable=YES && service countersignd start",
		   "service countersignd stop && sysrc -x countersignd_enable");
}

static void plan_daemon(struct setup *setup)
{
	if (service_has_unit())
		plan_unit(setup);
	else if (service_has_script())
		plan_script(setup);
	else if (!setup_daemon_answers(setup))
		setup_note(setup, "daemon",
			   TEXT(setup, "start the daemon: %s",
				setup_daemon_command(setup, SERVICE_START)));
	else if (setup->rights_changed)
		setup_note(setup, "daemon",
			   TEXT(setup, "restart the daemon, which still has its old rights: %s",
				setup_daemon_command(setup, SERVICE_RESTART)));
}

/* ---- all of it ---- */

/* The control socket's; the unit makes it by itself. */
static void plan_run_directory(struct setup *setup)
{
	const char *path = setup->conf->control.socket, *dir = place_parent(setup->arena, path);
	const char *listen = place_path(setup->listen);

	if (*path != '/' || service_has_unit() || access(dir, F_OK) == 0 ||
	    (listen != NULL && strcmp(place_parent(setup->arena, listen), dir) == 0))
		return;
	plan_directory(setup, (struct directory){"control.directory",
						 "the directory of the control socket", dir,
						 setup->user, setup->group, 0755});
}

void setup_system(struct setup *setup)
{
	struct arena *arena = setup->arena;
	const char *ledger = url_sqlite_path(setup->conf->store.url, NULL);

	setup_users(setup);
	plan_settings(setup);
	plan_directory(setup, (struct directory){"keys.directory", "the directory of the keys",
						 setup->conf->sign.keys, "root",
						 setup_key_group(setup), 0750});
	setup_key_files(setup);
	if (ledger != NULL)
		plan_directory(setup,
			       (struct directory){"store.directory", "the directory of the ledger",
						  place_parent(arena, ledger), setup->user,
						  setup->group, 0750});
	setup_socket_directory(setup, setup->listen);
	plan_run_directory(setup);
	plan_key(setup);
	offer_validation(setup);
	offer_reports(setup);
	plan_daemon(setup);
}
