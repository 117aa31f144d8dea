/* The description tables of the node file, and its checks as a whole. */
#include "base/map.h"
#include "core/model/checks.h"

static const char *const listener_tls[] = {"starttls", "implicit", "off", NULL};
static const char *const bare_newlines[] = {"reject", "normalise", NULL};
static const char *const handshake_failures[] = {"clear", "defer", NULL};
static const char *const log_formats[] = {"logfmt", "json", NULL};

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR, WEEK = 7 * DAY };

/* A duration: the struct says _ms, the file does not. */
#define DURATION(type, member, low, high, ...)                                                     \
	{                                                                                          \
		.name = #member, .kind = RECORD_DURATION, .offset = offsetof(type, member##_ms),   \
		.min = low, .max = high, __VA_ARGS__                                               \
	}

#define F(member, k, ...) RECORD_FIELD(struct model_listener, member, k, __VA_ARGS__)
static const struct record_field listener_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_name,
		.doc = "Key of the listener."),
	F(address, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = model_check_listen,
		.doc = "Address and port; [::]:25 takes IPv4 too."),
	F(tls, RECORD_ENUM, .names = listener_tls, .preset = "starttls",
		.doc = "starttls, implicit (TLS from the first byte), or off."),
	F(require_tls, RECORD_BOOL, .preset = "false",
		.doc = "Refuse MAIL before STARTTLS, whoever asks."),
	F(proxy, RECORD_BOOL, .preset = "false",
		.doc = "Every connection starts with a PROXY protocol v2 header."),
	F(refuse_early, RECORD_BOOL, .preset = "false",
		.doc = "Refuse who speaks before the greeting; else it is only noted."),
	F(bare_newline, RECORD_ENUM, .names = bare_newlines, .preset = "reject",
		.doc = "A line feed without carriage return in mail data: reject, or normalise."),
	F(certificates, RECORD_TEXTS, .max = 100, .check = model_check_name,
		.doc = "Certificates to present, chosen by SNI, the first one without; empty: "
		       "all."),
};
#undef F
static const struct record_desc listener_desc = RECORD_DESC(struct model_listener, "listener",
	listener_fields, .doc = "A port on which mail is received.");

#define F(member, k, ...) RECORD_FIELD(struct model_certificate, member, k, __VA_ARGS__)
static const struct record_field certificate_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = model_check_name,
		.doc = "Key of the certificate."),
	F(chain, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = model_check_path,
		.doc = "PEM file with the certificate and its intermediates, leaf first."),
	F(key, RECORD_TEXT, .flags = RECORD_REQUIRED, .check = model_check_key,
		.doc = "PEM file with the private key, or pkcs11: and what names the key in a "
		       "token "
		       "(RFC 7512)."),
};
#undef F
static const struct record_desc certificate_desc = RECORD_DESC(struct model_certificate,
	"certificate", certificate_fields, .doc = "A certificate of this node and its key.");

#define USER(member, what)                                                                         \
	RECORD_FIELD(struct model_users, member, RECORD_TEXT, .check = model_check_user,           \
		.doc = "User of the process that " what ".")
static const struct record_field users_fields[] = {
	USER(keys, "holds private keys"),
	USER(receive, "receives mail"),
	USER(spool, "keeps the queue"),
	USER(deliver, "delivers mail"),
	USER(lookup, "asks the DNS"),
	USER(admin, "serves the management API"),
	USER(web, "accepts HTTPS"),
};
static const struct record_desc users_desc = RECORD_DESC(struct model_users, "users", users_fields,
	.doc = "System users of the processes when started as root; \"keep\": stay root without "
	       "capabilities; absent: sealpost-ROLE where it exists, else a number from 64200 on.");

