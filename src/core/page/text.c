#include "core/page/inside.h"

static void put_safe(struct buf *out, const char *text, bool keeps_lines)
{
	for (const char *p = text; *p != '\0';) {
		size_t n = page_control(p, keeps_lines);

		buf_put_byte(out, n > 0 ? '?' : *p);
		p += n > 0 ? n : 1;
	}
}

static void put_underline(struct buf *out, const char *text, char c)
{
	buf_put_byte(out, '\n');
	for (size_t i = 0; text[i] != '\0'; i++)
		buf_put_byte(out, c);
	buf_put_byte(out, '\n');
}

static char underline_of(enum page_kind kind)
{
	return kind == PAGE_TITLE ? '=' : kind == PAGE_HEADING ? '-' : '\0';
}

static void put_block(struct buf *out, const struct page_block *b, bool follows_row)
{
	size_t n = strlen(b->text);

	if (b->kind == PAGE_ROW) {
		buf_format(out, "%s  %-19s ", follows_row ? "" : "\n", b->label);
		put_safe(out, b->text, false);
		buf_put_byte(out, '\n');
		return;
	}
	if (buf_length(out) > 0)
		buf_put_byte(out, '\n');
	if (b->kind == PAGE_CODE) {
		buf_put_text(out, "----- ");
		put_safe(out, b->label, false);
		buf_put_text(out, " -----\n");
	}
	if (b->kind == PAGE_NOTE)
		buf_put_text(out, "NOTE: ");
	put_safe(out, b->text, b->kind == PAGE_CODE);
	if (b->kind == PAGE_SUBHEADING)
		buf_put_text(out, ":\n");
	else if (underline_of(b->kind) != '\0')
		put_underline(out, b->text, underline_of(b->kind));
	else if (b->kind != PAGE_CODE || b->text[n - 1] != '\n')
		buf_put_byte(out, '\n');
	if (b->kind == PAGE_CODE)
		buf_put_text(out, "-----\n");
}

void page_text(const struct page *page, struct buf *out)
{
	for (size_t i = 0; i < page->count; i++)
		put_block(out, &page->items[i], i > 0 && page->items[i - 1].kind == PAGE_ROW);
}
