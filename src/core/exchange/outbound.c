/* The properties of an outbound connector, and of an accepted domain. */
#include "core/exchange/inside.h"

#define AS(format, ...) arena_format(w->arena, format, __VA_ARGS__)

/* ---- outbound connectors --------------------------------------------------------------------- */

static const char *const tls_settings[] = {
	"EncryptionOnly", "CertificateValidation", "DomainValidation", NULL};
static const int tls_numbers[] = {1, 2, 4};

static int tls_level(const struct exchange_work *w)
{
	bool is_number;

	return exchange_enum(
		exchange_get(w->json, "TlsSettings"), tls_settings, tls_numbers, &is_number);
}

static bool is_by_rule(const struct exchange_work *w)
{
	return exchange_bool(w->json, "IsTransportRuleScoped", false);
}

static bool has_hosts(const struct exchange_work *w)
{
	return !exchange_bool(w->json, "UseMXRecord", true) &&
	       !exchange_is_unset(exchange_get(w->json, "SmartHosts"));
}

static void take_recipient_domains(struct exchange_work *w, const json_t *value)
{
	struct record_texts list = exchange_texts(value, w->arena);
	const char *bad = NULL;
	bool has_wildcard = false;

	if (is_by_rule(w)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL,
			"only a mail flow rule chooses this connector");
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct str space = str_of(list.items[i]);
		bool is_smtp = exchange_address_space(&space);
		const char *name =
			str_is(space, "*") ? "*" : model_domain_name(space, true, w->arena);

		has_wildcard = has_wildcard || (name != NULL && name[0] == '*' && name[1] == '.');
		if (is_smtp && name != NULL)
			exchange_add_text(&w->out->recipient_domains, name, w->arena);
		else
			bad = list.items[i];
	}
	exchange_fate(w, EXCHANGE_TAKEN, "outbound.recipient_domains",
		has_wildcard ? "of *.x the help of Exchange says: the subdomains; add x itself "
			       "where it is meant"
			     : NULL);
	if (bad != NULL)
		exchange_ask_disabled(w, AS("\"%s\" is no SMTP domain", bad));
}

/* A property of on-premises connectors that needs a way to be named. */
static void take_route(struct exchange_work *w, bool *to, const char *as)
{
	if (!w->is_partner && is_by_rule(w)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL,
			"only a mail flow rule chooses this connector");
	} else if (w->is_partner) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of an on-premises connector only");
	} else if (!has_hosts(w)) {
		exchange_ask_disabled(w,
			"the way must be named in outbound.smart_hosts: the MX hosts would lead "
			"back here");
	} else {
		*to = true;
		exchange_fate(w, EXCHANGE_TAKEN, AS("%s: true", as), NULL);
	}
}

static void take_all_accepted(struct exchange_work *w, const json_t *value)
{
	(void)value;
	take_route(w, &w->out->all_accepted_domains, "outbound.all_accepted_domains");
}

static void take_route_all(struct exchange_work *w, const json_t *value)
{
	(void)value;
	take_route(w, &w->out->route_all_via_on_premises, "outbound.route_all_via_on_premises");
}

static void take_by_rule(struct exchange_work *w, const json_t *value)
{
	(void)value;
	w->out->rule_scoped = true;
	exchange_fate(w, EXCHANGE_TAKEN, "outbound.rule_scoped: true", NULL);
	exchange_add_text(w->questions,
		AS("outbound connector \"%s\": add the rules that name it (Get-TransportRule | "
		   "where RouteMessageOutboundConnector)",
			w->object->name),
		w->arena);
}

static void take_mx(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (exchange_bool(w->json, "UseMXRecord", true))
		exchange_fate(w, EXCHANGE_MERGED, "outbound.smart_hosts: none", NULL);
	else if (has_hosts(w))
		exchange_fate(w, EXCHANGE_MERGED, "outbound.smart_hosts", NULL);
	else
		exchange_ask_disabled(
			w, "SmartHosts is missing: which hosts is the mail to be sent to?");
}

