/*
 * The entries of the audit log.
 *
 * Each entry has a canonical form: one JSON object with all fields but "hash", keys in the order of
 * the alphabet, without blanks.  Its hash is SHA-256 over the hash of the entry before it (64 zeros
 * before the first), a line feed, and its canonical form; in lower case hex.  So a change of any
 * entry breaks the chain at that place, and who kept the last hash sees that nothing is missing.
 */
#ifndef SEALPOST_CORE_ACCOUNT_AUDIT_H
#define SEALPOST_CORE_ACCOUNT_AUDIT_H

#include "core/record/record.h"

enum {
	ACCOUNT_AUDIT_HASH = 65,	 /* hex and NUL */
	ACCOUNT_AUDIT_TEXT = 512,	 /* longest text of a field, in bytes */
	ACCOUNT_AUDIT_VALUE = 64 * 1024, /* longest before or after */
};
/* Before the first entry. */
extern const char account_audit_start[ACCOUNT_AUDIT_HASH];

struct account_entry {
	int64_t id; /* from 1, without gaps; given by the store */
	int64_t at_ms;
	const char *actor;
	const char *via;	  /* "socket", "session", "token" */
	const char *address;	  /* NULL: not over the network */
	const char *action;	  /* "connector.change" */
	const char *object;	  /* "fabrikam/partner"; NULL: none */
	const char *organisation; /* whose; NULL: the installation's */
	const char *before;	  /* canonical JSON; NULL: nothing was there */
	const char *after;
	const char *result; /* "ok", "failed" */
	const char *hash;   /* given by the store */
};

/* SHA-256 in lower case hex. */
typedef void account_sha256(struct str bytes, char ret[ACCOUNT_AUDIT_HASH]);

/* With the hash where there is one; before and after as JSON.  New reference. */
json_t *account_entry_json(const struct account_entry *entry);
/* The canonical form.  In the arena. */
const char *account_entry_text(const struct account_entry *entry, struct arena *arena);
/* The hash of an entry behind one of hash PREVIOUS; entry->hash is not looked at. */
void account_entry_hash(const struct account_entry *entry, const char *previous,
	account_sha256 *sha256, char ret[ACCOUNT_AUDIT_HASH]);
/* A value of an object as the log keeps it: canonical, what is long shortened to its digest and
 * size.  NULL for NULL.  In the arena. */
const char *account_entry_value(const json_t *value, account_sha256 *sha256, struct arena *arena);
/* Texts become copies in the arena. */
void account_entry_own(struct account_entry *entry, struct arena *arena);
/* Limits of all texts; the message names the field. */
enum err account_entry_check(const struct account_entry *entry, struct err_info *info);

#endif