#define F(member, k, ...) RECORD_FIELD(struct model_dns, member, k, __VA_ARGS__)
static const struct record_field dns_fields[] = {
	F(servers, RECORD_TEXTS, .max = 8, .check = model_check_dns_server,
		.doc = "Resolvers to ask: address or address@port; empty: those of "
		       "/etc/resolv.conf."),
	F(trust_anchor, RECORD_TEXT, .check = model_check_path,
		.doc = "File with DNSSEC anchors: names below them that do not validate are not "
		       "used; none: nothing is validated; absent: validate with the system's root "
		       "keys where the resolvers let us; a warning and the status tell where they "
		       "do not."),
	DURATION(struct model_dns, timeout, 100, 5 * MINUTE, .preset = "20s",
		.doc = "A question that takes longer has failed."),
	F(cache, RECORD_SIZE, .min = 65536, .max = (int64_t)1 << 32, .preset = "16M",
		.doc = "Memory for answers."),
};
#undef F
static const struct record_desc dns_desc =
	RECORD_DESC(struct model_dns, "dns", dns_fields, .doc = "How names are looked up.");

#define F(member, k, ...) RECORD_FIELD(struct model_limits, member, k, __VA_ARGS__)
static const struct record_field limits_fields[] = {
	F(connections, RECORD_INT, .min = 1, .max = 100000, .preset = "1000",
		.doc = "Connections at once, over all listeners; then 421."),
	F(connections_per_address, RECORD_INT, .min = 1, .max = 100000, .preset = "50",
		.doc = "Connections at once from one IPv4 address or IPv6 /64; then 421."),
	F(messages_per_connection, RECORD_INT, .min = 1, .max = 1000000, .preset = "1000",
		.doc = "Messages in one session; then 421."),
	F(recipients, RECORD_INT, .min = 1, .max = 10000, .preset = "1000",
		.doc = "Recipients of one transaction; then 452 (RFC 5321 asks for at least 100)."),
	F(message, RECORD_SIZE, .min = 65536, .max = (int64_t)1 << 31, .preset = "35M",
		.doc = "Size of a message; announced with SIZE."),
	F(errors, RECORD_INT, .min = 1, .max = 1000, .preset = "10",
		.doc = "Errors of the client in one session; then 421."),
	F(hops, RECORD_INT, .min = 10, .max = 1000, .preset = "50",
		.doc = "Received headers of a message; then it loops and is refused with 5.4.6."),
	DURATION(struct model_limits, idle, SECOND, HOUR, .preset = "5m",
		.doc = "Wait for the next command (RFC 5321 4.5.3.2.7 asks for 5 minutes)."),
	DURATION(struct model_limits, data_idle, SECOND, HOUR, .preset = "3m",
		.doc = "Wait for more message data."),
	DURATION(struct model_limits, session, 10 * SECOND, DAY, .preset = "1h",
		.doc = "Length of a whole session; then 421 at the next command."),
	DURATION(struct model_limits, handshake, SECOND, 5 * MINUTE, .preset = "30s",
		.doc = "Length of a TLS handshake."),
	F(queue, RECORD_INT, .min = 1, .max = 100000000, .preset = "100000",
		.doc = "Messages in the queue; then 452."),
	F(disk_free, RECORD_SIZE, .min = 0, .max = (int64_t)1 << 40, .preset = "256M",
		.doc = "Bytes that must stay free where the data is; below that 452."),
};
#undef F
static const struct record_desc limits_desc = RECORD_DESC(
	struct model_limits, "limits", limits_fields, .doc = "What is too much in reception.");

#define F(member, k, ...) RECORD_FIELD(struct model_queue, member, k, __VA_ARGS__)
static const struct record_field queue_fields[] = {
	F(retry, RECORD_DURATIONS, .max = 50, .flags = RECORD_REQUIRED,
		.preset = "1m,5m,15m,15m,30m,60m",
		.doc = "Waits between attempts; the last one repeats."),
	DURATION(struct model_queue, expiry, SECOND, WEEK, .preset = "24h",
		.doc = "How long a message is tried before it is returned; below 1h only in "
		       "trials."),
	DURATION(struct model_queue, delay_notice, 0, WEEK, .preset = "4h",
		.doc = "After this the sender is told once that the message waits; 0: never."),
	F(postmaster, RECORD_TEXT, .check = model_check_mailbox,
		.doc = "Receives double bounces where the organisation names nobody."),
	F(connections_per_destination, RECORD_INT, .min = 1, .max = 1000, .preset = "10",
		.doc = "Connections at once to one destination."),
	F(messages_per_connection, RECORD_INT, .min = 1, .max = 100000, .preset = "100",
		.doc = "Messages sent over one connection before it is closed."),
	F(recipients_per_transaction, RECORD_INT, .min = 1, .max = 1000, .preset = "100",
		.doc = "Recipients in one transaction; more are sent in several."),
	DURATION(struct model_queue, idle_connection, 0, 5 * MINUTE, .preset = "10s",
		.doc = "How long an open connection is kept for reuse."),
};
#undef F
static const struct record_desc queue_desc = RECORD_DESC(
	struct model_queue, "queue", queue_fields, .doc = "When and how often mail is tried.");