/* "[192.0.2.1]", as Exchange prints addresses, without the brackets; those of IPv6 stay. */
static const char *bare_host(struct exchange_work *w, const char *text)
{
	struct str s = str_of(text);
	struct str inner = str_part(s, 1, s.n > 0 ? s.n - 1 : 0);
	struct model_prefix prefix;

	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']' && str_find(inner, ':', 0) == inner.n &&
		model_parse_prefix(inner, &prefix))
		return arena_text_of(w->arena, inner);
	return text;
}

static void take_hosts(struct exchange_work *w, const json_t *value)
{
	const struct record_field *row = record_find(&model_outbound_desc, "smart_hosts", NULL);
	struct record_texts list = exchange_texts(value, w->arena);
	const char *bad = NULL;

	if (exchange_bool(w->json, "UseMXRecord", true)) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "not used while UseMXRecord is true");
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		const char *host = bare_host(w, list.items[i]);

		if (strchr(host, '/') == NULL && row->check(host, NULL) == ERR_OK)
			exchange_add_text(&w->out->smart_hosts, host, w->arena);
		else
			bad = list.items[i];
	}
	exchange_fate(w, EXCHANGE_TAKEN, "outbound.smart_hosts", NULL);
	if (bad != NULL)
		exchange_ask_disabled(
			w, AS("\"%s\" is no host or address; ranges are not possible here", bad));
}

static void take_tls(struct exchange_work *w, const json_t *value)
{
	static const int levels[] = {MODEL_LEVEL_ENCRYPT, MODEL_LEVEL_CHAIN, MODEL_LEVEL_NAME};
	bool is_number;
	int at = exchange_enum(value, tls_settings, tls_numbers, &is_number);
	const char *note = is_number ? "the number is read as 1: EncryptionOnly, 2: "
				       "CertificateValidation, 4: DomainValidation"
				     : NULL;

	if (at < 0) {
		w->out->tls = MODEL_LEVEL_NAME;
		exchange_ask_disabled(w, "expected EncryptionOnly, CertificateValidation or "
					 "DomainValidation; taken as the strictest");
		return;
	}
	w->out->tls = levels[at];
	if (at == 2 && exchange_is_unset(exchange_get(w->json, "TlsDomain")))
		note = "without TlsDomain the name of the smart host is asked for, or the "
		       "recipient's domain";
	exchange_fate(
		w, EXCHANGE_TAKEN, AS("outbound.tls: %s", model_level_names[levels[at]]), note);
}

static void take_tls_domain(struct exchange_work *w, const json_t *value)
{
	bool is_set = !exchange_is_unset(exchange_get(w->json, "TlsSettings"));
	int level = tls_level(w);

	if (level == 2 || (is_set && level < 0))
		exchange_take_certificate(w, value, &w->out->tls_domain, "outbound.tls_domain");
	else
		exchange_fate(
			w, EXCHANGE_NOT_NEEDED, NULL, "without DomainValidation it had no effect");
}

static void take_cross_premises(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (w->is_partner) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"only the organisation's own server gets internal headers");
	} else if (tls_level(w) != 2) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"internal headers go only to a host that has proven its name: set "
			"outbound.tls to name first");
	} else {
		w->out->cross_premises_headers = true;
		exchange_fate(w, EXCHANGE_TAKEN, "outbound.cross_premises_headers: true", NULL);
	}
}

static void take_rewriting(struct exchange_work *w, const json_t *value)
{
	(void)value;
	if (w->is_partner) {
		exchange_fate(w, EXCHANGE_NOT_NEEDED, NULL, "of an on-premises connector only");
		return;
	}
	w->out->sender_rewriting = true;
	exchange_fate(w, EXCHANGE_TAKEN, "outbound.sender_rewriting: true",
		"kept for later: senders are not rewritten yet");
}

