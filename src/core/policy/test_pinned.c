#include "core/policy/test_pinned.h"

#include <stdio.h>
#include <stdlib.h>

static const char *directory = "tests/snapshots/policy";

void pinned_begin(int argc, char **argv)
{
	if (argc > 1)
		directory = argv[1];
}

static struct str read_file(const char *name, struct arena *arena)
{
	char *text = arena_alloc(arena, 1 << 20);
	FILE *f = fopen(arena_format(arena, "%s/%s", directory, name), "r");
	size_t n = f != NULL ? fread(text, 1, (1 << 20) - 1, f) : 0;

	if (f != NULL)
		fclose(f);
	return str_make(text, n);
}

void pinned_compare(const char *name, struct buf *got)
{
	struct arena *arena = arena_new();
	const char *path = arena_format(arena, "%s/%s", directory, name);
	FILE *f;

	assert_false(got->failed);
	if (getenv("SEALPOST_REWRITE") != NULL) {
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(buf_text(got), 1, buf_length(got), f), buf_length(got));
		fclose(f);
	}
	assert_string_equal(buf_text(got), read_file(name, arena).p);
	arena_free(&arena);
}

struct policy_snapshot *pinned_config(const char *name)
{
	struct arena *arena = arena_new();
	struct policy_snapshot *snapshot = NULL;
	struct model_config config;
	struct err_info info = {.text = ""};
	json_t *json = NULL;
	enum err e;

	e = model_parse_yaml(read_file(name, arena), &json, &info);
	if (e == ERR_OK)
		e = record_from_json(&model_config_desc, json, "", arena, &config, &info);
	if (e == ERR_OK)
		e = model_check(&config, &info);
	if (e != ERR_OK)
		print_error("%s: %s\n", name, info.text);
	else
		snapshot = policy_snapshot_new(&config, 1);
	json_decref(json);
	arena_free(&arena);
	return snapshot;
}

void pinned_facts(const char *names, struct cert_facts *facts, struct arena *arena)
{
	struct str rest = str_of(names);

	*facts = (struct cert_facts){.subject = "CN=leaf", .issuer = "CN=ca", .has_san = true};
	facts->names.items = arena_array(arena, 8, sizeof(char *));
	while (rest.n > 0)
		facts->names.items[facts->names.count++] =
			arena_text_of(arena, str_cut(&rest, ' '));
}
