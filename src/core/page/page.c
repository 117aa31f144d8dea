#include "core/page/inside.h"

#include "base/moment.h"

const char *const page_format_names[] = {"text", "markdown", "html", NULL};
const char *const page_types[PAGE_FORMAT_MAX] = {
	"text/plain; charset=utf-8",
	"text/markdown; charset=utf-8",
	"text/html; charset=utf-8",
};

void page_put(struct page *page, enum page_kind kind, const char *label, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	if (page->count == page->size) {
		struct page_block *old = page->items;

		page->size = page->size * 2 + 64;
		page->items = arena_array(page->arena, page->size, sizeof(*page->items));
		if (page->count > 0)
			memcpy(page->items, old, page->count * sizeof(*old));
	}
	page->items[page->count++] = (struct page_block){kind, label, text};
}

const char *page_join(struct page *page, const struct record_texts *texts)
{
	const char *text = "";

	for (size_t i = 0; i < texts->count; i++)
		text = arena_format(
			page->arena, "%s%s%s", text, i > 0 ? ", " : "", texts->items[i]);
	return text;
}

const char *page_day(struct page *page, int64_t at_ms)
{
	char text[MOMENT_TEXT_SIZE];

	if (at_ms == 0)
		return "?";
	moment_format_rfc3339(at_ms, text);
	text[10] = '\0';
	return arena_text(page->arena, text);
}

size_t page_control(const char *p, bool keeps_lines)
{
	unsigned char c = (unsigned char)p[0];

	if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
		return 2;
	return (c < ' ' && !(keeps_lines && c == '\n')) || c == 0x7f;
}

enum err page_format(const struct page *page, enum page_format format, struct buf *out)
{
	static void (*const forms[PAGE_FORMAT_MAX])(const struct page *page, struct buf *out) = {
		page_text, page_markdown, page_html};

	forms[format](page, out);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}
