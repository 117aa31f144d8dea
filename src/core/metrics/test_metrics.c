#include "base/mem.h"
#include "core/metrics/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define VALUES(...) ((const char *const[]){__VA_ARGS__})

static char *text_of(struct metrics_text *text)
{
	struct buf out CLEANUP(buf_free);

	buf_init(&out, 1024 * 1024);
	metrics_text_write(text, &out);
	assert_false(out.failed);
	return mem_text(buf_text(&out));
}

static char *text_of_set(const struct metrics_set *set)
{
	struct metrics_text *text = metrics_text_new();
	json_t *json = metrics_set_json(set);
	char *ret;

	metrics_text_take(text, "receive/0", json);
	ret = text_of(text);
	json_decref(json);
	metrics_text_free(&text);
	return ret;
}

static void names_are_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRICS_MAX; i++) {
		const struct metrics_row *row = &metrics_rows[i];
		size_t n = strlen(row->name);
		bool is_total = n > 6 && strcmp(row->name + n - 6, "_total") == 0;

		assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), n);
		assert_int_equal(
			strspn(row->labels, "abcdefghijklmnopqrstuvwxyz,"), strlen(row->labels));
		assert_true(is_total == (row->type == METRICS_COUNTER));
		assert_int_equal(row->help[strlen(row->help) - 1], '.');
		assert_int_equal(metrics_find(row->name), i);
		assert_true(metrics_label_count((enum metrics_id)i) <= METRICS_LABELS_MAX);
	}
	assert_int_equal(metrics_find("nothing"), METRICS_MAX);
}

static void counters_count_by_labels(void **state)
{
	struct metrics_set *set = metrics_set_new();
	char *text;

	(void)state;
	metrics_set_add(set, METRICS_REFUSED, VALUES("mx", "expired"), 2);
	metrics_set_add(set, METRICS_REFUSED, VALUES("mx", "expired"), 1);
	metrics_set_put(set, METRICS_QUEUE_BY, VALUES("mx", "held"), 7);
	metrics_set_put(set, METRICS_QUEUE_BY, VALUES("mx", "held"), 4);
	metrics_set_put(set, METRICS_ALARMS, VALUES("downgrade", "no"), 1);
	metrics_set_clear(set, METRICS_ALARMS);
	text = text_of_set(set);
	assert_string_equal(text,
		"# HELP sealpost_refused_total Refusals given to clients; reason is an outcome "
		"(sealpost help outcomes) or a word for what else was wrong.\n"
		"# TYPE sealpost_refused_total counter\n"
		"sealpost_refused_total{process=\"receive/0\",listener=\"mx\",reason=\"expired\"} "
		"3\n"
		"# HELP sealpost_queue_destination_recipients Recipients in the queue by class of "
		"destination and state (waiting, held); at most a minute old.\n"
		"# TYPE sealpost_queue_destination_recipients gauge\n"
		"sealpost_queue_destination_recipients{process=\"receive/0\",destination=\"mx\","
		"state=\"held\"} 4\n");
	free(text);
	metrics_set_free(&set);
	assert_null(set);
}

static void histograms_add_up(void **state)
{
	struct metrics_set *set = metrics_set_new();
	char *text;

	(void)state;
	metrics_set_observe(set, METRICS_HANDSHAKE_TIME, VALUES("in"), 0);
	metrics_set_observe(set, METRICS_HANDSHAKE_TIME, VALUES("in"), 500);
	metrics_set_observe(set, METRICS_HANDSHAKE_TIME, VALUES("in"), 501);
	metrics_set_observe(set, METRICS_HANDSHAKE_TIME, VALUES("in"), 60 * 1000 * 1000);
	text = text_of_set(set);
	assert_non_null(strstr(text, "# TYPE sealpost_tls_handshake_seconds histogram\n"));
#define LINE(suffix, le)                                                                           \
	"sealpost_tls_handshake_seconds_" suffix "{process=\"receive/0\",direction=\"in\"" le "} "
	assert_non_null(strstr(text, LINE("bucket", ",le=\"0.0005\"") "2\n"));
	assert_non_null(strstr(text, LINE("bucket", ",le=\"0.001\"") "3\n"));
	assert_non_null(strstr(text, LINE("bucket", ",le=\"30\"") "3\n"));
	assert_non_null(strstr(text, LINE("bucket", ",le=\"+Inf\"") "4\n"));
	assert_non_null(strstr(text, LINE("count", "") "4\n"));
	assert_non_null(strstr(text, LINE("sum", "") "60.001001\n"));
#undef LINE
	free(text);
	metrics_set_free(&set);
}