#define F(member, k, ...) RECORD_FIELD(struct model_tls, member, k, __VA_ARGS__)
static const struct record_field tls_fields[] = {
	F(on_handshake_failure, RECORD_ENUM, .names = handshake_failures, .preset = "clear",
		.doc = "Nothing is required, STARTTLS is offered, and the handshake fails: clear "
		       "(send without TLS), or defer."),
	DURATION(struct model_tls, remember, SECOND, WEEK, .preset = "1h",
		.doc = "How long a host whose TLS failed is remembered."),
	F(tickets, RECORD_BOOL, .preset = "true",
		.doc = "Session tickets for clients without a certificate."),
};
#undef F
static const struct record_desc tls_desc =
	RECORD_DESC(struct model_tls, "tls", tls_fields, .doc = "TLS where nothing is required.");

static const struct record_field trace_fields[] = {
	DURATION(struct model_trace, keep, HOUR, (int64_t)3650 * DAY, .preset = "90d",
		.doc = "How long it is kept what became of a message."),
	DURATION(struct model_trace, reports, DAY, (int64_t)3650 * DAY, .preset = "400d",
		.doc = "How long the counts are kept that reports are made of."),
	RECORD_FIELD(struct model_trace, subjects, RECORD_BOOL, .preset = "false",
		.doc = "Whether subjects are kept there, and messages found by them."),
};
static const struct record_desc trace_desc = RECORD_DESC(
	struct model_trace, "trace", trace_fields, .doc = "The record of what became of mail.");

static const struct record_field log_fields[] = {
	RECORD_FIELD(struct model_log, format, RECORD_ENUM, .names = log_formats,
		.preset = "logfmt", .doc = "logfmt or json."),
	RECORD_FIELD(struct model_log, level, RECORD_TEXT, .preset = "info",
		.check = model_check_log_level, .doc = "debug, info, warning or error."),
};
static const struct record_desc log_desc =
	RECORD_DESC(struct model_log, "log", log_fields, .doc = "What is logged, and how.");

static const struct record_field processes_fields[] = {
	RECORD_FIELD(struct model_processes, receive, RECORD_INT, .min = 1, .max = 64,
		.preset = "2", .doc = "Processes that receive mail."),
	RECORD_FIELD(struct model_processes, deliver, RECORD_INT, .min = 1, .max = 64,
		.preset = "2", .doc = "Processes that deliver mail."),
};
static const struct record_desc processes_desc = RECORD_DESC(struct model_processes, "processes",
	processes_fields, .doc = "How many processes share the work.");

static const struct record_field ports_fields[] = {
	RECORD_FIELD(struct model_ports, smtp, RECORD_INT, .min = 1, .max = 65535, .preset = "25",
		.doc = "Where MX hosts listen; another value only in trials."),
};
static const struct record_desc ports_desc =
	RECORD_DESC(struct model_ports, "ports", ports_fields, .doc = "Where next hops listen.");

