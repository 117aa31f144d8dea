/* OCSP responses on the certificates that the listeners present. */
#include "process/receive/internal.h"

#include "port/log/log.h"
#include "port/tls/path.h"

static void told(const char *certificate, size_t size, const char *why)
{
	if (size == 0)
		log_event(LOG_WARNING_LEVEL, "staple.none", LOG_TEXT("certificate", certificate),
			LOG_TEXT("reason", why));
	else
		log_event(LOG_INFO_LEVEL, "staple.fresh", LOG_TEXT("certificate", certificate),
			LOG_NUMBER("bytes", (int64_t)size));
}

void receive_staple_forget(struct receive *r)
{
	inquiry_stapling_free(&r->stapling);
}

void receive_staple_begin(struct receive *r, const struct runtime_settings *settings)
{
	struct tls_store *roots = tls_store_new(settings->roots);

	receive_staple_forget(r);
	r->stapling = inquiry_stapling_new(r->base, r->inquiry, r->staples, told);
	for (size_t i = 0; i < settings->certificate_count; i++)
		inquiry_stapling_add(r->stapling, settings->certificates[i].name,
			settings->certificates[i].chain, roots);
	tls_store_free(&roots);
}

void receive_staple_ask(struct receive *r)
{
	if (r->stapling != NULL)
		inquiry_stapling_ask(r->stapling);
}
