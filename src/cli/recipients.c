/*
 * Many recipients from a file, one a line:
 *
 *     # comment
 *     anna@contoso.example
 *     bob@contoso.example, on-premises, moves in May
 *
 * Everything is checked before anything is changed.  What then differs from what the server has is
 * sent in pieces, each on condition that nobody has changed the configuration meanwhile; loading
 * the same file again goes on where a load was broken off.
 */
#include "base/map.h"
#include "cli/verb.h"

#include <string.h>

enum { MAX_TOLD = 20, PIECE_CHANGES = 20000, PIECE_BYTES = 2 * 1024 * 1024 };

/* A recipient in the file. */
struct entry {
	struct model_recipient recipient;
	size_t line;
};

struct load {
	struct cli *cli;
	const char *path, *domain; /* domain: NULL: any */
	struct entry *entries;
	size_t count, room;
	struct map *by_address; /* of the file -> the line's number */
	struct map *domains;	/* accepted, of which it has some */
	struct map *accepted;	/* name -> JSON of the domain */
	size_t bad;
	/* what differs */
	json_t *changes;
	size_t added, changed, removed, unchanged;
};

static void complain(struct load *l, size_t line, const char *why)
{
	if (l->bad++ < MAX_TOLD)
		cli_fail(l->cli, CLI_FAILED, "%s: line %zu: %s", l->path, line, why);
}

/* ---- the file ---------------------------------------------------------------------------------
 */

/* The accepted domain that covers NAME; NULL: none. */
static const char *accepted(const struct load *l, const char *name)
{
	const json_t *d = map_get(l->accepted, str_of(name));

	for (const char *at = strchr(name, '.'); d == NULL && at != NULL;
		at = strchr(at + 1, '.')) {
		d = map_get(l->accepted, str_of(at + 1));
		if (d != NULL && !json_is_true(json_object_get(d, "subdomains")))
			d = NULL;
	}
	return d != NULL ? json_string_value(json_object_get(d, "name")) : NULL;
}

static struct entry *new_entry(struct load *l)
{
	if (l->count == l->room) {
		size_t room = l->room > 0 ? l->room * 2 : 1024;
		struct entry *entries = arena_array(l->cli->arena, room, sizeof(*entries));

		if (l->count > 0)
			memcpy(entries, l->entries, l->count * sizeof(*entries));
		l->entries = entries;
		l->room = room;
	}
	return &l->entries[l->count];
}

static const char *check_entry(struct load *l, const struct entry *e)
{
	const char *domain = strrchr(e->recipient.address, '@') + 1;
	const char *owner = accepted(l, domain);
	const size_t *before = map_get(l->by_address, str_of(e->recipient.address));

	if (before != NULL)
		return arena_format(l->cli->arena, "%s stands in line %zu already",
			e->recipient.address, *before);
	if (l->domain != NULL && strcmp(domain, l->domain) != 0)
		return arena_format(
			l->cli->arena, "%s is not at %s", e->recipient.address, l->domain);
	if (owner == NULL)
		return arena_format(l->cli->arena, "%s is at no accepted domain that you manage",
			e->recipient.address);
	map_set(l->domains, str_of(domain), l);
	return NULL;
}

static void take_line(struct load *l, struct str line, size_t number)
{
	struct arena *arena = l->cli->arena;
	struct str address = str_trim(str_cut(&line, ','));
	struct str place = str_trim(str_cut(&line, ',')), comment = str_trim(line);
	struct entry *e = new_entry(l);
	struct err_info info = {0};
	const char *why = NULL;
	json_t *json = json_object();
	size_t *line_of;

	/* A local part alone will do where the domain is given. */
	json_object_set_new(json, "address",
		str_find(address, '@', 0) == address.n && l->domain != NULL
			? json_string(arena_format(arena, "%.*s@%s", STR_ARGS(address), l->domain))
			: json_stringn(address.p, address.n));
	if (place.n > 0)
		json_object_set_new(json, "place", json_stringn(place.p, place.n));
	if (comment.n > 0)
		json_object_set_new(json, "comment", json_stringn(comment.p, comment.n));
	if (record_from_json(&model_recipient_desc, json, "", arena, &e->recipient, &info) !=
		ERR_OK)
		why = info.text;
	json_decref(json);
	e->line = number;
	if (why == NULL)
		why = check_entry(l, e);
	if (why != NULL) {
		complain(l, number, why);
		return;
	}
	line_of = arena_alloc(l->cli->arena, sizeof(*line_of));
	*line_of = number;
	map_set(l->by_address, str_of(e->recipient.address), line_of);
	l->count++;
}