#define F(member, k, ...) RECORD_FIELD(struct model_fetch, member, k, __VA_ARGS__)
static const struct record_field fetch_fields[] = {
	F(allow, RECORD_TEXTS, .max = 100, .check = model_check_prefix,
		.doc = "Loopback, private or link-local addresses and prefixes that may be fetched "
		       "from all the same."),
	F(proxy, RECORD_TEXT, .check = model_check_url,
		.doc = "HTTP proxy, http://HOST:PORT; absent: direct."),
	DURATION(struct model_fetch, timeout, 100, 5 * MINUTE, .preset = "15s",
		.doc = "A fetch that takes longer has failed."),
	F(size, RECORD_SIZE, .min = 1024, .max = (int64_t)1 << 28, .preset = "32M",
		.doc = "An answer that is larger is not taken."),
	F(redirects, RECORD_INT, .min = 0, .max = 10, .preset = "3",
		.doc = "Redirects that are followed."),
	DURATION(struct model_fetch, wait, 0, MINUTE, .preset = "5s",
		.doc = "How long a session waits to learn whether a certificate is revoked; then "
		       "that is unknown."),
	F(cache, RECORD_SIZE, .min = 65536, .max = (int64_t)1 << 34, .preset = "256M",
		.doc = "Room on disk for what was fetched."),
};
#undef F
static const struct record_desc fetch_desc = RECORD_DESC(struct model_fetch, "fetch", fetch_fields,
	.doc = "How revocation lists, OCSP answers and issuers are fetched, and webhooks called.");

#define F(member, k, ...) RECORD_FIELD(struct model_keys, member, k, __VA_ARGS__)
static const struct record_field keys_fields[] = {
	F(passphrase, RECORD_TEXT, .check = model_check_path,
		.doc = "File with the passphrase of encrypted private keys; absent: the service "
		       "manager's credential sealpost-passphrase, where there is one."),
	F(pkcs11_module, RECORD_TEXT, .check = model_check_path,
		.doc = "PKCS#11 module for keys named by pkcs11:."),
	F(pkcs11_pin, RECORD_TEXT, .check = model_check_path,
		.doc = "File with the PIN of the token; absent: the service manager's credential "
		       "sealpost-pin, where there is one."),
	F(pkcs11_paths, RECORD_TEXTS, .max = 32, .check = model_check_path,
		.doc = "Files and directories that the module needs; only the keys process may "
		       "use them."),
	F(pkcs11_connect, RECORD_BOOL, .preset = "false",
		.doc = "The module talks to a daemon or over the network: the keys process may "
		       "open "
		       "connections."),
};
#undef F
static const struct record_desc keys_desc =
	RECORD_DESC(struct model_keys, "keys", keys_fields, .doc = "Where private keys are.");

#define F(member, k, ...) RECORD_FIELD(struct model_alerts, member, k, __VA_ARGS__)
static const struct record_field alerts_fields[] = {
	F(mail, RECORD_TEXT, .check = model_check_mailbox,
		.doc = "Mailbox that is told of every alarm."),
	F(webhook, RECORD_TEXT, .check = model_check_url,
		.doc = "URL that every alarm is posted to, as JSON."),
	F(webhook_secret, RECORD_TEXT, .check = model_check_path,
		.doc = "File with the key that its requests are signed with (HMAC-SHA-256)."),
	F(events, RECORD_TEXTS, .max = 20, .check = model_check_event_kind,
		.doc = "Kinds of the trace's events that are posted to the webhook, too: received, "
		       "refused, handed-over, delivered, relayed, deferred, failed, expired, "
		       "delayed, held, released, returned, deleted, would-refuse."),
	F(before_expiry, RECORD_DURATIONS, .max = 20, .preset = "30d,14d,7d,2d,1d",
		.doc = "How long before the end of a certificate an alarm is raised, ours or a "
		       "partner's."),
};
#undef F
static const struct record_desc alerts_desc =
	RECORD_DESC(struct model_alerts, "alerts", alerts_fields, .doc = "Who is told of alarms.");

static const struct record_field publish_fields[] = {
	RECORD_FIELD(struct model_publish, listen, RECORD_TEXT, .check = model_check_listen,
		.doc = "Address and port on which anybody may fetch, by HTTP, the certificate "
		       "sheet and answers to ACME challenges; absent: nothing is published."),
	RECORD_FIELD(struct model_publish, certificates, RECORD_TEXTS, .max = 1000,
		.check = model_check_name,
		.doc = "Certificates that the published sheet shows; empty: all that are in use, "
		       "also those of organisations."),
};
static const struct record_desc publish_desc = RECORD_DESC(
	struct model_publish, "publish", publish_fields, .doc = "What is open to everybody.");

