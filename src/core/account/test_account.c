/* Names, passwords, text forms, one-time codes, entries of the audit log. */
#include "core/account/account.h"
#include "core/account/audit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
	static const struct {
		const char *text;
		bool is_fine;
	} rows[] = {
		{"alice", true},
		{"Alice.B@contoso.example", true},
		{"7of9", true},
		{"", false},
		{".alice", false},
		{"a b", false},
		{"a/b", false},
		{"al\xc3\xa9", false},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info = {0};
		bool is_fine = account_check_name(rows[i].text, &info) == ERR_OK;

		print_message("# \"%s\"\n", rows[i].text);
		assert_int_equal(is_fine, rows[i].is_fine);
		assert_int_equal(info.text[0] == '\0', is_fine);
	}
}

static void test_passwords(void **state)
{
	static char most[ACCOUNT_MAX_PASSWORD + 2];
	const struct {
		const char *text;
		enum err want;
	} rows[] = {
		{"correct horse", ERR_OK},
		{"0123456789", ERR_OK},
		{"012345678", ERR_RANGE},
		{"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
			ERR_RANGE}, /* 9 characters */
		{"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9",
			ERR_OK},
		{"ADMINISTRATOR", ERR_RANGE},
		{"with\ttab and more", ERR_SYNTAX},
		{"not utf-8 \xff\xff\xff", ERR_SYNTAX},
		{most, ERR_TOO_LONG},
	};

	(void)state;
	memset(most, 'x', sizeof(most) - 1);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct err_info info = {0};

		print_message("# row %zu\n", i);
		assert_int_equal(
			account_check_password(rows[i].text, "Administrator", &info), rows[i].want);
	}
}

static enum err read_user(const char *text, struct arena *arena, struct account_user *ret)
{
	struct err_info info = {0};
	json_t *json = json_loads(text, 0, NULL);
	enum err e = record_from_json(&account_user_desc, json, "", arena, ret, &info);

	assert_non_null(json);
	json_decref(json);
	return e;
}

static void test_users(void **state)
{
	struct arena *arena = arena_new();
	struct account_user user;
	json_t *json;

	(void)state;
	assert_int_equal(read_user("{\"name\": \"Ann\", \"role\": \"organisation-admin\","
				   " \"organisations\": [\"fabrikam\"], \"totp_step\": 3,"
				   " \"created\": \"2026-11-21T10:00:00Z\"}",
				 arena, &user),
		ERR_OK);
	assert_string_equal(user.name, "ann");
	json = account_user_json(&user);
	assert_null(json_object_get(json, "password"));
	assert_null(json_object_get(json, "totp"));
	assert_null(json_object_get(json, "totp_step"));
	assert_true(json_is_false(json_object_get(json, "has_password")));
	assert_string_equal(
		json_string_value(json_object_get(json, "created")), "2026-11-21T10:00:00.000Z");
	json_decref(json);
	assert_int_equal(
		read_user("{\"name\": \"a\", \"role\": \"organisation-admin\"}", arena, &user),
		ERR_RANGE);
	assert_int_equal(read_user("{\"name\": \"a\", \"role\": \"installation-admin\","
				   " \"organisations\": [\"x\"]}",
				 arena, &user),
		ERR_RANGE);
	assert_int_equal(read_user("{\"name\": \"a\", \"role\": \"auditor\","
				   " \"password\": \"plain\"}",
				 arena, &user),
		ERR_SYNTAX);
	arena_free(&arena);
}

static void test_hashes(void **state)
{
	static const char good[] = "scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$"
				   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
	static const char *const bad[] = {"", "scrypt", "scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$",
		"bcrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$015$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$9$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$20$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$15$8$17$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$15$8$1$AAEC$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODw==",
		"scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODx==",
		"scrypt$15$8$1$AAECAwQFBgcICQoLDA0ODw==$AAECAwQFBgcICQoLDA0ODw==$"};
	struct account_hash hash;
	char text[ACCOUNT_HASH_TEXT];

	(void)state;
	assert_true(account_hash_parse(str_of(good), &hash));
	assert_int_equal(hash.log2_n, 15);
	assert_int_equal(hash.salt_size, 16);
	assert_int_equal(hash.hash_size, 32);
	assert_int_equal(hash.hash[31], 31);
	account_hash_format(&hash, text);
	assert_string_equal(text, good);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		print_message("# %s\n", bad[i]);
		assert_false(account_hash_parse(str_of(bad[i]), &hash));
	}
}

static void test_base32(void **state)
{
	/* RFC 4648 10 */
	static const struct {
		const char *plain, *text;
	} rows[] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"},
		{"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
	unsigned char bytes[8];
	char text[32];
	size_t size;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		account_base32_format(
			(const unsigned char *)rows[i].plain, strlen(rows[i].plain), text);
		assert_string_equal(text, rows[i].text);
		assert_true(account_base32_parse(str_of(text), bytes, sizeof(bytes), &size));
		assert_int_equal(size, strlen(rows[i].plain));
		assert_memory_equal(bytes, rows[i].plain, size);
	}
	assert_true(account_base32_parse(str_of("mzxw 6ytb oi======"), bytes, 8, &size));
	assert_memory_equal(bytes, "foobar", 6);
	assert_false(account_base32_parse(str_of("MZ1"), bytes, 8, &size));
	assert_false(account_base32_parse(str_of("MZ"), bytes, 8, &size)); /* bits left */
	assert_false(account_base32_parse(str_of("MZXW6YTBOI"), bytes, 3, &size));
}

