#include "core/smtp/params.h"

#include "base/compiler.h"
#include "core/smtp/xtext.h"

#define FAULT(c, e, t) ((struct smtp_fault){.code = (c), .enhanced = (e), .text = (t)})

/* What a parameter's reader may say. */
enum verdict { VERDICT_OK, VERDICT_BAD_VALUE, VERDICT_TWICE };

struct param {
	const char *keyword;
	bool has_value;
	enum verdict (*read)(struct str value, void *into);
};

static enum verdict read_size(struct str value, void *into)
{
	struct smtp_params_mail *m = into;

	if (m->has_size)
		return VERDICT_TWICE;
	m->has_size = true;
	/* RFC 1870 4: up to 20 digits. */
	if (value.n > 20 || !str_to_u64(value, &m->size))
		return VERDICT_BAD_VALUE;
	return VERDICT_OK;
}

static enum verdict read_body(struct str value, void *into)
{
	struct smtp_params_mail *m = into;

	if (str_is_nocase(value, "7BIT"))
		m->body = WIRE_BODY_7BIT;
	else if (str_is_nocase(value, "8BITMIME"))
		m->body = WIRE_BODY_8BITMIME;
	else
		return VERDICT_BAD_VALUE;
	return VERDICT_OK;
}

static enum verdict read_smtputf8(struct str value, void *into)
{
	struct smtp_params_mail *m = into;

	(void)value;
	m->smtputf8 = true;
	return VERDICT_OK;
}

static enum verdict read_ret(struct str value, void *into)
{
	struct smtp_params_mail *m = into;

	if (m->ret != WIRE_RET_NONE)
		return VERDICT_TWICE;
	if (str_is_nocase(value, "FULL"))
		m->ret = WIRE_RET_FULL;
	else if (str_is_nocase(value, "HDRS"))
		m->ret = WIRE_RET_HEADERS;
	else
		return VERDICT_BAD_VALUE;
	return VERDICT_OK;
}

/* RFC 3461 4.4: what xtext hides must be printable ASCII too. */
static bool is_printable_xtext(struct str value)
{
	char memory[3];

	if (!smtp_xtext_is_valid(value))
		return false;
	for (size_t i = 0; i + 2 < value.n; i++) {
		if (value.p[i] != '+')
			continue;
		memcpy(memory, value.p + i, 3);
		if (memory[1] < '2' || memory[1] > '7' || (memory[1] == '7' && memory[2] == 'F'))
			return false;
	}
	return true;
}

static enum verdict read_envid(struct str value, void *into)
{
	struct smtp_params_mail *m = into;

	if (m->envelope_id.n > 0)
		return VERDICT_TWICE;
	if (value.n == 0 || value.n > SMTP_PARAMS_MAX_ENVID || !is_printable_xtext(value))
		return VERDICT_BAD_VALUE;
	m->envelope_id = value;
	return VERDICT_OK;
}

static enum verdict read_notify(struct str value, void *into)
{
	static const struct {
		const char *word;
		enum wire_notify bit;
	} words[] = {
		{"NEVER", WIRE_NOTIFY_NEVER},
		{"SUCCESS", WIRE_NOTIFY_SUCCESS},
		{"FAILURE", WIRE_NOTIFY_FAILURE},
		{"DELAY", WIRE_NOTIFY_DELAY},
	};
	struct smtp_params_rcpt *r = into;
	unsigned bits = 0;

	if (r->notify != 0)
		return VERDICT_TWICE;
	do {
		struct str word = str_cut(&value, ',');
		unsigned bit = 0;

		for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
			if (str_is_nocase(word, words[i].word))
				bit = words[i].bit;
		if (bit == 0)
			return VERDICT_BAD_VALUE;
		bits |= bit;
	} while (value.n > 0);
	if ((bits & WIRE_NOTIFY_NEVER) != 0 && bits != WIRE_NOTIFY_NEVER)
		return VERDICT_BAD_VALUE;
	r->notify = bits;
	return VERDICT_OK;
}

/* RFC 6533 3: the utf-8 address type keeps other characters as "\x{...}" or as they are. */
static bool is_utf8_xtext(struct str value)
{
	if (!str_is_utf8(value))
		return false;
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] <= ' ' || value.p[i] == 0x7f || value.p[i] == '=')
			return false;
	return true;
}

static enum verdict read_orcpt(struct str value, void *into)
{
	struct smtp_params_rcpt *r = into;
	struct str rest = value, type;

	if (r->original.n > 0)
		return VERDICT_TWICE;
	if (value.n > SMTP_PARAMS_MAX_ORCPT)
		return VERDICT_BAD_VALUE;
	type = str_cut(&rest, ';');
	if (type.n == 0 || rest.n == 0 || !smtp_address_is_domain(type))
		return VERDICT_BAD_VALUE;
	if (!smtp_xtext_is_valid(rest) && !(str_is_nocase(type, "utf-8") && is_utf8_xtext(rest)))
		return VERDICT_BAD_VALUE;
	r->original = value;
	return VERDICT_OK;
}

