/* Inside the store: users, tokens and the audit log as the backends keep them. */
#ifndef SEALPOST_PORT_STORE_ACCESS_INSIDE_H
#define SEALPOST_PORT_STORE_ACCESS_INSIDE_H

#include "port/store/access.h"

enum store_access_kind { STORE_ACCESS_USER, STORE_ACCESS_TOKEN, STORE_ACCESS_MAX };

struct store_access_row {
	enum store_access_kind kind;
	const char *key;
	const char *json; /* NULL: it goes */
};

/* Where the audit log ends. */
struct store_audit_end {
	int64_t id;   /* of the last entry that is there; 0: none */
	int64_t last; /* of the last one that was written */
	char hash[ACCOUNT_AUDIT_HASH];
};

/* Does it match, but for the id? */
bool store_audit_matches(const struct store_audit_query *query, const struct account_entry *entry);

struct store_work;
/* Inside the transaction of WORK. */
enum err store_audited_add(struct store_work *work, const struct store_audited *audited);
/* Deep copy. */
struct store_audited store_audited_copy(const struct store_audited *audited, struct arena *arena);

#endif