static void test_tokens(void **state)
{
	static const char good[] =
		"sp_abcdefghij234567_abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst";
	struct str id, secret;

	(void)state;
	assert_true(account_token_parse(str_of(good), &id, &secret));
	assert_true(str_is(id, "abcdefghij234567"));
	assert_int_equal(secret.n, ACCOUNT_TOKEN_SECRET);
	assert_false(account_token_parse(str_make(good, sizeof(good) - 2), &id, &secret));
	assert_false(account_token_parse(str_of("sp_abcdefghij234567"), &id, &secret));
	assert_false(account_token_parse(str_of("xx_abcdefghij234567_"), &id, &secret));
	assert_false(account_token_parse(str_of(""), &id, &secret));
}

/* ---- the audit log ----------------------------------------------------------------------------
 */

/* Not SHA-256, but as long, and of all bytes. */
static void fake_digest(struct str bytes, char ret[ACCOUNT_AUDIT_HASH])
{
	unsigned sum = 7;

	for (size_t i = 0; i < bytes.n; i++)
		sum = sum * 31 + (unsigned char)bytes.p[i];
	snprintf(ret, ACCOUNT_AUDIT_HASH, "%064x", sum);
}

static void test_entry_text(void **state)
{
	const struct account_entry entry = {.id = 3,
		.at_ms = 1000,
		.actor = "root",
		.via = "socket",
		.action = "domain.add",
		.object = "a.example",
		.after = "{\"name\":\"a.example\"}",
		.result = "ok",
		.hash = "not part of it"};
	struct account_entry other = entry;
	char hash[ACCOUNT_AUDIT_HASH], again[ACCOUNT_AUDIT_HASH];
	struct arena *arena = arena_new();
	struct err_info info = {0};

	(void)state;
	assert_string_equal(account_entry_text(&entry, arena),
		"{\"action\":\"domain.add\",\"actor\":\"root\",\"address\":null,"
		"\"after\":{\"name\":\"a.example\"},\"at\":\"1970-01-01T00:00:01.000Z\","
		"\"before\":null,\"id\":3,\"object\":\"a.example\",\"organisation\":null,"
		"\"result\":\"ok\",\"via\":\"socket\"}");
	account_entry_hash(&entry, account_audit_start, fake_digest, hash);
	other.hash = NULL;
	account_entry_hash(&other, account_audit_start, fake_digest, again);
	assert_string_equal(hash, again);
	other.after = "{\"name\":\"b.example\"}";
	account_entry_hash(&other, account_audit_start, fake_digest, again);
	assert_string_not_equal(hash, again);
	account_entry_hash(&entry, hash, fake_digest, again);
	assert_string_not_equal(hash, again);
	assert_int_equal(account_entry_check(&entry, &info), ERR_OK);
	other.actor = "";
	assert_int_equal(account_entry_check(&other, &info), ERR_SYNTAX);
	assert_non_null(strstr(info.text, "actor"));
	arena_free(&arena);
}

static void test_entry_value(void **state)
{
	struct arena *arena = arena_new();
	char *pem = arena_alloc(arena, 2000);
	json_t *json, *list = json_array();
	const char *text;

	(void)state;
	memset(pem, 'P', 1999);
	for (int i = 0; i < 1000; i++)
		json_array_append_new(list, json_string("192.0.2.1"));
	json = json_pack("{s:s,s:s,s:o,s:{s:b}}", "trust", pem, "name", "x", "addresses", list,
		"inbound", "require_tls", 1);
	text = account_entry_value(json, fake_digest, arena);
	assert_null(strstr(text, "PPPP"));
	assert_null(strstr(text, "192.0.2.1"));
	assert_non_null(strstr(text, "\"trust\":{\"bytes\":1999,\"sha256\":\"0"));
	assert_non_null(strstr(text, "\"inbound\":{\"require_tls\":true},\"name\":\"x\""));
	json_decref(json);
	assert_null(account_entry_value(NULL, fake_digest, arena));
	arena_free(&arena);
}

static void fake_hmac(struct str key, struct str message, unsigned char ret[20])
{
	for (size_t i = 0; i < 20; i++)
		ret[i] = (unsigned char)(key.p[i % key.n] + message.p[7] * 3 + (int)i);
}

static void test_totp_steps(void **state)
{
	struct str key = STR("0123456789");
	char code[ACCOUNT_TOTP_DIGITS + 1];
	int64_t now_ms = (int64_t)100 * ACCOUNT_TOTP_STEP_MS + 5, step = 0;

	(void)state;
	for (int64_t at = 97; at <= 103; at++) {
		account_totp_code(key, at, fake_hmac, code);
		assert_int_equal(account_totp_check(key, str_of(code), now_ms, 0, fake_hmac, &step),
			at >= 99 && at <= 101);
	}
	account_totp_code(key, 100, fake_hmac, code);
	assert_true(account_totp_check(key, str_of(code), now_ms, 99, fake_hmac, &step));
	assert_int_equal(step, 100);
	/* Once. */
	assert_false(account_totp_check(key, str_of(code), now_ms, 100, fake_hmac, &step));
	assert_false(account_totp_check(key, str_of("12345"), now_ms, 0, fake_hmac, &step));
}

static void test_totp_uri(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(account_totp_uri("mx.example", "a@b.example", "MZXW6", arena),
		"otpauth://totp/mx.example:a%40b.example?secret=MZXW6&issuer=mx.example");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_passwords),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_base32),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_entry_text),
		cmocka_unit_test(test_entry_value),
		cmocka_unit_test(test_totp_steps),
		cmocka_unit_test(test_totp_uri),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