static void take_dane(struct exchange_work *w, const json_t *value)
{
	static const char *const names[] = {"Opportunistic", "None", "Mandatory", NULL};
	bool is_number;
	int mode = exchange_enum(value, names, NULL, &is_number);

	if (mode == 0) {
		exchange_fate(w, EXCHANGE_TAKEN, "outbound.dane: opportunistic",
			"kept for later: TLSA records are not looked at yet");
	} else if (mode == 1) {
		w->out->dane = MODEL_DANE_NONE;
		exchange_fate(w, EXCHANGE_TAKEN, "outbound.dane: none", NULL);
	} else if (mode == 2) {
		exchange_ask_disabled(w, "Mandatory is not possible yet: TLSA records are not "
					 "looked at. Which name may their certificate be asked for "
					 "instead?");
	} else {
		exchange_ask_disabled(w, "expected Opportunistic, Mandatory or None; what the "
					 "number means is not documented");
	}
}

static void take_mta_sts(struct exchange_work *w, const json_t *value)
{
	static const char *const names[] = {"Opportunistic", "None", NULL};
	bool is_number;
	int mode = exchange_enum(value, names, NULL, &is_number);

	w->out->mta_sts = mode == 1 ? MODEL_MTA_STS_NONE : MODEL_MTA_STS_OPPORTUNISTIC;
	if (mode < 0)
		exchange_ask(w, "expected Opportunistic or None; what the number means is not "
				"documented");
	else
		exchange_fate(w, EXCHANGE_TAKEN,
			mode == 1 ? "outbound.mta_sts: none" : "outbound.mta_sts: opportunistic",
			"kept for later: policies are not fetched yet");
}

const struct exchange_row exchange_outbound_rows[] = {
	{"Name", exchange_take_name, 0, NULL},
	{"ConnectorType", exchange_take_type, 0, NULL},
	{"Enabled", exchange_take_enabled, 0, NULL},
	{"Comment", exchange_take_comment, 0, NULL},
	{"RecipientDomains", take_recipient_domains, 0, NULL},
	{"AllAcceptedDomains", take_all_accepted, 0, NULL},
	{"RouteAllMessagesViaOnPremises", take_route_all, 0, NULL},
	{"IsTransportRuleScoped", take_by_rule, 0, NULL},
	{"UseMXRecord", take_mx, 0, NULL},
	{"SmartHosts", take_hosts, 0, NULL},
	{"TlsSettings", take_tls, 0, NULL},
	{"TlsDomain", take_tls_domain, 0, NULL},
	{"MtaStsMode", take_mta_sts, 0, NULL},
	{"SmtpDaneMode", take_dane, 0, NULL},
	{"CloudServicesMailEnabled", take_cross_premises, 0, NULL},
	{"SenderRewritingEnabled", take_rewriting, 0, NULL},
	{"TestMode", NULL, EXCHANGE_UNSUPPORTED,
		"not documented; outbound.mode: report tries requirements out"},
	{"IsValidated", NULL, EXCHANGE_NOT_NEEDED, "of a test in Exchange"},
	{"LastValidationTimestamp", NULL, EXCHANGE_NOT_NEEDED, "of a test in Exchange"},
	{"ValidationRecipients", NULL, EXCHANGE_NOT_NEEDED, "of a test in Exchange"},
	{"LinkForModifiedConnector", NULL, EXCHANGE_NOT_NEEDED, "of a test in Exchange"},
	{NULL, NULL, 0, NULL},
};

/* ---- accepted domains ------------------------------------------------------------------------ */

static void take_domain_name(struct exchange_work *w, const json_t *value)
{
	const char *text = exchange_text(w->json, "DomainName", w->arena);
	struct str name = str_of(text);
	const char *domain;

	(void)value;
	if (str_starts_nocase(name, (struct str)STR("*."))) {
		w->domain->subdomains = true;
		name = str_part(name, 2, name.n);
	}
	domain = model_domain_name(name, false, w->arena);
	if (domain == NULL) {
		exchange_ask(w, "is no domain name");
	} else if (str_ends_nocase(str_of(domain), (struct str)STR(".onmicrosoft.com"))) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL,
			"belongs to Microsoft 365: its mail cannot come here");
	} else {
		w->domain->name = domain;
		exchange_fate(w, EXCHANGE_TAKEN, AS("domain %s", domain), NULL);
	}
}

