#include "core/cert/endpoints.h"

const char *const cert_endpoint_names[] = {"crl", "ocsp", "issuer", NULL};

#define F(member, k, ...) RECORD_FIELD(struct cert_endpoint, member, k, __VA_ARGS__)
static const struct record_field endpoint_fields[] = {
	F(kind, RECORD_ENUM, .names = cert_endpoint_names,
		.doc = "crl: a revocation list; ocsp: an OCSP responder; issuer: the issuer's "
		       "certificate."),
	F(url, RECORD_TEXT, .max = CERT_URL_MAX, .doc = "As it stands in the certificate."),
};
#undef F
const struct record_desc cert_endpoint_desc = RECORD_DESC(struct cert_endpoint, "endpoint",
	endpoint_fields, .doc = "Where a certificate sends those who validate it.");

/* ---- causes ---------------------------------------------------------------------------------- */

const struct cert_cause cert_causes[] = {
	{"ok", "retrieved, signed by the right one, and fresh", ""},
	{"not-found", "the host name does not exist, or has no address",
		"Check the name servers that this server asks (dns.servers); if they are fine, the "
		"certificate names a host that is gone: tell its CA"},
	{"dns", "the name servers gave no answer that can be trusted",
		"Check the name servers that this server asks (dns.servers)"},
	{"tls", "TLS with the web server fails",
		"Its certificate is not trusted or expired, or a proxy on the way takes TLS apart"},
	{"busy", "too much is fetched already", "Try again later"},
	{"refused", "the host refuses the connection",
		"A firewall that rejects, or a service that is down: allow the host and port "
		"below, "
		"then ask the CA"},
	{"unreachable", "there is no way to the host",
		"Check this machine's route to the network, and that IPv6 works if it is used"},
	{"timeout", "no answer in time",
		"Most often a firewall that drops what goes out: allow the host and port below, or "
		"name a proxy (fetch.proxy)"},
	{"closed", "the connection broke before the answer was whole",
		"A filter on the way, or a fault of the server: try again, then ask the CA"},
	{"proxy", "the proxy does not pass it on",
		"Correct fetch.proxy, or have the proxy allow the host and port below"},
	{"blocked", "the address is loopback, private or link-local, and not allowed",
		"If the CA is an internal one, list its address under fetch.allow in the node "
		"file; "
		"else the DNS answers wrongly"},
	{"scheme", "an address that is neither http nor https",
		"Nothing need be done where the certificate names an http address, too; else ask "
		"the "
		"CA for one"},
	{"http", "the server answers with another status than 200",
		"The address has moved, or a filter on the way asks for a login: exempt the host "
		"below from it, or ask the CA"},
	{"redirect", "redirected too often, or to where nothing is fetched from",
		"A filter on the way, or a fault of the CA: look where it leads"},
	{"size", "the answer is larger than allowed",
		"Raise fetch.size in the node file if the CA's list really is that large"},
	{"malformed", "not a revocation list, OCSP answer or certificate",
		"Most often the page of a filter or of a portal on the way: exempt the host below "
		"from it"},
	{"signature", "signed by somebody else than the issuer",
		"Somebody on the way changes it, or the CA has changed its key: compare from "
		"another "
		"network"},
	{"stale", "out of date: the next one should be there already",
		"A cache on the way, a wrong clock on this machine, or a CA that no longer renews: "
		"check the clock first"},
	{"early", "dated in the future", "Check the clock of this machine"},
	{"revoked", "the certificate is revoked", "Replace the certificate"},
	{"delta", "only changes since another list", "Ask the CA for an address of the whole list"},
	{"indirect", "issued by somebody else than the issuer of the certificate",
		"Ask the CA for OCSP, or for a list that it signs itself"},
	{"scope", "a list that is not for this certificate",
		"The certificate names the wrong list: tell its CA"},
	{"unknown", "the responder does not know the certificate",
		"A new certificate may take some hours; then tell its CA"},
	{"responder", "the OCSP responder says that it cannot answer",
		"Try again later; if it stays so, tell the CA"},
	{"no-endpoint", "the certificate names none",
		"Nothing can be asked: where revocation is required, such a certificate does not "
		"pass"},
};
const size_t cert_cause_count = ARRAY_LENGTH(cert_causes);

const struct cert_cause *cert_cause_of(const char *token)
{
	static const struct cert_cause other = {"other", "failed", "See the words of the answer"};

	for (size_t i = 0; token != NULL && i < ARRAY_LENGTH(cert_causes); i++)
		if (strcmp(cert_causes[i].token, token) == 0)
			return &cert_causes[i];
	return &other;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool take_scheme(struct str *url, unsigned *ret_port)
{
	static const struct {
		struct str prefix;
		unsigned port;
	} schemes[] = {{STR("http://"), 80}, {STR("https://"), 443}};

	for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
		if (!str_starts_nocase(*url, schemes[i].prefix))
			continue;
		*url = str_part(*url, schemes[i].prefix.n, url->n);
		*ret_port = schemes[i].port;
		return true;
	}
	return false;
}

static bool is_host(struct str host)
{
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] > '~' || strchr("[]<>\"\\", host.p[i]) != NULL)
			return false;
	return host.n > 0 && host.n <= 255;
}

/* RFC 3986 3.2: what stands between "//" and the path, without the user. */
static struct str authority(struct str url)
{
	size_t end = 0;

	while (end < url.n && strchr("/?#", url.p[end]) == NULL)
		end++;
	url = str_part(url, 0, end);
	end = str_find_last(url, '@');
	return end < url.n ? str_part(url, end + 1, url.n) : url;
}

const char *cert_endpoint_place(const char *url, struct arena *arena)
{
	struct str rest = str_of(url), host, port;
	unsigned preset = 0;
	bool is_v6;
	uint64_t number;
	char *text;
	size_t at;

	if (!take_scheme(&rest, &preset))
		return NULL;
	rest = authority(rest);
	is_v6 = rest.n > 0 && rest.p[0] == '[';
	at = is_v6 ? str_find(rest, ']', 0) : str_find(rest, ':', 0);
	host = str_part(rest, is_v6 ? 1 : 0, at);
	port = str_part(rest, at + (is_v6 ? 1 : 0), rest.n);
	number = preset;
	if (port.n > 0 && port.p[0] != ':')
		return NULL;
	port = str_part(port, 1, port.n);
	if ((is_v6 && at == rest.n) || !is_host(host) ||
		(port.n > 0 && (!str_to_u64(port, &number) || number < 1 || number > 65535)))
		return NULL;
	text = arena_format(
		arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u", STR_ARGS(host), (unsigned)number);
	str_lower_in_place(text, strlen(text));
	return text;
}

static void add_one(struct cert_places *places, struct str line, struct arena *arena)
{
	size_t at = 0;

	while (at < places->count && str_compare(str_of(places->items[at]), line) < 0)
		at++;
	if ((at < places->count && str_equal(str_of(places->items[at]), line)) ||
		places->count == CERT_PLACES_MAX)
		return;
	memmove(&places->items[at + 1], &places->items[at],
		(places->count - at) * sizeof(places->items[0]));
	places->items[at] = arena_text_of(arena, line);
	places->count++;
}

void cert_places_add(struct cert_places *places, const char *text, struct arena *arena)
{
	struct str rest = str_of(text);

	while (rest.n > 0) {
		struct str line = str_trim(str_cut(&rest, '\n'));

		if (line.n > 0 && line.n <= 300)
			add_one(places, line, arena);
	}
}
