/*
 * DNS questions, asynchronously.  Three backends behind one face: libunbound (in the lookup
 * process), the lookup process over its channel (everywhere else), and a table (tests).
 */
#ifndef SEALPOST_PORT_DNS_DNS_H
#define SEALPOST_PORT_DNS_DNS_H

#include "core/model/model.h"
#include "core/wire/wire.h"
#include "port/ipc/ipc.h"

struct dns;
struct dns_query;

/* ANSWER lives until the call returns. */
typedef void dns_done(void *context, const struct wire_dns_answer *answer);

/* Ask; DONE is called once, from the loop, never from within dns_ask() - unless cancelled. */
struct dns_query *dns_ask(
	struct dns *dns, const char *name, int type, dns_done *done, void *context);
/* NULL is fine; leaves NULL.  DONE will not be called. */
void dns_cancel(struct dns_query **query);
/* Cancels what is under way.  NULL is fine.  Not from within DONE. */
void dns_free(struct dns **dns);

/* Backend: libunbound, with a thread of its own.  Reads every file that it needs before it returns;
 * the thread starts with the first question.  INFO says which setting is wrong. */
enum err dns_unbound_new(struct event_base *base, const struct model_dns *settings,
	struct dns **ret, struct err_info *info);
/* File with the root's keys as the system has them, for settings.trust_anchor; absent means here
 * that nothing is validated. */
extern const char dns_system_anchor[];
/* Backend: the lookup process.  The channel may come and go: dns_remote_peer() hands over a new one
 * (ownership of FD); questions under way then fail as WIRE_DNS_FAILED. */
struct dns *dns_remote_new(struct event_base *base);
void dns_remote_peer(struct dns *dns, int fd);
/* The same on a channel that the caller owns and uses for other questions, too; NULL: it has gone.
 * He hands over what comes; false: it is no answer of a name server. */
void dns_remote_channel(struct dns *dns, struct ipc *ipc);
bool dns_remote_take(struct dns *dns, enum wire_type type, const void *record);
/* Backend: a table for tests; answers with the worst status of the rows that match.  A row without
 * RDATA only states that status.  A name without any row does not exist (INSECURE). */
struct dns *dns_table_new(struct event_base *base);
void dns_table_add(
	struct dns *dns, const char *name, int type, enum wire_dns_status status, struct str rdata);

enum {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52
};

/* Read rdata: names in lower case without the last dot; the root is "" (RFC 7505: accepts no mail).
 * False when malformed. */
bool dns_parse_mx(struct str rdata, uint16_t *ret_preference, char ret_host[256]);
bool dns_parse_name(struct str rdata, char ret_name[256]);
/* Append a name in wire form. */
bool dns_put_name(struct buf *out, const char *name);

#endif