static void read_lines(struct load *l, struct str text)
{
	for (size_t number = 1; text.n > 0; number++) {
		struct str line = str_cut(&text, '\n');

		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = str_trim(line);
		if (line.n > 0 && line.p[0] != '#') {
			if (str_is_utf8(line))
				take_line(l, line, number);
			else
				complain(l, number, "is not UTF-8");
		}
	}
}

static int read_file(struct load *l)
{
	struct str text;
	int status = cli_read_file(l->cli, l->path, &text);

	if (status != CLI_OK)
		return status;
	read_lines(l, text);
	if (l->bad > MAX_TOLD)
		cli_fail(l->cli, CLI_FAILED, "%s: and %zu more", l->path, l->bad - MAX_TOLD);
	return l->bad > 0 ? cli_fail(l->cli, CLI_FAILED, "nothing was changed") : CLI_OK;
}

/* ---- the server -------------------------------------------------------------------------------
 */

static int read_domains(struct load *l, json_t **ret)
{
	const json_t *d;
	size_t i;
	int status = cli_get_all(l->cli, "/v1/domains", 0, ret);

	if (status != CLI_OK)
		return status;
	json_array_foreach (*ret, i, d)
		map_set(l->accepted, str_of(json_string_value(json_object_get(d, "name"))),
			(void *)d);
	if (l->domain != NULL && accepted(l, l->domain) == NULL)
		return cli_fail(
			l->cli, CLI_FAILED, "%s is no accepted domain that you manage", l->domain);
	return CLI_OK;
}

static bool is_equal(const struct model_recipient *r, const json_t *there)
{
	const char *comment = json_string_value(json_object_get(there, "comment"));
	const char *place = json_string_value(json_object_get(there, "place"));
	bool on_premises = place != NULL && strcmp(place, "on-premises") == 0;

	return on_premises == (r->place == MODEL_PLACE_ON_PREMISES) &&
	       strcmp(comment != NULL ? comment : "", r->comment != NULL ? r->comment : "") == 0;
}

static void add_change(struct load *l, const char *op, const char *address, json_t *object)
{
	json_t *change = json_pack("{s:s,s:s,s:s}", "kind", "recipient", "op", op, "key", address);

	if (object != NULL)
		json_object_set_new(change, "object", object);
	json_array_append_new(l->changes, change);
}

/* What stands on the server, by address; and what is to go. */
static void compare_removed(struct load *l, const json_t *items, struct map *there)
{
	const json_t *item;
	size_t i;

	json_array_foreach (items, i, item) {
		const char *address = json_string_value(json_object_get(item, "address"));
		const char *at = address != NULL ? strrchr(address, '@') : NULL;

		if (at == NULL)
			continue;
		map_set(there, str_of(address), (void *)item);
		if (!cli_has(l->cli, "replace") ||
			map_get(l->by_address, str_of(address)) != NULL ||
			(map_get(l->domains, str_of(at + 1)) == NULL && l->domain == NULL))
			continue;
		add_change(l, "remove", address, NULL);
		l->removed++;
	}
}

