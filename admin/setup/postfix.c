/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/setup/postfix.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "admin/program.h"
#include "lib/buf.h"

static const char *const wanted[] = {"compatibility_level",
				     "content_filter",
				     "daemon_directory",
				     "smtpd_client_restrictions",
				     "smtpd_data_restrictions",
				     "smtpd_forbid_bare_newline",
				     "smtpd_helo_restrictions",
				     "smtpd_proxy_filter",
				     "smtpd_recipient_restrictions",
				     "smtpd_relay_restrictions",
				     "smtpd_sasl_auth_enable",
				     "smtpd_sender_login_maps",
				     "smtpd_sender_restrictions",
				     "internal_mail_filter_classes",
				     "mail_owner",
				     "mail_version",
				     "milter_default_action",
				     "milter_macro_daemon_name",
				     "milter_protocol",
				     "mydomain",
				     "myhostname",
				     "non_smtpd_milters",
				     "queue_directory",
				     "recipient_delimiter",
				     "shlib_directory",
				     "smtp_generic_maps",
				     "smtp_dns_support_level",
				     "smtp_header_checks",
				     "smtp_tls_CAfile",
				     "smtp_tls_CApath",
				     "smtp_tls_dane_insecure_mx_policy",
				     "smtp_tls_loglevel",
				     "smtp_tls_policy_maps",
				     "smtp_tls_security_level",
				     "smtp_tlsrpt_enable",
				     "smtp_tlsrpt_socket_name",
				     "tls_append_default_CA",
				     "smtpd_milters"};
enum { WANTED = sizeof wanted / sizeof *wanted };

bool postfix_there(const char *config)
{
	char path[4096];
	struct buf text;

	if (!program_there("postconf"))
		return false;
	buf_init(&text, NULL, sizeof path - 1);
	buf_printf(&text, "%s/main.cf", config == NULL ? "/etc/postfix" : config);
	memcpy(path, buf_text(&text), text.len + 1);
	buf_free(&text);
	return access(path, F_OK) == 0 ||
	       (config == NULL && access("/usr/local/etc/postfix/main.cf", F_OK) == 0);
}

/* ---- lines of "name = value" ---- */

static struct span next_line(struct span *rest)
{
	const char *end = memchr(rest->p, '\n', span_len(*rest));
	struct span line =
	    span_make(rest->p, end == NULL ? span_len(*rest) : (size_t)(end - rest->p));

	rest->p = end == NULL ? rest->end : end + 1;
	return line;
}

static bool find_line(const char *lines, const char *name, struct span *value)
{
	struct span rest = span_of(lines);

	while (!span_empty(rest)) {
		struct span line = next_line(&rest);
		const char *equals = memchr(line.p, '=', span_len(line));

		if (equals == NULL ||
		    !span_eq(span_trim(span_make(line.p, (size_t)(equals - line.p))), name))
			continue;
		*value = span_trim(span_make(equals + 1, (size_t)(line.end - equals - 1)));
		return true;
	}
	return false;
}

const char *postfix_setting(const struct postfix *postfix, struct arena *arena, const char *name)
{
	struct span value;

	return find_line(postfix->settings, name, &value) ? arena_span(arena, value) : "";
}

/* ---- services ---- */

static struct span next_word(struct span *line)
{
	const char *begin;

	while (line->p < line->end && char_is_wsp((unsigned char)*line->p))
		line->p++;
	begin = line->p;
	while (line->p < line->end && !char_is_wsp((unsigned char)*line->p))
		line->p++;
	return span_make(begin, (size_t)(line->p - begin));
}

/* name type private unprivileged chroot wakeup maximum command (master(5)) */
bool postfix_next_service(const struct postfix *postfix, struct span *rest, const char *command,
			  struct postfix_service *service)
{
	bool old = span_istarts(span_of(postfix->settings), "compatibility_level = 0\n");
	struct span line, chroots;

	while (!span_empty(*rest)) {
		line = next_line(rest);
		service->name = next_word(&line);
		service->type = next_word(&line);
		next_word(&line);
		next_word(&line);
		chroots = next_word(&line);
		service->chrooted = span_eq(chroots, "y") || (old && span_eq(chroots, "-"));
		next_word(&line);
		next_word(&line);
		service->command = next_word(&line);
		if (!span_empty(service->command) &&
		    (command == NULL || span_eq(service->command, command)))
			return true;
	}
	return false;
}

