/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign bimi roots`: which mark roots are trusted, to be compared with what their owners
 * say.
 */
#include <getopt.h>
#include <stdio.h>

#include "admin/bimi/command.h"
#include "admin/bimi/read.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "lib/codec/base64.h"
#include "lib/clock.h"
#include "lib/crypto/certificate.h"
#include "lib/crypto/sct.h"

/* "AB:CD:...", as issuers publish it. */
static const char *fingerprint_text(struct arena *arena, const struct certificates *list,
				    unsigned i)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf out;

	certificate_sha256(list, i, digest);
	buf_init(&out, arena, 0);
	for (unsigned n = 0; n < CRYPT_DIGEST_LEN; n++)
		buf_printf(&out, "%s%02X", n == 0 ? "" : ":", digest[n]);
	return buf_text(&out);
}

static void show_text(const struct admin *admin, const struct certificates *list, unsigned i)
{
	struct certificate one;
	char time[CLOCK_TEXT_MAX];

	certificate_describe(list, i, &one);
	out_text(stdout, one.subject);
	printf("\n  valid until %s%s\n  SHA-256     %s\n", clock_utc_text(one.not_after, time),
	       one.not_after < clock_wall() ? " (expired)" : "",
	       fingerprint_text(admin->arena, list, i));
}

static const char *log_id_text(struct arena *arena, const struct sct_logs *logs, unsigned i)
{
	uint8_t id[SCT_LOG_ID_LEN];
	struct buf out;

	sct_log_id(logs, i, id);
	buf_init(&out, arena, 0);
	base64_encode(&out, id, sizeof id);
	return buf_text(&out);
}

static void show_logs(const struct admin *admin, const struct sct_logs *logs)
{
	for (unsigned i = 0; i < sct_logs_count(logs); i++)
		printf("certificate log\n  log ID      %s\n", log_id_text(admin->arena, logs, i));
}

static void show_json(const struct admin *admin, const struct certificates *list,
		      const struct sct_logs *logs)
{
	struct jsonout *out = jsonout_new(admin->arena, "bimi.roots");

	jsonout_array(out, "roots");
	for (unsigned i = 0; i < certificate_count(list); i++) {
		struct certificate one;
		char time[CLOCK_TEXT_MAX];

		certificate_describe(list, i, &one);
		jsonout_object(out, NULL);
		jsonout_text(out, "subject", one.subject);
		jsonout_text(out, "not_after", clock_utc_text(one.not_after, time));
		jsonout_text(out, "sha256", fingerprint_text(admin->arena, list, i));
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_array(out, "logs");
	for (unsigned i = 0; logs != NULL && i < sct_logs_count(logs); i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "log_id", log_id_text(admin->arena, logs, i));
		jsonout_end(out);
	}
	jsonout_end(out);
	admin_print_json(admin, out);
}

/* Those of the settings; with a file of roots, none. *LOGS: NULL where there are none. */
static int read_logs(struct admin *admin, bool wanted, struct sct_logs **logs)
{
	struct span pem = span_of("");
	int status = wanted ? bimi_read_logs(admin, NULL, &pem) : ADMIN_DONE;
	struct why why;

	*logs = NULL;
	if (status != ADMIN_DONE || span_empty(pem))
		return status;
	if (sct_logs_read(admin->arena, pem, logs, &why) == 0)
		return ADMIN_DONE;
	admin_error(admin, "bimi.logs: %s", why.text);
	return ADMIN_BAD_INPUT;
}

int bimi_roots(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 0, 1);
	struct certificates *list;
	struct sct_logs *logs;
	struct span pem;
	struct why why;

	if (status == ADMIN_DONE)
		status = read_logs(admin, optind == argc, &logs);
	if (status == ADMIN_DONE)
		status = bimi_read_roots(admin, optind < argc ? argv[optind] : NULL, &pem);
	if (status != ADMIN_DONE)
		return status;
	if (span_empty(pem)) {
		admin_error(admin, "bimi.roots is not set");
		return ADMIN_NO_INPUT;
	}
	if (certificate_read(admin->arena, pem, &list, &why) == -1) {
		admin_error(admin, "%s: %s", optind < argc ? argv[optind] : "bimi.roots", why.text);
		return ADMIN_BAD_INPUT;
	}
	if (admin->json)
		show_json(admin, list, logs);
	for (unsigned i = 0; !admin->json && i < certificate_count(list); i++)
		show_text(admin, list, i);
	if (!admin->json && logs != NULL)
		show_logs(admin, logs);
	return ADMIN_DONE;
}