static void compare(struct load *l, const json_t *items)
{
	struct map *there CLEANUP(map_free) = map_new(0);

	compare_removed(l, items, there);
	for (size_t i = 0; i < l->count; i++) {
		const struct model_recipient *r = &l->entries[i].recipient;
		const json_t *old = map_get(there, str_of(r->address));

		if (old != NULL && is_equal(r, old)) {
			l->unchanged++;
			continue;
		}
		l->added += old == NULL;
		l->changed += old != NULL;
		add_change(l, "put", r->address,
			record_to_json(&model_recipient_desc, r, RECORD_JSON_SPARSE));
	}
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* The next changes that fit one request, from *at. */
static json_t *piece_of(const struct load *l, size_t *at)
{
	json_t *piece = json_array();
	size_t bytes = 0;

	while (*at < json_array_size(l->changes) && json_array_size(piece) < PIECE_CHANGES &&
		bytes < PIECE_BYTES) {
		json_t *change = json_array_get(l->changes, *at);
		const json_t *object = json_object_get(change, "object");

		bytes += 100 + 2 * json_string_length(json_object_get(change, "key")) +
			 6 * json_string_length(json_object_get(object, "comment"));
		json_array_append(piece, change);
		++*at;
	}
	return piece;
}

static int send_all(struct load *l, const char *etag)
{
	size_t total = json_array_size(l->changes), at = 0, done = 0;
	char match[64];

	snprintf(match, sizeof(match), "%s", etag);
	while (at < total) {
		json_t *body = json_pack("{s:o}", "changes", piece_of(l, &at));
		struct cli_answer answer = {0};
		struct cli_call call = {.method = "POST",
			.path = "/v1/changes",
			.body = body,
			.if_match = match[0] != '\0' ? match : NULL};
		int status = cli_ask(l->cli, &call, &answer);

		json_decref(body);
		json_decref(answer.json);
		if (status != CLI_OK && done > 0)
			return cli_fail(l->cli, status,
				"%zu of %zu changes are in force; load the file again to go on",
				done, total);
		if (status != CLI_OK)
			return status;
		snprintf(match, sizeof(match), "%s", answer.etag);
		done = at;
		if (done < total || done > PIECE_CHANGES)
			fprintf(l->cli->err, "%zu of %zu changes are in force\n", done, total);
	}
	return CLI_OK;
}

static bool may_go_on(struct load *l)
{
	return l->removed == 0 || cli_has(l->cli, "yes") || !l->cli->interactive ||
	       cli_confirm(l->cli, arena_format(l->cli->arena, "Remove %zu recipient%s?",
					   l->removed, l->removed == 1 ? "" : "s"));
}

static void print_summary(const struct load *l)
{
	bool dry = cli_has(l->cli, "dry-run");

	if (cli_has(l->cli, "json")) {
		json_t *json = json_pack("{s:I,s:I,s:I,s:I,s:b}", "added", (json_int_t)l->added,
			"changed", (json_int_t)l->changed, "removed", (json_int_t)l->removed,
			"unchanged", (json_int_t)l->unchanged, "dry_run", dry);

		cli_print_json(l->cli, json);
		json_decref(json);
		return;
	}
	cli_print(l->cli, "%sadded %zu, changed %zu, removed %zu, unchanged %zu\n",
		dry ? "would be: " : "", l->added, l->changed, l->removed, l->unchanged);
}

/* Everything behind the check of the file. */
static int bring_in(struct load *l)
{
	struct cli_answer first = {0};
	json_t *items = NULL;
	int status = cli_ask(l->cli,
		&(struct cli_call){.method = "GET", .path = "/v1/recipients?limit=1"}, &first);

	json_decref(first.json);
	if (status == CLI_OK)
		status = cli_get_all(l->cli,
			cli_query(l->cli, "/v1/recipients", "domain", l->domain), 0, &items);
	if (status != CLI_OK)
		return status;
	compare(l, items);
	json_decref(items);
	if (!cli_has(l->cli, "dry-run")) {
		status = may_go_on(l) ? send_all(l, first.etag)
				      : cli_fail(l->cli, CLI_FAILED, "nothing was changed");
	}
	if (status == CLI_OK)
		print_summary(l);
	return status;
}

int cli_run_recipient_load(struct cli *cli)
{
	struct load l = {.cli = cli, .path = cli->words[0]};
	const char *domain = cli_option(cli, "domain");
	json_t *domains = NULL;
	int status;

	if (domain != NULL) {
		l.domain = model_domain_name(str_of(domain), false, cli->arena);
		if (l.domain == NULL)
			return cli_usage(cli, "--domain: expected a domain, found \"%s\"", domain);
	}
	l.by_address = map_new(0);
	l.domains = map_new(0);
	l.accepted = map_new(0);
	l.changes = json_array();
	status = read_domains(&l, &domains);
	if (status == CLI_OK)
		status = read_file(&l);
	if (status == CLI_OK)
		status = bring_in(&l);
	json_decref(domains);
	json_decref(l.changes);
	map_free(&l.by_address);
	map_free(&l.domains);
	map_free(&l.accepted);
	return status;
}
