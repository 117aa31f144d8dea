/* Decisions as text for people and as JSON, candidates included: for the account of a message, and
 * for trying out a configuration without mail. */
#ifndef SEALPOST_CORE_POLICY_EXPLAIN_H
#define SEALPOST_CORE_POLICY_EXPLAIN_H

#include "core/policy/policy.h"

extern const char *const policy_outcome_names[]; /* tokens */
extern const char *const policy_route_names[]; /* "refuse", "maildir", "lmtp", "hosts", "mx", ... */

extern const struct record_desc policy_inbound_desc;
extern const struct record_desc policy_outbound_desc;
extern const struct record_desc policy_check_desc;

/* Append lines.  Fail as buf_put(). */
enum err policy_explain_inbound(const struct policy_inbound *answer, struct buf *out);
enum err policy_explain_outbound(const struct policy_outbound *answer, struct buf *out);
enum err policy_explain_check(const struct policy_check *answer, struct buf *out);

/* New reference: {"accepted": ..., "considered": [{"subject", "applies", "why"}]} plus "reply",
 * "enhanced", "who" and "remedy" of the outcome. */
json_t *policy_explain_inbound_json(const struct policy_inbound *answer);
json_t *policy_explain_outbound_json(const struct policy_outbound *answer);
json_t *policy_explain_check_json(const struct policy_check *answer);

#endif