static void what_strangers_choose_is_bounded(void **state)
{
	struct metrics_set *set = metrics_set_new();
	json_t *json;
	char *text;

	(void)state;
	for (int i = 0; i < METRICS_SERIES_MAX + 500; i++) {
		char reason[32];

		snprintf(reason, sizeof(reason), "reason-%d", i);
		metrics_set_add(set, METRICS_REFUSED, VALUES("mx", reason), 1);
	}
	metrics_set_add(set, METRICS_CIPHERS, VALUES("in", "new"), 1);
	json = metrics_set_json(set);
	assert_int_equal(json_array_size(json), METRICS_SERIES_MAX + 2);
	text = text_of_set(set);
	assert_non_null(strstr(text, "listener=\"other\",reason=\"other\"} 500\n"));
	assert_non_null(strstr(text, "direction=\"other\",cipher=\"other\"} 1\n"));
	free(text);
	json_decref(json);
	metrics_set_free(&set);
}

static void values_are_escaped(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} rows[] = {
		{"quote", "a\"b", "version=\"a\\\"b\""},
		{"backslash", "a\\b", "version=\"a\\\\b\""},
		{"line feed", "a\nb", "version=\"a\\nb\""},
		{"UTF-8", "gr\xc3\xbc\xc3\x9f", "version=\"gr\xc3\xbc\xc3\x9f\""},
		{"nothing", NULL, "version=\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct metrics_text *text = metrics_text_new();
		char *made;

		metrics_text_add(text, METRICS_BUILD_INFO, VALUES(rows[i].value), 1);
		metrics_text_add(text, METRICS_BUILD_INFO, VALUES(rows[i].value), 2);
		made = text_of(text);
		if (strstr(made, rows[i].want) == NULL || strstr(made, "} 1\n") == NULL ||
			strstr(made, "} 2\n") != NULL)
			fail_msg("%s: %s", rows[i].name, made);
		free(made);
		metrics_text_free(&text);
	}
}

/* In a set, where strangers' bytes may come from, and which travels as JSON. */
static void bytes_of_strangers_are_cleaned(void **state)
{
	struct metrics_set *set = metrics_set_new();
	char *text;

	(void)state;
	metrics_set_add(set, METRICS_REFUSED, VALUES("mx", "a\x01\xff\nb"), 1);
	text = text_of_set(set);
	assert_non_null(strstr(text, "reason=\"a???b\""));
	free(text);
	metrics_set_free(&set);
}

static void numbers_read_well(void **state)
{
	static const struct {
		double number;
		const char *want;
	} rows[] = {{0, " 0\n"}, {-3, " -3\n"}, {1795300000, " 1795300000\n"}, {0.25, " 0.25\n"},
		{4503599627370496.0, " 4503599627370496\n"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct metrics_text *text = metrics_text_new();
		char *made;

		metrics_text_add(text, METRICS_READY, NULL, rows[i].number);
		made = text_of(text);
		assert_non_null(strstr(made, rows[i].want));
		free(made);
		metrics_text_free(&text);
	}
}

static void what_is_no_sample_is_passed_over(void **state)
{
	static const char *const rows[] = {"[]", "[1]", "[[\"nothing\", [], 1]]",
		"[[\"ready\", [], 1]]", "[[\"refused_total\", [\"mx\"], 1]]",
		"[[\"tls_handshake_seconds\", [\"in\"], 3]]",
		"[[\"tls_handshake_seconds\", [\"in\"], [1, 2]]]", "{}", "null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct metrics_text *text = metrics_text_new();
		json_t *json = json_loads(rows[i], JSON_DECODE_ANY, NULL);
		char *made;

		assert_non_null(json);
		metrics_text_take(text, "spool/0", json);
		made = text_of(text);
		assert_string_equal(made, "");
		free(made);
		json_decref(json);
		metrics_text_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_names),
		cmocka_unit_test(counters_count_by_labels),
		cmocka_unit_test(histograms_add_up),
		cmocka_unit_test(what_strangers_choose_is_bounded),
		cmocka_unit_test(values_are_escaped),
		cmocka_unit_test(bytes_of_strangers_are_cleaned),
		cmocka_unit_test(numbers_read_well),
		cmocka_unit_test(what_is_no_sample_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
