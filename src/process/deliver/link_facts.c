/* What a connection tells of itself. */
#include "process/deliver/link_inside.h"

struct smtp_client *deliver_link_client(struct deliver_link *link)
{
	return link->client;
}

const struct tls_session *deliver_link_tls(const struct deliver_link *link)
{
	return link->tls_up ? link->tls : NULL;
}

const struct receipt *deliver_link_receipt(const struct deliver_link *link)
{
	return &link->receipt;
}

struct deliver_link_standing *deliver_link_standing(struct deliver_link *link)
{
	return &link->standing;
}

const char *deliver_link_key(const struct deliver_link *link)
{
	return link->options.key;
}

const struct deliver_address *deliver_link_address(const struct deliver_link *link)
{
	return &link->options.address;
}

const char *deliver_link_reason(const struct deliver_link *link)
{
	return link->reason;
}

bool deliver_link_is_starved(const struct deliver_link *link)
{
	return link->starved;
}

enum tls_failure_kind deliver_link_tls_failure(const struct deliver_link *link)
{
	return link->failure;
}

bool deliver_link_certificate_refused(const struct deliver_link *link)
{
	return link->certificate_refused;
}

bool deliver_link_starttls_refused(const struct deliver_link *link)
{
	return link->refused;
}

bool deliver_link_starttls_offered(const struct deliver_link *link)
{
	return link->offered;
}

int64_t deliver_link_count(struct deliver_link *link, int64_t add)
{
	link->count += add;
	return link->count;
}
