/* The properties of an inbound connector. */
#include "core/exchange/inside.h"

#define AS(format, ...) arena_format(w->arena, format, __VA_ARGS__)

static bool restricts_addresses(const struct exchange_work *w)
{
	return exchange_bool(w->json, "RestrictDomainsToIPAddresses", false);
}

static bool has_certificate(const struct exchange_work *w)
{
	return !exchange_is_unset(exchange_get(w->json, "TlsSenderCertificateName"));
}

/* "*.x" covers x and all below it there; here that is two patterns. */
static bool take_pattern(struct exchange_work *w, const char *text, bool *ret_is_doubled)
{
	struct str space = str_of(text);
	const char *name;

	if (!exchange_address_space(&space))
		return false;
	if (str_is(space, "*")) {
		exchange_add_text(&w->in->sender_domains, "*", w->arena);
		return true;
	}
	name = model_domain_name(space, true, w->arena);
	if (name == NULL)
		return false;
	if (name[0] == '*') {
		*ret_is_doubled = true;
		exchange_add_text(&w->in->sender_domains, name + 2, w->arena);
	}
	exchange_add_text(&w->in->sender_domains, name, w->arena);
	return true;
}

static void take_sender_domains(struct exchange_work *w, const json_t *value)
{
	struct record_texts list = exchange_texts(value, w->arena);
	const char *bad = NULL;
	bool is_doubled = false, is_all = true;

	for (size_t i = 0; i < list.count; i++) {
		struct str space = str_of(list.items[i]);

		is_all = is_all && exchange_address_space(&space) && str_is(space, "*");
		if (w->is_partner && !take_pattern(w, list.items[i], &is_doubled))
			bad = list.items[i];
	}
	if (!w->is_partner) {
		exchange_fate(w, is_all ? EXCHANGE_NOT_NEEDED : EXCHANGE_UNSUPPORTED, NULL,
			"an on-premises server is known by certificate or address, and may send "
			"for every accepted domain");
		return;
	}
	exchange_fate(w, EXCHANGE_TAKEN, "inbound.sender_domains",
		is_doubled ? "*.x covers x as well in Exchange: both are written" : NULL);
	if (bad != NULL)
		exchange_ask_disabled(w, AS("\"%s\" is no SMTP domain", bad));
}

static void take_require_tls(struct exchange_work *w, const json_t *value)
{
	bool is_required = exchange_bool(w->json, "RequireTls", true);

	(void)value;
	if (w->is_partner) {
		w->in->require_tls = is_required;
		exchange_fate(w, EXCHANGE_TAKEN,
			is_required ? "inbound.require_tls: true" : "inbound.require_tls: false",
			NULL);
	} else if (has_certificate(w)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "who is known by certificate has TLS");
	} else if (is_required) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"a server known by address alone is not asked for TLS; name its "
			"certificate, or let a listener of its own require TLS");
	} else {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, NULL);
	}
}

static void take_certificate_name(struct exchange_work *w, const json_t *value)
{
	if (w->is_partner && !exchange_bool(w->json, "RequireTls", true) &&
		!exchange_bool(w->json, "RestrictDomainsToCertificate", false)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL,
			"without RequireTls and RestrictDomainsToCertificate it had no effect");
		return;
	}
	exchange_take_certificate(w, value, &w->in->certificate_name, "inbound.certificate_name");
}

static void take_restrict_to_certificate(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (!w->is_partner) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of a partner's connector only");
	} else if (!has_certificate(w)) {
		exchange_ask_disabled(w, "TlsSenderCertificateName is missing: which name must "
					 "their certificate carry?");
	} else {
		w->in->restrict_to_certificate = true;
		exchange_fate(w, EXCHANGE_TAKEN, "inbound.restrict_to_certificate: true", NULL);
	}
}

static void take_restrict_to_addresses(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (!w->is_partner) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of a partner's connector only");
	} else if (exchange_is_unset(exchange_get(w->json, "SenderIPAddresses"))) {
		exchange_ask_disabled(
			w, "SenderIPAddresses is missing: from which addresses may they send?");
	} else {
		w->in->restrict_to_addresses = true;
		exchange_fate(w, EXCHANGE_TAKEN, "inbound.restrict_to_addresses: true", NULL);
	}
}

/* A connector for all senders, found by its addresses: here it would be about everybody. */
static bool is_found_by_address(const struct exchange_work *w)
{
	struct record_texts list = exchange_texts(exchange_get(w->json, "SenderDomains"), w->arena);
	struct str space = str_of(list.count == 1 ? list.items[0] : "");

	return list.count == 0 || (exchange_address_space(&space) && str_is(space, "*"));
}

static void take_addresses(struct exchange_work *w, const json_t *value)
{
	struct record_texts list = exchange_texts(value, w->arena);
	const char *bad = NULL;

	if (w->is_partner && !restricts_addresses(w)) {
		if (is_found_by_address(w))
			exchange_ask_disabled(w,
				"all mail from these addresses was meant, whoever sends: name the "
				"partner's domains in inbound.sender_domains");
		else
			exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL,
				"without RestrictDomainsToIPAddresses they had no effect");
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct model_prefix prefix;

		if (model_parse_prefix(str_of(list.items[i]), &prefix))
			exchange_add_text(&w->in->addresses, list.items[i], w->arena);
		else
			bad = list.items[i];
	}
	exchange_fate(w, EXCHANGE_TAKEN, "inbound.addresses", NULL);
	if (bad != NULL)
		exchange_ask_disabled(w, AS("\"%s\" is no address or prefix", bad));
}

