/* One revoked certificate in a list (RFC 5280 5.1.2.6, 5.3). */
#include "port/revocation/inside.h"

static bool take_reason(struct str value, int *ret)
{
	struct str content;
	unsigned char tag;

	if (!revocation_der_take(&value, &tag, &content, NULL) || tag != 0x0a || content.n != 1)
		return false;
	*ret = (unsigned char)content.p[0];
	return true;
}

static bool take_extension(struct str *in, struct revocation_entry *entry)
{
	struct str extension, oid, flag, value;
	bool is_critical = false;

	if (!revocation_der_expect(in, REVOCATION_DER_SEQUENCE, &extension) ||
		!revocation_der_expect(&extension, REVOCATION_DER_OID, &oid))
		return false;
	if (revocation_der_expect(&extension, REVOCATION_DER_BOOLEAN, &flag))
		is_critical = flag.n == 1 && flag.p[0] != '\0';
	if (!revocation_der_expect(&extension, REVOCATION_DER_OCTETS, &value))
		return false;
	if (str_is(oid, "\x55\x1d\x15")) /* reasonCode */
		return take_reason(value, &entry->reason);
	if (str_is(oid, "\x55\x1d\x1d")) /* certificateIssuer */
		entry->is_indirect = true;
	else if (is_critical && !str_is(oid, "\x55\x1d\x18")) /* invalidityDate */
		entry->has_unknown = true;
	return true;
}

bool revocation_entry_take(struct str *in, struct revocation_entry *ret)
{
	struct str entry, time, extensions;
	unsigned char tag;

	*ret = (struct revocation_entry){.reason = -1};
	if (!revocation_der_expect(in, REVOCATION_DER_SEQUENCE, &entry) ||
		!revocation_der_expect(&entry, REVOCATION_DER_INTEGER, &ret->serial) ||
		!revocation_der_take(&entry, &tag, &time, NULL) || !revocation_der_is_time(tag) ||
		!revocation_der_time(tag, time, &ret->at_ms))
		return false;
	if (entry.n == 0)
		return true;
	if (!revocation_der_expect(&entry, REVOCATION_DER_SEQUENCE, &extensions) || entry.n > 0)
		return false;
	while (extensions.n > 0) {
		if (!take_extension(&extensions, ret))
			return false;
	}
	return true;
}
