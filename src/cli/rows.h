/* Inside src/cli: pieces of which the rows of the table of verbs are made. */
#ifndef SEALPOST_CLI_ROWS_H
#define SEALPOST_CLI_ROWS_H

#include "cli/verb.h"

#define EXAMPLES(...)                                                                              \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define FLAGS(...)                                                                                 \
	(const struct cli_flag[])                                                                  \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, NULL, NULL                                                           \
		}                                                                                  \
	}

#define FLAG_DRY_RUN                                                                               \
	{                                                                                          \
		"dry-run", NULL, "Check, and show what would change; change nothing."              \
	}
#define FLAG_YES                                                                                   \
	{                                                                                          \
		"yes", NULL, "Do not ask for confirmation."                                        \
	}
#define FLAG_DATA                                                                                  \
	{                                                                                          \
		"data", "DIRECTORY",                                                               \
			"The data directory (else the node file's): work there, not by the "       \
			"server."                                                                  \
	}
#define FLAG_NO_RELOAD                                                                             \
	{                                                                                          \
		"no-reload", NULL, "Do not ask the server to reload."                              \
	}
#define FLAG_HOST                                                                                  \
	{                                                                                          \
		"host", "HOST", "Names on the certificate, comma separated (this machine's)."      \
	}
#define FLAG_KEY                                                                                   \
	{                                                                                          \
		"key", "KIND",                                                                     \
			"ecdsa-p256 (the default), ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096."    \
	}
#define FLAG_LIMIT                                                                                 \
	{                                                                                          \
		"limit", "N", "Show at most N entries; 0 shows all."                               \
	}
#define FLAGS_QUEUE_FILTER                                                                         \
	{"id", "ID", "The message with this id."},                                                 \
		{"route", "ROUTE", "Recipients waiting for this next hop (see queue summary)."},   \
		{"domain", "DOMAIN", "Recipients in this domain."},                                \
		{"connector", "ORGANISATION/NAME", "Recipients whose mail takes this connector."}, \
		{"sender", "ADDRESS", "Messages from this sender."},                               \
		{"recipient", "ADDRESS", "This recipient."},                                       \
	{                                                                                          \
		"state", "STATE", "waiting, active or held."                                       \
	}

/* With queue_act_flags of the table. */
#define QUEUE_ACT(action, text)                                                                    \
	{                                                                                          \
		.name = "queue " action, .arguments = "[ID]", .doc = text,                         \
		.flags = queue_act_flags,                                                          \
		.examples = EXAMPLES("sealpost queue " action " 0FZ3K5M2P7QAB",                    \
			"sealpost queue " action " --domain=fabrikam.example --yes"),              \
		.most = 1, .run = cli_run_queue_act                                                \
	}

/* Long ones. */
#define TRACE_FLAGS                                                                                \
	FLAGS({"from", "ADDRESS", "Sender."}, {"to", "ADDRESS", "Recipient."},                     \
		{"message-id", "ID", "The Message-ID header."},                                    \
		{"id", "ID", "The id the server gave it."},                                        \
		{"connector", "ORGANISATION/NAME", "A hop took this connector."},                  \
		{"since", "TIME", "Not before: 2026-11-21T20:00Z, or 2h for two hours ago."},      \
		{"until", "TIME", "Not after."},                                                   \
		{"outcome", "KIND",                                                                \
			"Something of this kind happened: received, refused, handed-over, "        \
			"delivered, relayed, deferred, delayed, failed, expired, held, "           \
			"released, returned, deleted, would-refuse."},                             \
		{"tls", "VERSION", "A hop had it: 1.2, 1.3, or clear."},                           \
		{"host", "HOST", "Name or address of the other side of a hop."},                   \
		{"subject", "TEXT", "Part of the subject; where trace.subjects is on."},           \
		{"evidence", NULL, "With an id: a page that can be printed and handed on."},       \
		{"format", "FORMAT", "Of the page: html (default), text or markdown."},            \
		{"output", "FILE", "Write the page there."}, FLAG_LIMIT)
#define REPORT_FLAGS                                                                               \
	FLAGS({"since", "TIME",                                                                    \
		      "From then on: 2026-11-21, or 90d for ninety days ago; "                     \
		      "absent: 30 days."},                                                         \
		{"until", "TIME", "Until then; absent: now. expiring: until when they end."},      \
		{"step", "STEP", "One row for each hour, day, or total (default)."},               \
		{"organisation", "ORGANISATION", "Only its mail."},                                \
		{"connector", "ORGANISATION/NAME", "Only mail by this connector."},                \
		{"direction", "DIRECTION", "inbound or outbound; absent: both."},                  \
		{"csv", NULL, "As comma-separated values."},                                       \
		{"output", "FILE", "With --csv: write it there."})

#endif
