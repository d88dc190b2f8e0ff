/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sets are small, so that there is no tree in memory: the addresses are walked as the binary
 * tree that prefixes form, and a branch is followed only while an entry further down still changes
 * the verdict.
 */
#include "admin/migrate/hostset.h"

#include <assert.h>
#include <string.h>

/* Is a bit set that the prefix does not cover? */
static bool has_host_bits(const struct ip_network *network)
{
	unsigned all = network->ip.family == 4 ? 32 : 128;

	for (unsigned bit = network->bits; bit < all; bit++) {
		if ((network->ip.bytes[bit / 8] & (0x80 >> bit % 8)) != 0)
			return true;
	}
	return false;
}

int hostset_add(struct hostset *set, struct arena *arena, struct span text, struct why *why)
{
	struct hostset_entry entry = {.excluded = !span_empty(text) && *text.p == '!'};

	text.p += entry.excluded;
	if (!ip_network_parse(text, &entry.network))
		return why_set(
		    why,
		    "DNS must not decide whose mail is signed; list the addresses of this name");
	if (entry.network.ip.family == 4 && memchr(text.p, ':', span_len(text)) != NULL)
		return why_set(why, "write it as an IPv4 address");
	if (entry.network.bits == 0)
		return why_set(why, "it matches every address");
	if (has_host_bits(&entry.network))
		return why_set(why, "bits are set after the prefix, so it never matched");
	if (set->count == HOSTSET_MAX)
		return why_set(why, "more than %d entries", HOSTSET_MAX);
	if (set->count == set->room) {
		struct hostset_entry *more;

		set->room = set->room == 0 ? 16 : set->room * 2;
		more = arena_array(arena, set->room, sizeof *more);
		if (set->count > 0)
			memcpy(more, set->items, set->count * sizeof *more);
		set->items = more;
	}
	set->items[set->count++] = entry;
	return 0;
}

/* ---- the walk ---- */

struct walk {
	const struct hostset *with, *without;
	hostset_network *each;
	void *arg;
};

static bool is_at(const struct hostset_entry *entry, const struct ip_network *node)
{
	return entry->network.bits == node->bits && ip_equal(&entry->network.ip, &node->ip);
}

/* The verdict at NODE, which has INHERITED one from the node above. */
static bool find_verdict(const struct hostset *set, const struct ip_network *node, bool inherited)
{
	bool verdict = inherited;

	for (unsigned i = 0; set != NULL && i < set->count; i++) {
		if (!is_at(&set->items[i], node))
			continue;
		if (set->items[i].excluded)
			return false;
		verdict = true;
	}
	return verdict;
}

/* Does an entry below NODE say something else than VERDICT? */
static bool changes_below(const struct hostset *set, const struct ip_network *node, bool verdict)
{
	for (unsigned i = 0; set != NULL && i < set->count; i++) {
		const struct hostset_entry *entry = &set->items[i];

		if (entry->excluded == verdict && entry->network.bits > node->bits &&
		    entry->network.ip.family == node->ip.family &&
		    ip_in_network(&entry->network.ip, &node->ip, node->bits))
			return true;
	}
	return false;
}

static void walk_node(const struct walk *walk, struct ip_network node, bool with, bool without)
{
	unsigned bit = node.bits;

	with = find_verdict(walk->with, &node, with);
	without = find_verdict(walk->without, &node, without);
	if (!changes_below(walk->with, &node, with) &&
	    (!changes_below(walk->without, &node, without) || !with)) {
		if (with && !without)
			walk->each(walk->arg, &node);
		return;
	}
	assert(bit < (node.ip.family == 4 ? 32U : 128U));
	node.bits++;
	walk_node(walk, node, with, without);
	node.ip.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	walk_node(walk, node, with, without);
}

void hostset_each(const struct hostset *with, const struct hostset *without, hostset_network *each,
		  void *arg)
{
	const struct walk walk = {with, without, each, arg};

	walk_node(&walk, (struct ip_network){.ip = {.family = 4}}, false, false);
	walk_node(&walk, (struct ip_network){.ip = {.family = 6}}, false, false);
}

const char *hostset_text(struct arena *arena, const struct ip_network *network)
{
	char text[IP_TEXT_MAX];

	ip_text(&network->ip, text);
	if (network->bits == (network->ip.family == 4 ? 32 : 128))
		return arena_string(arena, text);
	return arena_printf(arena, "%s/%u", text, (unsigned)network->bits);
}
