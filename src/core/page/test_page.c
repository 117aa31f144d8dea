#include "core/page/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *format(const struct page *page, enum page_format form, struct arena *arena)
{
	const char *text;
	struct buf out;

	buf_init(&out, 1 << 16);
	assert_int_equal(page_format(page, form, &out), ERR_OK);
	text = arena_text_of(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

static void put_all(struct page *page)
{
	page_put(page, PAGE_TITLE, NULL, "A title");
	page_put(page, PAGE_NOTE, NULL, "Mind this.");
	page_put(page, PAGE_HEADING, NULL, "One");
	page_put(page, PAGE_SUBHEADING, NULL, "current, version 2");
	page_put(page, PAGE_ROW, "Name", "mx.example");
	page_put(page, PAGE_ROW, "Absent", NULL);
	page_put(page, PAGE_ROW, "Key", "RSA 2048");
	page_put(page, PAGE_PARAGRAPH, NULL, "Words.");
	page_put(page, PAGE_CODE, "FILE", "a\nb");
}

static void every_block_has_its_form(void **state)
{
	struct arena *arena = arena_new();
	struct page page = {.arena = arena};

	(void)state;
	put_all(&page);
	assert_string_equal(format(&page, PAGE_TEXT, arena),
		"A title\n=======\n\nNOTE: Mind this.\n\nOne\n---\n\ncurrent, version 2:\n\n"
		"  Name                mx.example\n  Key                 RSA 2048\n\nWords.\n\n"
		"----- FILE -----\na\nb\n-----\n");
	assert_string_equal(format(&page, PAGE_MARKDOWN, arena),
		"# A title\n\n> Mind this.\n\n## One\n\n### current, version 2\n\n"
		"| | |\n|---|---|\n| Name | mx.example |\n| Key | RSA 2048 |\n\nWords.\n\n"
		"**FILE**\n\n```\na\nb\n```\n");
	assert_non_null(strstr(format(&page, PAGE_HTML, arena),
		"<h1>A title</h1>\n<p class=\"note\">Mind this.</p>\n<h2>One</h2>\n<h3>current, "
		"version 2</h3>\n<table>\n<tr><th scope=\"row\">Name</th><td>mx.example</td></tr>\n"
		"<tr><th scope=\"row\">Key</th><td>RSA 2048</td></tr>\n</table>\n<p>Words.</p>\n"
		"<h4>FILE</h4>\n<pre>a\nb</pre>\n</main>"));
	arena_free(&arena);
}

/* A subject can hold anything. */
static void strange_texts_are_harmless(void **state)
{
	static const char strange[] =
		"\033[2J\xc2\x9b</td><script>'\"&|`*x*`\n# h\n---\n```\n\xc3\xa4";
	struct arena *arena = arena_new();
	struct page page = {.arena = arena};
	const char *text;

	(void)state;
	page_put(&page, PAGE_TITLE, NULL, strange);
	page_put(&page, PAGE_ROW, "x", strange);
	page_put(&page, PAGE_CODE, "y", strange);
	for (enum page_format form = PAGE_TEXT; form < PAGE_FORMAT_MAX; form++) {
		text = format(&page, form, arena);
		assert_null(strchr(text, '\033'));
		assert_null(strstr(text, "\xc2\x9b"));
		assert_non_null(strstr(text, "\xc3\xa4"));
	}
	assert_null(strstr(text, "<script>"));
	assert_non_null(strstr(text, "&lt;script&gt;&#39;&quot;&amp;|"));
	text = format(&page, PAGE_MARKDOWN, arena);
	assert_non_null(
		strstr(text, "| x | ?\\[2J?\\</td\\>\\<script\\>'\"\\&\\|\\`\\*x\\*\\`?\\# h"
			     "?---?\\`\\`\\`?\xc3\xa4 |\n"));
	/* The code's own back quotes do not end it. */
	assert_non_null(strstr(text, "**y**\n\n````\n"));
	arena_free(&arena);
}

static void lists_do_not_begin_by_chance(void **state)
{
	static const char *const rows[][2] = {{"1. a", "1\\. a\n"}, {"12) a", "12\\) a\n"},
		{"- a", "\\- a\n"}, {"+ a", "\\+ a\n"}, {"=", "\\=\n"}, {"1.5 a-b", "1\\.5 a-b\n"},
		{"a. b", "a. b\n"}};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct page page = {.arena = arena};

		page_put(&page, PAGE_PARAGRAPH, NULL, rows[i][0]);
		assert_string_equal(format(&page, PAGE_MARKDOWN, arena), rows[i][1]);
	}
	arena_free(&arena);
}

static void what_does_not_fit_is_an_error(void **state)
{
	struct arena *arena = arena_new();
	struct page page = {.arena = arena};

	(void)state;
	put_all(&page);
	for (enum page_format form = PAGE_TEXT; form < PAGE_FORMAT_MAX; form++) {
		struct buf out;

		buf_init(&out, 50);
		assert_int_equal(page_format(&page, form, &out), ERR_TOO_LONG);
		buf_free(&out);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_has_its_form),
		cmocka_unit_test(strange_texts_are_harmless),
		cmocka_unit_test(lists_do_not_begin_by_chance),
		cmocka_unit_test(what_does_not_fit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
