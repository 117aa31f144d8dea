#include "process/deliver/present.h"
#include "process/deliver/way.h"

#include "process/deliver/standing.h"

#include <sys/random.h>

size_t deliver_way_mx(const struct deliver *self, const struct deliver_resolve_answer *answer,
	struct arena *arena, struct deliver_target targets[DELIVER_MAX_HOSTS], bool *ret_is_loop)
{
	struct deliver_mx mx[DELIVER_RESOLVE_MX];
	size_t count = answer->mx_count;
	uint64_t seed = (uint64_t)runtime_ticks_ms();

	memcpy(mx, answer->mx, sizeof(mx));
	/* Only spreads load: a weak seed is no harm. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed++;
	count = deliver_targets_sort(mx, count, self->hostname, seed, ret_is_loop);
	for (size_t i = 0; i < count; i++)
		targets[i] = (struct deliver_target){
			.host = arena_text(arena, mx[i].host),
			.port = (uint16_t)self->node->ports.smtp,
		};
	return count;
}

size_t deliver_way_named(const struct deliver *self, const struct policy_outbound *route,
	struct arena *arena, struct deliver_target targets[DELIVER_MAX_HOSTS])
{
	static const struct str unix_prefix = STR("unix:");
	uint16_t port = (uint16_t)self->node->ports.smtp;
	size_t count = 0;

	for (size_t i = 0; i < route->hosts.count && count < DELIVER_MAX_HOSTS; i++) {
		struct str text = str_of(route->hosts.items[i]), host = text;
		struct deliver_target target = {.port = port};

		if (route->type == POLICY_ROUTE_LMTP && str_starts_nocase(text, unix_prefix)) {
			target.is_unix = true;
			target.port = 0;
			host = str_part(text, unix_prefix.n, text.n);
		} else if (route->type != POLICY_ROUTE_LITERAL &&
			   !model_parse_endpoint(text, port, &host, &target.port)) {
			continue;
		}
		target.host = arena_text_of(arena, host);
		targets[count++] = target;
	}
	return count;
}

struct deliver_link_options deliver_way_options(const struct deliver *self,
	const struct policy_outbound *route, const struct deliver_target *target,
	const struct deliver_address *address)
{
	struct deliver_address literal;
	bool is_name = !target->is_unix &&
		       !deliver_targets_literal(str_of(target->host), target->port, &literal);
	struct policy_hello hello = policy_hello_of(route);
	struct deliver_link_options options = {
		.base = self->base,
		.tls = target->is_unix ? NULL : self->tls,
		.host = target->host,
		.hello = self->hostname,
		.server_name = is_name ? target->host : NULL,
		.identity = route->certificate,
		.version = deliver_present_version(self, route, target),
		.address = *address,
		.minimum_version = hello.minimum_version,
		.groups = hello.groups,
		.groups_first = hello.groups_first,
		.lmtp = route->type == POLICY_ROUTE_LMTP,
		.allow_helo = route->required == MODEL_LEVEL_NONE,
		.now_ms = runtime_now_ms(),
	};

	return options;
}

void deliver_way_hop(struct deliver *self, const struct policy_outbound *route,
	struct deliver_link *link, const char *host, struct arena *arena, struct policy_hop *ret)
{
	const struct receipt *receipt = deliver_link_receipt(link);
	const struct tls_session *tls = deliver_link_tls(link);
	enum tls_failure_kind failure = deliver_link_tls_failure(link);

	*ret = (struct policy_hop){
		.is_tls = tls != NULL,
		.starttls_offered = deliver_link_starttls_offered(link),
		.starttls_refused = deliver_link_starttls_refused(link),
		.handshake_failed = failure != TLS_FAILURE_NONE,
		.version_too_old = failure == TLS_FAILURE_VERSION,
		.host = host,
		.chain_length = receipt->chain.count,
		.certificate = receipt->chain.count > 0 ? receipt->chain.items : NULL,
		.verdict = CERT_NONE,
		.detail = failure != TLS_FAILURE_NONE ? deliver_link_reason(link) : NULL,
	};
	if (tls != NULL) {
		const struct policy_profile *profile = &route->profile;
		struct tls_verification how = {.anchors = deliver_anchors(self, profile),
			.purpose = TLS_PURPOSE_SERVER,
			.revocation = tls_revocation_of(profile->revocation),
			.now_ms = runtime_now_ms()};

		struct tls_open open;

		ret->version = receipt->version;
		ret->group = receipt->group;
		if (how.anchors != NULL) {
			ret->verdict = (int)tls_verify(tls, &how, arena, &ret->detail, &open);
			deliver_standing_apply(
				deliver_link_standing(link), profile, &open, arena, ret);
		} else if (receipt->chain.count > 0) {
			ret->verdict = CERT_UNTRUSTED_ROOT;
			ret->detail = "there are no usable trust anchors";
		}
	}
}
