/*
 * Certificates that come and go.  Where no private key has to travel, the server does it, by the
 * management API: it makes the key itself, or has the one that was requested.  A key that comes
 * from a file goes into the data directory (port/vault), with or without a server: keys never
 * travel over the management API.
 */
#include "cli/cert.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One that nobody listens on was left behind by a server that was killed. */
bool cli_cert_is_served(struct cli *cli)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	const char *path;
	bool is_served;
	int fd;

	if (cli_socket_path(cli, &path) != CLI_OK || strlen(path) >= sizeof(at.sun_path))
		return false;
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	is_served = connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ||
		    (errno != ENOENT && errno != ECONNREFUSED && errno != ENOTDIR);
	if (fd >= 0)
		close(fd);
	return is_served;
}

static int check_name(struct cli *cli, const struct model_node *node)
{
	const char *name = cli->words[0];

	if (!vault_is_name(name))
		return cli_usage(cli,
			"the name of a certificate is made of letters, digits, \"-\" and \".\" and "
			"is not \"self\"; found \"%s\"",
			name);
	for (size_t i = 0; i < node->certificates.count; i++)
		if (strcmp(node->certificates.items[i].name, name) == 0)
			return cli_fail(cli, CLI_FAILED,
				"the node file has a certificate %s, which would win: remove it "
				"there, or take another name",
				name);
	return CLI_OK;
}

