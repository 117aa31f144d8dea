#include "process/lookup/trust.h"

#include <stdio.h>
#include <stdlib.h>

enum { TYPE_SOA = 6 };

struct side {
	struct lookup_trust *trust;
	struct dns *dns;	 /* NULL: there is none */
	struct dns_query *query; /* NULL: not under way */
	int status;		 /* of the last answer, enum wire_dns_status */
	char why[200];
};

struct lookup_trust {
	struct side validating, plain;
	enum lookup_trust_state state;
	struct event *again;
	lookup_trust_changed *changed;
	void *context;
	char reason[300];
};

static void settle(struct lookup_trust *t, enum lookup_trust_state state)
{
	if (t->state == state)
		return;
	t->state = state;
	t->changed(t->context);
}

static void ask_again(struct lookup_trust *t, int seconds)
{
	struct timeval tv = {.tv_sec = seconds};

	event_add(t->again, &tv);
}

/* Both sides have answered, and the answer does not validate. */
static void stay_plain(struct lookup_trust *t)
{
	bool answers = t->plain.status == WIRE_DNS_INSECURE || t->plain.status == WIRE_DNS_SECURE;

	if (answers)
		snprintf(t->reason, sizeof(t->reason),
			"the resolver's answer for the root does not validate: %s",
			t->validating.why);
	else
		snprintf(t->reason, sizeof(t->reason),
			"the resolver does not answer for the root: %s", t->plain.why);
	ask_again(t, answers ? LOOKUP_TRUST_AGAIN_S : LOOKUP_TRUST_SILENT_S);
	settle(t, LOOKUP_TRUST_PLAIN);
}

static void on_probed(void *context, const struct wire_dns_answer *answer)
{
	struct side *side = context;
	struct lookup_trust *t = side->trust;

	side->query = NULL;
	side->status = answer->status;
	snprintf(side->why, sizeof(side->why), "%s",
		answer->why != NULL ? answer->why : "it is not signed");
	if (t->validating.query == NULL && t->validating.status == WIRE_DNS_SECURE) {
		dns_cancel(&t->plain.query);
		settle(t, LOOKUP_TRUST_VALIDATING);
	} else if (t->validating.query == NULL && t->plain.query == NULL) {
		stay_plain(t);
	}
}

static void probe_side(struct side *side)
{
	side->query = dns_ask(side->dns, ".", TYPE_SOA, on_probed, side);
}

void lookup_trust_probe(struct lookup_trust *t)
{
	if (t->state == LOOKUP_TRUST_VALIDATING || t->validating.dns == NULL ||
		t->plain.dns == NULL || t->validating.query != NULL || t->plain.query != NULL)
		return;
	event_del(t->again);
	probe_side(&t->validating);
	probe_side(&t->plain);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	lookup_trust_probe(context);
}

struct lookup_trust *lookup_trust_new(struct event_base *base, struct dns *validating,
	struct dns *plain, lookup_trust_changed *changed, void *context)
{
	struct lookup_trust *t = mem_new(sizeof(*t));

	t->validating = (struct side){.trust = t, .dns = validating, .status = WIRE_DNS_FAILED};
	t->plain = (struct side){.trust = t, .dns = plain, .status = WIRE_DNS_FAILED};
	t->changed = changed;
	t->context = context;
	t->again = event_new(base, -1, 0, on_again, t);
	if (plain == NULL)
		t->state = LOOKUP_TRUST_VALIDATING;
	else if (validating == NULL)
		t->state = LOOKUP_TRUST_PLAIN;
	return t;
}

void lookup_trust_free(struct lookup_trust **trust)
{
	if (*trust == NULL)
		return;
	dns_cancel(&(*trust)->validating.query);
	dns_cancel(&(*trust)->plain.query);
	dns_free(&(*trust)->validating.dns);
	dns_free(&(*trust)->plain.dns);
	event_free((*trust)->again);
	free(*trust);
	*trust = NULL;
}

enum lookup_trust_state lookup_trust_state(const struct lookup_trust *t)
{
	return t != NULL ? t->state : LOOKUP_TRUST_UNDECIDED;
}

struct dns *lookup_trust_dns(const struct lookup_trust *t)
{
	if (lookup_trust_state(t) == LOOKUP_TRUST_UNDECIDED)
		return NULL;
	return t->state == LOOKUP_TRUST_VALIDATING ? t->validating.dns : t->plain.dns;
}

const char *lookup_trust_reason(const struct lookup_trust *t)
{
	return lookup_trust_state(t) == LOOKUP_TRUST_PLAIN && t->reason[0] != '\0' ? t->reason
										   : NULL;
}
