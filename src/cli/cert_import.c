/*
 * Certificates into the data directory (port/vault), with or without a server: keys never travel
 * over the management API.
 */
#include "cli/cert.h"

#include "base/moment.h"
#include "core/cert/step.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

bool cli_cert_is_served(struct cli *cli)
{
	const char *socket;

	return cli_socket_path(cli, &socket) == CLI_OK && access(socket, F_OK) == 0;
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

/* ---- a version comes --------------------------------------------------------------------------
 */

struct change {
	const char *data;
	struct cert_life before, after;
	bool is_first;
	const char *version; /* the new one */
};

static enum err make_life(struct cli *cli, const struct cert_arrival *arrival, struct change *c,
	struct err_info *info)
{
	const struct cert_step advance = {.action = CERT_ADVANCE};
	struct cert_life added;
	enum err e = vault_find(c->data, cli->words[0], cli->arena, &c->before, info);

	c->is_first = e == ERR_UNKNOWN;
	if (c->is_first) {
		record_init(&cert_life_desc, &c->before, cli->arena);
		c->before.name = cli->words[0];
		e = ERR_OK;
	}
	if (e == ERR_OK)
		e = cert_step_add(&c->before, arrival, cli->now_ms, cli->arena, &added, info);
	if (e != ERR_OK)
		return e;
	c->version = added.versions.items[added.versions.count - 1].id;
	c->after = added;
	if (cli_has(cli, "advance") && !c->is_first)
		e = cert_step_take(&added, &advance, cli->now_ms, cli->arena, &c->after, info);
	if (e == ERR_OK && c->is_first && arrival->not_before_ms > cli->now_ms &&
		!cli_has(cli, "force"))
		e = err_set(info, ERR_RANGE,
			"the certificate is not valid yet, and would be presented at once: there "
			"is no other of that name (--force imports it all the same)");
	return e;
}

static enum err write_version(struct cli *cli, const struct cli_pair *pairs, size_t count,
	struct change *c, struct err_info *info)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct vault_content content[VAULT_PAIRS];
	const char *sha256[VAULT_PAIRS];
	struct cert_arrival arrival = {.not_before_ms = pairs[0].not_before_ms,
		.not_after_ms = pairs[0].not_after_ms,
		.sha256 = {sha256, count},
		.replaces_next = cli_has(cli, "replace") || cli_has(cli, "beside")};
	enum err e = vault_open(c->data, true, &vault, info);

	for (size_t i = 0; i < count; i++) {
		content[i] = (struct vault_content){
			pairs[i].is_rsa ? "rsa" : "ecdsa", pairs[i].chain, pairs[i].key};
		sha256[i] = pairs[i].sha256;
		if (pairs[i].not_before_ms > arrival.not_before_ms)
			arrival.not_before_ms = pairs[i].not_before_ms;
		if (pairs[i].not_after_ms < arrival.not_after_ms)
			arrival.not_after_ms = pairs[i].not_after_ms;
	}
	if (e == ERR_OK)
		e = make_life(cli, &arrival, c, info);
	if (e == ERR_OK)
		e = vault_add(vault, cli->words[0], c->version, content, count, info);
	if (e == ERR_OK)
		e = vault_write(vault, &c->after, info);
	return e;
}

/* The same files once more: what follows would be a rollover from one to the same. */
static void warn_known(struct cli *cli, const struct change *c)
{
	const struct cert_version *made = &c->after.versions.items[c->after.versions.count - 1];

	for (size_t i = 0; i < c->before.versions.count; i++) {
		const struct cert_version *v = &c->before.versions.items[i];
		bool is_same = v->state != CERT_RETIRED && v->sha256.count == made->sha256.count;

		for (size_t j = 0; is_same && j < v->sha256.count; j++)
			is_same = strcmp(v->sha256.items[j], made->sha256.items[j]) == 0;
		if (is_same)
			fprintf(cli->err,
				"sealpost: warning: this certificate is version %s (%s) already\n",
				v->id, cert_state_names[v->state]);
	}
}