static const struct param mail_params[] = {
	{"SIZE", true, read_size},
	{"BODY", true, read_body},
	{"SMTPUTF8", false, read_smtputf8},
	{"RET", true, read_ret},
	{"ENVID", true, read_envid},
	{NULL, false, NULL},
};

static const struct param rcpt_params[] = {
	{"NOTIFY", true, read_notify},
	{"ORCPT", true, read_orcpt},
	{NULL, false, NULL},
};

/* One parameter, "KEYWORD" or "KEYWORD=value". */
static bool read_param(
	struct str text, const struct param *table, void *into, struct smtp_fault *ret_fault)
{
	struct str value = text;
	struct str keyword = str_cut(&value, '=');
	bool has_value = keyword.n < text.n;

	for (; table->keyword != NULL; table++) {
		if (!str_is_nocase(keyword, table->keyword))
			continue;
		if (has_value == table->has_value && table->read(value, into) == VERDICT_OK)
			return true;
		*ret_fault = FAULT(501, "5.5.4", "Parameter has a value that is not valid");
		return false;
	}
	/* RFC 5321 4.1.1.11 */
	*ret_fault = FAULT(555, "5.5.4", "Parameter not recognized");
	return false;
}

static bool read_params(
	struct str rest, const struct param *table, void *into, struct smtp_fault *ret_fault)
{
	if (rest.n > 0 && rest.p[0] != ' ' && rest.p[0] != '\t') {
		*ret_fault = FAULT(501, "5.5.4", "Blank expected behind the address");
		return false;
	}
	for (rest = str_trim(rest); rest.n > 0; rest = str_trim(rest))
		if (!read_param(str_cut(&rest, ' '), table, into, ret_fault))
			return false;
	return true;
}

static bool read_path(struct str *in, struct str keyword, enum smtp_address_kind kind,
	struct smtp_address *ret, struct smtp_fault *ret_fault)
{
	bool is_sender = kind == SMTP_ADDRESS_REVERSE;
	enum err e;

	if (!str_starts_nocase(*in, keyword)) {
		*ret_fault = is_sender ? FAULT(501, "5.5.4", "Syntax: MAIL FROM:<address>")
				       : FAULT(501, "5.5.4", "Syntax: RCPT TO:<address>");
		return false;
	}
	/* Blanks behind the colon are wrong and common. */
	*in = str_trim(str_part(*in, keyword.n, in->n));
	e = smtp_address_path(in, kind, ret);
	if (e == ERR_OK)
		return true;
	if (e == ERR_TOO_LONG)
		*ret_fault = FAULT(501, is_sender ? "5.1.7" : "5.1.3", "Address is too long");
	else
		*ret_fault = FAULT(501, is_sender ? "5.1.7" : "5.1.3", "Address is not valid");
	return false;
}

bool smtp_params_parse_mail(
	struct str argument, struct smtp_params_mail *ret, struct smtp_fault *ret_fault)
{
	static const struct str keyword = STR("FROM:");
	struct smtp_params_mail m = {0};

	if (!read_path(&argument, keyword, SMTP_ADDRESS_REVERSE, &m.sender, ret_fault) ||
		!read_params(argument, mail_params, &m, ret_fault))
		return false;
	if (m.sender.is_utf8 && !m.smtputf8) {
		/* RFC 6531 3.5 */
		*ret_fault = FAULT(553, "5.6.7", "Address needs SMTPUTF8");
		return false;
	}
	*ret = m;
	return true;
}

bool smtp_params_parse_rcpt(struct str argument, bool smtputf8, struct smtp_params_rcpt *ret,
	struct smtp_fault *ret_fault)
{
	static const struct str keyword = STR("TO:");
	struct smtp_params_rcpt r = {0};

	if (!read_path(&argument, keyword, SMTP_ADDRESS_FORWARD, &r.recipient, ret_fault) ||
		!read_params(argument, rcpt_params, &r, ret_fault))
		return false;
	if (!smtputf8 && (r.recipient.is_utf8 || !str_is_ascii(r.original))) {
		*ret_fault = FAULT(553, "5.6.7", "Address needs SMTPUTF8");
		return false;
	}
	*ret = r;
	return true;
}

bool smtp_params_parse_bdat(struct str argument, uint64_t *ret_size, bool *ret_is_last)
{
	struct str rest = argument;
	struct str digits = str_cut(&rest, ' ');
	uint64_t size;

	rest = str_trim(rest);
	if (digits.n > 20 || !str_to_u64(digits, &size))
		return false;
	if (rest.n > 0 && !str_is_nocase(rest, "LAST"))
		return false;
	*ret_size = size;
	*ret_is_last = rest.n > 0;
	return true;
}
