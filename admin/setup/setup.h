/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of `countersign setup` share. cmd_setup.c reads the command line and carries the
 * plan out; setup_system.c plans what belongs to this host (the user, directories, settings, the
 * first key, the daemon), setup_postfix.c and setup_sendmail.c what belongs to the MTA.
 */
#ifndef ADMIN_SETUP_SETUP_H
#define ADMIN_SETUP_SETUP_H

#include "admin/admin.h"
#include "admin/setup/place.h"
#include "admin/setup/plan.h"
#include "admin/setup/record.h"
#include "admin/setup/service.h"

enum target { TARGET_AUTO, TARGET_POSTFIX, TARGET_SENDMAIL, TARGET_SOCKET };

struct setup {
	struct admin *admin;
	struct arena *arena;
	struct plan plan;
	struct place place;
	const struct conf *conf;
	enum target target;
	const char *user, *group; /* of the daemon */
	const char *domain, *postfix, *sendmail;
	const char *self;   /* this command, as a shell finds it */
	const char *listen; /* what the MTA is to use */
	const char *stamp;  /* of copies */
	bool print, apply, force, replace, undo;
	bool starts;          /* the plan starts the daemon before the MTA asks it */
	bool changed;         /* the settings */
	bool rights_changed;  /* a running daemon has those of before */
	bool refused;         /* to make a directory */
	struct record record; /* as it will be */
	const char *record_path;
};

#define TEXT(setup, ...) arena_printf((setup)->arena, __VA_ARGS__)

const char *setup_quote(const struct setup *setup, const char *text); /* as one word of a shell */

/* A step that only says something. */
void setup_note(struct setup *setup, const char *id, const char *what);

/* Writes the record: what is changed from here on can be undone. MTA: as in struct plan_step. */
void setup_record(struct setup *setup, bool mta);
bool setup_changes_mta(const struct plan *plan);

/* Each adds the steps that are missing. setup_system comes first: it decides SETUP->listen. */
void setup_system(struct setup *setup);
void setup_users(struct setup *setup);
void setup_key_files(struct setup *setup); /* of a version whose daemon read them itself */
void setup_postfix(struct setup *setup);
void setup_tls(struct setup *setup); /* called by setup_postfix() */
void setup_sendmail(struct setup *setup);
void setup_socket_directory(struct setup *setup, const char *listen);

/* The group that can read the private keys, on a host where setup_users() has been carried out. */
const char *setup_key_group(const struct setup *setup);

/* Of a setting of main.cf, or SERVICE/TYPE/NAME of master.cf, that a later step changes: what it
 * was goes into the record. */
void setup_record_setting(struct setup *setup, const char *name, const char *after);

/* Adds the step that copies main.cf or master.cf, once; the command that puts the copy back. */
void setup_backup(struct setup *setup, const char *name);
const char *setup_restore_command(const struct setup *setup, const char *name);

/* Whether a daemon answers at the socket that the MTA will use. */
bool setup_daemon_answers(const struct setup *setup);
const char *setup_daemon_command(const struct setup *setup, enum service_act act);

#endif