/* The server does not take it: as it was before, unless somebody else has changed it since. */
static void put_back(struct cli *cli, const struct change *c)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct err_info info = {0};
	struct cert_life now;
	enum err e = vault_open(c->data, true, &vault, &info);

	if (e == ERR_OK)
		e = vault_find(c->data, cli->words[0], cli->arena, &now, &info);
	if (e == ERR_OK && !record_equal(&cert_life_desc, &now, &c->after))
		return;
	if (e == ERR_OK)
		e = c->is_first ? vault_remove(vault, cli->words[0], &info)
				: vault_write(vault, &c->before, &info);
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
		fprintf(cli->err,
			"sealpost: warning: no listener, organisation or connector uses the "
			"certificate %s, nor does the admin center\n",
			cli->words[0]);
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
static int tell_server(struct cli *cli, const struct change *c)
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
	else if (c != NULL && status == CLI_FAILED)
		put_back(cli, c);
	return status;
}

static int show_change(struct cli *cli, const struct change *c)
{
	json_t *json;

	if (cli_has(cli, "json")) {
		json = record_to_json(&cert_life_desc, &c->after, RECORD_JSON_FULL);
		cli_print_json(cli, json);
		json_decref(json);
		return CLI_OK;
	}
	cli_print(cli, "Version %s of %s is in the data directory.\n", c->version, c->after.name);
	cli_cert_print_life(cli, &c->after);
	if (cert_life_in(&c->after, CERT_NEXT) != NULL)
		cli_print(cli,
			"What would change for partners: sealpost cert rollover plan %s\n"
			"To present it to everybody:     sealpost cert rollover advance %s\n",
			c->after.name, c->after.name);
	return CLI_OK;
}

static int store(struct cli *cli, const struct cli_pair *pairs, size_t count, const char *data)
{
	struct change c = {.data = data};
	struct err_info info = {0};
	int status;

	if (count == 2 && pairs[0].is_rsa == pairs[1].is_rsa)
		return cli_fail(cli, CLI_FAILED,
			"a version holds one ECDSA and one RSA certificate at most; both are %s",
			pairs[0].is_rsa ? "RSA" : "ECDSA");
	if (write_version(cli, pairs, count, &c, &info) != ERR_OK)
		return cli_fail(cli, CLI_FAILED, "%s%s", info.text,
			info.code == ERR_EXISTS ? " (--replace)" : "");
	warn_known(cli, &c);
	status = tell_server(cli, &c);
	return status == CLI_OK ? show_change(cli, &c) : status;
}

/* The key has become that of a version. */
static void forget_request(struct cli *cli, const char *data)
{
	struct vault *vault CLEANUP(vault_free) = NULL;

	if (vault_open(data, true, &vault, NULL) == ERR_OK)
		vault_request_remove(vault, cli->words[0]);
}

int cli_run_cert_import(struct cli *cli)
{
	struct cli_pair pairs[VAULT_PAIRS];
	struct model_node node;
	const char *data;
	size_t count = 0;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = cli_cert_read_pairs(cli, data, pairs, &count);
	for (size_t i = 0; i < count && status == CLI_OK; i++)
		status = cli_cert_check_pair(cli, &node, &pairs[i]);
	if (status == CLI_OK && cli_has(cli, "beside"))
		status = cli_cert_keep_other(cli, data, pairs, &count);
	if (status == CLI_OK)
		status = store(cli, pairs, count, data);
	if (status == CLI_OK && pairs[0].is_requested)
		forget_request(cli, data);
	return status;
}

/* ---- made here --------------------------------------------------------------------------------
 */

/* --host, else the machine's name. */
static int names_for(struct cli *cli, const char **ret, size_t *ret_count)
{
	const char *option = cli_option(cli, "host");
	char host[256] = "localhost";
	struct str rest;

	gethostname(host, sizeof(host) - 1);
	rest = str_of(option != NULL ? option : host);
	for (*ret_count = 0; rest.n > 0 && *ret_count < CLI_MAX_WORDS;) {
		struct str item = str_trim(str_cut(&rest, ','));

		ret[*ret_count] = model_domain_name(item, true, cli->arena);
		if (ret[(*ret_count)++] == NULL)
			return cli_usage(cli, "--host: expected a host name, found \"%.*s\"",
				STR_ARGS(item));
	}
	return CLI_OK;
}

static int kind_for(struct cli *cli, enum tls_keypair_kind *ret)
{
	const char *option = cli_option(cli, "key");

	*ret = TLS_KEYPAIR_ECDSA_P256;
	for (int i = 0; option != NULL && i <= TLS_KEYPAIR_KINDS; i++) {
		if (i == TLS_KEYPAIR_KINDS)
			return cli_usage(cli,
				"--key: expected ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or "
				"rsa-4096, found \"%s\"",
				option);
		if (strcmp(option, tls_keypair_kind_names[i]) == 0) {
			*ret = (enum tls_keypair_kind)i;
			break;
		}
	}
	return CLI_OK;
}

