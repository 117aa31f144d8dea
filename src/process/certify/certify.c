#include "process/certify/certify.h"

#include "port/issue/issue.h"
#include "port/runtime/runtime.h"
#include "port/sandbox/sandbox.h"
#include "port/tls/keypair.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ORDER_FD = 0, RESULT_FD = 1, SECRET_MAX = 4096, PART = 4096 };

struct certify {
	const char *data;
	bool is_sealed;
	struct arena *arena;
	struct issue_notes notes;
};

/* A whole file from its beginning; false: it cannot be read, or is larger. */
static bool read_all(int fd, size_t max, struct arena *arena, struct str *ret)
{
	struct buf text;
	ssize_t n = 1;
	char *to;

	buf_init(&text, max + PART);
	while (n > 0 && (to = buf_reserve(&text, PART)) != NULL) {
		n = pread(fd, to, PART, (off_t)buf_length(&text));
		if (n > 0)
			buf_added(&text, (size_t)n);
	}
	*ret = arena_copy(arena, buf_str(&text));
	tls_keypair_forget(&text);
	return n == 0 && ret->n <= max;
}

/* Nothing of the library is to be looked for in files once the sandbox is closed. */
static enum err confine(const struct certify *c, struct err_info *info)
{
	const struct sandbox_user nobody_else = {.drop_only = true};
	const char *writable[] = {arena_format(c->arena, "%s/certificates", c->data)};
	const struct sandbox_rules rules = {
		.writable = writable, .writable_count = ARRAY_LENGTH(writable)};
	enum err e = sandbox_become(&nobody_else, info);

	if (e == ERR_OK &&
		(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 || RAND_status() != 1))
		e = err_set(info, ERR_INTERNAL, "the library for keys does not start");
	return e == ERR_OK ? sandbox_enter(&rules, NULL, info) : e;
}

static enum err read_passphrase(struct certify *c, struct issue_place *place, struct err_info *info)
{
	struct err_info why = {.text = ""};
	struct str file;

	place->has_passphrase = c->is_sealed;
	if (!c->is_sealed)
		return ERR_OK;
	if (!read_all(CERTIFY_PASSPHRASE_FD, SECRET_MAX, c->arena, &file))
		return err_set(info, ERR_SYNTAX,
			"keys.passphrase: larger than %d bytes, or not to "
			"be read",
			(int)SECRET_MAX);
	if (tls_keypair_passphrase(file, &place->passphrase, &why) != ERR_OK)
		return err_set(info, why.code, "keys.passphrase: %s", why.text);
	return ERR_OK;
}

static enum err work(struct certify *c, struct issue_result *ret, struct err_info *info)
{
	struct vault *vault CLEANUP(vault_free) = vault_adopt(c->data, CERTIFY_LOCK_FD);
	struct issue_place place = {.data = c->data,
		.vault = vault,
		.now_ms = runtime_now_ms(),
		.arena = c->arena,
		.notes = &c->notes};
	struct issue_order order;
	struct str text;
	json_t *json = NULL;
	enum err e = confine(c, info);

	if (e != ERR_OK)
		return e;
	if (read_all(ORDER_FD, CERTIFY_ORDER_MAX, c->arena, &text))
		json = json_loadb(text.p, text.n, 0, NULL);
	if (json == NULL)
		return err_set(info, ERR_INTERNAL, "the order cannot be read");
	place.roots =
		str_of(arena_text(c->arena, json_string_value(json_object_get(json, "roots"))));
	e = record_from_json(
		&issue_order_desc, json_object_get(json, "order"), "", c->arena, &order, info);
	json_decref(json);
	if (e == ERR_OK)
		e = read_passphrase(c, &place, info);
	return e == ERR_OK ? issue_run(&place, &order, ret, info) : e;
}

/* What was cut to fit, or stands in a certificate, need not be UTF-8. */
static json_t *text_json(struct arena *arena, const char *text)
{
	char *copy = arena_text(arena, text);

	for (char *p = copy; !str_is_utf8(str_of(text)) && *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(copy);
}

static json_t *result_json(const struct certify *c, const struct issue_result *result)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < c->notes.count; i++)
		json_array_append_new(warnings, text_json(c->arena, c->notes.items[i]));
	if (result->request != NULL)
		return json_pack(
			"{s:b,s:s,s:o}", "ok", 1, "request", result->request, "warnings", warnings);
	return json_pack("{s:b,s:s,s:o,s:o}", "ok", 1, "version", result->version, "life",
		record_to_json(&cert_life_desc, &result->after, RECORD_JSON_FULL), "warnings",
		warnings);
}

/* False: nobody has it. */
static bool tell(json_t *json)
{
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	struct str rest = str_of(text);

	while (rest.n > 0) {
		ssize_t n = write(RESULT_FD, rest.p, rest.n);

		if (n < 0 && errno != EINTR)
			break;
		rest = str_part(rest, n > 0 ? (size_t)n : 0, rest.n);
	}
	free(text);
	json_decref(json);
	return text != NULL && rest.n == 0;
}

int certify_main(int argc, char **argv)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct issue_result result = {0};
	struct err_info info = {.text = ""};
	struct certify c = {.arena = arena};
	enum err e;

	if (argc != 5)
		return EXIT_FAILURE;
	c.data = argv[3];
	c.is_sealed = strcmp(argv[4], "sealed") == 0;
	e = work(&c, &result, &info);
	if (e == ERR_OK)
		return tell(result_json(&c, &result)) ? EXIT_SUCCESS : EXIT_FAILURE;
	tell(json_pack("{s:b,s:s,s:o}", "ok", 0, "code", err_token(e), "error",
		text_json(arena, info.text[0] != '\0' ? info.text : err_text(e))));
	return EXIT_FAILURE;
}
