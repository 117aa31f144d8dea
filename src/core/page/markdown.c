/* Markdown as most understand it: CommonMark with tables. */
#include "core/page/inside.h"

/* Would it begin a list, a quotation, an underline, at the start of a line? */
static bool is_mark_at_start(const char *text, const char *p)
{
	if (p == text)
		return strchr("-+=", *p) != NULL;
	return (*p == '.' || *p == ')') && strspn(text, "0123456789") == (size_t)(p - text);
}

/* What could begin markup is escaped; a line feed would begin a block. */
static void put_escaped(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0';) {
		size_t n = page_control(p, false);

		if (n == 0 && (strchr("\\`*_[]<>#|&~", *p) != NULL || is_mark_at_start(text, p)))
			buf_put_byte(out, '\\');
		buf_put_byte(out, n > 0 ? '?' : *p);
		p += n > 0 ? n : 1;
	}
}

/* More back quotes than stand together anywhere in the text. */
static size_t fence_of(const char *text)
{
	size_t longest = 2, run = 0;

	for (const char *p = text; *p != '\0'; p++) {
		run = *p == '`' ? run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	return longest + 1;
}

static void put_fence(struct buf *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_put_byte(out, '`');
}

static void put_code(struct buf *out, const struct page_block *b)
{
	size_t fence = fence_of(b->text), length = strlen(b->text);

	buf_put_text(out, "**");
	put_escaped(out, b->label);
	buf_put_text(out, "**\n\n");
	put_fence(out, fence);
	buf_put_byte(out, '\n');
	for (const char *p = b->text; *p != '\0';) {
		size_t n = page_control(p, true);

		buf_put_byte(out, n > 0 ? '?' : *p);
		p += n > 0 ? n : 1;
	}
	if (b->text[length - 1] != '\n')
		buf_put_byte(out, '\n');
	put_fence(out, fence);
	buf_put_byte(out, '\n');
}

static void put_row(struct buf *out, const struct page_block *b, bool follows_row)
{
	if (!follows_row)
		buf_put_text(out, "\n| | |\n|---|---|\n");
	buf_put_text(out, "| ");
	put_escaped(out, b->label);
	buf_put_text(out, " | ");
	put_escaped(out, b->text);
	buf_put_text(out, " |\n");
}

static void put_line(struct buf *out, const char *before, const char *text)
{
	buf_put_text(out, before);
	put_escaped(out, text);
	buf_put_byte(out, '\n');
}

static void put_block(struct buf *out, const struct page_block *b, bool follows_row)
{
	if (b->kind != PAGE_ROW && buf_length(out) > 0)
		buf_put_byte(out, '\n');
	switch (b->kind) {
	case PAGE_TITLE:
		put_line(out, "# ", b->text);
		break;
	case PAGE_HEADING:
		put_line(out, "## ", b->text);
		break;
	case PAGE_SUBHEADING:
		put_line(out, "### ", b->text);
		break;
	case PAGE_PARAGRAPH:
		put_line(out, "", b->text);
		break;
	case PAGE_NOTE:
		put_line(out, "> ", b->text);
		break;
	case PAGE_ROW:
		put_row(out, b, follows_row);
		break;
	case PAGE_CODE:
		put_code(out, b);
		break;
	}
}

void page_markdown(const struct page *page, struct buf *out)
{
	for (size_t i = 0; i < page->count; i++)
		put_block(out, &page->items[i], i > 0 && page->items[i - 1].kind == PAGE_ROW);
}
