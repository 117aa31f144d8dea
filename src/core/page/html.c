#include "core/page/inside.h"

static void put_escaped(struct buf *out, const char *text, bool keeps_lines)
{
	for (const char *p = text; *p != '\0'; p++) {
		size_t n = page_control(p, keeps_lines);

		if (n > 0) {
			buf_put_byte(out, '?');
			p += n - 1;
			continue;
		}
		switch (*p) {
		case '&':
			buf_put_text(out, "&amp;");
			break;
		case '<':
			buf_put_text(out, "&lt;");
			break;
		case '>':
			buf_put_text(out, "&gt;");
			break;
		case '"':
			buf_put_text(out, "&quot;");
			break;
		case '\'':
			buf_put_text(out, "&#39;");
			break;
		default:
			buf_put_byte(out, *p);
		}
	}
}

static void put_element(struct buf *out, const char *open, const char *text, const char *close)
{
	buf_put_text(out, open);
	put_escaped(out, text, false);
	buf_put_text(out, close);
}

static const char page_start[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'\">\n"
	"<style>\n"
	"body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; "
	"color: #111; background: #fff; }\n"
	"table { border-collapse: collapse; width: 100%; margin: .5rem 0; }\n"
	"th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px "
	"solid #bbb; overflow-wrap: anywhere; }\n"
	"th { width: 12rem; font-weight: 600; }\n"
	"pre { background: #f3f3f3; border: 1px solid #bbb; padding: .75rem; white-space: "
	"pre-wrap; "
	"overflow-wrap: anywhere; }\n"
	"h3, h4 { margin-bottom: .25rem; font-size: 1rem; }\n"
	".note { border-left: .25rem solid #a40; padding-left: .75rem; }\n"
	"@media print { body { margin: 0; max-width: none; font-size: 11pt; } "
	"h2, h3, h4 { break-after: avoid; } tr { break-inside: avoid; } }\n"
	"</style>\n";

static void put_block(struct buf *out, const struct page_block *b, bool follows_row)
{
	if (follows_row && b->kind != PAGE_ROW)
		buf_put_text(out, "</table>\n");
	switch (b->kind) {
	case PAGE_TITLE:
		put_element(out, "<title>", b->text, "</title>\n</head>\n<body>\n<main>\n");
		put_element(out, "<h1>", b->text, "</h1>\n");
		break;
	case PAGE_HEADING:
		put_element(out, "<h2>", b->text, "</h2>\n");
		break;
	case PAGE_SUBHEADING:
		put_element(out, "<h3>", b->text, "</h3>\n");
		break;
	case PAGE_PARAGRAPH:
		put_element(out, "<p>", b->text, "</p>\n");
		break;
	case PAGE_NOTE:
		put_element(out, "<p class=\"note\">", b->text, "</p>\n");
		break;
	case PAGE_ROW:
		if (!follows_row)
			buf_put_text(out, "<table>\n");
		put_element(out, "<tr><th scope=\"row\">", b->label, "</th>");
		put_element(out, "<td>", b->text, "</td></tr>\n");
		break;
	case PAGE_CODE:
		put_element(out, "<h4>", b->label, "</h4>\n<pre>");
		put_escaped(out, b->text, true);
		buf_put_text(out, "</pre>\n");
		break;
	}
}

void page_html(const struct page *page, struct buf *out)
{
	buf_put_text(out, page_start);
	for (size_t i = 0; i < page->count; i++)
		put_block(out, &page->items[i], i > 0 && page->items[i - 1].kind == PAGE_ROW);
	if (page->count > 0 && page->items[page->count - 1].kind == PAGE_ROW)
		buf_put_text(out, "</table>\n");
	buf_put_text(out, "</main>\n</body>\n</html>\n");
}
