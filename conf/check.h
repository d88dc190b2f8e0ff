/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of values that have a syntax of their own (0, or -1 with a reason), and of sections as a
 * whole (errors are added to the reader's).
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "conf/options.h"

int conf_check_store(struct span text, struct why *why);
int conf_check_http(struct span text, struct why *why);
int conf_check_page_listen(struct span text, struct why *why);
int conf_check_shared(struct span text, struct why *why);
int conf_check_ip(struct span text, struct why *why);
int conf_check_day(struct span text, struct why *why);
int conf_check_domain(struct span text, struct why *why);
int conf_check_domain_or_none(struct span text, struct why *why);
int conf_check_forwarder(struct span text, struct why *why);
int conf_check_pattern(struct span text, struct why *why);
int conf_check_field(struct span text, struct why *why);
int conf_check_authserv_id(struct span text, struct why *why);
int conf_check_service(struct span text, struct why *why);
int conf_check_login(struct span text, struct why *why);
int conf_check_login_domain(struct span text, struct why *why);
int conf_check_results_of(struct span text, struct why *why);
int conf_check_address(struct span text, struct why *why);
int conf_check_smtp(struct span text, struct why *why);
int conf_check_imap(struct span text, struct why *why);
int conf_check_folder(struct span text, struct why *why);
int conf_check_folder_or_none(struct span text, struct why *why);
int conf_check_tls_level(struct span text, struct why *why);

void conf_check_top(const struct conf_reader *reader, const struct conf *conf);
void conf_check_sign(const struct conf_reader *reader, const struct conf *conf);
void conf_check_ledger(const struct conf_reader *reader, const struct conf *conf);
void conf_check_inbox(const struct conf_reader *reader, const struct conf *conf);
void conf_check_audit(const struct conf_reader *reader, const struct conf *conf);
void conf_check_page(const struct conf_reader *reader, const struct conf *conf);
void conf_check_failures(const struct conf_reader *reader, const struct conf *conf);
void conf_check_tls(const struct conf_reader *reader, const struct conf *conf);
void conf_check_reports(const struct conf_reader *reader, const struct conf *conf);

#endif
