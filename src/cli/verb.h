/*
 * Inside src/cli: what a verb is, what it is given, and what all verbs share.
 *
 * One table (verbs.c) lists the verbs with their flags and examples; the parser, --help, the manual
 * and the completion scripts are made from it.
 */
#ifndef SEALPOST_CLI_VERB_H
#define SEALPOST_CLI_VERB_H

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "core/model/model.h"

#include <jansson.h>
#include <stdio.h>

struct cli;

struct cli_flag {
	const char *name;     /* without the dashes */
	const char *argument; /* "FILE"; NULL: a switch */
	const char *doc;
};

struct cli_verb {
	const char *name;		      /* "queue list" */
	const char *arguments;		      /* "FILE.yaml", "[ADDRESS...]"; "" for none */
	const char *doc;		      /* one sentence */
	const struct cli_flag *flags;	      /* ended by a NULL name; NULL: none of its own */
	const char *const *examples;	      /* NULL-terminated */
	const struct record_desc *properties; /* its fields are flags too; NULL: none */
	unsigned least, most;		      /* words after the verb */
	int kind;			      /* enum model_kind, for verbs about one object */
	int (*run)(struct cli *cli);
};

extern const struct cli_verb cli_verbs[];
extern const size_t cli_verb_count;
extern const struct cli_flag cli_common_flags[];

struct cli_option {
	const char *name;
	const char *value; /* NULL: given without one */
};

enum { CLI_MAX_WORDS = 64, CLI_MAX_OPTIONS = 128 };

struct cli {
	const struct cli_verb *verb;
	struct arena *arena;
	FILE *out, *err;
	bool colour;	  /* out is a terminal that wants it */
	bool interactive; /* somebody can be asked */
	const char *words[CLI_MAX_WORDS];
	size_t word_count;
	struct cli_option options[CLI_MAX_OPTIONS];
	size_t option_count;
	int64_t now_ms;
};

/* ---- arguments (args.c) ---------------------------------------------------------------------- */

/* The verb ARGV names, after options; *ret_words: how many of its words.  NULL: none. */
const struct cli_verb *cli_find_verb(int argc, char **argv);
/* Read everything behind the program's name. CLI_OK or CLI_USAGE (message printed). */
int cli_parse(struct cli *cli, int argc, char **argv);
/* Value of the last occurrence; NULL when absent or without value. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_has(const struct cli *cli, const char *name);
/* The JSON object that the property flags describe; CLI_USAGE with a message on a bad value. */
int cli_properties(struct cli *cli, json_t **ret);
/* Call VISIT for each leaf of a description; PATH is dotted. */
typedef void cli_leaf_visit(void *context, const char *path, const struct record_field *field);
void cli_each_leaf(const struct record_desc *desc, const char *prefix, struct arena *arena,
	cli_leaf_visit *visit, void *context);
/* "inbound.require_tls" as a flag: "inbound.require-tls". */
const char *cli_flag_name(struct arena *arena, const char *path);

/* ---- messages and tables (print.c) ----------------------------------------------------------- */

