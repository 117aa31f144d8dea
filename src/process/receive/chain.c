/* What the spool hears of the certificates that clients present. */
#include "port/tls/present.h"
#include "process/receive/internal.h"

/* The anchors of the profile that judged as policy did; NULL: the system's. */
static const char *anchors_of(const struct receive_session *s, const struct policy_inbound *inbound)
{
	for (size_t i = 0; i < s->facts.trust_count; i++)
		if ((int)s->facts.trust[i].verdict == (int)inbound->verdict)
			return s->facts.trust[i].profile->anchors;
	return NULL;
}

void receive_chain_tell(struct receive_session *s, const struct policy_inbound *inbound)
{
	struct receive *r = s->receive;
	struct wire_chain chain;
	struct arena *arena;
	struct tls_present_peer peer = {.now_ms = runtime_now_ms(),
		.direction = RECEIPT_IN,
		.organisation = inbound->organisation,
		.connector = inbound->connector,
		.host = s->helo,
		.address = s->address[0] != '\0' ? s->address : NULL,
		.asked = inbound->name_expected,
		.verdict = (int)inbound->verdict,
		.facts = s->facts_receipt.chain.items,
		.fact_count = s->facts_receipt.chain.count};

	if (s->tls == NULL || s->facts.certificate == NULL || r->spool == NULL || r->spool_is_full)
		return;
	arena = arena_new();
	peer.anchors = anchors_of(s, inbound);
	if (tls_present_report(r->present, s->tls, &peer, r->trust, arena, &chain))
		ipc_send(r->spool, WIRE_CHAIN, &chain);
	arena_free(&arena);
}
