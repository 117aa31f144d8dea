#include "process/keys/uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct row {
	const char *text;
	enum err want;
	const char *token, *object;
	struct str id;
	const char *reason; /* part of it */
};

static const struct row rows[] = {
	{"pkcs11:token=mail;object=mx", ERR_OK, "mail", "mx", {0}, NULL},
	{"PKCS11:object=mx", ERR_OK, NULL, "mx", {0}, NULL},
	{"pkcs11:token=My%20token%3b;id=%01%00%fF;type=private", ERR_OK, "My token;", NULL,
		STR("\x01\0\xff"), NULL},
	{"pkcs11:object=a=b", ERR_OK, NULL, "a=b", {0}, NULL},
	{"pkcs11:token=mail", ERR_SYNTAX, NULL, NULL, {0}, "names no key"},
	{"pkcs11:", ERR_SYNTAX, NULL, NULL, {0}, "names no key"},
	{"pkcs12:object=mx", ERR_SYNTAX, NULL, NULL, {0}, "expected"},
	{"pkcs11:object", ERR_SYNTAX, NULL, NULL, {0}, "no value"},
	{"pkcs11:object=mx;;", ERR_SYNTAX, NULL, NULL, {0}, "no value"},
	{"pkcs11:object=mx%2", ERR_SYNTAX, NULL, NULL, {0}, "digits"},
	{"pkcs11:object=mx%zz", ERR_SYNTAX, NULL, NULL, {0}, "digits"},
	{"pkcs11:object=mx%00", ERR_SYNTAX, NULL, NULL, {0}, "NUL"},
	{"pkcs11:object=mx;object=my", ERR_SYNTAX, NULL, NULL, {0}, "twice"},
	{"pkcs11:id=;object=mx", ERR_SYNTAX, NULL, NULL, {0}, "once"},
	{"pkcs11:object=mx;type=cert", ERR_SYNTAX, NULL, NULL, {0}, "private"},
	{"pkcs11:object=mx;slot-id=3", ERR_UNSUPPORTED, NULL, NULL, {0}, "slot-id"},
	{"pkcs11:object=mx?pin-value=1234", ERR_UNSUPPORTED, NULL, NULL, {0}, "keys.pkcs11_pin"},
};

static void says_what_it_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct row *row = &rows[i];
		struct arena *arena = arena_new();
		struct err_info info = {.text = ""};
		struct keys_uri uri = {0};
		enum err e = keys_uri_parse(row->text, arena, &uri, &info);

		if (e != row->want)
			fail_msg("%s: %s: %s", row->text, err_token(e), info.text);
		if (row->reason != NULL)
			assert_non_null(strstr(info.text, row->reason));
		assert_int_equal(uri.token != NULL, row->token != NULL);
		assert_int_equal(uri.object != NULL, row->object != NULL);
		if (row->token != NULL)
			assert_string_equal(uri.token, row->token);
		if (row->object != NULL)
			assert_string_equal(uri.object, row->object);
		assert_true(str_equal(uri.id, row->id));
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {cmocka_unit_test(says_what_it_names)};

	return cmocka_run_group_tests(all, NULL, NULL);
}