static void take_domain_type(struct exchange_work *w, const json_t *value)
{
	static const char *const names[] = {
		"Authoritative", "InternalRelay", "ExternalRelay", NULL};
	static const int numbers[] = {0, 2, 1};
	bool is_number;
	int type = exchange_enum(value, names, numbers, &is_number);
	const char *note = is_number ? "the number is read as 0: Authoritative, 1: ExternalRelay, "
				       "2: InternalRelay"
				     : NULL;

	if (type < 0) {
		exchange_ask(w, "expected Authoritative, InternalRelay or ExternalRelay; taken as "
				"Authoritative");
		return;
	}
	w->domain->type = type == 0 ? MODEL_AUTHORITATIVE : MODEL_INTERNAL_RELAY;
	if (type == 2)
		note = "all its recipients are elsewhere: leave delivery out, and let a connector "
		       "cover it";
	exchange_fate(w, EXCHANGE_TAKEN, type == 0 ? "type: authoritative" : "type: internal-relay",
		note);
}

static void take_subdomains(struct exchange_work *w, const json_t *value)
{
	(void)value;
	w->domain->subdomains = true;
	exchange_fate(w, EXCHANGE_TAKEN, "subdomains: true", NULL);
}

static void take_default(struct exchange_work *w, const json_t *value)
{
	(void)value;
	w->is_default = true;
	exchange_fate(w, EXCHANGE_MERGED, "the first domain",
		"the organisation's postmaster is there unless one is named");
}

const struct exchange_row exchange_domain_rows[] = {
	{"DomainName", take_domain_name, 0, NULL},
	{"DomainType", take_domain_type, 0, NULL},
	{"MatchSubDomains", take_subdomains, 0, NULL},
	{"Default", take_default, 0, NULL},
	{"Name", NULL, EXCHANGE_NOT_NEEDED, "a label"},
	{"CatchAllRecipientID", NULL, EXCHANGE_UNSUPPORTED, "recipients are not rewritten"},
	{"CatchAllRecipient", NULL, EXCHANGE_UNSUPPORTED, "recipients are not rewritten"},
	{"OutboundOnly", NULL, EXCHANGE_UNSUPPORTED,
		"an accepted domain here takes mail, too: leave it out if it must not"},
	{"SendingFromDomainDisabled", NULL, EXCHANGE_UNSUPPORTED, "write a rule that refuses"},
	{"SendingToDomainDisabled", NULL, EXCHANGE_UNSUPPORTED, "write a rule that refuses"},
	{"AddressBookEnabled", NULL, EXCHANGE_NOT_NEEDED, "of the address book"},
	{"EmailOnly", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"ExternallyManaged", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"AuthenticationType", NULL, EXCHANGE_NOT_NEEDED, "of signing in"},
	{"RawAuthenticationType", NULL, EXCHANGE_NOT_NEEDED, "of signing in"},
	{"LiveIdInstanceType", NULL, EXCHANGE_NOT_NEEDED, "of signing in"},
	{"EnableNego2Authentication", NULL, EXCHANGE_NOT_NEEDED, "of signing in"},
	{"FederatedOrganizationLink", NULL, EXCHANGE_NOT_NEEDED, "of federation"},
	{"IsDefaultFederatedDomain", NULL, EXCHANGE_NOT_NEEDED, "of federation"},
	{"PendingFederatedAccountNamespace", NULL, EXCHANGE_NOT_NEEDED, "of federation"},
	{"PendingFederatedDomain", NULL, EXCHANGE_NOT_NEEDED, "of federation"},
	{"InitialDomain", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"IsCoexistenceDomain", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"MailFlowPartner", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"DualProvisioningEnabled", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"PendingCompletion", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"PendingRelease", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"PendingRemoval", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"PerimeterDuplicateDetected", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{"CanHaveCloudCache", NULL, EXCHANGE_NOT_NEEDED, "of the service"},
	{NULL, NULL, 0, NULL},
};