#define F(member, k, ...) RECORD_FIELD(struct model_admin, member, k, __VA_ARGS__)
static const struct record_field admin_fields[] = {
	F(listen, RECORD_TEXT, .check = model_check_listen,
		.doc = "Address and port of the admin center and its API, by HTTPS; absent: the "
		       "API is on the management socket alone."),
	F(certificate, RECORD_TEXT, .check = model_check_name,
		.doc = "Certificate to present there; absent: the first one."),
	DURATION(struct model_admin, session_idle, MINUTE, DAY, .preset = "30m",
		.doc = "Who is idle for so long must log in again."),
	DURATION(struct model_admin, session_life, MINUTE, WEEK, .preset = "12h",
		.doc = "How long a log-in is good at most."),
	F(requests_per_second, RECORD_INT, .min = 1, .max = 10000, .preset = "50",
		.doc = "Requests that a user, a token, or an address from which nobody is known "
		       "may make each second on the average; more are answered 429."),
	F(requests_burst, RECORD_INT, .min = 1, .max = 100000, .preset = "500",
		.doc = "Of these, how many may come at once after a rest."),
};
#undef F
static const struct record_desc admin_desc = RECORD_DESC(
	struct model_admin, "admin", admin_fields, .doc = "The admin center and the API.");

static const struct record_field metrics_fields[] = {
	RECORD_FIELD(struct model_metrics, listen, RECORD_TEXT, .check = model_check_listen,
		.doc = "Address and port on which anybody who reaches it may fetch /metrics, "
		       "/healthz and /readyz, by HTTP; absent: none."),
};
static const struct record_desc metrics_desc = RECORD_DESC(
	struct model_metrics, "metrics", metrics_fields, .doc = "What monitoring may fetch.");

#define F(member, k, ...) RECORD_FIELD(struct model_node, member, k, __VA_ARGS__)
#define PART(member)	  F(member, RECORD_INLINE, .sub = &member##_desc)
static const struct record_field node_fields[] = {
	F(hostname, RECORD_TEXT, .check = model_check_domain, .normal = model_normal_name,
		.doc = "Name in greeting, EHLO and Received; absent: the system's."),
	F(data, RECORD_TEXT, .check = model_check_path,
		.doc = "Directory of queue, trace and certificates made here."),
	F(run, RECORD_TEXT, .check = model_check_path,
		.doc = "Directory of the management socket."),
	F(roots, RECORD_TEXT, .check = model_check_path,
		.preset = "/etc/ssl/certs/ca-certificates.crt",
		.doc = "PEM file with the system's trust anchors."),
	F(listeners, RECORD_LIST, .sub = &listener_desc, .max = 64,
		.doc = "Ports on which mail is received; none: [::]:25 as root, else "
		       "127.0.0.1:2525."),
	F(certificates, RECORD_LIST, .sub = &certificate_desc, .max = 1000,
		.doc = "Certificates of this node; none: a self-signed one is made."),
	PART(users),
	PART(dns),
	PART(limits),
	PART(queue),
	PART(tls),
	PART(trace),
	PART(log),
	PART(processes),
	PART(ports),
	PART(fetch),
	PART(keys),
	PART(alerts),
	PART(publish),
	PART(admin),
	PART(metrics),
	F(maildirs, RECORD_TEXTS, .max = 64, .check = model_check_path,
		.doc = "Directories below which Maildirs may be written; empty: only "
		       "DATA/maildir."),
	F(administrators, RECORD_TEXTS, .max = 64, .check = model_check_user,
		.doc = "Users besides root and the server's own that may use the management "
		       "socket."),
};
#undef F

const struct record_desc model_node_desc =
	RECORD_DESC(struct model_node, "node", node_fields, .doc = "This machine.");

/* Add NAME; false when it is there already. */
static bool add_name(struct map *names, const char *name)
{
	static char mark;

	return map_set(names, str_of(name), &mark) == NULL;
}