static bool is_accepted(const struct exchange_work *w, const char *name)
{
	for (size_t i = 0; i < w->config->domains.count; i++) {
		const struct model_domain *d = &w->config->domains.items[i];
		size_t n = strlen(name), m = strlen(d->name);

		if (strcmp(d->name, name) == 0 ||
			(d->subdomains && n > m + 1 && name[n - m - 1] == '.' &&
				strcmp(name + n - m, d->name) == 0))
			return true;
	}
	return false;
}

static void take_associated(struct exchange_work *w, const json_t *value)
{
	struct record_texts list = exchange_texts(value, w->arena);
	const char *bad = NULL;

	for (size_t i = 0; i < list.count; i++) {
		const char *name = model_domain_name(str_of(list.items[i]), false, w->arena);

		if (name != NULL && is_accepted(w, name))
			exchange_add_text(&w->in->associated_accepted_domains, name, w->arena);
		else
			bad = list.items[i];
	}
	exchange_fate(w, EXCHANGE_TAKEN, "inbound.associated_accepted_domains",
		"of a partner: the recipient's domain; of the own server: the sender's");
	if (bad != NULL)
		exchange_ask_disabled(
			w, AS("\"%s\" is not among the accepted domains of this import: give the "
			      "output of Get-AcceptedDomain, too",
				   bad));
}

static void take_cross_premises(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (w->is_partner) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"only the organisation's own server may hand over internal headers");
	} else if (!has_certificate(w)) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"only for a server that is known by certificate");
	} else {
		w->in->cross_premises_headers = true;
		exchange_fate(w, EXCHANGE_TAKEN, "inbound.cross_premises_headers: true", NULL);
	}
}

static void take_internal(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (w->is_partner) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of an on-premises connector only");
	} else if (exchange_bool(w->json, "CloudServicesMailEnabled", false)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL,
			"with CloudServicesMailEnabled it had no effect");
	} else {
		w->in->treat_as_internal = true;
		exchange_fate(w, EXCHANGE_TAKEN, "inbound.treat_as_internal: true", NULL);
	}
}

static void take_trusted(struct exchange_work *w, const json_t *value)
{
	(void)value;
	exchange_ask(w, "names organisations of Microsoft 365; here "
			"inbound.trusted_organisations names those of this installation");
}

const struct exchange_row exchange_inbound_rows[] = {
	{"Name", exchange_take_name, 0, NULL},
	{"ConnectorType", exchange_take_type, 0, NULL},
	{"Enabled", exchange_take_enabled, 0, NULL},
	{"Comment", exchange_take_comment, 0, NULL},
	{"SenderDomains", take_sender_domains, 0, NULL},
	{"RequireTls", take_require_tls, 0, NULL},
	{"TlsSenderCertificateName", take_certificate_name, 0, NULL},
	{"RestrictDomainsToCertificate", take_restrict_to_certificate, 0, NULL},
	{"RestrictDomainsToIPAddresses", take_restrict_to_addresses, 0, NULL},
	{"SenderIPAddresses", take_addresses, 0, NULL},
	{"AssociatedAcceptedDomains", take_associated, 0, NULL},
	{"CloudServicesMailEnabled", take_cross_premises, 0, NULL},
	{"TreatMessagesAsInternal", take_internal, 0, NULL},
	{"TrustedOrganizations", take_trusted, 0, NULL},
	{"ClientHostNames", NULL, EXCHANGE_UNSUPPORTED,
		"clients are not known by host name: it is not documented what it meant"},
	{"EFSkipLastIP", NULL, EXCHANGE_UNSUPPORTED, "for the spam filter behind Exchange"},
	{"EFSkipIPs", NULL, EXCHANGE_UNSUPPORTED, "for the spam filter behind Exchange"},
	{"EFSkipMailGateway", NULL, EXCHANGE_UNSUPPORTED, "for the spam filter behind Exchange"},
	{"EFTestMode", NULL, EXCHANGE_UNSUPPORTED, "for the spam filter behind Exchange"},
	{"EFUsers", NULL, EXCHANGE_UNSUPPORTED, "for the spam filter behind Exchange"},
	{"DetectSenderIPBySkippingLastIP", NULL, EXCHANGE_UNSUPPORTED,
		"for the spam filter behind Exchange"},
	{"DetectSenderIPBySkippingTheseIPs", NULL, EXCHANGE_UNSUPPORTED,
		"for the spam filter behind Exchange"},
	{"DetectSenderIPRecipientList", NULL, EXCHANGE_UNSUPPORTED,
		"for the spam filter behind Exchange"},
	{"ScanAndDropRecipients", NULL, EXCHANGE_UNSUPPORTED, "reserved by Microsoft"},
	{NULL, NULL, 0, NULL},
};
