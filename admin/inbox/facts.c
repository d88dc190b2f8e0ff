/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/facts.h"

#include "context/keysource.h"
#include "keys/keyring.h"

int inbox_facts_open(struct inbox_facts *facts, struct admin *admin)
{
	struct keyring *keyring;
	struct why why;
	int status;

	facts->admin = admin;
	facts->site = NULL;
	status = evaluate_open(&facts->evaluate, admin);
	if (status != ADMIN_DONE)
		return status;
	keyring = keysource_all(facts->evaluate.conf, &why);
	if (keyring == NULL)
		admin_warning(admin, "signatures of your keys are known by DNS alone: %s",
			      why.text);
	facts->site = site_new(facts->evaluate.conf, facts->evaluate.dns, keyring);
	return ADMIN_DONE;
}

void inbox_facts_close(struct inbox_facts *facts)
{
	if (facts->site != NULL && site_was_late(facts->site))
		admin_warning(facts->admin,
			      "DNS did not answer: some sources have no name, and may "
			      "be of another class than shown");
	site_free(facts->site);
	evaluate_close(&facts->evaluate);
}
