/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/differential/spf_raw.h"

#include <sys/types.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>

static void add(SPF_dns_rr_t *rr, const void *data, size_t size)
{
	if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, size) != SPF_E_SUCCESS)
		abort();
	memcpy(rr->rr[rr->num_rr++], data, size);
	rr->herrno = NETDB_SUCCESS;
}

static void add_record(SPF_dns_rr_t *rr, ns_type type, const struct dns_record *record)
{
	SPF_dns_rr_data_t data;

	memset(&data, 0, sizeof data);
	if (type == ns_t_a || type == ns_t_aaaa) {
		memcpy(&data, record->address, type == ns_t_a ? 4 : 16);
		add(rr, &data, sizeof data);
	} else {
		add(rr, record->text, strlen(record->text) + 1);
	}
}

static SPF_dns_rr_t *lookup(SPF_dns_server_t *layer, const char *name, ns_type type, int cache)
{
	SPF_dns_rr_t *rr = SPF_dns_rr_new_init(layer, name, type, 0, HOST_NOT_FOUND);
	const struct dns_answer *answer;

	(void)cache;
	if (rr == NULL)
		abort();
	if ((int)type == 99)
		return rr;
	answer = dns_wait(dns_start(layer->hook, name, (enum dns_type)type));
	if (answer->status == DNS_NODATA)
		rr->herrno = NO_DATA;
	else if (answer->status == DNS_TEMPFAIL)
		rr->herrno = TRY_AGAIN;
	for (unsigned i = 0; i < answer->count; i++)
		add_record(rr, type, &answer->records[i]);
	return rr;
}

static void set_client(SPF_request_t *request, const struct ip *client)
{
	struct in_addr in;
	struct in6_addr in6;

	memcpy(&in, client->bytes, sizeof in);
	memcpy(&in6, client->bytes, sizeof in6);
	if (client->family == 4)
		SPF_request_set_ipv4(request, in);
	else
		SPF_request_set_ipv6(request, in6);
}

static enum auth_result result_of(SPF_result_t result)
{
	static const enum auth_result results[] = {
	    [SPF_RESULT_INVALID] = AUTH_TEMPERROR,   [SPF_RESULT_NEUTRAL] = AUTH_NEUTRAL,
	    [SPF_RESULT_PASS] = AUTH_PASS,           [SPF_RESULT_FAIL] = AUTH_FAIL,
	    [SPF_RESULT_SOFTFAIL] = AUTH_SOFTFAIL,   [SPF_RESULT_NONE] = AUTH_NONE,
	    [SPF_RESULT_TEMPERROR] = AUTH_TEMPERROR, [SPF_RESULT_PERMERROR] = AUTH_PERMERROR,
	};

	return results[result];
}

enum auth_result spf_raw(struct dns_scope *scope, const struct ip *client, const char *helo,
			 const char *mail_from)
{
	SPF_dns_server_t layer = {.lookup = lookup, .name = "test", .hook = scope};
	SPF_server_t *server = SPF_server_new_dns(&layer, 0);
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	SPF_result_t result = SPF_RESULT_INVALID;

	SPF_server_set_rec_dom(server, "r.t");
	SPF_request_set_helo_dom(request, helo);
	SPF_request_set_env_from(request, mail_from);
	set_client(request, client);
	SPF_request_query_mailfrom(request, &response);
	if (response != NULL) {
		result = SPF_response_result(response);
		SPF_response_free(response);
	}
	SPF_request_free(request);
	SPF_server_free(server);
	return result_of(result);
}