/* "sealpost: ..." to err; returns STATUS. */
int cli_fail(struct cli *cli, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a hint to --help; returns CLI_USAGE. */
int cli_usage(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_print(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW };
/* Escape sequences, or "" when colours are off. */
const char *cli_colour(const struct cli *cli, enum cli_colour colour);

/* A table of text: columns as wide as their widest cell; the last one is never padded. */
enum { CLI_MAX_COLUMNS = 10 };
struct cli_table {
	const char *const *heads;
	size_t columns;
	const char **cells;
	size_t count, size; /* of cells */
};
/* HEADS is static. */
void cli_table_init(struct cli_table *table, const char *const *heads, size_t columns);
/* One row of `columns` texts; NULL prints as "-". Texts must outlive the table. */
void cli_table_row(struct cli_table *table, const char *const *cells);
void cli_table_print(struct cli *cli, struct cli_table *table);

/* JSON as the verbs show it: indented, a newline behind. */
void cli_print_json(struct cli *cli, const json_t *json);
/* As JSON where --json asks for it, else by PRINTER. */
typedef void cli_printer(struct cli *cli, const json_t *json);
void cli_show(struct cli *cli, const json_t *json, cli_printer *printer);
/* Ask for PATH and show the answer. */
int cli_get_shown(struct cli *cli, const char *path, cli_printer *printer);
/* "" when absent or null; numbers as digits. In the arena. */
const char *cli_text(struct cli *cli, const json_t *object, const char *key);
int64_t cli_number(const json_t *object, const char *key);
/* "2026-11-21 21:43:04" (UTC) of a moment in JSON (RFC 3339 or ms); "-" when absent. */
const char *cli_moment(struct cli *cli, const json_t *object, const char *key);
int64_t cli_moment_ms(const json_t *object, const char *key);
/* "17 KiB". */
const char *cli_size(struct cli *cli, int64_t bytes);
/* The texts of an array joined; "" when empty. */
const char *cli_join(struct cli *cli, const json_t *array, const char *between);
/* Control characters replaced, so that nothing from a message can drive the terminal. */
const char *cli_safe(struct cli *cli, const char *text);

/* ---- the server (client.c) ------------------------------------------------------------------- */

struct cli_answer {
	long status;
	json_t *json; /* may be NULL; json_decref() */
	char etag[64];
	const char *text; /* an answer that is no JSON, as it came; in the arena; NULL: it is */
};
struct cli_call {
	const char *method;
	const char *path; /* with query */
	const json_t *body;
	const char *if_match; /* NULL: none */
};
/* Ask, and print why it failed. CLI_OK only for a status below 300. */
int cli_ask(struct cli *cli, const struct cli_call *call, struct cli_answer *ret);
int cli_get(struct cli *cli, const char *path, json_t **ret);
/* The same for an answer of whatever type, which lives in the arena. */
int cli_ask_text(struct cli *cli, const struct cli_call *call, struct str *ret);
/* Ask for an answer that comes line by line (application/x-ndjson): LINE is called with each object
 * as it arrives. */
typedef void cli_line(struct cli *cli, const json_t *json, void *context);
int cli_ask_lines(struct cli *cli, const struct cli_call *call, cli_line *line, void *context);
/* Percent-encoded for a path segment or a query value. */
const char *cli_escape(struct cli *cli, const char *text);
/* Append "?key=value" or "&key=value" to a path when VALUE is not NULL. */
const char *cli_query(struct cli *cli, const char *path, const char *key, const char *value);
/* A listing as a whole, following its pages up to LIMIT (0: all): what its first page says, with
 * the items of all of them; new reference in *ret. */
int cli_get_pages(struct cli *cli, const char *path, size_t limit, json_t **ret);
/* Its items alone. */
int cli_get_all(struct cli *cli, const char *path, size_t limit, json_t **ret);
/* ORGANISATION/NAME of a connector or a rule (SINGULAR) that is named by WORD in full, or by its
 * name alone where only one has it. */
int cli_full_name(struct cli *cli, const char *singular, const char *word, const char **ret);
/* --limit; FALLBACK when absent. CLI_USAGE when malformed. */
int cli_limit(struct cli *cli, size_t fallback, size_t *ret);

/* ---- files (file.c) -------------------------------------------------------------------------- */

/* A configuration as YAML that the server would accept; complains with file and place.  *ret_json
 * is a new reference. */
int cli_read_configuration(
	struct cli *cli, const char *path, struct model_config *ret, json_t **ret_json);
/* Whole file ("-": standard input), in the arena; prints why not. */
int cli_read_file(struct cli *cli, const char *path, struct str *ret);
/* The node file that an option or the environment names; NULL: none. */
const char *cli_node_path(struct cli *cli);
/* The node file that an option or the environment names, with absolute paths; all defaults when
 * none is. */
int cli_node(struct cli *cli, struct model_node *ret);
/* Put TEXT where --output says; absent or "-": to out. */
int cli_write_output(struct cli *cli, struct str text);
/* Path of the system's trust store as the node file names it; NULL when it cannot be read. */
const char *cli_roots_path(struct cli *cli);
/* The file at an https:// address, in the arena: at most MAX bytes, 10 s, no redirection to another
 * host, TLS verified by the roots above; prints why not. */
int cli_fetch(struct cli *cli, const char *url, size_t max, struct str *ret);
/* Path of the management socket: --socket, --node, environment, default. */
int cli_socket_path(struct cli *cli, const char **ret);
/* The data directory: of --node, or the default. */
int cli_data_path(struct cli *cli, const char **ret);
/* Ask on the terminal; true for yes. */
bool cli_confirm(struct cli *cli, const char *question);

/* An option with a time: "2h" means two hours ago; else a moment.  *ret as RFC 3339, NULL when
 * absent; CLI_USAGE when malformed (trace.c). */
int cli_moment_option(struct cli *cli, const char *name, const char **ret);

/* ---- shared by verbs ------------------------------------------------------------------------- */

/* Changes between configurations: the answer that has them (apply.c). */
void cli_print_changes(struct cli *cli, const json_t *answer);
/* The story of a message (story.c): {message, events}. */
void cli_print_story(struct cli *cli, const json_t *trace);
/* An explanation (explain.c): {results: [...]}. */
void cli_print_explanation(struct cli *cli, const json_t *explanation);
/* Findings of the lint (lint.c); without NOTES errors and warnings only. */
void cli_print_findings(struct cli *cli, const json_t *items, bool notes);

/* The password of USER, from --password-file or the terminal (password.c); prints why not. */
int cli_password(struct cli *cli, const char *user, const char **ret);
/* --role and --organisations into a body; CLI_USAGE with a message when malformed (user.c). */
int cli_rights(struct cli *cli, json_t *to);
/* A text into a body; CLI_USAGE where it is not UTF-8. */
int cli_text_property(struct cli *cli, json_t *to, const char *name, const char *value);

/* Reference text from the description tables (reference.c). False: no such topic. */
bool cli_reference(struct cli *cli, const char *topic, bool mdoc);
/* All outcomes of policy, as text or as a Markdown table (outcomes.c). */
void cli_outcomes(struct cli *cli, bool markdown);
/* One of them.  False: no such token. */
bool cli_outcome(struct cli *cli, const char *token);
/* Help of one verb, or of all (help.c). */
void cli_help_verb(struct cli *cli, const struct cli_verb *verb);
void cli_help_all(struct cli *cli);

/* The verbs. */
int cli_run_apply(struct cli *cli), cli_run_export(struct cli *cli);
int cli_run_object_list(struct cli *cli), cli_run_object_show(struct cli *cli);
int cli_run_object_add(struct cli *cli), cli_run_object_set(struct cli *cli);
int cli_run_object_remove(struct cli *cli), cli_run_recipient_load(struct cli *cli);
int cli_run_cert_list(struct cli *cli), cli_run_cert_show(struct cli *cli);
int cli_run_cert_sheet(struct cli *cli);
int cli_run_cert_import(struct cli *cli), cli_run_cert_self_signed(struct cli *cli);
int cli_run_cert_request(struct cli *cli), cli_run_cert_remove(struct cli *cli);
int cli_run_cert_rollover(struct cli *cli);
int cli_run_cert_explain(struct cli *cli), cli_run_cert_acceptance(struct cli *cli);
int cli_run_cert_challenge(struct cli *cli);
int cli_run_queue_list(struct cli *cli), cli_run_queue_show(struct cli *cli);
int cli_run_queue_summary(struct cli *cli), cli_run_queue_act(struct cli *cli);
int cli_run_lint(struct cli *cli), cli_run_readiness(struct cli *cli);
int cli_run_alarms_list(struct cli *cli), cli_run_alarms_acknowledge(struct cli *cli);
int cli_run_alerts_test(struct cli *cli), cli_run_chain_list(struct cli *cli);
int cli_run_chain_show(struct cli *cli), cli_run_chain_accept(struct cli *cli);
int cli_run_chain_pin(struct cli *cli);
int cli_run_protection_list(struct cli *cli), cli_run_protection_forget(struct cli *cli);
int cli_run_report(struct cli *cli);
int cli_run_trace(struct cli *cli), cli_run_explain(struct cli *cli);
int cli_run_status(struct cli *cli), cli_run_reload(struct cli *cli);
int cli_run_metrics(struct cli *cli);
void cli_metrics_reference(struct cli *cli);
int cli_run_host_list(struct cli *cli), cli_run_host_forget(struct cli *cli);
int cli_run_api(struct cli *cli);
int cli_run_tls_list(struct cli *cli), cli_run_completion(struct cli *cli);
int cli_run_partner_kit(struct cli *cli), cli_run_partner_import(struct cli *cli);
int cli_run_connector_test(struct cli *cli);
int cli_run_check_endpoints(struct cli *cli), cli_run_check_roots(struct cli *cli);
int cli_run_import_exchange(struct cli *cli);
int cli_run_backup(struct cli *cli), cli_run_restore(struct cli *cli);
int cli_run_user_list(struct cli *cli), cli_run_user_add(struct cli *cli);
int cli_run_user_set(struct cli *cli), cli_run_user_password(struct cli *cli);
int cli_run_user_disable(struct cli *cli), cli_run_user_remove(struct cli *cli);
int cli_run_user_link(struct cli *cli), cli_run_token_list(struct cli *cli);
int cli_run_token_add(struct cli *cli), cli_run_token_remove(struct cli *cli);
int cli_run_audit_list(struct cli *cli), cli_run_audit_show(struct cli *cli);
int cli_run_audit_verify(struct cli *cli);
int cli_run_help(struct cli *cli), cli_run_version(struct cli *cli);

#endif
