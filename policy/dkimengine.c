/*
 * What two engines made of the same signature. An engine that cannot verify a signature has no
 * opinion of it, which is no disagreement.
 */
#include "policy/dkimengine.h"

static const char *const result_texts[] = {
    [DKIMENGINE_OPEN] = "nothing",
    [DKIMENGINE_GOOD] = "good",
    [DKIMENGINE_BAD_SIGNATURE] = "wrong signature",
    [DKIMENGINE_BAD_BODY] = "other body",
    [DKIMENGINE_SHORT_BODY] = "short body",
    [DKIMENGINE_REFUSED] = "refused",
    [DKIMENGINE_BROKEN] = "broken",
};

static bool has_opinion(const struct dkimengine_task *task)
{
	return task->result != DKIMENGINE_OPEN && task->result != DKIMENGINE_REFUSED &&
	       task->result != DKIMENGINE_BROKEN;
}

static const char *partly(const struct dkimengine_task *task)
{
	return task->partial ? " in part" : "";
}

const char *dkimengine_disagreement(struct arena *arena, const struct dkimengine *one,
				    const struct dkimengine_task *ours,
				    const struct dkimengine *other,
				    const struct dkimengine_task *theirs)
{
	static const char *const canons[] = {"simple", "relaxed"};
	const struct dkimsig *sig = ours->sig;

	if (!has_opinion(ours) || !has_opinion(theirs) ||
	    (ours->result == theirs->result && ours->partial == theirs->partial))
		return NULL;
	return arena_printf(
	    arena, "DKIM engines disagree: %s %s%s, %s %s%s; d=%s s=%s a=%s c=%s/%s%s b=%s",
	    one->name, result_texts[ours->result], partly(ours), other->name,
	    result_texts[theirs->result], partly(theirs), sig->domain, sig->selector,
	    sig->algorithm, canons[sig->header_canon], canons[sig->body_canon],
	    sig->has_length ? " l=" : "", sig->short_signature);
}