static const char *name_parameter(struct arena *arena, const struct postfix_service *service,
				  const char *name)
{
	return arena_printf(arena, "%s/%s/%s", arena_span(arena, service->name),
			    arena_span(arena, service->type), name);
}

const char *postfix_override(const struct postfix *postfix, struct arena *arena,
			     const struct postfix_service *service, const char *name)
{
	const char *key = name_parameter(arena, service, name);
	struct span value;

	return find_line(postfix->parameters, key, &value) ? arena_span(arena, value) : NULL;
}

const char *postfix_value(const struct postfix *postfix, struct arena *arena,
			  const struct postfix_service *service, const char *name)
{
	const char *key = name_parameter(arena, service, name);
	struct span value;

	if (find_line(postfix->expanded_parameters, key, &value) ||
	    find_line(postfix->expanded_settings, name, &value))
		return arena_span(arena, value);
	return "";
}

bool postfix_is_submission(const struct postfix_service *service)
{
	static const char *const names[] = {"submission", "submissions", "smtps", "465", "587"};
	struct span name = service->name;

	for (const char *p = name.p; p < name.end; p++) { /* "127.0.0.1:587" */
		if (*p == ':')
			name.p = p + 1;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (span_eq(name, names[i]))
			return span_eq(service->command, "smtpd");
	}
	return false;
}

static bool has_chroot(const struct postfix *postfix)
{
	struct span rest = span_of(postfix->services);
	struct postfix_service service;

	while (postfix_next_service(postfix, &rest, NULL, &service)) {
		if (service.chrooted &&
		    (span_eq(service.command, "smtpd") || span_eq(service.command, "cleanup")))
			return true;
	}
	return false;
}

const char *postfix_path(const struct postfix *postfix, const char *path)
{
	size_t n = strlen(postfix->queue);

	return strncmp(path, postfix->queue, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

/* ---- asking ---- */

static int run_postconf(struct arena *arena, const char *config, const char *const *words,
			unsigned count, const char **text, struct why *why)
{
	const char **argv = arena_array(arena, count + 4, sizeof *argv);
	unsigned n = 0;

	argv[n++] = "postconf";
	if (config != NULL) {
		argv[n++] = "-c";
		argv[n++] = config;
	}
	for (unsigned i = 0; i < count; i++)
		argv[n++] = words[i];
	return program_read(arena, argv, text, why);
}

static void find_user(struct arena *arena, struct postfix *postfix)
{
	const struct passwd *user;
	const struct group *group;

	postfix->user = postfix_setting(postfix, arena, "mail_owner");
	postfix->group = postfix->user;
	user = getpwnam(postfix->user);
	postfix->uid = user == NULL ? (uid_t)-1 : user->pw_uid;
	postfix->gid = user == NULL ? (gid_t)-1 : user->pw_gid;
	group = user == NULL ? NULL : getgrgid(user->pw_gid);
	if (group != NULL)
		postfix->group = arena_string(arena, group->gr_name);
}

int postfix_look(struct arena *arena, const char *config, struct postfix *postfix, struct why *why)
{
	const char *expanded[WANTED + 1] = {"-x"};
	static const char *const directory[] = {"-h", "config_directory"},
				 *const smtpd[] = {"-x", "-h", "smtpd_milters"},
				 *const other[] = {"-x", "-h", "non_smtpd_milters"},
				 *const services[] = {"-M"}, *const parameters[] = {"-P"},
				 *const parameters_expanded[] = {"-x", "-P"};

	memcpy(expanded + 1, wanted, sizeof wanted);
	if (run_postconf(arena, config, wanted, WANTED, &postfix->settings, why) == -1 ||
	    run_postconf(arena, config, directory, 2, &postfix->config, why) == -1 ||
	    run_postconf(arena, config, smtpd, 3, &postfix->smtpd_milters, why) == -1 ||
	    run_postconf(arena, config, other, 3, &postfix->non_smtpd_milters, why) == -1 ||
	    run_postconf(arena, config, services, 1, &postfix->services, why) == -1 ||
	    run_postconf(arena, config, parameters, 1, &postfix->parameters, why) == -1 ||
	    run_postconf(arena, config, expanded, WANTED + 1, &postfix->expanded_settings, why) ==
		-1 ||
	    run_postconf(arena, config, parameters_expanded, 2, &postfix->expanded_parameters,
			 why) == -1)
		return -1;
	if (config != NULL)
		postfix->config = config;
	postfix->queue = postfix_setting(postfix, arena, "queue_directory");
	postfix->chrooted = has_chroot(postfix);
	find_user(arena, postfix);
	return 0;
}
