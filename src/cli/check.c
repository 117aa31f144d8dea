/* Checks of what certificates need to be validated: endpoints that answer, roots that are there. */
#include "cli/verb.h"

#include <string.h>
#include <unistd.h>

/* ---- what is to be checked ------------------------------------------------------------------- */

static bool has_prefix(const char *text, const char *prefix)
{
	return str_starts_nocase(str_of(text), str_of(prefix));
}

/* "http://host/path": an address to try out.  "https://host" is a host to look at. */
static bool is_address(const char *word)
{
	const char *rest = strstr(word, "://");
	const char *slash = rest != NULL ? strchr(rest + 3, '/') : NULL;

	if (has_prefix(word, "http://"))
		return true;
	return has_prefix(word, "https://") && slash != NULL && slash[1] != '\0';
}

/* By how it ends; --kind says otherwise. */
static const char *kind_of(struct cli *cli, const char *url)
{
	static const char *const ends[][2] = {{".crl", "crl"}, {".crt", "issuer"},
		{".cer", "issuer"}, {".der", "issuer"}, {".pem", "issuer"}, {".p7c", "issuer"}};
	struct str path = str_of(url);

	if (cli_option(cli, "kind") != NULL)
		return cli_option(cli, "kind");
	path.n = strcspn(url, "?#");
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++)
		if (str_ends_nocase(path, str_of(ends[i][0])))
			return ends[i][1];
	return "ocsp";
}

/* What cannot be a host: it would only be looked for in vain. */
static bool is_path(const char *word)
{
	return strchr(word, '/') != NULL || str_ends_nocase(str_of(word), str_of(".pem")) ||
	       str_ends_nocase(str_of(word), str_of(".crt")) ||
	       str_ends_nocase(str_of(word), str_of(".cer"));
}

static int check_scheme(struct cli *cli, const char *word)
{
	if (strstr(word, "://") == NULL || has_prefix(word, "smtp://") ||
		has_prefix(word, "smtps://") || has_prefix(word, "https://"))
		return CLI_OK;
	return cli_usage(cli,
		"expected a host, a file, or an address of http://, https://, smtp:// or smtps://, "
		"found \"%s\"",
		word);
}

static int add_word(struct cli *cli, const char *word, json_t *body)
{
	struct str pem = {0};
	int status;

	if (is_address(word)) {
		json_array_append_new(json_object_get(body, "urls"),
			json_pack("{s:s,s:s}", "url", word, "kind", kind_of(cli, word)));
		return CLI_OK;
	}
	if (strstr(word, "://") == NULL && (access(word, F_OK) == 0 || is_path(word))) {
		status = cli_read_file(cli, word, &pem);
		if (status != CLI_OK)
			return status;
		if (!str_is_utf8(pem))
			return cli_fail(cli, CLI_FAILED,
				"%s: expected certificates as PEM; `openssl x509 -in FILE -inform "
				"der` makes that of others",
				word);
		json_array_append_new(json_object_get(body, "chains"),
			json_pack("{s:s,s:s%}", "name", word, "pem", pem.p, pem.n));
		return CLI_OK;
	}
	status = check_scheme(cli, word);
	if (status == CLI_OK)
		json_array_append_new(json_object_get(body, "hosts"), json_string(word));
	return status;
}

