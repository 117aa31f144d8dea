/* A mailbox of the envelope taken apart. */
#include "core/policy/snapshot.h"

static bool parse_literal(struct str literal, struct str *ret)
{
	struct model_prefix prefix;
	struct str v6 = STR("IPv6:");

	if (str_starts_nocase(literal, v6)) {
		literal = str_part(literal, v6.n, literal.n);
		if (str_find(literal, ':', 0) == literal.n)
			return false;
	} else if (str_find(literal, ':', 0) < literal.n) {
		return false;
	}
	*ret = literal;
	return str_find(literal, '/', 0) == literal.n && model_parse_prefix(literal, &prefix);
}

bool policy_parse_mailbox(struct str address, struct arena *arena, struct policy_mailbox *ret)
{
	size_t at = str_find_last(address, '@');
	struct str domain = str_part(address, at + 1, address.n);
	struct policy_mailbox m = {.local = str_part(address, 0, at)};

	if (at == 0 || at >= address.n || str_find(address, '\0', 0) < address.n)
		return false;
	if (domain.n > 2 && domain.p[0] == '[' && domain.p[domain.n - 1] == ']') {
		if (!parse_literal(str_part(domain, 1, domain.n - 1), &m.literal))
			return false;
	} else {
		m.domain = model_domain_name(domain, false, arena);
		if (m.domain == NULL)
			return false;
	}
	*ret = m;
	return true;
}
