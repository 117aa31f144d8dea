/* OCSP responses on the certificate that is presented: asked of lookup, which answers nothing else
 * to this process. */
#include "process/web/internal.h"

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

void web_staple_new(struct web *web)
{
	web->inquiry = inquiry_new(web->base);
	web->staples = tls_staples_new();
	web->stapling = inquiry_stapling_new(web->base, web->inquiry, web->staples, told);
}

void web_staple_free(struct web *web)
{
	inquiry_stapling_free(&web->stapling);
	inquiry_free(&web->inquiry);
	ipc_free(&web->lookup);
	tls_staples_free(&web->staples);
}

void web_staple_begin(struct web *web, const struct runtime_settings *settings)
{
	const char *name = model_https_certificate(settings->node);
	struct tls_store *roots = tls_store_new(settings->roots);

	inquiry_stapling_clear(web->stapling);
	for (size_t i = 0; i < settings->certificate_count; i++)
		if (name != NULL && strcmp(settings->certificates[i].name, name) == 0)
			inquiry_stapling_add(
				web->stapling, name, settings->certificates[i].chain, roots);
	tls_store_free(&roots);
}

static void on_message(void *context, struct ipc *ipc, enum wire_type type, const void *record)
{
	struct web *web = context;

	(void)ipc;
	if (!inquiry_take(web->inquiry, type, record))
		log_event(LOG_WARNING_LEVEL, "channel.unexpected",
			LOG_TEXT("type", wire_types[type].name));
}

static void on_closed(void *context, struct ipc *ipc)
{
	struct web *web = context;

	(void)ipc;
	inquiry_channel(web->inquiry, NULL);
	ipc_free(&web->lookup);
}

void web_staple_peer(struct web *web, int fd)
{
	static const struct ipc_handlers handlers = {on_message, on_closed, NULL};

	ipc_free(&web->lookup);
	web->lookup = ipc_new(web->base, fd, &handlers, web);
	inquiry_channel(web->inquiry, web->lookup);
	inquiry_stapling_ask(web->stapling);
}