/* What every verb here begins with. */
static int begin(struct cli *cli, struct model_node *node, const char **data)
{
	int status = cli_data_path(cli, data);

	/* Keys pass through this process: no core dump shall hold one. */
	prctl(PR_SET_DUMPABLE, 0);
	if (status == CLI_OK)
		status = cli_node(cli, node);
	return status == CLI_OK ? check_name(cli, node) : status;
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

/* --host, else the machine's name. */
static const char *names_text(const struct cli *cli, char host[256])
{
	const char *option = cli_option(cli, "host");

	memcpy(host, "localhost", sizeof("localhost"));
	gethostname(host, 255);
	return option != NULL ? option : host;
}

static int take_names(struct cli *cli, json_t *order)
{
	json_t *names = json_array();
	char host[256] = "";
	struct str rest = str_of(names_text(cli, host));

	json_object_set_new(order, "names", names);
	while (rest.n > 0) {
		struct str item = str_trim(str_cut(&rest, ','));
		const char *name = model_domain_name(item, true, cli->arena);

		if (name == NULL)
			return cli_usage(cli, "--host: expected a host name, found \"%.*s\"",
				STR_ARGS(item));
		json_array_append_new(names, json_string(name));
	}
	return CLI_OK;
}

static int take_key(struct cli *cli, json_t *order)
{
	static const char *const texts[] = {"organisation", "unit", "country"};
	const char *key = cli_option(cli, "key"), *days = cli_option(cli, "days");
	int status = take_names(cli, order);
	uint64_t value = 0;
	size_t i = 0;

	while (key != NULL && i < TLS_KEYPAIR_KINDS && strcmp(tls_keypair_kind_names[i], key) != 0)
		i++;
	if (status == CLI_OK && i == TLS_KEYPAIR_KINDS)
		status = cli_usage(cli,
			"--key: expected ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096, "
			"found \"%s\"",
			key);
	if (status == CLI_OK && days != NULL &&
		(!str_to_u64(str_of(days), &value) || value < 1 || value > 3650))
		status = cli_usage(cli, "--days: expected 1 to 3650, found \"%s\"", days);
	if (key != NULL)
		json_object_set_new(order, "key", json_string(key));
	if (days != NULL)
		json_object_set_new(order, "days", json_integer((json_int_t)value));
	for (i = 0; i < ARRAY_LENGTH(texts) && status == CLI_OK; i++)
		if (cli_option(cli, texts[i]) != NULL)
			status = cli_text_property(cli, order, texts[i], cli_option(cli, texts[i]));
	return status;
}

static int take_trust(struct cli *cli, json_t *order)
{
	const char *path = cli_option(cli, "trust");
	struct str text;
	int status;

	if (path == NULL)
		return CLI_OK;
	status = cli_read_file(cli, path, &text);
	return status == CLI_OK ? cli_text_property(cli, order, "trust", text.p) : status;
}

static void take_switches(struct cli *cli, json_t *order)
{
	static const char *const switches[] = {"advance", "replace", "beside", "force"};

	for (size_t i = 0; i < ARRAY_LENGTH(switches); i++)
		if (cli_has(cli, switches[i]))
			json_object_set_new(order, switches[i], json_true());
}

/* The order in the words and options: the body that the API takes.  New reference in *RET, also
 * when something is wrong. */
static int read_order(struct cli *cli, enum issue_action action, json_t **ret)
{
	json_t *order = *ret = json_object();
	int status = action == ISSUE_CHAIN ? take_trust(cli, order) : take_key(cli, order);

	take_switches(cli, order);
	if (action == ISSUE_REQUEST && cli_has(cli, "force")) {
		json_object_del(order, "force");
		json_object_set_new(order, "replace", json_true());
	}
	return status;
}

/* ---- by the server ----------------------------------------------------------------------------
 */

/* Not where something is asked of the disk. */
static bool is_for_server(struct cli *cli)
{
	return !cli_has(cli, "data") && !cli_has(cli, "no-reload") && cli_cert_is_served(cli);
}

static void print_warning(struct cli *cli, const char *text)
{
	fprintf(cli->err, "sealpost: warning: %s\n", cli_safe(cli, text));
}

static int show_version(struct cli *cli, const char *version, const json_t *life_json)
{
	struct err_info info = {0};
	struct cert_life life;

	if (cli_has(cli, "json")) {
		cli_print_json(cli, life_json);
		return CLI_OK;
	}
	if (record_from_json(&cert_life_desc, life_json, "", cli->arena, &life, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "the answer is not as expected: %s", info.text);
	cli_print(cli, "Version %s of %s is in the data directory.\n", version, life.name);
	cli_cert_print_life(cli, &life);
	if (cert_life_in(&life, CERT_NEXT) != NULL)
		cli_print(cli,
			"What would change for partners: sealpost cert rollover plan %s\n"
			"To present it to everybody:     sealpost cert rollover advance %s\n",
			life.name, life.name);
	return CLI_OK;
}

static void show_request(struct cli *cli, const json_t *answer)
{
	if (cli_has(cli, "json")) {
		cli_print_json(cli, answer);
		return;
	}
	cli_print(cli, "%s", json_string_value(json_object_get(answer, "request")));
	fprintf(cli->err,
		"Give this to the certificate authority; then: sealpost cert import %s CHAIN.pem\n",
		cli->words[0]);
}

static int by_server(struct cli *cli, enum issue_action action, const json_t *order)
{
	struct cli_answer answer = {0};
	const json_t *warning;
	size_t i;
	int status = cli_ask(cli,
		&(struct cli_call){.method = "POST",
			.path = arena_format(cli->arena, "/v1/certificates/%s/%s",
				cli_escape(cli, cli->words[0]), issue_action_names[action]),
			.body = order},
		&answer);

	json_array_foreach (json_object_get(answer.json, "warnings"), i, warning)
		print_warning(cli, json_string_value(warning));
	if (status == CLI_OK && action == ISSUE_REQUEST)
		show_request(cli, answer.json);
	else if (status == CLI_OK)
		status = show_version(cli, cli_text(cli, answer.json, "version"),
			json_object_get(answer.json, "life"));
	json_decref(answer.json);
	return status;
}

/* ---- on disk ----------------------------------------------------------------------------------
 */

/* The server does not take it: as it was before, unless somebody else has changed it since. */
static void put_back(
	struct cli *cli, const struct issue_place *place, const struct issue_result *result)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct err_info info = {0};
	struct cert_life now;
	enum err e = vault_open(place->data, true, &vault, &info);

	if (e == ERR_OK)
		e = vault_find(place->data, cli->words[0], cli->arena, &now, &info);
	if (e == ERR_OK && !record_equal(&cert_life_desc, &now, &result->after))
		return;
	if (e == ERR_OK)
		e = vault_take_back(vault, cli->words[0], &result->before, &info);
	if (e == ERR_OK)
		fprintf(cli->err, "sealpost: the import was undone\n");
	else
		cli_fail(cli, CLI_FAILED, "the import cannot be undone: %s", info.text);
}

/* Nothing is said by whom it would be presented: then nobody will ever see it. */
static void warn_unused(struct cli *cli)
{
	json_t *item = cli_cert_item(cli, cli->words[0]);

	if (item != NULL && json_array_size(json_object_get(item, "used_by")) == 0)
		print_warning(cli,
			arena_format(cli->arena,
				"no listener, organisation or connector uses the certificate %s, "
				"nor does the admin center",
				cli->words[0]));
	json_decref(item);
}

static int reload(struct cli *cli)
{
	struct cli_answer answer = {0};
	int status =
		cli_ask(cli, &(struct cli_call){.method = "POST", .path = "/v1/reload"}, &answer);

	json_decref(answer.json);
	return status;
}

/* A server that does not run is no fault here. */
static int tell_server(
	struct cli *cli, const struct issue_place *place, const struct issue_result *result)
{
	int status;

	if (cli_has(cli, "no-reload"))
		return CLI_OK;
	if (!cli_cert_is_served(cli)) {
		if (!cli_has(cli, "json"))
			cli_print(cli,
				"No server runs; it will find the certificate when it starts.\n");
		return CLI_OK;
	}
	status = reload(cli);
	if (status == CLI_OK)
		warn_unused(cli);
	else if (status == CLI_FAILED)
		put_back(cli, place, result);
	return status;
}

static int bring(struct cli *cli, const struct issue_place *place, struct issue_result *result)
{
	json_t *life;
	int status = tell_server(cli, place, result);

	if (status != CLI_OK)
		return status;
	life = record_to_json(&cert_life_desc, &result->after, RECORD_JSON_FULL);
	status = show_version(cli, result->version, life);
	json_decref(life);
	return status;
}

static void print_notes(struct cli *cli, const struct issue_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		print_warning(cli, notes->items[i]);
}

static int refused(struct cli *cli, enum issue_action action, const struct err_info *info)
{
	const char *how = "";

	if (info->code == ERR_EXISTS)
		how = action == ISSUE_REQUEST ? " (--force)" : " (--replace)";
	return cli_fail(cli, CLI_FAILED, "%s%s", info->text, how);
}

static int take_order(
	struct cli *cli, enum issue_action action, json_t *json, struct issue_order *ret)
{
	struct err_info info = {0};

	json_object_set_new(json, "action", json_string(issue_action_names[action]));
	json_object_set_new(json, "name", json_string(cli->words[0]));
	if (record_from_json(&issue_order_desc, json, "", cli->arena, ret, &info) == ERR_OK)
		return CLI_OK;
	return cli_usage(cli, "--%s", info.text);
}

/* Everything of which the key is made here. */
static int on_disk(struct cli *cli, const struct model_node *node, const char *data,
	enum issue_action action, json_t *json)
{
	struct issue_notes notes = {.count = 0};
	struct issue_result result = {0};
	struct err_info info = {0};
	struct issue_place place;
	struct issue_order order;
	enum err e;
	int status = take_order(cli, action, json, &order);

	if (status == CLI_OK)
		status = cli_cert_place(cli, node, data, &notes, &place);
	if (status != CLI_OK)
		return status;
	e = vault_open(data, true, &place.vault, &info);
	if (e == ERR_OK)
		e = issue_run(&place, &order, &result, &info);
	if (e == ERR_OK && action != ISSUE_REQUEST)
		e = vault_write(place.vault, &result.after, &info);
	vault_free(&place.vault);
	print_notes(cli, &notes);
	if (e != ERR_OK)
		return refused(cli, action, &info);
	if (action == ISSUE_REQUEST) {
		json_t *answer =
			json_pack("{s:s,s:s}", "name", cli->words[0], "request", result.request);

		show_request(cli, answer);
		json_decref(answer);
		return CLI_OK;
	}
	return bring(cli, &place, &result);
}

static int make(struct cli *cli, enum issue_action action)
{
	struct model_node node;
	const char *data;
	json_t *order = NULL;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = read_order(cli, action, &order);
	if (status == CLI_OK && is_for_server(cli))
		status = by_server(cli, action, order);
	else if (status == CLI_OK)
		status = on_disk(cli, &node, data, action, order);
	json_decref(order);
	return status;
}

int cli_run_cert_self_signed(struct cli *cli)
{
	return make(cli, ISSUE_SELF_SIGNED);
}

int cli_run_cert_request(struct cli *cli)
{
	return make(cli, ISSUE_REQUEST);
}

/* ---- import -----------------------------------------------------------------------------------
 */

/* A chain alone, for the key that was requested: it may go to the server. */
static int read_answer(struct cli *cli, json_t *order, bool *ret_may)
{
	struct err_info info = {0};
	struct str text;
	int status;

	*ret_may = false;
	if (cli->word_count != 2 || cli_option(cli, "passphrase-file") != NULL ||
		!is_for_server(cli) || strcmp(cli->words[1], "-") == 0)
		return CLI_OK;
	status = cli_read_file(cli, cli->words[1], &text);
	if (status != CLI_OK || memchr(text.p, '\0', text.n) != NULL)
		return status; /* PKCS #12 */
	if (issue_refuse_key(text.p, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED,
			"%s: there is a private key in it: give chain and key as two files",
			cli->words[1]);
	*ret_may = str_is_utf8(text);
	return *ret_may ? cli_text_property(cli, order, "chain", text.p) : CLI_OK;
}

static int import(struct cli *cli, const struct model_node *node, const char *data, json_t *json)
{
	struct issue_notes notes = {.count = 0};
	struct issue_pair pairs[VAULT_PAIRS];
	struct issue_result result = {0};
	struct err_info info = {0};
	struct issue_place place;
	struct issue_order order;
	size_t count = 0;
	enum err e;
	int status = take_order(cli, ISSUE_CHAIN, json, &order);

	if (status == CLI_OK)
		status = cli_cert_place(cli, node, data, &notes, &place);
	if (status == CLI_OK)
		status = cli_cert_read_pairs(cli, &place, &order, pairs, &count);
	if (status != CLI_OK)
		return status;
	e = vault_open(data, true, &place.vault, &info);
	if (e == ERR_OK)
		e = issue_add(&place, &order, pairs, count, &result, &info);
	if (e == ERR_OK)
		e = vault_write(place.vault, &result.after, &info);
	vault_free(&place.vault);
	print_notes(cli, &notes);
	if (e != ERR_OK)
		return refused(cli, ISSUE_CHAIN, &info);
	status = bring(cli, &place, &result);
	/* The key has become that of a version. */
	if (status == CLI_OK && pairs[0].is_requested &&
		vault_open(data, true, &place.vault, NULL) == ERR_OK)
		vault_request_remove(place.vault, cli->words[0]);
	vault_free(&place.vault);
	return status;
}

int cli_run_cert_import(struct cli *cli)
{
	struct model_node node;
	const char *data;
	json_t *order = NULL;
	bool may_travel = false;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = read_order(cli, ISSUE_CHAIN, &order);
	if (status == CLI_OK)
		status = read_answer(cli, order, &may_travel);
	if (status == CLI_OK && may_travel)
		status = by_server(cli, ISSUE_CHAIN, order);
	else if (status == CLI_OK)
		status = import(cli, &node, data, order);
	json_decref(order);
	return status;
}

/* ---- going ------------------------------------------------------------------------------------
 */

/* Whoever names it would have none. */
static int check_unused(struct cli *cli, const struct model_node *node)
{
	const char *name = cli->words[0];
	const char *users = "";
	json_t *item, *user;
	size_t i;

	for (i = 0; i < node->listeners.count; i++)
		for (size_t j = 0; j < node->listeners.items[i].certificates.count; j++)
			if (strcmp(node->listeners.items[i].certificates.items[j], name) == 0)
				users = arena_format(cli->arena, "%s listener %s;", users,
					node->listeners.items[i].name);
	if (node->admin.certificate != NULL && strcmp(node->admin.certificate, name) == 0)
		users = arena_format(cli->arena, "%s admin.certificate;", users);
	item = cli_cert_is_served(cli) ? cli_cert_item(cli, name) : NULL;
	json_array_foreach (json_object_get(item, "used_by"), i, user) {
		const char *text = json_string_value(user);

		/* What the node file says has been looked at. */
		if (text != NULL && strncmp(text, "listener ", 9) != 0 &&
			strcmp(text, "admin center") != 0)
			users = arena_format(cli->arena, "%s %s;", users, text);
	}
	json_decref(item);
	if (users[0] == '\0')
		return CLI_OK;
	return cli_fail(
		cli, CLI_FAILED, "certificate %s is in use:%s change that first", name, users);
}

int cli_run_cert_remove(struct cli *cli)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct err_info info = {0};
	struct model_node node;
	const char *data;
	enum err e;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = check_unused(cli, &node);
	if (status != CLI_OK)
		return status;
	if (!cli_has(cli, "yes") &&
		(!cli->interactive ||
			!cli_confirm(cli, "Remove the certificate with all versions and keys?")))
		return cli_fail(cli, CLI_FAILED, "nothing was removed (--yes does not ask)");
	e = vault_open(data, true, &vault, &info);
	if (e == ERR_OK)
		e = vault_remove(vault, cli->words[0], &info);
	if (e != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s", info.text);
	vault_free(&vault);
	if (!cli_has(cli, "json"))
		cli_print(cli, "Certificate %s was removed, its keys destroyed.\n", cli->words[0]);
	if (cli_has(cli, "no-reload") || !cli_cert_is_served(cli))
		return CLI_OK;
	return reload(cli);
}
