/* Internal to core/model: checks of single texts, for the description tables.  Each says what was
 * expected and what was found. */
#ifndef SEALPOST_CORE_MODEL_CHECKS_H
#define SEALPOST_CORE_MODEL_CHECKS_H

#include "core/model/model.h"

enum err model_check_name(const char *text, struct err_info *info);
enum err model_check_domain(const char *text, struct err_info *info);
/* "x", "*.x" or "*". */
enum err model_check_pattern(const char *text, struct err_info *info);
/* Name on a certificate: "x" or "*.x". */
enum err model_check_certificate_name(const char *text, struct err_info *info);
enum err model_check_prefix(const char *text, struct err_info *info);
enum err model_check_smart_host(const char *text, struct err_info *info);
enum err model_check_delivery(const char *text, struct err_info *info);
enum err model_check_mailbox(const char *text, struct err_info *info);
/* One or more certificates and nothing else. */
enum err model_check_pem(const char *text, struct err_info *info);
/* One or more revocation lists and nothing else. */
enum err model_check_crls(const char *text, struct err_info *info);
/* SHA-256 in hex, colons allowed. */
enum err model_check_pin(const char *text, struct err_info *info);
/* Key exchange group by its IANA name. */
enum err model_check_group(const char *text, struct err_info *info);
/* Of a rule: address, "x", "*.x", "*"; for senders "<>" as well. */
enum err model_check_sender_pattern(const char *text, struct err_info *info);
enum err model_check_recipient_pattern(const char *text, struct err_info *info);
enum err model_check_header(const char *text, struct err_info *info);
/* Printable ASCII: it goes into an SMTP reply. */
enum err model_check_reply_text(const char *text, struct err_info *info);
enum err model_check_listen(const char *text, struct err_info *info);
enum err model_check_dns_server(const char *text, struct err_info *info);
enum err model_check_path(const char *text, struct err_info *info);
/* A path, or "pkcs11:...". */
enum err model_check_key(const char *text, struct err_info *info);
/* "http://host..." or "https://host...". */
enum err model_check_url(const char *text, struct err_info *info);
/* A kind of event of the trace. */
enum err model_check_event_kind(const char *text, struct err_info *info);
enum err model_check_user(const char *text, struct err_info *info);
enum err model_check_log_level(const char *text, struct err_info *info);

/* The form in which names and patterns are kept: A-labels, lower case. */
const char *model_normal_name(const char *text, struct arena *arena);
/* Lower case; the domain as above. */
const char *model_normal_mailbox(const char *text, struct arena *arena);
/* Of a rule's pattern. */
const char *model_normal_pattern(const char *text, struct arena *arena);
/* Lower case without colons. */
const char *model_normal_pin(const char *text, struct arena *arena);

#endif
