#include "core/account/account.h"

#include <string.h>

const char *const account_role_names[] = {
	"reader", "auditor", "organisation-admin", "installation-admin", NULL};

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

enum err account_check_name(const char *text, struct err_info *info)
{
	size_t n = strlen(text);
	bool is_fine = n > 0 && n <= ACCOUNT_MAX_NAME && is_letter_or_digit(text[0]);

	for (size_t i = 0; is_fine && i < n; i++)
		is_fine = is_letter_or_digit(text[i]) || strchr("._-@", text[i]) != NULL;
	if (is_fine)
		return ERR_OK;
	return err_set(info, ERR_SYNTAX,
		"expected 1 to %d letters, digits, \".\", \"_\", \"-\" or \"@\", a letter or digit "
		"first",
		ACCOUNT_MAX_NAME);
}

static const char *lower(const char *text, struct arena *arena)
{
	char *copy = arena_text(arena, text);

	str_lower_in_place(copy, strlen(copy));
	return copy;
}

enum err account_check_password(const char *text, const char *user, struct err_info *info)
{
	struct str s = str_of(text);
	size_t characters = 0;

	if (s.n > ACCOUNT_MAX_PASSWORD)
		return err_set(info, ERR_TOO_LONG, "expected at most %d bytes, found %zu",
			ACCOUNT_MAX_PASSWORD, s.n);
	if (!str_is_utf8(s))
		return err_set(info, ERR_SYNTAX, "expected UTF-8");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7f)
			return err_set(info, ERR_SYNTAX, "expected no control characters");
		characters += (c & 0xc0) != 0x80;
	}
	if (characters < ACCOUNT_MIN_PASSWORD)
		return err_set(info, ERR_RANGE, "expected at least %d characters, found %zu",
			ACCOUNT_MIN_PASSWORD, characters);
	if (user != NULL && str_equal_nocase(s, str_of(user)))
		return err_set(info, ERR_RANGE, "expected something else than the user's name");
	return ERR_OK;
}

static enum err check_hash(const char *text, struct err_info *info)
{
	struct account_hash hash;

	return account_hash_parse(str_of(text), &hash)
		       ? ERR_OK
		       : err_set(info, ERR_SYNTAX, "expected scrypt$LOG2N$R$P$SALT$HASH");
}

static enum err check_totp(const char *text, struct err_info *info)
{
	unsigned char key[64];
	size_t size;

	return account_base32_parse(str_of(text), key, sizeof(key), &size) && size >= 16
		       ? ERR_OK
		       : err_set(info, ERR_SYNTAX, "expected 16 to 64 bytes in base32");
}

static enum err check_label(const char *text, struct err_info *info)
{
	if (!str_is_utf8(str_of(text)))
		return err_set(info, ERR_SYNTAX, "expected UTF-8");
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return err_set(info, ERR_SYNTAX, "expected no control characters");
	return ERR_OK;
}

#define F(member, k, ...) RECORD_FIELD(struct account_user, member, k, __VA_ARGS__)
static const struct record_field user_fields[] = {
	F(name, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .check = account_check_name,
		.normal = lower, .doc = "Name to log in with; case does not matter."),
	F(role, RECORD_ENUM, .flags = RECORD_REQUIRED, .names = account_role_names,
		.doc = "reader, auditor, organisation-admin or installation-admin."),
	F(organisations, RECORD_TEXTS, .max = ACCOUNT_MAX_ORGANISATIONS,
		.doc = "What it is limited to; none: all."),
	F(disabled, RECORD_BOOL, .preset = "false", .doc = "May not log in."),
	F(password, RECORD_TEXT, .check = check_hash, .doc = "Hash of the password."),
	F(totp, RECORD_TEXT, .check = check_totp, .doc = "Key for one-time codes."),
	F(totp_step, RECORD_INT, .min = 0, .max = INT64_MAX, .preset = "0",
		.doc = "Last step whose code was used."),
	{.name = "created",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct account_user, created_ms),
		.doc = "When it was added."},
	{.name = "changed",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct account_user, changed_ms),
		.doc = "When it was changed last."},
};
#undef F

#define F(member, k, ...) RECORD_FIELD(struct account_token, member, k, __VA_ARGS__)
static const struct record_field token_fields[] = {
	F(id, RECORD_TEXT, .flags = RECORD_REQUIRED | RECORD_KEY, .max = ACCOUNT_TOKEN_ID,
		.doc = "Given by the server."),
	F(label, RECORD_TEXT, .flags = RECORD_REQUIRED, .max = ACCOUNT_MAX_LABEL,
		.check = check_label, .doc = "What it is for."),
	F(role, RECORD_ENUM, .flags = RECORD_REQUIRED, .names = account_role_names,
		.doc = "reader, auditor, organisation-admin or installation-admin."),
	F(organisations, RECORD_TEXTS, .max = ACCOUNT_MAX_ORGANISATIONS,
		.doc = "What it is limited to; none: all."),
	F(hash, RECORD_TEXT, .max = 64, .doc = "SHA-256 of its secret."),
	F(created_by, RECORD_TEXT, .max = 256, .doc = "Who added it."),
	{.name = "created",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct account_token, created_ms),
		.doc = "When it was added."},
	{.name = "expires",
		.kind = RECORD_MOMENT,
		.offset = offsetof(struct account_token, expires_ms),
		.doc = "From then on it is worth nothing; absent: never."},
};
#undef F

static enum err check_rights(
	int role, const struct record_texts *organisations, struct err_info *info)
{
	if (role == ACCOUNT_ORGANISATION_ADMIN && organisations->count == 0)
		return err_set(info, ERR_RANGE,
			"organisations: expected at least one for the role organisation-admin");
	if (role == ACCOUNT_INSTALLATION_ADMIN && organisations->count > 0)
		return err_set(info, ERR_RANGE,
			"organisations: expected none for the role installation-admin, which "
			"manages all");
	return ERR_OK;
}

static enum err check_user(const void *object, struct err_info *info)
{
	const struct account_user *user = object;

	return check_rights(user->role, &user->organisations, info);
}

static enum err check_token(const void *object, struct err_info *info)
{
	const struct account_token *token = object;

	return check_rights(token->role, &token->organisations, info);
}

const struct record_desc account_user_desc = RECORD_DESC(struct account_user, "user", user_fields,
	.doc = "Who may log in to the admin center.", .check = check_user);
const struct record_desc account_token_desc = RECORD_DESC(struct account_token, "token",
	token_fields, .doc = "A program that may use the API.", .check = check_token);

json_t *account_user_json(const struct account_user *user)
{
	json_t *json = record_to_json(&account_user_desc, user, RECORD_JSON_FULL);

	json_object_del(json, "password");
	json_object_del(json, "totp");
	json_object_del(json, "totp_step");
	json_object_set_new(json, "has_password", json_boolean(user->password != NULL));
	json_object_set_new(json, "has_totp", json_boolean(user->totp != NULL));
	return json;
}

json_t *account_token_json(const struct account_token *token)
{
	json_t *json = record_to_json(&account_token_desc, token, RECORD_JSON_FULL);

	json_object_del(json, "hash");
	return json;
}