static int make_body(struct cli *cli, json_t *body)
{
	static const char *const flags[] = {"own", "connectors", "partners"};
	const char *kind = cli_option(cli, "kind");
	bool any = cli->word_count > 0;
	int status = CLI_OK;

	if (kind != NULL && strcmp(kind, "crl") != 0 && strcmp(kind, "ocsp") != 0 &&
		strcmp(kind, "issuer") != 0)
		return cli_usage(cli, "--kind: expected crl, ocsp or issuer, found \"%s\"", kind);
	for (size_t i = 0; i < cli->word_count && status == CLI_OK; i++)
		status = add_word(cli, cli->words[i], body);
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		any |= cli_has(cli, flags[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		json_object_set_new(
			body, flags[i], json_boolean(cli_has(cli, flags[i]) || (!any && i < 2)));
	return status;
}

/* ---- what comes of it ------------------------------------------------------------------------ */

struct outcome {
	bool has_end, is_ok;
};

static enum cli_colour colour_of(const char *result)
{
	if (strcmp(result, "ok") == 0)
		return CLI_GREEN;
	return strcmp(result, "failed") == 0 ? CLI_RED : CLI_YELLOW;
}

static void print_detail(struct cli *cli, const char *label, const char *text)
{
	if (text[0] != '\0')
		cli_print(cli, "    %s%-11s%s%s\n", cli_colour(cli, CLI_DIM), label,
			cli_colour(cli, CLI_PLAIN), cli_safe(cli, text));
}

static void print_summary(struct cli *cli, const json_t *line)
{
	const char *result = cli_text(cli, line, "result");
	const json_t *allow = json_object_get(line, "allow"), *place;
	size_t i;

	if (json_array_size(allow) > 0)
		cli_print(cli, "\nTo be allowed from this machine (TCP), or through its proxy:\n");
	json_array_foreach (allow, i, place)
		cli_print(cli, "  %s\n", cli_safe(cli, json_string_value(place)));
	cli_print(cli, "\n%s%s%s: %s\n", cli_colour(cli, colour_of(result)),
		strcmp(result, "ok") == 0 ? "Passed" : "Failed", cli_colour(cli, CLI_PLAIN),
		cli_safe(cli, cli_text(cli, line, "text")));
}

static void print_line(struct cli *cli, const json_t *line)
{
	const char *step = cli_text(cli, line, "step"), *result = cli_text(cli, line, "result");
	const char *what = cli_text(cli, line, "url");
	bool is_ok = strcmp(result, "ok") == 0;

	if (strcmp(step, "collected") == 0) {
		cli_print(cli, "%s endpoints in %s chains\n", cli_text(cli, line, "endpoints"),
			cli_text(cli, line, "chains"));
		return;
	}
	if (what[0] == '\0')
		what = cli_text(cli, line, "host");
	if (what[0] == '\0')
		what = cli_text(cli, line, "certificate");
	cli_print(cli, "%s%-6s%s  %-6s  %s%s%s", cli_colour(cli, colour_of(result)), result,
		cli_colour(cli, CLI_PLAIN),
		strcmp(step, "endpoint") == 0 ? cli_text(cli, line, "kind") : step,
		cli_safe(cli, what), is_ok ? "  " : "",
		is_ok ? cli_safe(cli, cli_text(cli, line, "text")) : "");
	if (json_object_get(line, "ms") != NULL)
		cli_print(cli, "  %s ms", cli_text(cli, line, "ms"));
	cli_print(cli, "\n");
	if (is_ok)
		return;
	print_detail(cli, "cause", cli_text(cli, line, "cause"));
	print_detail(cli, "said", cli_text(cli, line, "text"));
	print_detail(cli, "address", cli_text(cli, line, "address"));
	print_detail(cli, "named by", cli_text(cli, line, "certificate"));
	print_detail(cli, "used by", cli_join(cli, json_object_get(line, "used_by"), ", "));
	print_detail(cli, "what to do", cli_text(cli, line, "remedy"));
}

static void on_line(struct cli *cli, const json_t *line, void *context)
{
	struct outcome *outcome = context;
	bool is_end = strcmp(cli_text(cli, line, "step"), "summary") == 0;
	char *text;

	if (is_end) {
		outcome->has_end = true;
		outcome->is_ok = strcmp(cli_text(cli, line, "result"), "ok") == 0;
	}
	if (cli_has(cli, "json")) {
		text = json_dumps(line, JSON_COMPACT);
		fprintf(cli->out, "%s\n", text != NULL ? text : "{}");
		free(text);
	} else if (is_end) {
		print_summary(cli, line);
	} else if (!cli_has(cli, "quiet") || strcmp(cli_text(cli, line, "result"), "ok") != 0) {
		print_line(cli, line);
	}
	fflush(cli->out);
}

int cli_run_check_endpoints(struct cli *cli)
{
	json_t *body = json_pack("{s:[],s:[],s:[]}", "chains", "urls", "hosts");
	struct cli_call call = {.method = "POST", .path = "/v1/checks/endpoints", .body = body};
	struct outcome outcome = {false, false};
	int status = make_body(cli, body);

	if (status == CLI_OK)
		status = cli_ask_lines(cli, &call, on_line, &outcome);
	json_decref(body);
	if (status != CLI_OK)
		return status;
	if (!outcome.has_end)
		return cli_fail(cli, CLI_FAILED, "the server ended before the check did");
	return outcome.is_ok ? CLI_OK : CLI_FAILED;
}
