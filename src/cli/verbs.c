/* The table of verbs: what `sealpost` can be told, for parser, help, manual and completion. */
#include "cli/rows_access.h"

const struct cli_flag cli_common_flags[] = {
	{"node", "FILE", "The node file of the server to speak to (or $SEALPOST_NODE)."},
	{"socket", "PATH", "The management socket of the server (or $SEALPOST_SOCKET)."},
	{"json", NULL, "Print JSON, as the management API gives it."},
	{"no-color", NULL, "No colours, also on a terminal (or $NO_COLOR)."},
	{"help", NULL, "Show help for the verb."},
	{NULL, NULL, NULL},
};

static const struct cli_flag queue_filter_flags[] = {
	FLAGS_QUEUE_FILTER,
	FLAG_LIMIT,
	{NULL, NULL, NULL},
};

static const struct cli_flag queue_act_flags[] = {
	FLAGS_QUEUE_FILTER,
	{"all", NULL, "Everything in the queue."},
	FLAG_YES,
	{NULL, NULL, NULL},
};

static const struct cli_flag object_list_flags[] = {
	{"organisation", "NAME", "Only those of this organisation."},
	{"domain", "DOMAIN", "Only recipients at this domain."},
	FLAG_LIMIT,
	{NULL, NULL, NULL},
};

static const struct cli_flag backup_flags[] = {
	{"no-trace", NULL, "Leave out what became of messages, and reports."},
	{"with-keys", NULL, "Take private keys along: whoever has the backup has them."},
	{"data", "DIRECTORY", "The data directory, if the node file does not say it."},
	{NULL, NULL, NULL},
};

static const struct cli_flag restore_flags[] = {
	{"check", NULL, "Only look whether the backup is whole."},
	{"data", "DIRECTORY", "The data directory to make, if the node file does not say it."},
	{"release", NULL, "Do not hold mail that waits: what was delivered since goes out twice."},
	{NULL, NULL, NULL},
};

#define OBJECT_VERBS(word, noun, article, kind_id, object_desc, key, add_example, set_example)     \
	{.name = word " list",                                                                     \
		.arguments = "",                                                                   \
		.doc = "List the " noun "s.",                                                      \
		.flags = object_list_flags,                                                        \
		.examples = EXAMPLES("sealpost " word " list"),                                    \
		.kind = kind_id,                                                                   \
		.run = cli_run_object_list},                                                       \
		{.name = word " show",                                                             \
			.arguments = key,                                                          \
			.doc = "Show every property of one " noun ".",                             \
			.examples = EXAMPLES("sealpost " word " show " key " --json"),             \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.kind = kind_id,                                                           \
			.run = cli_run_object_show},                                               \
		{.name = word " add",                                                              \
			.arguments = "NAME",                                                       \
			.doc = "Add " article " " noun "; each property is an option.",            \
			.flags = FLAGS(FLAG_DRY_RUN),                                              \
			.examples = EXAMPLES(add_example),                                         \
			.properties = &object_desc,                                                \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.kind = kind_id,                                                           \
			.run = cli_run_object_add},                                                \
		{.name = word " set",                                                              \
			.arguments = key,                                                          \
			.doc = "Change the properties given; an empty value resets one to its "    \
			       "default.",                                                         \
			.flags = FLAGS(FLAG_DRY_RUN),                                              \
			.examples = EXAMPLES(set_example),                                         \
			.properties = &object_desc,                                                \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.kind = kind_id,                                                           \
			.run = cli_run_object_set},                                                \
	{                                                                                          \
		.name = word " remove", .arguments = key, .doc = "Remove one " noun ".",           \
		.flags = FLAGS(FLAG_DRY_RUN, FLAG_YES),                                            \
		.examples = EXAMPLES("sealpost " word " remove " key), .least = 1, .most = 1,      \
		.kind = kind_id, .run = cli_run_object_remove                                      \
	}

#define QUEUE_ACT(action, text)                                                                    \
	{                                                                                          \
		.name = "queue " action, .arguments = "[ID]", .doc = text,                         \
		.flags = queue_act_flags,                                                          \
		.examples = EXAMPLES("sealpost queue " action " 0FZ3K5M2P7QAB",                    \
			"sealpost queue " action " --domain=fabrikam.example --yes"),              \
		.most = 1, .run = cli_run_queue_act                                                \
	}

