/* Inside src/cli: the rows of the verbs about users, tokens and the audit log. */
#ifndef SEALPOST_CLI_ROWS_ACCESS_H
#define SEALPOST_CLI_ROWS_ACCESS_H

#include "cli/rows.h"

#define FLAG_ORGANISATIONS                                                                         \
	{                                                                                          \
		"organisations", "NAME,...", "What it is limited to; none: all."                   \
	}
#define FLAG_PASSWORD_FILE                                                                         \
	{                                                                                          \
		"password-file", "FILE",                                                           \
			"Take the password from its first line; - is standard input; without it "  \
			"the terminal is asked."                                                   \
	}
#define FLAG_ROLE                                                                                  \
	{                                                                                          \
		"role", "ROLE", "reader, auditor, organisation-admin or installation-admin."       \
	}

#define ROWS_USER                                                                                  \
	{.name = "user list",                                                                      \
		.arguments = "",                                                                   \
		.doc = "List who may log in to the admin center.",                                 \
		.examples = EXAMPLES("sealpost user list"),                                        \
		.run = cli_run_user_list},                                                         \
		{.name = "user add",                                                               \
			.arguments = "NAME",                                                       \
			.doc = "Add a user.",                                                      \
			.flags = FLAGS(FLAG_ROLE, FLAG_ORGANISATIONS, FLAG_PASSWORD_FILE,          \
				{"no-password", NULL,                                              \
					"Ask for none: the user sets it by a link (user link)."}), \
			.examples = EXAMPLES("sealpost user add alice --role installation-admin",  \
				("sealpost user add bob --role organisation-admin "                \
				 "--organisations contoso --no-password")),                        \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_add},                                                  \
		{.name = "user set",                                                               \
			.arguments = "NAME",                                                       \
			.doc = "Change what a user may, or take away the one-time codes.",         \
			.flags = FLAGS(FLAG_ROLE, FLAG_ORGANISATIONS,                              \
				{"no-totp", NULL,                                                  \
					"Log in without one-time codes: the telephone is lost."}), \
			.examples = EXAMPLES("sealpost user set bob --role reader",                \
				"sealpost user set bob --no-totp"),                                \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_set},                                                  \
		{.name = "user password",                                                          \
			.arguments = "NAME",                                                       \
			.doc = "Set the password of a user.",                                      \
			.flags = FLAGS(FLAG_PASSWORD_FILE,                                         \
				{"remove", NULL, "Take it away: no log-in before a new one."}),    \
			.examples = EXAMPLES("sealpost user password alice"),                      \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_password},                                             \
		{.name = "user disable",                                                           \
			.arguments = "NAME",                                                       \
			.doc = "Let a user log in no more, and end the sessions.",                 \
			.examples = EXAMPLES("sealpost user disable bob"),                         \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_disable},                                              \
		{.name = "user enable",                                                            \
			.arguments = "NAME",                                                       \
			.doc = "Let a user log in again.",                                         \
			.examples = EXAMPLES("sealpost user enable bob"),                          \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_disable},                                              \
		{.name = "user remove",                                                            \
			.arguments = "NAME",                                                       \
			.doc = "Remove a user.",                                                   \
			.flags = FLAGS(FLAG_YES),                                                  \
			.examples = EXAMPLES("sealpost user remove bob"),                          \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_user_remove},                                               \
	{                                                                                          \
		.name = "user link", .arguments = "[NAME]",                                        \
		.doc = "Make a link by which a user sets a password, once; without NAME, "         \
		       "one for the first user of a new installation.",                            \
		.examples = EXAMPLES("sealpost user link", "sealpost user link bob"), .most = 1,   \
		.run = cli_run_user_link                                                           \
	}

#define ROWS_TOKEN                                                                                 \
	{.name = "token list",                                                                     \
		.arguments = "",                                                                   \
		.doc = "List the tokens by which programs use the API.",                           \
		.examples = EXAMPLES("sealpost token list"),                                       \
		.run = cli_run_token_list},                                                        \
		{.name = "token add",                                                              \
			.arguments = "LABEL",                                                      \
			.doc = "Make a token and print it, once.",                                 \
			.flags = FLAGS(FLAG_ROLE, FLAG_ORGANISATIONS,                              \
				{"expires", "MOMENT|DURATION",                                     \
					"When it ends: 2027-01-01, or 90d from now; without it: "  \
					"never."}),                                                \
			.examples = EXAMPLES(                                                      \
				"sealpost token add monitoring --role reader --expires 365d"),     \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_token_add},                                                 \
	{                                                                                          \
		.name = "token remove", .arguments = "ID...",                                      \
		.doc = "Remove a token: it is worth nothing from now on.",                         \
		.examples = EXAMPLES("sealpost token remove 7kq2x5wmnbv4zrta"), .least = 1,        \
		.most = CLI_MAX_WORDS, .run = cli_run_token_remove                                 \
	}

#define ROWS_AUDIT                                                                                 \
	{.name = "audit list",                                                                     \
		.arguments = "",                                                                   \
		.doc = "List what was changed, by whom, the newest first.",                        \
		.flags = FLAGS({"actor", "NAME", "Only what this user did."},                      \
			{"action", "ACTION", "Only this: connector.change, or connector."},        \
			{"object", "KEY", "Only what was done to this object."},                   \
			{"since", "MOMENT", "Only from then on."},                                 \
			{"until", "MOMENT", "Only what was before."}, FLAG_LIMIT,                  \
			{"export", NULL,                                                           \
				"Print all entries as JSON, one a line, the oldest first, for "    \
				"audit verify FILE."}),                                            \
		.examples = EXAMPLES("sealpost audit list --object contoso/fabrikam",              \
			"sealpost audit list --export > audit.ndjson"),                            \
		.run = cli_run_audit_list},                                                        \
		{.name = "audit show",                                                             \
			.arguments = "ID",                                                         \
			.doc = "Show one entry, with what was and what is.",                       \
			.examples = EXAMPLES("sealpost audit show 17"),                            \
			.least = 1,                                                                \
			.most = 1,                                                                 \
			.run = cli_run_audit_show},                                                \
	{                                                                                          \
		.name = "audit verify", .arguments = "[FILE]",                                     \
		.doc = "Prove that every entry is there as it was written; with FILE those of an " \
		       "export, without the server.",                                              \
		.examples =                                                                        \
			EXAMPLES("sealpost audit verify", "sealpost audit verify audit.ndjson"),   \
		.most = 1, .run = cli_run_audit_verify                                             \
	}

#endif
