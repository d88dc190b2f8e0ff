/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/reportjson.h"

#include "lib/clock.h"
#include "report/json.h"

enum { ID_DIGITS = 12 };

static void put_time(struct jsonout *json, const char *key, int64_t at)
{
	char text[CLOCK_TEXT_MAX];

	jsonout_text(json, key, at == 0 ? NULL : clock_utc_text(at, text));
}

const char *reportjson_id(struct arena *arena, const unsigned char key[DRIVER_KEY_LEN])
{
	char text[LEDGER_CONFIG_MAX];

	driver_config_text(key, text);
	return arena_printf(arena, "%.*s", ID_DIGITS, text);
}

void reportjson_head(struct jsonout *json, struct arena *arena, const struct received_report *r)
{
	const struct {
		const char *name, *text;
	} texts[] = {{"id", reportjson_id(arena, r->key)},
		     {"kind", r->kind},
		     {"domain", r->domain},
		     {"org_name", r->org},
		     {"report_id", r->report_id},
		     {"trust", r->trust},
		     {"mail_from_domain", r->mail_from},
		     {"email", r->email},
		     {"p", r->p},
		     {"sp", r->sp},
		     {"np", r->np},
		     {"adkim", r->adkim},
		     {"aspf", r->aspf},
		     {"testing", r->testing}};
	const struct {
		const char *name;
		int64_t number;
	} numbers[] = {{"rows", r->rows},
		       {"messages", r->messages},
		       {"passed", r->passed},
		       {"rows_refused", r->refused},
		       {"overlaps", r->overlaps}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		jsonout_text(json, texts[i].name, texts[i].text);
	put_time(json, "begin", r->begins);
	put_time(json, "end", r->ends);
	put_time(json, "received", r->received);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		jsonout_int(json, numbers[i].name, numbers[i].number);
	jsonout_bool(json, "repaired", r->repaired != 0);
}

void reportjson_remarks(struct jsonout *json, struct arena *arena, const struct received_report *r)
{
	const struct json_list *remarks = json_list_parse(arena, r->remarks);

	jsonout_array(json, "remarks");
	for (unsigned i = 0; i < json_list_count(remarks); i++)
		jsonout_text(json, NULL, json_list_get(remarks, i, "text"));
	jsonout_end(json);
}

void reportjson_tls(struct jsonout *json, const struct received_tls *tls,
		    const struct received_tls_failure *failure)
{
	jsonout_text(json, "policy_type", tls->policy_type);
	jsonout_text(json, "policy_domain", tls->policy_domain);
	jsonout_text(json, "mx_host", tls->mx_host);
	jsonout_int(json, "successful_sessions", tls->successful);
	jsonout_int(json, "failed_sessions", failure == NULL ? tls->failed : failure->failed);
	jsonout_text(json, "result_type", failure == NULL ? NULL : failure->result_type);
	jsonout_text(json, "sending_mta_ip", failure == NULL ? NULL : failure->sending_ip);
	jsonout_text(json, "receiving_mx_hostname", failure == NULL ? NULL : failure->mx_hostname);
	jsonout_text(json, "receiving_ip", failure == NULL ? NULL : failure->receiving_ip);
	jsonout_text(json, "failure_reason_code", failure == NULL ? NULL : failure->reason_code);
	jsonout_text(json, "additional_information", failure == NULL ? NULL : failure->information);
}

/* The members NAMES of each object of a stored list, as an array. */
static void add_list_json(struct jsonout *json, struct arena *arena, const char *key,
			  const char *text, const char *const *names)
{
	const struct json_list *list = json_list_parse(arena, text);

	jsonout_array(json, key);
	for (unsigned i = 0; i < json_list_count(list); i++) {
		jsonout_object(json, NULL);
		for (const char *const *name = names; *name != NULL; name++)
			jsonout_text(json, *name, json_list_get(list, i, *name));
		jsonout_end(json);
	}
	jsonout_end(json);
}

void reportjson_row(struct jsonout *json, struct arena *arena, const struct received_row *row)
{
	static const char *const reasons[] = {"type", "comment", NULL};
	static const char *const dkim[] = {"domain", "selector", "result", NULL};
	static const char *const spf[] = {"domain", "scope", "result", NULL};

	jsonout_object(json, NULL);
	jsonout_text(json, "source_ip", row->source_ip);
	jsonout_int(json, "count", row->messages);
	jsonout_text(json, "disposition", row->disposition);
	jsonout_text(json, "dkim_aligned", row->dkim_aligned);
	jsonout_text(json, "spf_aligned", row->spf_aligned);
	jsonout_text(json, "header_from", row->header_from);
	jsonout_text(json, "envelope_from", row->envelope_from);
	jsonout_text(json, "envelope_to", row->envelope_to);
	add_list_json(json, arena, "reasons", row->reasons, reasons);
	add_list_json(json, arena, "dkim", row->dkim, dkim);
	add_list_json(json, arena, "spf", row->spf, spf);
	jsonout_end(json);
}