static enum err check_listeners(
	const struct model_node *node, const struct map *certificates, struct err_info *info)
{
	struct map *names CLEANUP(map_free) = map_new(0);

	for (size_t i = 0; i < node->listeners.count; i++) {
		const struct model_listener *l = &node->listeners.items[i];

		if (!add_name(names, l->name))
			return err_set(info, ERR_EXISTS, "listeners[%zu].name: \"%s\" stands twice",
				i, l->name);
		if (l->require_tls && l->tls == MODEL_TLS_OFF)
			return err_set(info, ERR_CONFLICT,
				"listeners[%zu].require_tls: cannot be met, because tls is off", i);
		for (size_t k = 0; k < l->certificates.count; k++)
			if (map_get(certificates, str_of(l->certificates.items[k])) == NULL)
				return err_set(info, ERR_UNKNOWN,
					"listeners[%zu].certificates[%zu]: there is no certificate "
					"named \"%s\"",
					i, k, l->certificates.items[k]);
	}
	return ERR_OK;
}

/* ---- where it listens ------------------------------------------------------------------------ */

/* Something that the node file has listen. */
struct place {
	const char *path;     /* "metrics.listen"; NULL: a listener */
	size_t index;	      /* of a listener */
	const char *name;     /* of a listener */
	const char *endpoint; /* as it is written; NULL: it does not listen */
};

static size_t place_count(const struct model_node *node)
{
	return node->listeners.count + 3;
}

/* Listeners come first: of two at one place the complaint is of the later one. */
static struct place place_at(const struct model_node *node, size_t i)
{
	const struct place others[] = {
		{.path = "publish.listen", .endpoint = node->publish.listen},
		{.path = "admin.listen", .endpoint = node->admin.listen},
		{.path = "metrics.listen", .endpoint = node->metrics.listen},
	};

	if (i >= node->listeners.count)
		return others[i - node->listeners.count];
	return (struct place){.index = i,
		.name = node->listeners.items[i].name,
		.endpoint = node->listeners.items[i].address};
}

/* Does a socket at ADDRESS take what is for OTHER?  "::" is open for IPv4, too. */
static bool takes(const struct model_prefix *address, const struct model_prefix *other)
{
	static const struct model_prefix any4 = {.bytes = {[10] = 0xff, [11] = 0xff}, .bits = 96};
	static const struct model_prefix any6 = {.bits = 0};
	const struct model_prefix *whole = NULL;

	if (memcmp(address->bytes, any6.bytes, sizeof(any6.bytes)) == 0)
		whole = &any6;
	else if (memcmp(address->bytes, any4.bytes, sizeof(any4.bytes)) == 0)
		whole = &any4;
	return model_prefix_contains(whole != NULL ? whole : address, other);
}

static bool is_one_place(const char *a, const char *b)
{
	struct model_prefix one, other;
	struct str host_a, host_b;
	uint16_t port_a, port_b;

	return model_parse_endpoint(str_of(a), 0, &host_a, &port_a) &&
	       model_parse_endpoint(str_of(b), 0, &host_b, &port_b) && port_a == port_b &&
	       model_parse_prefix(host_a, &one) && model_parse_prefix(host_b, &other) &&
	       (takes(&one, &other) || takes(&other, &one));
}

static enum err clash(const struct place *p, const struct place *first, struct err_info *info)
{
	bool is_same = strcmp(p->endpoint, first->endpoint) == 0;

	if (p->path == NULL && is_same)
		return err_set(info, ERR_EXISTS, "listeners[%zu].address: %s stands twice",
			p->index, p->endpoint);
	if (p->path == NULL)
		return err_set(info, ERR_EXISTS,
			"listeners[%zu].address: %s is taken by %s of listener %s", p->index,
			p->endpoint, first->endpoint, first->name);
	if (first->path == NULL)
		return err_set(info, ERR_EXISTS, "%s: %s is where listener %s receives mail%s%s",
			p->path, p->endpoint, first->name, is_same ? "" : ", at ",
			is_same ? "" : first->endpoint);
	return err_set(info, ERR_EXISTS, "%s: %s is %s, too%s%s", p->path, p->endpoint, first->path,
		is_same ? "" : ", at ", is_same ? "" : first->endpoint);
}

