#include "core/smtp/proxy.h"

static const unsigned char signature[12] = {
	0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21, STREAM_IPV4 = 0x11, STREAM_IPV6 = 0x21 };
enum { LENGTH_IPV4 = 12, LENGTH_IPV6 = 36 };

static uint16_t get_u16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* BODY: what the length covers. */
static bool read_addresses(unsigned family, struct str body, struct smtp_proxy *p)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const unsigned char *b = (const unsigned char *)body.p;

	if (family == STREAM_IPV4 && body.n >= LENGTH_IPV4) {
		memcpy(p->address, mapped, 12);
		memcpy(p->address + 12, b, 4);
		p->port = get_u16(b + 8);
		p->has_address = true;
	} else if (family == STREAM_IPV6 && body.n >= LENGTH_IPV6) {
		memcpy(p->address, b, 16);
		p->port = get_u16(b + 32);
		p->has_address = true;
	}
	/* Too short is wrong; another family is an address that we cannot use. */
	return p->has_address || (family != STREAM_IPV4 && family != STREAM_IPV6);
}

enum err smtp_proxy_parse(struct str *in, struct smtp_proxy *ret)
{
	const unsigned char *b = (const unsigned char *)in->p;
	size_t known = in->n < sizeof(signature) ? in->n : sizeof(signature);
	struct smtp_proxy p = {0};
	size_t length;

	if (known > 0 && memcmp(b, signature, known) != 0)
		return ERR_SYNTAX;
	if (in->n < SMTP_PROXY_HEADER)
		return ERR_AGAIN;
	if (b[12] != COMMAND_LOCAL && b[12] != COMMAND_PROXY)
		return ERR_SYNTAX;
	length = get_u16(b + 14);
	if (SMTP_PROXY_HEADER + length > SMTP_PROXY_MAX)
		return ERR_TOO_LONG;
	if (in->n < SMTP_PROXY_HEADER + length)
		return ERR_AGAIN;
	if (b[12] == COMMAND_PROXY &&
		!read_addresses(
			b[13], str_part(*in, SMTP_PROXY_HEADER, SMTP_PROXY_HEADER + length), &p))
		return ERR_SYNTAX;
	*in = str_part(*in, SMTP_PROXY_HEADER + length, in->n);
	*ret = p;
	return ERR_OK;
}