const struct cli_verb cli_verbs[] = {
	{.name = "serve",
		.arguments = "",
		.doc = "Run the server in the foreground; everything else speaks to it.",
		.examples = EXAMPLES("sealpost serve --node /etc/sealpost/sealpost.yaml")},
	{.name = "apply",
		.arguments = "FILE.yaml",
		.doc = "Make the configuration what the file says, all at once; show the "
		       "difference.",
		.flags = FLAGS(FLAG_DRY_RUN, FLAG_YES),
		.examples = EXAMPLES("sealpost apply configuration.yaml --dry-run",
			"sealpost export | sealpost apply -"),
		.least = 1,
		.most = 1,
		.run = cli_run_apply},
	{.name = "export",
		.arguments = "",
		.doc = "Print the configuration as YAML that apply accepts.",
		.examples = EXAMPLES("sealpost export > configuration.yaml"),
		.run = cli_run_export},
	{.name = "lint",
		.arguments = "[FILE.yaml]",
		.doc = "Say what is doubtful in the configuration, of the server or of a file; "
		       "fails where something is in error.",
		.examples = EXAMPLES("sealpost lint", "sealpost lint configuration.yaml"),
		.most = 1,
		.run = cli_run_lint},
	OBJECT_VERBS("org", "organisation", "an", MODEL_ORGANISATION, model_organisation_desc,
		"NAME", "sealpost org add contoso --certificate=mx",
		"sealpost org set contoso --minimum-tls=encrypt"),
	OBJECT_VERBS("domain", "accepted domain", "an", MODEL_DOMAIN, model_domain_desc, "DOMAIN",
		"sealpost domain add contoso.example --organisation=contoso "
		"--delivery=lmtp:unix:/run/dovecot/lmtp",
		"sealpost domain set contoso.example --subdomains"),
	OBJECT_VERBS("connector", "connector", "a", MODEL_CONNECTOR, model_connector_desc,
		"[ORGANISATION/]NAME",
		"sealpost connector add fabrikam --organisation=contoso --type=partner "
		"--outbound.recipient-domains=fabrikam.example --outbound.tls=name "
		"--outbound.tls-domain=mx.fabrikam.example --trust-file=fabrikam-ca.pem",
		"sealpost connector set contoso/fabrikam --inbound-require-tls=true"),
	{.name = "connector test",
		.arguments = "[ORGANISATION/]NAME",
		.doc = "Try a connector out: connect to its next hops in earnest and tell each "
		       "step, up to the answer to RCPT; or, inbound, say whether mail would come "
		       "in by it.",
		.flags = FLAGS({"to", "ADDRESS", "Recipient (else a postmaster it is for)."},
			{"from", "ADDRESS", "Sender (else the organisation's postmaster)."},
			{"send", NULL, "Send a test message too, and follow it to its end."},
			{"inbound", NULL, "A dry run for mail that comes in; nothing is sent."},
			{"cert", "FILE", "Inbound: certificate the client presents, as PEM."},
			{"ip", "ADDRESS", "Inbound: address the client connects from."},
			{"clear", NULL, "Inbound: the client does not use TLS."},
			{"history", NULL, "Show what came of earlier tests."}, FLAG_LIMIT),
		.examples = EXAMPLES("sealpost connector test contoso/fabrikam",
			"sealpost connector test contoso/fabrikam --to=bob@fabrikam.example --send",
			"sealpost connector test contoso/fabrikam --inbound --cert=fabrikam.pem"),
		.least = 1,
		.most = 1,
		.run = cli_run_connector_test},
	OBJECT_VERBS("recipient", "recipient", "a", MODEL_RECIPIENT, model_recipient_desc,
		"ADDRESS", "sealpost recipient add anna@contoso.example --place=on-premises",
		"sealpost recipient set anna@contoso.example --place=here"),
	{.name = "recipient load",
		.arguments = "FILE",
		.doc = "Add and change recipients from a file: an address a line, then perhaps "
		       "\", here\" or \", on-premises\" and a comment.",
		.flags = FLAGS({"domain", "DOMAIN",
				       "Only addresses at this domain, which may be left out in "
				       "the file."},
			{"replace", NULL,
				"Remove those that are not in the file, at that domain or at the "
				"domains in the file."},
			FLAG_DRY_RUN, FLAG_YES),
		.examples = EXAMPLES("sealpost recipient load staff.txt --dry-run",
			"sealpost recipient load staff.txt --domain=contoso.example --replace"),
		.least = 1,
		.most = 1,
		.run = cli_run_recipient_load},
	OBJECT_VERBS("rule", "rule", "a", MODEL_RULE, model_rule_desc, "[ORGANISATION/]NAME",
		"sealpost rule add records --organisation=contoso --direction=outgoing "
		"--header=X-Class --header-contains=patient --require-tls=chain",
		"sealpost rule set contoso/records --mode=report"),
	{.name = "cert challenge",
		.arguments = "add TOKEN ANSWER, remove TOKEN, or list",
		.doc = "Publish the answer to an ACME challenge (http-01) on publish.listen; for "
		       "hooks of ACME clients.",
		.examples = EXAMPLES("sealpost cert challenge add TOKEN TOKEN.THUMBPRINT",
			"sealpost cert challenge remove TOKEN"),
		.least = 1,
		.most = 3,
		.run = cli_run_cert_challenge},
	{.name = "cert list",
		.arguments = "",
		.doc = "List the certificates the server holds, and what uses them.",
		.examples = EXAMPLES("sealpost cert list"),
		.run = cli_run_cert_list},
	{.name = "cert show",
		.arguments = "NAME",
		.doc = "Show one certificate: its versions, and each that lives with its chain.",
		.examples = EXAMPLES("sealpost cert show mx"),
		.least = 1,
		.most = 1,
		.run = cli_run_cert_show},
	{.name = "cert sheet",
		.arguments = "[NAME]",
		.doc = "Print what partners must know of our certificates: root, name, key, dates, "
		       "places to reach, TLSA; the next versions too.",
		.flags = FLAGS({"format", "FORMAT", "text (the default), markdown, html or json."},
			{"organisation", "ORGANISATION",
				"Only what partners of this organisation are shown."},
			{"output", "FILE", "Write there."}),
		.examples = EXAMPLES("sealpost cert sheet",
			"sealpost cert sheet mx --format html --output sheet.html"),
		.most = 1,
		.run = cli_run_cert_sheet},
	{.name = "cert import",
		.arguments = "NAME CHAIN.pem [KEY.pem [CHAIN.pem KEY.pem]]",
		.doc = "Check chain and key (or FILE.p12, or the answer to a request), and put "
		       "them into the data directory: the first version of a name is current, "
		       "every other one next.",
		.flags = FLAGS(
			{"advance", NULL, "Present it at once; the current version is deprecated."},
			{"replace", NULL, "Drop a version that is next already."},
			{"beside", NULL,
				"Keep the other kind (ECDSA or RSA) of the version before."},
			{"passphrase-file", "FILE", "Passphrase of the key, or of FILE.p12."},
			{"sealed", NULL,
				"Store an encrypted key as it is: the service manager gives the "
				"server its passphrase."},
			{"trust", "FILE", "A root that the system does not know, PEM."}, FLAG_DATA,
			{"force", NULL,
				"Import what is expired, weak, or without its intermediates."},
			FLAG_NO_RELOAD),
		.examples = EXAMPLES("sealpost cert import mx mx.chain.pem mx.key.pem",
			"sealpost cert import mx ecdsa.pem ecdsa.key rsa.pem rsa.key",
			"sealpost cert import mx mx.p12 --passphrase-file=secret"),
		.least = 2,
		.most = 5,
		.run = cli_run_cert_import},
	{.name = "cert request",
		.arguments = "NAME",
		.doc = "Make a key, and print a request for a certificate (PKCS #10).",
		.flags = FLAGS(FLAG_HOST, FLAG_KEY,
			{"organisation", "TEXT", "Organisation in the subject."},
			{"unit", "TEXT", "Organisational unit in the subject."},
			{"country", "XX", "Country in the subject."}, FLAG_DATA,
			{"force", NULL, "Throw away the key of a request that is open."}),
		.examples = EXAMPLES("sealpost cert request mx --host=mx.contoso.example > mx.csr"),
		.least = 1,
		.most = 1,
		.run = cli_run_cert_request},
	{.name = "cert self-signed",
		.arguments = "NAME",
		.doc = "Make a key and a self-signed certificate, as an import.",
		.flags = FLAGS(FLAG_HOST, FLAG_KEY, {"days", "N", "Days it is valid (365)."},
			{"advance", NULL, "Present it at once; the current version is deprecated."},
			{"replace", NULL, "Drop a version that is next already."}, FLAG_DATA,
			FLAG_NO_RELOAD),
		.examples = EXAMPLES("sealpost cert self-signed mx --host=mx.contoso.example"),
		.least = 1,
		.most = 1,
		.run = cli_run_cert_self_signed},
	{.name = "cert remove",
		.arguments = "NAME",
		.doc = "Remove a certificate with all its versions, and destroy its keys.",
		.flags = FLAGS(FLAG_DATA, FLAG_NO_RELOAD, FLAG_YES),
		.examples = EXAMPLES("sealpost cert remove old --yes"),
		.least = 1,
		.most = 1,
		.run = cli_run_cert_remove},
	{.name = "cert rollover",
		.arguments = "ACTION NAME",
		.doc = "Change from one version of a certificate to the next: plan (show), start "
		       "(a trial), advance, back, retire, cancel, drop (the next one).",
		.flags = FLAGS({"at", "MOMENT", "Do it then: 2026-12-01T06:00:00Z, or +7d."},
			{"share", "N", "start: show it on N per cent of the connections."},
			{"connector", "[ORGANISATION/]NAME,...",
				"start: show it on all connections of these connectors."},
			{"force", NULL,
				"advance: although a partner is known to check what changes."},
			FLAG_DATA),
		.examples = EXAMPLES("sealpost cert rollover plan mx",
			"sealpost cert rollover start mx --connector=contoso/fabrikam --share=5",
			"sealpost cert rollover advance mx --at=+7d",
			"sealpost cert rollover retire mx --at=+21d"),
		.least = 2,
		.most = 2,
		.run = cli_run_cert_rollover},
	{.name = "cert explain",
		.arguments = "",
		.doc = "Which certificate, and which version of it, a peer is shown, and why.",
		.flags =
			FLAGS({"name", "HOST", "Inbound: the name that the client asks for (SNI)."},
				{"from", "ADDRESS", "Inbound: the client's address."},
				{"connector", "[ORGANISATION/]NAME", "The partner."},
				{"to", "HOST[:PORT]", "Outbound: the next hop; with --connector."}),
		.examples =
			EXAMPLES("sealpost cert explain --name=mx.contoso.example --from=192.0.2.1",
				"sealpost cert explain --connector=contoso/fabrikam "
				"--to=mx.fabrikam.example"),
		.run = cli_run_cert_explain},
	{.name = "cert acceptance",
		.arguments = "NAME",
		.doc = "Which partners have accepted and refused which versions of a certificate.",
		.examples = EXAMPLES("sealpost cert acceptance mx"),
		.least = 1,
		.most = 1,
		.run = cli_run_cert_acceptance},
	{.name = "backup",
		.arguments = "DIRECTORY",
		.doc = "Copy configuration, queue, trace and certificates into a new directory, "
		       "while mail goes on.",
		.flags = backup_flags,
		.examples = EXAMPLES("sealpost backup /var/backups/sealpost-monday"),
		.least = 1,
		.most = 1,
		.run = cli_run_backup},
	{.name = "restore",
		.arguments = "DIRECTORY",
		.doc = "Make a data directory out of a backup; the server must not run.",
		.flags = restore_flags,
		.examples = EXAMPLES("sealpost restore /var/backups/sealpost-monday --check",
			"sealpost restore /var/backups/sealpost-monday"),
		.least = 1,
		.most = 1,
		.run = cli_run_restore},
	{.name = "queue summary",
		.arguments = "",
		.doc = "One line for each next hop that mail waits for.",
		.examples = EXAMPLES("sealpost queue summary"),
		.run = cli_run_queue_summary},
	{.name = "queue list",
		.arguments = "",
		.doc = "List the messages in the queue.",
		.flags = queue_filter_flags,
		.examples = EXAMPLES("sealpost queue list --domain=fabrikam.example"),
		.run = cli_run_queue_list},
	{.name = "queue show",
		.arguments = "ID",
		.doc = "Show one message in the queue and everything that happened to it.",
		.examples = EXAMPLES("sealpost queue show 0FZ3K5M2P7QAB"),
		.least = 1,
		.most = 1,
		.run = cli_run_queue_show},
	QUEUE_ACT("hold", "Keep messages from being tried until they are released."),
	QUEUE_ACT("release", "Let held messages go on."),
	QUEUE_ACT("retry", "Try messages now rather than when they are due."),
	QUEUE_ACT("delete", "Remove messages without telling their senders."),
	QUEUE_ACT("return", "Give messages up now, and tell their senders why."),
	{.name = "trace",
		.arguments = "[ID | ADDRESS...]",
		.doc = "Find messages; with an id, tell the whole story of one.",
		.flags = FLAGS({"from", "ADDRESS", "Sender."}, {"to", "ADDRESS", "Recipient."},
			{"message-id", "ID", "The Message-ID header."},
			{"id", "ID", "The id the server gave it."},
			{"connector", "ORGANISATION/NAME", "A hop took this connector."},
			{"since", "TIME",
				"Not before: 2026-11-21T20:00Z, or 2h for two hours ago."},
			{"until", "TIME", "Not after."},
			{"outcome", "KIND",
				"Something of this kind happened: received, refused, handed-over, "
				"delivered, relayed, deferred, delayed, failed, expired, held, "
				"released, returned, deleted, would-refuse."},
			FLAG_LIMIT),
		.examples = EXAMPLES("sealpost trace bob@fabrikam.example --since=2h",
			"sealpost trace 0FZ3K5M2P7QAB"),
		.most = CLI_MAX_WORDS,
		.run = cli_run_trace},
	{.name = "explain",
		.arguments = "",
		.doc = "Say what would happen to a message, and why; nothing is sent.",
		.flags = FLAGS({"from", "ADDRESS", "Sender; empty for a bounce."},
			{"to", "ADDRESS", "Recipient; may be given several times."},
			{"ip", "ADDRESS", "Address the client connects from."},
			{"cert", "FILE", "Certificate the client presents, PEM with its chain."},
			{"clear", NULL, "The client does not use TLS."}),
		.examples = EXAMPLES("sealpost explain --from=anna@contoso.example "
				     "--to=bob@fabrikam.example --ip=192.0.2.1"),
		.run = cli_run_explain},
	{.name = "partner kit",
		.arguments = "",
		.doc = "Print what a partner needs to force TLS with us, both ways.",
		.flags = FLAGS({"organisation", "ORGANISATION",
				       "Whose kit; absent: the only one there is."},
			{"connector", "ORGANISATION/NAME",
				"The connector for this partner: what it asks goes along."},
			{"address", "ADDRESS",
				"An address that our mail comes from; may be given several times."},
			{"trust", "FILE",
				"Roots to hand out (PEM), where the server does not know them."},
			{"format", "FORMAT", "text (the default), html or json."},
			{"output", "FILE", "Write there."}),
		.examples = EXAMPLES("sealpost partner kit --format html --output kit.html",
			"sealpost partner kit --connector contoso/fabrikam --format json"),
		.run = cli_run_partner_kit},
	{.name = "partner import",
		.arguments = "FILE|URL",
		.doc = "Make a connector of the kit of a partner: show it and what would change.",
		.flags = FLAGS({"organisation", "ORGANISATION",
				       "Whose connector; absent: the only one there is."},
			{"name", "NAME", "Name of the connector (the kit's organisation)."},
			{"apply", NULL, "Make the change."}),
		.examples = EXAMPLES("sealpost partner import fabrikam.json",
			"sealpost partner import https://fabrikam.example/mail-kit.json --apply"),
		.least = 1,
		.most = 1,
		.run = cli_run_partner_import},
	{.name = "import exchange",
		.arguments = "FILE.json...",
		.doc = "Say what connectors and accepted domains of Exchange Online amount to "
		       "here.",
		.flags = FLAGS({"organisation", "ORGANISATION",
				       "Whose they are to be; absent: named after the default "
				       "domain."},
			{"yaml", "FILE", "Write the proposal there; - is standard output."}),
		.examples = EXAMPLES("sealpost import exchange inbound.json outbound.json "
				     "domains.json --yaml contoso.yaml"),
		.least = 1,
		.most = CLI_MAX_WORDS,
		.run = cli_run_import_exchange},
	{.name = "status",
		.arguments = "",
		.doc = "Show the server, its processes and its counters.",
		.examples = EXAMPLES("sealpost status"),
		.run = cli_run_status},
	{.name = "metrics",
		.arguments = "",
		.doc = "Print what monitoring reads of the server, in the text format of "
		       "Prometheus.",
		.examples = EXAMPLES("sealpost metrics | grep sealpost_refused_total"),
		.run = cli_run_metrics},
	{.name = "reload",
		.arguments = "",
		.doc = "Read the node file and the certificates again.",
		.examples = EXAMPLES("sealpost reload"),
		.run = cli_run_reload},
	{.name = "connector readiness",
		.arguments = "[ORGANISATION/]NAME",
		.doc = "Say what a connector in report mode would have refused, by reason and "
		       "host, "
		       "and what switching it to enforce would mean.",
		.flags = FLAGS({"days", "N", "Look back that many days, today included; 30."}),
		.examples = EXAMPLES("sealpost connector readiness contoso/fabrikam --days=7"),
		.least = 1,
		.most = 1,
		.run = cli_run_readiness},
	{.name = "alarms list",
		.arguments = "",
		.doc = "List the alarms that nobody has acknowledged yet.",
		.flags = FLAGS({"all", NULL, "Those acknowledged, too."}),
		.examples = EXAMPLES("sealpost alarms list --all"),
		.run = cli_run_alarms_list},
	{.name = "alarms acknowledge",
		.arguments = "ID...",
		.doc = "Note that you have seen an alarm.",
		.examples = EXAMPLES("sealpost alarms acknowledge 17"),
		.least = 1,
		.most = CLI_MAX_WORDS,
		.run = cli_run_alarms_acknowledge},
	{.name = "alerts test",
		.arguments = "",
		.doc = "Tell of a test alarm by mail and webhook, and show what came of it.",
		.examples = EXAMPLES("sealpost alerts test"),
		.run = cli_run_alerts_test},
	{.name = "chain list",
		.arguments = "",
		.doc = "List the certificates that partners have presented, those first seen last "
		       "first.",
		.flags =
			FLAGS({"connector", "NAME", "Only what this connector's partner presents."},
				{"new", NULL, "Only changes that nobody has accepted."},
				{"current", NULL, "Only what partners with connectors use now."},
				{"since", "MOMENT", "Only those seen since then."}, FLAG_LIMIT),
		.examples = EXAMPLES("sealpost chain list --new",
			"sealpost chain list --connector contoso/fabrikam"),
		.run = cli_run_chain_list},
	{.name = "chain show",
		.arguments = "ID",
		.doc = "Show one of them with all its certificates.",
		.flags = FLAGS({"pem", NULL, "The certificates themselves, too."}),
		.examples = EXAMPLES("sealpost chain show 12 --pem"),
		.least = 1,
		.most = 1,
		.run = cli_run_chain_show},
	{.name = "chain accept",
		.arguments = "ID...",
		.doc = "Note that this is how it is now: the alarm is over.",
		.examples = EXAMPLES("sealpost chain accept 12"),
		.least = 1,
		.most = CLI_MAX_WORDS,
		.run = cli_run_chain_accept},
	{.name = "chain pin",
		.arguments = "ID",
		.doc = "Accept it, and have the connector ask for its key from now on.",
		.flags = FLAGS(
			{"only", NULL, "Instead of the keys pinned before, not beside them."}),
		.examples = EXAMPLES("sealpost chain pin 12"),
		.least = 1,
		.most = 1,
		.run = cli_run_chain_pin},
	{.name = "protection list",
		.arguments = "",
		.doc = "List how well mail to and from domains has been protected, those that have "
		       "less now first.",
		.flags = FLAGS({"domain", "DOMAIN", "Only this domain."},
			{"fallen", NULL, "Only what has less than it had."}),
		.examples = EXAMPLES("sealpost protection list --fallen"),
		.run = cli_run_protection_list},
	{.name = "protection forget",
		.arguments = "DOMAIN",
		.doc = "Forget what protection a domain has had: what it does from now on counts.",
		.examples = EXAMPLES("sealpost protection forget fabrikam.example"),
		.least = 1,
		.most = 1,
		.run = cli_run_protection_forget},
	{.name = "host list",
		.arguments = "",
		.doc = "List the hosts whose TLS failed and what is remembered of them.",
		.examples = EXAMPLES("sealpost host list"),
		.run = cli_run_host_list},
	{.name = "host forget",
		.arguments = "HOST",
		.doc = "Forget what is remembered of a host: try full TLS again.",
		.examples = EXAMPLES("sealpost host forget mx.fabrikam.example:25"),
		.least = 1,
		.most = 1,
		.run = cli_run_host_forget},
	{.name = "check endpoints",
		.arguments = "[HOST|FILE|URL...]",
		.doc = "Find every address of revocation lists, OCSP responders and issuers in "
		       "chains, have each fetched by the process that will have to, and say what "
		       "is wrong and which hosts and ports to allow; without arguments: --own and "
		       "--connectors.",
		.flags = FLAGS({"own", NULL, "The certificates of this server."},
			{"connectors", NULL,
				"The hosts that connectors send mail to, and what their partners "
				"have presented."},
			{"partners", NULL, "What anybody has presented of late."},
			{"kind", "KIND", "What a URL is to be: crl, ocsp or issuer."},
			{"quiet", NULL, "Show only what is not fine."}),
		.examples = EXAMPLES("sealpost check endpoints",
			"sealpost check endpoints --own --json",
			"sealpost check endpoints mx.fabrikam.example",
			("sealpost check endpoints chain.pem smtps://mail.fabrikam.example "
			 "http://crl.ca.example/ca.crl")),
		.most = CLI_MAX_WORDS,
		.run = cli_run_check_endpoints},
	{.name = "check roots",
		.arguments = "",
		.doc = "List which root each own certificate, connector and partner depends on, "
		       "whether the trust store in use has it, its dates, and what to install "
		       "where.",
		.flags = FLAGS({"require", "NAME|FINGERPRINT",
				       "A root that must be there and valid: its name, or its "
				       "SHA-256; may be given several times."},
			{"connector", "[ORGANISATION/]NAME",
				"Look for it in the trust store of this connector, not in the "
				"system's."}),
		.examples = EXAMPLES("sealpost check roots",
			"sealpost check roots --require=\"DigiCert Global Root G2\" --json"),
		.run = cli_run_check_roots},
	ROWS_USER,
	ROWS_TOKEN,
	ROWS_AUDIT,
	{.name = "tls list",
		.arguments = "",
		.doc = "List the TLS versions, suites, groups and signatures offered and "
		       "accepted, in order, by listener and by connector.",
		.flags = FLAGS({"listener", "NAME", "Only this listener."},
			{"connector", "[ORGANISATION/]NAME", "Only this connector."}),
		.examples = EXAMPLES("sealpost tls list",
			"sealpost tls list --connector=contoso/fabrikam --json"),
		.run = cli_run_tls_list},
	{.name = "api",
		.arguments = "[METHOD PATH]",
		.doc = "Call the management API as it is, and print the answer; without a call, "
		       "its OpenAPI document.",
		.flags = FLAGS({"openapi", NULL, "Print the OpenAPI document."},
			{"body", "FILE", "What is sent, as JSON; - for standard input."},
			{"if-match", "ETAG", "Only while what is to be changed is still that."}),
		.examples = EXAMPLES("sealpost api --openapi", "sealpost api GET /v1/status",
			"sealpost api PATCH /v1/connectors/contoso/fabrikam --body change.json"),
		.most = 2,
		.run = cli_run_api},
	{.name = "completion",
		.arguments = "bash|zsh|fish",
		.doc = "Print a completion script for the shell.",
		.examples = EXAMPLES("source <(sealpost completion bash)"),
		.least = 1,
		.most = 1,
		.run = cli_run_completion},
	{.name = "help",
		.arguments = "[VERB|outcomes|TOKEN]",
		.doc = "Show help, the outcomes of policy or one of them, or the reference of "
		       "the files.",
		.flags = FLAGS({"reference", "TOPIC",
				       "node, configuration or verbs: every property or verb; "
				       "outcomes: the table as Markdown."},
			{"mdoc", NULL, "The reference as manual page source."}),
		.examples = EXAMPLES("sealpost help queue list", "sealpost help untrusted-root",
			"sealpost help --reference=configuration"),
		.most = 2,
		.run = cli_run_help},
	{.name = "version",
		.arguments = "",
		.doc = "Print the version.",
		.examples = EXAMPLES("sealpost version"),
		.run = cli_run_version},
};
const size_t cli_verb_count = ARRAY_LENGTH(cli_verbs);
