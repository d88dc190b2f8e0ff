/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsq: asks through the resolver and prints what came, for tests.
 *
 *     dnsq [option=value ...] SERVER[,SERVER] QUESTION...
 *
 * A question is name/TYPE. All of them are started at once, in one scope, and printed in order:
 *
 *     name TYPE status ttl=N ms=N [cached] [secure] [reason="..."] [record ...]
 *
 * "+" between questions ends the scope and begins another one, "flush" empties the cache,
 * "sleep=MS" waits, "chain/NAME" follows TXT records that name the next one (an include chain).
 * SERVER "system" means the servers of resolv.conf.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/dns.h"
#include "lib/clock.h"
#include "lib/ip.h"
#include "lib/name.h"

enum { SERVERS_MAX = 8, LOOKUPS_MAX = 20000 };

static const struct name_code types[] = {
    {"A", DNS_TYPE_A},     {"AAAA", DNS_TYPE_AAAA}, {"MX", DNS_TYPE_MX},
    {"PTR", DNS_TYPE_PTR}, {"TXT", DNS_TYPE_TXT},   {NULL, 0},
};

static const struct name_code caps[] = {
    {"auto", DNS_CAPS_AUTO}, {"on", DNS_CAPS_ON}, {"off", DNS_CAPS_OFF}, {NULL, 0}};

static int64_t wait_ms = 5000;
static struct dns_lookup *lookups[LOOKUPS_MAX];
static unsigned count;

static void print_text(const struct dns_record *record)
{
	putchar('"');
	for (size_t i = 0; i < record->length; i++) {
		unsigned char c = (unsigned char)record->text[i];

		if (isprint(c) && c != '"' && c != '\\')
			putchar(c);
		else
			printf("\\%03u", c);
	}
	putchar('"');
}

static void print_record(enum dns_type type, const struct dns_record *record)
{
	char text[IP_TEXT_MAX];
	struct ip ip = {.family = type == DNS_TYPE_A ? 4 : 6};

	putchar(' ');
	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		memcpy(ip.bytes, record->address, sizeof ip.bytes);
		printf("%s", ip_text(&ip, text));
		return;
	}
	if (type == DNS_TYPE_MX)
		printf("%u ", record->preference);
	print_text(record);
}

static void print_lookup(void *arg, const char *name, enum dns_type type,
			 const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	(void)arg;
	printf("%s %s %s", name, dns_type_text(type),
	       answer == NULL ? "under way" : dns_status_text(answer->status));
	if (answer != NULL) {
		printf(" ttl=%u ms=%lld%s%s", answer->ttl, (long long)((end - start) / CLOCK_MS),
		       cached ? " cached" : "", answer->secure ? " secure" : "");
		if (answer->reason != NULL)
			printf(" reason=\"%s\"", answer->reason);
		for (unsigned i = 0; i < answer->count; i++)
			print_record(type, &answer->records[i]);
	}
	putchar('\n');
}

static void follow(struct dns_scope *scope, struct dns_lookup *lookup, const void *arg)
{
	const struct dns_answer *answer = dns_lookup_answer(lookup);

	(void)arg;
	for (unsigned i = 0; answer->status == DNS_DATA && i < answer->count; i++)
		dns_start_follow(scope, answer->records[i].text, DNS_TYPE_TXT, follow, NULL);
}

/* The names of a chain are known only as it is followed: wait for each, then for what it started.
 */
static void wait_chain(struct dns_scope *scope, struct dns_lookup *lookup)
{
	const struct dns_answer *answer = dns_wait(lookup);

	for (unsigned i = 0; answer->status == DNS_DATA && i < answer->count; i++)
		wait_chain(scope, dns_start(scope, answer->records[i].text, DNS_TYPE_TXT));
}

static void nap(long long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * CLOCK_MS};

	nanosleep(&t, NULL);
}

static int start_one(struct dns_scope *scope, char *question)
{
	char *slash = strrchr(question, '/');
	int type;

	if (strncmp(question, "chain/", 6) == 0) {
		wait_chain(scope,
			   dns_start_follow(scope, question + 6, DNS_TYPE_TXT, follow, NULL));
		return 0;
	}
	type = slash == NULL ? -1 : name_code(types, span_of(slash + 1), -1);
	if (type == -1 || count == LOOKUPS_MAX)
		return -1;
	*slash = '\0';
	lookups[count++] = dns_start(scope, question, (enum dns_type)type);
	return 0;
}

static int ask(struct dns *dns, char **questions)
{
	struct dns_scope *scope = dns_scope_new(dns, LOOKUPS_MAX, wait_ms * CLOCK_MS);
	int result = 0;

	count = 0;
	for (; *questions != NULL && strcmp(*questions, "+") != 0; questions++) {
		if (strcmp(*questions, "flush") == 0)
			dns_flush(dns);
		else if (strncmp(*questions, "sleep=", 6) == 0)
			nap(atoll(*questions + 6));
		else if (start_one(scope, *questions) == -1)
			result = -1;
	}
	for (unsigned i = 0; i < count; i++)
		dns_wait(lookups[i]);
	dns_scope_each(scope, print_lookup, NULL);
	fflush(stdout);
	dns_scope_free(scope);
	if (result == 0 && *questions != NULL)
		return ask(dns, questions + 1);
	return result;
}

static struct dns *open_dns(char *servers, struct dns_settings *settings, struct why *why)
{
	static const char *list[SERVERS_MAX];

	settings->servers = list;
	if (strcmp(servers, "system") == 0)
		servers = NULL;
	for (char *p = servers; p != NULL && settings->server_count < SERVERS_MAX;) {
		char *comma = strchr(p, ',');

		list[settings->server_count++] = p;
		if (comma != NULL)
			*comma++ = '\0';
		p = comma;
	}
	return dns_new_unbound(settings, why);
}

static void print_stats(struct dns *dns)
{
	struct dns_stats stats;

	dns_stats(dns, &stats);
	printf("stats lookups=%llu hits=%llu shared=%llu queries=%llu failures=%llu entries=%llu\n",
	       (unsigned long long)stats.lookups, (unsigned long long)stats.hits,
	       (unsigned long long)stats.shared, (unsigned long long)stats.queries,
	       (unsigned long long)stats.failures, (unsigned long long)stats.entries);
}

int main(int argc, char **argv)
{
	struct dns_settings settings = {0};
	struct why why;
	struct dns *dns;
	int i = 1, result;

	for (; i < argc && strchr(argv[i], '=') != NULL; i++) {
		if (strncmp(argv[i], "wait=", 5) == 0)
			wait_ms = atoll(argv[i] + 5);
		else if (strncmp(argv[i], "anchor=", 7) == 0)
			settings.trust_anchor = argv[i] + 7;
		else if (strncmp(argv[i], "caps=", 5) == 0)
			settings.caps =
			    (enum dns_caps)name_code(caps, span_of(argv[i] + 5), DNS_CAPS_AUTO);
	}
	if (i + 1 >= argc) {
		fprintf(stderr,
			"usage: dnsq [wait=MS] [anchor=FILE] [caps=CAPS] SERVER name/TYPE...\n");
		return 64;
	}
	dns = open_dns(argv[i], &settings, &why);
	if (dns == NULL) {
		fprintf(stderr, "dnsq: %s\n", why.text);
		return 1;
	}
	result = ask(dns, argv + i + 1);
	print_stats(dns);
	dns_free(dns);
	return result == 0 ? 0 : 64;
}