static int request_for(struct cli *cli, const char **names, struct tls_keypair_request *ret)
{
	const char *days = cli_option(cli, "days");
	uint64_t value = 365;
	int status = names_for(cli, names, &ret->count);

	if (status == CLI_OK)
		status = kind_for(cli, &ret->kind);
	if (status == CLI_OK && days != NULL &&
		(!str_to_u64(str_of(days), &value) || value < 1 || value > 3650))
		status = cli_usage(cli, "--days: expected 1 to 3650, found \"%s\"", days);
	ret->names = names;
	ret->now_ms = cli->now_ms;
	ret->days = (int64_t)value;
	ret->organisation = cli_option(cli, "organisation");
	ret->unit = cli_option(cli, "unit");
	ret->country = cli_option(cli, "country");
	return status;
}

int cli_run_cert_self_signed(struct cli *cli)
{
	struct cli_pair pair = {.chain_path = "the certificate", .key_path = "its key"};
	const char *names[CLI_MAX_WORDS], *data;
	struct tls_keypair_request request = {0};
	struct err_info info = {0};
	struct model_node node;
	struct buf chain, key;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = request_for(cli, names, &request);
	if (status != CLI_OK)
		return status;
	buf_init(&chain, 65536);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_self_signed(&request, &chain, &key, &info) != ERR_OK)
		status = cli_fail(cli, CLI_FAILED, "%s", info.text);
	pair.chain = arena_copy(cli->arena, buf_str(&chain));
	pair.key = arena_copy(cli->arena, buf_str(&key));
	buf_free(&chain);
	tls_keypair_forget(&key);
	if (status == CLI_OK)
		status = cli_cert_check_pair(cli, &node, &pair);
	return status == CLI_OK ? store(cli, &pair, 1, data) : status;
}

static int write_request(
	struct cli *cli, const char *data, const struct cli_pair *pair, const struct buf *request)
{
	struct vault *vault CLEANUP(vault_free) = NULL;
	struct err_info info = {0};
	struct str old;
	enum err e = vault_open(data, true, &vault, &info);

	if (e == ERR_OK && !cli_has(cli, "force") &&
		vault_request_key(data, cli->words[0], cli->arena, &old, NULL) == ERR_OK)
		e = err_set(&info, ERR_EXISTS,
			"a certificate for %s was requested already: import it, or say --force to "
			"throw that key away",
			cli->words[0]);
	if (e == ERR_OK)
		e = vault_request_write(vault, cli->words[0], pair->key, buf_str(request), &info);
	return e == ERR_OK ? CLI_OK : cli_fail(cli, CLI_FAILED, "%s", info.text);
}

int cli_run_cert_request(struct cli *cli)
{
	struct cli_pair pair = {.key_path = "the key"};
	const char *names[CLI_MAX_WORDS], *data;
	struct tls_keypair_request request = {0};
	struct err_info info = {0};
	struct model_node node;
	struct buf text, key;
	int status = begin(cli, &node, &data);

	if (status == CLI_OK)
		status = request_for(cli, names, &request);
	if (status != CLI_OK)
		return status;
	buf_init(&text, TLS_KEYPAIR_PEM_MAX);
	buf_init(&key, TLS_KEYPAIR_PEM_MAX);
	if (tls_keypair_signing_request(&request, &text, &key, &info) != ERR_OK)
		status = cli_fail(cli, CLI_FAILED, "%s", info.text);
	else
		status = cli_cert_seal(cli, &node, &pair, arena_copy(cli->arena, buf_str(&key)));
	if (status == CLI_OK)
		status = write_request(cli, data, &pair, &text);
	if (status == CLI_OK && cli_has(cli, "json")) {
		json_t *json =
			json_pack("{s:s,s:s}", "name", cli->words[0], "request", buf_text(&text));

		cli_print_json(cli, json);
		json_decref(json);
	} else if (status == CLI_OK) {
		cli_print(cli, "%s", buf_text(&text));
		fprintf(cli->err,
			"Give this to the certificate authority; then: sealpost cert import %s "
			"CHAIN.pem\n",
			cli->words[0]);
	}
	buf_free(&text);
	tls_keypair_forget(&key);
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
