/* Against the vectors of RFC 7914 (scrypt), RFC 6238 (codes) and FIPS 180 (SHA-256). */
#include "port/secret/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_sha256(void **state)
{
	char hex[ACCOUNT_AUDIT_HASH];

	(void)state;
	secret_sha256(str_of("abc"), hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	secret_sha256((struct str){0}, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 7914 12: P = "pleaseletmein", S = "SodiumChloride", N = 16384, r = 8, p = 1, 64 bytes. */
static void test_known_password(void **state)
{
	static const char want[] = "scrypt$14$8$1$U29kaXVtQ2hsb3JpZGU=$"
				   "cCO9yzr9c0hGHAbNgf0463376+6kE+OPqm1Q/ZUXaHy";
	static const char hex[] =
		"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
		"d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
	struct account_hash hash = {.log2_n = 14, .r = 8, .p = 1, .salt_size = 14, .hash_size = 64};
	char text[ACCOUNT_HASH_TEXT];

	(void)state;
	memcpy(hash.salt, "SodiumChloride", 14);
	for (size_t i = 0; i < 64; i++) {
		char pair[3] = {hex[i * 2], hex[i * 2 + 1], '\0'};

		hash.hash[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	account_hash_format(&hash, text);
	assert_memory_equal(text, want, 35);
	assert_true(secret_password_verify("pleaseletmein", text));
	assert_false(secret_password_verify("pleaseletmeim", text));
}

static void test_password(void **state)
{
	char first[ACCOUNT_HASH_TEXT], second[ACCOUNT_HASH_TEXT];

	(void)state;
	assert_int_equal(secret_password_make("correct horse", first), ERR_OK);
	assert_int_equal(secret_password_make("correct horse", second), ERR_OK);
	assert_memory_equal(first, "scrypt$15$8$1$", 14);
	assert_string_not_equal(first, second);
	assert_true(secret_password_verify("correct horse", first));
	assert_false(secret_password_verify("correct horse ", first));
	assert_false(secret_password_verify("", first));
	assert_false(secret_password_verify("correct horse", NULL));
	assert_false(secret_password_verify("correct horse", "not a hash"));
}

static void test_token(void **state)
{
	struct secret_token token, other;
	struct str id, secret;

	(void)state;
	secret_token_make(&token);
	secret_token_make(&other);
	assert_string_not_equal(token.text, other.text);
	assert_true(account_token_parse(str_of(token.text), &id, &secret));
	assert_true(str_is(id, token.id));
	assert_true(secret_token_verify(secret, token.hash));
	assert_false(secret_token_verify(secret, other.hash));
}

/* RFC 6238 appendix B, the last six of its eight digits. */
static void test_codes(void **state)
{
	static const struct {
		int64_t at_s;
		const char *code;
	} rows[] = {{59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"},
		{1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
	char base32[SECRET_TOTP_TEXT];
	int64_t step = 0;

	(void)state;
	account_base32_format((const unsigned char *)"12345678901234567890", 20, base32);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char code[ACCOUNT_TOTP_DIGITS + 1];

		account_totp_code(
			str_of("12345678901234567890"), rows[i].at_s / 30, secret_hmac_sha1, code);
		assert_string_equal(code, rows[i].code);
		assert_true(
			secret_totp_verify(base32, str_of(code), rows[i].at_s * 1000, 0, &step));
		assert_int_equal(step, rows[i].at_s / 30);
		assert_false(
			secret_totp_verify(base32, str_of(code), rows[i].at_s * 1000, step, &step));
	}
	assert_false(secret_totp_verify("not base32!", str_of("287082"), 59000, 0, &step));
	secret_totp_make(base32);
	assert_int_equal(strlen(base32), SECRET_TOTP_TEXT - 1);
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(secret_equal(str_of("abc"), str_of("abc")));
	assert_false(secret_equal(str_of("abc"), str_of("abd")));
	assert_false(secret_equal(str_of("abc"), str_of("ab")));
	assert_true(secret_equal((struct str){0}, (struct str){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_known_password),
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