static enum err check_places(const struct model_node *node, struct err_info *info)
{
	for (size_t i = 1; i < place_count(node); i++)
		for (size_t k = 0; k < i; k++) {
			struct place p = place_at(node, i), first = place_at(node, k);

			if (p.endpoint != NULL && first.endpoint != NULL &&
				is_one_place(p.endpoint, first.endpoint))
				return clash(&p, &first, info);
		}
	return ERR_OK;
}

const char *model_https_certificate(const struct model_node *node)
{
	if (node->admin.listen == NULL)
		return NULL;
	if (node->admin.certificate != NULL)
		return node->admin.certificate;
	return node->certificates.count > 0 ? node->certificates.items[0].name : NULL;
}

static enum err check_admin(
	const struct model_node *node, const struct map *certificates, struct err_info *info)
{
	const char *name = node->admin.certificate;

	if (name != NULL && map_get(certificates, str_of(name)) == NULL)
		return err_set(info, ERR_UNKNOWN,
			"admin.certificate: there is no certificate named \"%s\"", name);
	return ERR_OK;
}

enum err model_check_node(const struct model_node *node, struct err_info *info)
{
	struct map *names CLEANUP(map_free) = map_new(0);
	enum err e;

	for (size_t i = 0; i < node->certificates.count; i++)
		if (!add_name(names, node->certificates.items[i].name))
			return err_set(info, ERR_EXISTS,
				"certificates[%zu].name: \"%s\" stands twice", i,
				node->certificates.items[i].name);
	for (size_t i = 0; i < node->queue.retry.count; i++)
		if (node->queue.retry.items[i] < 100 || node->queue.retry.items[i] > DAY)
			return err_set(
				info, ERR_RANGE, "queue.retry[%zu]: expected 100ms to 24h", i);
	if (node->limits.connections_per_address > node->limits.connections)
		return err_set(info, ERR_CONFLICT,
			"limits.connections_per_address: %lld is more than connections, %lld",
			(long long)node->limits.connections_per_address,
			(long long)node->limits.connections);
	e = check_listeners(node, names, info);
	if (e == ERR_OK)
		e = check_places(node, info);
	return e == ERR_OK ? check_admin(node, names, info) : e;
}

/* DIRECTORY/path, unless the path is absolute, absent, or the word EXCEPT. */
static void resolve(
	const char **path, const char *except, const char *directory, struct arena *arena)
{
	struct str p = str_of(*path);

	if (p.n == 0 || p.p[0] == '/' || (except != NULL && str_is(p, except)))
		return;
	while (str_starts_nocase(p, (struct str)STR("./")))
		p = str_part(p, 2, p.n);
	if (p.n == 0 || str_is(p, "."))
		*path = arena_text(arena, directory);
	else
		*path = arena_format(arena, "%s%s%.*s", directory,
			str_ends_nocase(str_of(directory), (struct str)STR("/")) ? "" : "/",
			STR_ARGS(p));
}

void model_resolve_paths(struct model_node *node, const char *directory, struct arena *arena)
{
	resolve(&node->data, NULL, directory, arena);
	resolve(&node->run, NULL, directory, arena);
	resolve(&node->roots, NULL, directory, arena);
	resolve(&node->dns.trust_anchor, "none", directory, arena);
	for (size_t i = 0; i < node->certificates.count; i++) {
		resolve(&node->certificates.items[i].chain, NULL, directory, arena);
		if (!str_starts_nocase(
			    str_of(node->certificates.items[i].key), (struct str)STR("pkcs11:")))
			resolve(&node->certificates.items[i].key, NULL, directory, arena);
	}
	resolve(&node->keys.passphrase, NULL, directory, arena);
	resolve(&node->keys.pkcs11_module, NULL, directory, arena);
	resolve(&node->keys.pkcs11_pin, NULL, directory, arena);
	resolve(&node->alerts.webhook_secret, NULL, directory, arena);
	for (size_t i = 0; i < node->keys.pkcs11_paths.count; i++)
		resolve(&node->keys.pkcs11_paths.items[i], NULL, directory, arena);
	for (size_t i = 0; i < node->maildirs.count; i++)
		resolve(&node->maildirs.items[i], NULL, directory, arena);
}
